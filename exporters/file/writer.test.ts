import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { RecordWriter } from './writer.ts';

const run = promisify(execFile);

/** A file system of 1 MiB, where this user may mount one. */
async function smallDisk(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
    return folder;
  } catch {
    await rm(folder, { recursive: true });
    return undefined;
  }
}

const disk = process.platform === 'linux' ? await smallDisk() : undefined;
afterAll(async () => {
  if (!disk) return;
  await run('umount', [disk]);
  await rm(disk, { recursive: true });
});

const options = {
  append: false,
  rotation: undefined,
  createDirectory: undefined,
  framing: 'lines',
  now: () => 0,
} as const;
const line = (text: string) => [Buffer.from(text), Buffer.from('\n')];

test.skipIf(!disk)(
  'a disk that fills up leaves no torn record, and once it has room all goes on (needs to mount a tmpfs)',
  async () => {
    const path = join(disk!, 'out.json');
    const ballast = join(disk!, 'ballast');
    await writeFile(ballast, Buffer.alloc(700_000));
    const writer = new RecordWriter({ ...options, path });
    expect(await writer.open()).toBeUndefined();
    const sent: string[] = [];
    const refused: string[] = [];
    for (let i = 0; i < 10; i++) {
      const text = `${i}${'x'.repeat(60_000)}`;
      const error = await writer.write(line(text));
      if (error) expect(error.message).toMatch(/disk is full.*ENOSPC/);
      (error ? refused : sent).push(text);
    }
    expect(refused.length).toBeGreaterThan(0);
    expect(await readFile(path, 'utf8')).toBe(sent.map((text) => `${text}\n`).join(''));
    await unlink(ballast);
    for (const text of refused) expect(await writer.write(line(text))).toBeUndefined();
    await writer.close();
    expect(await readFile(path, 'utf8')).toBe([...sent, ...refused].map((text) => `${text}\n`).join(''));
  },
);

test.skipIf(!disk)(
  'a read-only file system is told, and once it is writable all goes on (needs to mount a tmpfs)',
  async () => {
    const path = join(disk!, 'read-only.json');
    await run('mount', ['-o', 'remount,ro', disk!]);
    const writer = new RecordWriter({ ...options, path });
    expect((await writer.open())?.message).toMatch(/read-only/);
    expect((await writer.write(line('a')))?.message).toMatch(/EROFS/);
    await run('mount', ['-o', 'remount,rw', disk!]);
    expect(await writer.write(line('a'))).toBeUndefined();
    await writer.close();
    expect(await readFile(path, 'utf8')).toBe('a\n');
  },
);

test('close writes what waits, and a write after it is an error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-writer-'));
  const path = join(folder, 'out.json');
  const writer = new RecordWriter({ ...options, path });
  const writes = ['a', 'b', 'c'].map((text) => writer.write(line(text)));
  await writer.close();
  expect(await Promise.all(writes)).toEqual([undefined, undefined, undefined]);
  expect(await readFile(path, 'utf8')).toBe('a\nb\nc\n');
  expect((await writer.write(line('d')))?.message).toContain('closed');
  await writer.close();
  await rm(folder, { recursive: true });
});
