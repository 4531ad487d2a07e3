import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { TEST_TIME, tracesOf } from '../../internal/testkit/traces.ts';
import { span, Trial, traceIds } from './test/trial.ts';

const root = mkdtempSync(join(tmpdir(), 'sluice-error-biased-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
const folder = () => join(root, String(folders++));
const config = (storage_directory: string) => ({ mode: 'head', target_spans_per_second: 10, storage_directory });

/** Two services under a load far above the budget, long enough to be known. */
async function teach(trial: Trial): Promise<void> {
  const id = traceIds(1);
  for (let i = 0; i < 200; i++) {
    const spans = Array.from({ length: 20 }, () => ({ trace: id(), name: 'GET /', end: TEST_TIME + 5_000_000n }));
    await trial.put(tracesOf({ resource: { 'service.name': 'busy' }, spans }));
    await trial.advance(100);
  }
}

const restarted = async (storage: string) => new Trial(config(storage)).start();

test('a restart goes on with what was learnt: shares, durations and what is not rare', async () => {
  const storage = folder();
  const before = await restarted(storage);
  await teach(before);
  await before.stop();
  expect(readdirSync(storage)).toEqual(['error_biased_sampler-traces-traces.state']);

  const after = await restarted(storage);
  const id = traceIds(2);
  const spans = Array.from({ length: 500 }, () => ({ trace: id(), name: 'GET /', end: TEST_TIME + 5_000_000n }));
  await after.put(tracesOf({ resource: { 'service.name': 'busy' }, spans }));
  // 10 of 200 a second, where a sampler that knows nothing keeps one in ten and five rare ones.
  expect(after.take().length).toBeLessThan(45);
  expect(after.metric('items_total', { reason: 'rare', sampled: 'true' })).toBe(0);
  await after.put(span({ service: 'busy', ms: 500 }));
  expect(after.metric('items_total', { reason: 'slow', sampled: 'true' })).toBe(1);
  expect(after.settings.logger.lines.map(({ message }) => message)).toEqual(['goes on with what was learnt before']);
  await after.stop();
});

test('what was learnt is written down every minute too', async () => {
  const storage = folder();
  const trial = await restarted(storage);
  await teach(trial);
  expect(readdirSync(storage)).toEqual([]);
  await trial.advance(60_000);
  await expect.poll(() => readdirSync(storage)).toEqual(['error_biased_sampler-traces-traces.state']);
  await trial.stop();
});

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['cut off', (bytes) => bytes.subarray(0, bytes.length - 100)],
  ['empty', () => Buffer.alloc(0)],
  [
    'of another version',
    (bytes) => Buffer.concat([Buffer.from('sluice error_biased_sampler 9\n'), bytes.subarray(30)]),
  ],
  [
    'with a flipped bit',
    (bytes) => Buffer.concat([bytes.subarray(0, 200), Buffer.of(bytes[200]! ^ 1), bytes.subarray(201)]),
  ],
  ['something else', () => Buffer.from('{"hello": "world"}')],
])('a file that is %s is told and ignored', async (_, spoil) => {
  const storage = folder();
  const before = await restarted(storage);
  await teach(before);
  await before.stop();
  const path = join(storage, readdirSync(storage)[0]!);
  writeFileSync(path, spoil(readFileSync(path)));
  const after = await restarted(storage);
  expect(after.settings.logger.warnings()).toEqual(['what was learnt before cannot be read and is learnt anew']);
  expect(after.metric('keys', { table: 'services' })).toBe(0);
  await after.stop();
  expect((await restarted(storage)).settings.logger.warnings()).toEqual([]);
});

test('a folder that cannot be made stops the start', async () => {
  const storage = folder();
  writeFileSync(storage, 'a file');
  await expect(restarted(storage)).rejects.toThrow(
    /storage_directory .*expected a folder that this process may write to/,
  );
});

test('a reload hands over what was learnt, and the old one does not write over it', async () => {
  const storage = folder();
  const old = await restarted(storage);
  await teach(old);
  const fresh = await restarted(storage);
  old.sampler.handOver?.(fresh.sampler);
  expect(fresh.metric('keys', { table: 'operations' })).toBe(1);
  await old.stop();
  expect(readdirSync(storage)).toEqual([]);
  await fresh.stop();
  expect(readdirSync(storage)).toHaveLength(1);
});

test('a smaller table takes what it has room for', async () => {
  const storage = folder();
  const before = await restarted(storage);
  for (let i = 0; i < 200; i++) await before.put(span({ service: `s${i}`, name: `op${i}` }));
  await before.stop();
  const after = await new Trial({ ...config(storage), max_keys: 16 }).start();
  expect(after.metric('keys', { table: 'services' })).toBe(15);
  await after.stop();
});
