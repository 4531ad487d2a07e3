import { link, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

export interface Rotation {
  /** A record that would take the file beyond this many bytes begins a new one. */
  readonly maxBytes: number;
  /** Backups older than this are removed; 0 keeps them. */
  readonly maxDays: number;
  /** The newest ones that are kept; 0 keeps all. */
  readonly maxBackups: number;
  /** Local time in the names of backups instead of UTC. */
  readonly localTime: boolean;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Renames the file to its backup name, as the Go collector does: `data.json` to `data-2022-09-14T05-02-14.173.json`. */
export async function moveAway(path: string, rotation: Rotation, now: number): Promise<void> {
  // Two rotations within a millisecond must not overwrite one another.
  for (let at = now; at < now + 1000; at++) {
    const backup = backupName(path, at, rotation.localTime);
    try {
      // Unlike a rename, a link fails where the name is taken.
      await link(path, backup);
      await unlink(path);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') continue;
      if (code === 'ENOENT') return;
      // Some file systems have no hard links.
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
      await rename(path, backup);
      return;
    }
  }
}

/** Removes backups beyond the limits. What cannot be removed is left for the next rotation. */
export async function keepBackups(path: string, rotation: Rotation, now: number): Promise<void> {
  if (rotation.maxBackups === 0 && rotation.maxDays === 0) return;
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => [] as string[]);
  const backups = names
    .map((name) => ({ name, at: backupTime(path, name, rotation.localTime) }))
    .filter((backup): backup is { name: string; at: number } => backup.at !== undefined)
    .sort((a, b) => b.at - a.at);
  const oldest = rotation.maxDays > 0 ? now - rotation.maxDays * dayMs : Number.NEGATIVE_INFINITY;
  const most = rotation.maxBackups > 0 ? rotation.maxBackups : Number.POSITIVE_INFINITY;
  for (const [index, { name, at }] of backups.entries()) {
    if (index >= most || at < oldest) await unlink(join(folder, name)).catch(() => {});
  }
}

function backupName(path: string, at: number, localTime: boolean): string {
  const extension = extname(path);
  const stem = basename(path, extension);
  return join(dirname(path), `${stem}-${stamp(at, localTime)}${extension}`);
}

function stamp(at: number, localTime: boolean): string {
  const offsetMs = localTime ? new Date(at).getTimezoneOffset() * 60_000 : 0;
  return new Date(at - offsetMs).toISOString().slice(0, -1).replaceAll(':', '-');
}

/** @returns undefined where `name` is no backup of `path`; the Go collector's `-size` and `-time` endings are known */
function backupTime(path: string, name: string, localTime: boolean): number | undefined {
  const extension = extname(path);
  const stem = `${basename(path, extension)}-`;
  if (!name.startsWith(stem) || !name.endsWith(extension)) return undefined;
  const between = name.slice(stem.length, name.length - extension.length);
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})(?:-size|-time)?$/.exec(between);
  if (!match) return undefined;
  const at = Date.parse(`${match[1]}T${match[2]}:${match[3]}:${match[4]}${localTime ? '' : 'Z'}`);
  return Number.isNaN(at) ? undefined : at;
}
