import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CommandError, runCommand } from './command.ts';
import { withLock } from './lock.ts';
import { type PeerName, RECIPES, type Recipe, recipeDigest } from './recipes.ts';

export type { PeerName } from './recipes.ts';

/** `missing` is the reason in words, fit for "skipped: …". */
export type Peer = { path: string; version: string } | { missing: string };

export interface PeerOptions {
  /** Takes progress lines of a build (step and seconds); silent when the peer is cached. */
  log?: (line: string) => void;
  /** Where built peers live; default `peersFolder()`. */
  folder?: string;
  /** Environment of the build; default `process.env`. */
  env?: NodeJS.ProcessEnv;
}

const PROGRESS_MS = 15_000;
const EXE = process.platform === 'win32' ? '.exe' : '';

/** `$SLUICE_CACHE/sluice/peers`, else below `$XDG_CACHE_HOME`, else below `~/.cache`. */
export function peersFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), 'peers');
}

export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.SLUICE_CACHE || env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice');
}

/**
 * Finds a peer in the cache, or builds it there (seconds to minutes; needs Go and the module proxy).
 *
 * @returns the executable's path, or why there is none; does not throw for a build that fails
 */
export async function peer(name: PeerName, options: PeerOptions = {}): Promise<Peer> {
  return built(name, RECIPES[name], { ...options, folder: options.folder ?? peersFolder(options.env) });
}

/**
 * Finds what a recipe makes in `folder`, or makes it there.
 *
 * Safe to call from several processes at once: one builds, the others wait. A folder in the cache is always complete,
 * because it appears by a rename after the build's last step.
 *
 * @returns the path of the first thing that the recipe keeps, or why there is none
 */
export async function built(name: string, recipe: Recipe, options: PeerOptions & { folder: string }): Promise<Peer> {
  const { log = () => {}, env = process.env, folder } = options;
  const home = join(folder, `${name}-${recipe.version}`);
  const path = join(home, kept(name, recipe)[0]!);
  const found = { path, version: recipe.version };
  const say = (line: string) => log(`${name} ${recipe.version}: ${line}`);

  if (await isBuilt(home, path, recipe)) return found;
  try {
    await mkdir(folder, { recursive: true });
    const waiting = (seconds: number) => say(`another process is building it, ${seconds} s`);
    await withLock(`${home}.lock`, waiting, async () => {
      if (!(await isBuilt(home, path, recipe))) await build(name, recipe, home, say, env);
    });
    return found;
  } catch (error) {
    // Two overlapping builds (see lock.ts) disturb each other; one of them has succeeded.
    if (await isBuilt(home, path, recipe)) return found;
    const reason = error instanceof CommandError ? error.message : `cannot build: ${(error as Error).message}`;
    return { missing: `${name} ${recipe.version}: ${reason}` };
  }
}

/** Executables by default: what the system makes of them has `.exe` on Windows. */
function kept(name: string, { keep = [name + EXE] }: Recipe): readonly string[] {
  return keep;
}

interface BuildRecord {
  version: string;
  recipe: string;
  toolchain: string;
  seconds: number;
}

async function isBuilt(home: string, path: string, recipe: Recipe): Promise<boolean> {
  try {
    await stat(path);
    const record = JSON.parse(await readFile(join(home, 'build.json'), 'utf8')) as BuildRecord;
    return record.recipe === recipeDigest(recipe);
  } catch {
    return false;
  }
}

async function build(
  name: string,
  recipe: Recipe,
  home: string,
  say: (line: string) => void,
  inherited: NodeJS.ProcessEnv,
): Promise<void> {
  await removeLeftovers(home);
  const temp = `${home}.tmp.${randomUUID()}`;
  const began = Date.now();
  const elapsed = () => Math.round((Date.now() - began) / 1000);
  try {
    await mkdir(temp);
    const env = goEnvironment(inherited, temp);
    const { command, args } = recipe.toolchain ?? { command: 'go', args: ['version'] };
    const toolchain = (await runCommand(command, args, { cwd: temp, env })).trim();
    for (const [file, text] of Object.entries(recipe.files)) {
      await mkdir(dirname(join(temp, file)), { recursive: true });
      await writeFile(join(temp, file), text);
    }
    for (const [index, step] of recipe.steps.entries()) {
      const progress = () => say(`[${index + 1}/${recipe.steps.length}] ${step.label}, ${elapsed()} s`);
      progress();
      const ticker = setInterval(progress, PROGRESS_MS);
      try {
        await runCommand(step.command, step.args, { cwd: join(temp, step.cwd ?? '.'), env });
      } finally {
        clearInterval(ticker);
      }
    }
    const record: BuildRecord = {
      version: recipe.version,
      recipe: recipeDigest(recipe),
      toolchain,
      seconds: elapsed(),
    };
    await publish(temp, kept(name, recipe), record, home);
    say(`built in ${elapsed()} s`);
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
}

/** Only what the recipe keeps stays. An outdated folder is moved away first, since a rename does not replace a full folder. */
async function publish(temp: string, keep: readonly string[], record: BuildRecord, home: string): Promise<void> {
  const finished = join(temp, 'finished');
  await mkdir(finished);
  for (const file of keep) await rename(join(temp, file), join(finished, file));
  await writeFile(join(finished, 'build.json'), `${JSON.stringify(record, null, 2)}\n`);
  await rename(home, join(temp, 'outdated')).catch(() => {});
  await rename(finished, home);
}

/** What builds that were killed left behind. Called with the lock held, so none of it is in use. */
async function removeLeftovers(home: string): Promise<void> {
  const folder = dirname(home);
  const prefix = home.slice(folder.length + 1);
  for (const entry of await readdir(folder)) {
    if (entry.startsWith(`${prefix}.tmp.`) || entry.startsWith(`${prefix}.lock.stale.`)) {
      await rm(join(folder, entry), { recursive: true, force: true });
    }
  }
}

/** The developer's Go settings that would change or break the build are set aside; the proxy and caches stay theirs. */
function goEnvironment(inherited: NodeJS.ProcessEnv, bin: string): NodeJS.ProcessEnv {
  const { GOOS: _os, GOARCH: _arch, ...env } = inherited;
  // No cgo: no C compiler needed, and the result runs on any libc.
  return { ...env, GOBIN: bin, GOFLAGS: '', GOWORK: 'off', GO111MODULE: 'on', CGO_ENABLED: '0' };
}
