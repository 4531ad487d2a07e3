import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { noLogger } from '../core/telemetry.ts';
import { FakeClock } from '../testkit/clock.ts';
import { WatchedFiles } from './watched_files.ts';

function make(content: string | Buffer) {
  const folder = mkdtempSync(join(tmpdir(), 'watched-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  writeFileSync(path, content);
  return { path, folder, files: new WatchedFiles(new FakeClock(), noLogger, 1000) };
}

test('all bytes of a file, and none of one that is too large, a folder or not there', async () => {
  const content = Buffer.alloc(300_000, 'bytes');
  const { files, path, folder } = make(content);
  expect((await files.readBytes('path', path, 300_000)).equals(content)).toBe(true);
  const refused = (where: string, most: number) => expect(files.readBytes('path', where, most)).rejects;
  await refused(path, 299_999).toThrow(`path: cannot read ${path}: it has 300000 bytes, max_file_bytes is 299999`);
  await refused(folder, 1).toThrow('it is a folder');
  await refused(join(folder, 'none'), 1).toThrow('there is no such file');
});

test('a file that grows while it is read is refused', async () => {
  const { files, path } = make(Buffer.alloc(64 << 20));
  let reading = true;
  const trouble = files.readBytes('path', path, 1 << 30).then(
    () => 'read',
    (error: Error) => error.message,
  );
  void trouble.then(() => {
    reading = false;
  });
  for (let turns = 0; reading && turns < 100_000; turns++) {
    appendFileSync(path, 'x');
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await trouble).toContain('it changed while it was read');
});
