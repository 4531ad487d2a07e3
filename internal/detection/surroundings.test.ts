import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemSurroundings } from './surroundings.ts';

const folder = await mkdtemp(join(tmpdir(), 'sluice-surroundings-'));
afterAll(() => rm(folder, { recursive: true }));
const { read, names } = systemSurroundings();

test('of a file the first MiB is read, of what is no file nothing', async () => {
  const path = join(folder, 'large');
  await writeFile(path, 'a'.repeat(3 << 20));
  expect((await read(path))?.length).toBe(1 << 20);
  expect([await read(folder), await read(join(folder, 'absent'))]).toEqual([undefined, undefined]);
});

test.runIf(process.platform === 'linux')('files of /proc have content though they have no size', async () => {
  expect(await read('/proc/self/status')).toContain(`Pid:\t${process.pid}`);
});

test('this machine knows its own address', async () => {
  expect(await names.addresses('127.0.0.1')).toEqual(['127.0.0.1']);
});
