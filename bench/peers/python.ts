import { execFile } from 'node:child_process';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './peer.ts';

const run = promisify(execFile);

/** A Python with one package, in a virtual environment in the cache, made once; or why there is none. */
export async function pythonWith(name: string, version: string): Promise<{ path: string } | { missing: string }> {
  const folder = join(cacheFolder(), `python-${name}-${version}`);
  const path = join(folder, 'bin', 'python');
  try {
    await access(join(folder, 'ready'));
    return { path };
  } catch {
    // made below
  }
  const fresh = `${folder}.${process.pid}`;
  try {
    await mkdir(cacheFolder(), { recursive: true });
    await run('python3', ['-m', 'venv', fresh]);
    await run(join(fresh, 'bin', 'python'), ['-m', 'pip', 'install', '-q', `${name}==${version}`]);
    await run(join(fresh, 'bin', 'python'), ['-c', `open(r"${join(fresh, 'ready')}", "w").close()`]);
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
    return { path };
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    return { missing: `no Python with ${name}: ${(error as Error).message.split('\n')[0]}` };
  }
}
