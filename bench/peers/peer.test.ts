import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from './lock.ts';
import { peer } from './peer.ts';
import { RECIPES } from './recipes.ts';

// With a stand-in for `go`, so nothing here shows that the real recipes build: peers.interop.test.ts does.
describe.skipIf(process.platform === 'win32')('peer', () => {
  let root: string;
  let folder: string;
  const home = () => join(folder, `h2spec-${RECIPES.h2spec.version}`);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-peer-'));
    folder = join(root, 'peers');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  /** Installs a shell script as the only `go`; it appends its arguments to a file. */
  async function withGo(install: string) {
    await mkdir(join(root, 'bin'), { recursive: true });
    const script = `#!/bin/sh\necho "$1" >> "${root}/calls"\nif [ "$1" = version ]; then echo go version go0; exit; fi\n${install}\n`;
    await writeFile(join(root, 'bin', 'go'), script);
    await chmod(join(root, 'bin', 'go'), 0o755);
    return { folder, env: { PATH: `${root}/bin:/usr/bin:/bin` } };
  }
  const calls = async () => (await readFile(join(root, 'calls'), 'utf8')).trim().split('\n');
  const works = 'sleep 0.2; echo built > "$GOBIN/h2spec"';

  it('builds once for callers that ask at the same time', async () => {
    const options = await withGo(works);
    const results = await Promise.all([1, 2, 3].map(() => peer('h2spec', options)));
    for (const result of results)
      expect(result).toEqual({ path: join(home(), 'h2spec'), version: RECIPES.h2spec.version });
    expect(await calls()).toEqual(['version', 'install']);
    expect(await readdir(folder)).toEqual([`h2spec-${RECIPES.h2spec.version}`]);
  });

  it('answers a second call from the cache, without Go and in silence', async () => {
    await peer('h2spec', await withGo(works));
    const lines: string[] = [];
    const again = await peer('h2spec', { folder, env: { PATH: '/nowhere' }, log: (line) => lines.push(line) });
    expect(again).toHaveProperty('path');
    expect(lines).toEqual([]);
  });

  it('says that Go is not installed', async () => {
    expect(await peer('h2spec', { folder, env: { PATH: '/nowhere' } })).toEqual({
      missing: `h2spec ${RECIPES.h2spec.version}: go is not installed`,
    });
  });

  it('gives the last words of a build that fails, and leaves nothing behind', async () => {
    const result = await peer('h2spec', await withGo('echo "dial tcp: no such host" >&2; exit 1'));
    expect(result).toHaveProperty(
      'missing',
      expect.stringContaining('go install failed (exit code 1): dial tcp: no such host'),
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it('does not take a folder without its build record for a finished build', async () => {
    await mkdir(home(), { recursive: true });
    await writeFile(join(home(), 'h2spec'), 'half');
    await peer('h2spec', await withGo(works));
    expect(await readFile(join(home(), 'h2spec'), 'utf8')).toBe('built\n');
  });

  it('builds again when the recipe has changed, and clears what a killed build left', async () => {
    await mkdir(`${home()}.tmp.dead`, { recursive: true });
    await mkdir(home(), { recursive: true });
    await writeFile(join(home(), 'h2spec'), 'old');
    await writeFile(join(home(), 'build.json'), JSON.stringify({ recipe: 'another' }));
    await peer('h2spec', await withGo(works));
    expect(await readFile(join(home(), 'h2spec'), 'utf8')).toBe('built\n');
    expect(await readdir(folder)).toEqual([`h2spec-${RECIPES.h2spec.version}`]);
  });
});

describe('withLock', () => {
  let root: string;
  let lock: string;
  const ignore = () => {};

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-lock-'));
    lock = join(root, 'lock');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('lets one in at a time and releases after a throw', async () => {
    let inside = 0;
    const visit = async (fail: boolean) => {
      expect(++inside).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
      if (fail) throw new Error('work failed');
    };
    const visits = [true, false, false].map((fail) => withLock(lock, ignore, () => visit(fail)));
    const settled = await Promise.allSettled(visits);
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(await readdir(root)).toEqual([]);
  });

  it('takes over from a process that is gone', async () => {
    await mkdir(lock);
    // Above the largest pid of any Linux.
    await writeFile(join(lock, 'owner.json'), JSON.stringify({ pid: 2 ** 30, host: hostname(), token: 'dead' }));
    expect(await withLock(lock, ignore, async () => 'mine')).toBe('mine');
    expect(await readdir(root)).toEqual([]);
  });

  it('takes over from a holder on another host that stopped touching it, and from one that never wrote its name', async () => {
    const longAgo = new Date(Date.now() - 120_000);
    for (const owner of [JSON.stringify({ pid: 1, host: 'elsewhere', token: 'silent' }), undefined]) {
      await mkdir(lock);
      if (owner !== undefined) await writeFile(join(lock, 'owner.json'), owner);
      await utimes(lock, longAgo, longAgo);
      expect(await withLock(lock, ignore, async () => 'mine')).toBe('mine');
    }
  });
});
