import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A holder that has not touched its lock for this long is taken for dead, for instance on another host. */
const STALE_AFTER_MS = 60_000;
const HEARTBEAT_MS = 5_000;
const POLL_MS = 250;

interface Owner {
  pid: number;
  host: string;
  token: string;
}

/**
 * Runs `work` while holding a lock folder, waiting for whoever holds it now.
 *
 * The lock saves work, it does not guard correctness: if two holders ever overlap (a process that was suspended for
 * longer than a minute), both build, and the last rename wins.
 *
 * @param path the lock folder; its parent must exist
 * @param onWait called about every 15 s while waiting, with the seconds waited
 * @throws what `work` throws, and file system errors other than "exists"
 */
export async function withLock<T>(path: string, onWait: (seconds: number) => void, work: () => Promise<T>): Promise<T> {
  const token = await acquire(path, onWait);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    // Only our own: a lock that was taken over belongs to somebody else now.
    if ((await readOwner(path))?.token === token) await rm(path, { recursive: true, force: true });
  }
}

async function acquire(path: string, onWait: (seconds: number) => void): Promise<string> {
  const owner: Owner = { pid: process.pid, host: hostname(), token: randomUUID() };
  const began = Date.now();
  let said = 0;
  for (;;) {
    try {
      await mkdir(path);
      await writeFile(join(path, 'owner.json'), JSON.stringify(owner));
      return owner.token;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await removeIfStale(path);
    const waited = Date.now() - began;
    if (waited - said >= 15_000) {
      said = waited;
      onWait(Math.round(waited / 1000));
    }
    await sleep(POLL_MS);
  }
}

/** Moves a dead holder's lock away. The move is one rename, so of two waiters only one succeeds. */
async function removeIfStale(path: string): Promise<void> {
  const judged = await readOwner(path);
  if (!(await isStale(path, judged))) return;
  const aside = `${path}.stale.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return; // somebody else was faster
  }
  const taken = await readOwner(aside);
  if (taken?.token !== judged?.token) {
    // Between judging and moving, another waiter took the lock over: give it back.
    await rename(aside, path).catch(() => {});
  }
  await rm(aside, { recursive: true, force: true });
}

async function isStale(path: string, owner: Owner | undefined): Promise<boolean> {
  if (owner !== undefined && owner.host === hostname() && !isAlive(owner.pid)) return true;
  try {
    return Date.now() - (await stat(path)).mtimeMs > STALE_AFTER_MS;
  } catch {
    return false; // released meanwhile
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(join(path, 'owner.json'), 'utf8')) as Owner;
  } catch {
    return undefined; // not written yet, or released
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
