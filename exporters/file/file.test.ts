import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import zlib from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Component, Host } from '../../internal/core/component.ts';
import { type Consumer, noContext } from '../../internal/core/consumer.ts';
import { decodeJson } from '../../internal/otlp/json.ts';
import { Payload, type Signal } from '../../internal/otlp/payload.ts';
import { type TestSettings, testSettings } from '../../internal/testkit/settings.ts';
import { idsOf, stamped } from '../../internal/testkit/stamped.ts';
import { type FileConfig, schema } from './config.ts';
import factory from './index.ts';

let folder: string;
let path: string;
const cleanups: (() => unknown)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-file-'));
  path = join(folder, 'out.json');
});
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
  await rm(folder, { recursive: true, force: true });
});

const noRetry = { retry_on_failure: { enabled: false } };

function configured(config: Record<string, unknown> = {}): FileConfig {
  return schema.parse({ path, ...noRetry, ...config });
}

async function started(config: FileConfig, settings: TestSettings = testSettings()): Promise<Consumer & Component> {
  const component = factory.create(settings, config);
  cleanups.push(() => component.shutdown?.(AbortSignal.abort()));
  await component.start?.({} as Host);
  return component;
}

const stop = (component: Component) => component.shutdown?.(new AbortController().signal);

/** The ids in a file of JSON lines; a line that is no OTLP fails the test. */
function idsOfLines(text: string, signal: Signal = 'traces'): string[] {
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => {
      const payload = decodeJson(signal, line);
      if (!(payload instanceof Payload)) throw new Error(`${payload.malformed} in ${line}`);
      return idsOf(payload);
    });
}

/** The messages of a file in which each has its length in front. */
function prefixed(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    expect(end).toBeLessThanOrEqual(bytes.length);
    messages.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return messages;
}

const idsOfMessages = (messages: readonly Uint8Array[], signal: Signal = 'traces') =>
  messages.flatMap((bytes) => idsOf(new Payload(signal, [bytes], 0, bytes.length)));

test.each<Signal>(['traces', 'metrics', 'logs'])(
  '%s are written as lines of OTLP/JSON, each item once',
  async (signal) => {
    const exporter = await started(configured(), testSettings({ signal }));
    const batch = Payload.concat(signal, [stamped(signal, ['a', 'b']), stamped(signal, ['c'])]);
    expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
    expect(await exporter.consume(stamped(signal, ['d']), noContext)).toEqual({ status: 'accepted' });
    const text = await readFile(path, 'utf8');
    expect(idsOfLines(text, signal)).toEqual(['a', 'b', 'c', 'd']);
    expect(text.trim().split('\n')).toHaveLength(2);
  },
);

test('a large batch is written as several lines, each item once', async () => {
  const exporter = await started(configured());
  const ids = Array.from({ length: 3000 }, (_, i) => `id-${i}`);
  await exporter.consume(stamped('traces', ids), noContext);
  const text = await readFile(path, 'utf8');
  expect(text.trim().split('\n')).toHaveLength(3);
  expect(idsOfLines(text)).toEqual(ids);
});

test('format: proto puts 4 bytes of length, big endian, before each message', async () => {
  const exporter = await started(configured({ format: 'proto' }));
  const batch = Payload.concat('traces', [stamped('traces', ['a']), stamped('traces', ['b'])]);
  await exporter.consume(batch, noContext);
  await exporter.consume(stamped('traces', ['c']), noContext);
  const messages = prefixed(await readFile(path));
  expect(messages.map((message) => idsOfMessages([message]))).toEqual([['a', 'b'], ['c']]);
});

test.each(['json', 'proto'])('compression: zstd packs each %s record, with its length in front', async (format) => {
  const exporter = await started(configured({ format, compression: 'zstd' }));
  await exporter.consume(stamped('traces', ['a']), noContext);
  await exporter.consume(stamped('traces', ['b']), noContext);
  const messages = prefixed(await readFile(path)).map((message) => zlib.zstdDecompressSync(message));
  const ids = format === 'json' ? messages.flatMap((it) => idsOfLines(`${it}\n`)) : idsOfMessages(messages);
  expect(ids).toEqual(['a', 'b']);
});

test.each(['json', 'proto'])(
  'compression: gzip makes a file that gunzip turns into the plain %s one',
  async (format) => {
    const exporter = await started(configured({ format, compression: 'gzip' }));
    await exporter.consume(stamped('traces', ['a']), noContext);
    await exporter.consume(stamped('traces', ['b']), noContext);
    const plain = zlib.gunzipSync(await readFile(path));
    expect(format === 'json' ? idsOfLines(plain.toString()) : idsOfMessages(prefixed(plain))).toEqual(['a', 'b']);
  },
);

test('signals that share one exporter share one file, and no record tears another', async () => {
  const config = configured();
  const signals = ['traces', 'logs', 'metrics'] as const;
  const exporters = await Promise.all(signals.map((signal) => started(config, testSettings({ signal }))));
  const sends = Array.from({ length: 300 }, (_, i) => {
    const signal = signals[i % 3]!;
    return exporters[i % 3]!.consume(stamped(signal, [`${signal}-${i}`, 'x'.repeat(5000)]), noContext);
  });
  await Promise.all(sends);
  // The file stays open for the others when one of them stops.
  await stop(exporters[0]!);
  expect(await exporters[1]!.consume(stamped('logs', ['last']), noContext)).toEqual({ status: 'accepted' });
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(301);
  for (const line of lines) JSON.parse(line);
});

test('many batches at once are all written, in the order of their calls', async () => {
  const exporter = await started(configured());
  const ids = Array.from({ length: 1000 }, (_, i) => `id-${i}`);
  await Promise.all(ids.map((id) => exporter.consume(stamped('traces', [id]), noContext)));
  expect(idsOfLines(await readFile(path, 'utf8'))).toEqual(ids);
});

test('a start empties the file, append: true keeps it', async () => {
  const first = await started(configured());
  await first.consume(stamped('traces', ['a']), noContext);
  await stop(first);
  const second = await started(configured({ append: true }));
  await second.consume(stamped('traces', ['b']), noContext);
  await stop(second);
  expect(idsOfLines(await readFile(path, 'utf8'))).toEqual(['a', 'b']);
  await stop(await started(configured()));
  expect(await readFile(path, 'utf8')).toBe('');
});

test('a line that a crash left torn is ended before the next', async () => {
  await writeFile(path, '{"resourceSpans":[{"sco');
  const exporter = await started(configured({ append: true }));
  await exporter.consume(stamped('traces', ['b']), noContext);
  const [torn, whole] = (await readFile(path, 'utf8')).split('\n');
  expect(torn).toBe('{"resourceSpans":[{"sco');
  expect(idsOfLines(`${whole}\n`)).toEqual(['b']);
});

test('a message that a crash left torn is cut off before the next', async () => {
  const first = await started(configured({ format: 'proto' }));
  await first.consume(stamped('traces', ['a']), noContext);
  await stop(first);
  await appendFile(path, Buffer.from([0, 0, 1, 0, 1, 2, 3]));
  const second = await started(configured({ format: 'proto', append: true }));
  await second.consume(stamped('traces', ['b']), noContext);
  expect(idsOfMessages(prefixed(await readFile(path)))).toEqual(['a', 'b']);
});

test("another program's file is not cut up as length-prefixed", async () => {
  await writeFile(path, 'dear diary');
  const exporter = await started(configured({ format: 'proto', append: true }));
  const outcome = await exporter.consume(stamped('traces', ['a']), noContext);
  expect(outcome).toMatchObject({ status: 'retryable', reason: expect.stringContaining('move it away') });
  expect(await readFile(path, 'utf8')).toBe('dear diary');
});

test('a missing folder is told at the start, refuses retryably, and is enough to be made', async () => {
  path = join(folder, 'later', 'out.json');
  const settings = testSettings();
  const exporter = await started(configured(), settings);
  expect(settings.reports.at(-1)).toMatchObject({ status: 'recoverable_error', error: expect.stringContaining(path) });
  expect(settings.logger.warnings().join()).toContain('create_directory');
  const refused = await exporter.consume(stamped('traces', ['a']), noContext);
  expect(refused).toMatchObject({ status: 'retryable', reason: expect.stringContaining('ENOENT') });
  await mkdir(join(folder, 'later'));
  expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  expect(settings.reports.at(-1)).toMatchObject({ status: 'ok' });
  expect(idsOfLines(await readFile(path, 'utf8'))).toEqual(['a']);
});

test('create_directory makes the folders with the given mode', async () => {
  path = join(folder, 'a', 'b', 'out.json');
  const exporter = await started(configured({ create_directory: true, directory_permissions: '0700' }));
  expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  expect((await stat(join(folder, 'a', 'b'))).mode & 0o777).toBe(0o700);
});

// Root may write anywhere.
test.skipIf(process.getuid?.() === 0)(
  'a folder that this user may not write to refuses retryably, until it may',
  async () => {
    await chmod(folder, 0o500);
    const exporter = await started(configured());
    const refused = await exporter.consume(stamped('traces', ['a']), noContext);
    expect(refused).toMatchObject({ status: 'retryable', reason: expect.stringContaining('EACCES') });
    await chmod(folder, 0o700);
    expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  },
);

test('a path that is a folder is named as such', async () => {
  path = folder;
  const exporter = await started(configured());
  const refused = await exporter.consume(stamped('traces', ['a']), noContext);
  expect(refused).toMatchObject({ status: 'retryable', reason: expect.stringContaining('name a file in it') });
});

test.skipIf(process.platform !== 'linux')('a full device refuses retryably', async () => {
  path = '/dev/full';
  const exporter = await started(configured());
  const refused = await exporter.consume(stamped('traces', ['a']), noContext);
  expect(refused).toMatchObject({ status: 'retryable', reason: expect.stringContaining('ENOSPC') });
});

test('with retry, what was refused is written once the folder is there', async () => {
  path = join(folder, 'later', 'out.json');
  const settings = testSettings();
  const exporter = await started(configured({ retry_on_failure: {} }), settings);
  const outcome = exporter.consume(stamped('traces', ['a']), noContext);
  await vi.waitFor(() => expect(settings.clock.timers).toBeGreaterThan(0), 10_000);
  await mkdir(join(folder, 'later'));
  await settings.clock.advance(10_000);
  expect(await outcome).toEqual({ status: 'accepted' });
  expect(idsOfLines(await readFile(path, 'utf8'))).toEqual(['a']);
});

test('rotation: a file that would grow beyond its size is renamed with the time, and none is lost', async () => {
  const settings = testSettings();
  const exporter = await started(configured({ rotation: { max_megabytes: 1 } }), settings);
  const ids = Array.from({ length: 12 }, (_, i) => `${i}-${'x'.repeat(200_000)}`);
  for (const id of ids) {
    await exporter.consume(stamped('traces', [id]), noContext);
    await settings.clock.advance(1000);
  }
  const names = (await readdir(folder)).sort();
  const backups = names.filter((name) => name !== 'out.json');
  expect(names).toContain('out.json');
  expect(backups.length).toBeGreaterThanOrEqual(2);
  for (const name of backups) expect(name).toMatch(/^out-2023-11-14T22-13-\d\d\.\d{3}\.json$/);
  for (const name of names) expect((await stat(join(folder, name))).size).toBeLessThanOrEqual(1024 * 1024);
  const texts = await Promise.all([...backups, 'out.json'].map((name) => readFile(join(folder, name), 'utf8')));
  expect(texts.flatMap((text) => idsOfLines(text))).toEqual(ids);
});

test('rotation: two within one millisecond do not overwrite one another', async () => {
  const exporter = await started(configured({ rotation: { max_megabytes: 1 } }));
  const ids = Array.from({ length: 6 }, (_, i) => `${i}-${'x'.repeat(600_000)}`);
  await Promise.all(ids.map((id) => exporter.consume(stamped('traces', [id]), noContext)));
  const names = await readdir(folder);
  expect(names).toHaveLength(6);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  expect(texts.flatMap((text) => idsOfLines(text)).sort()).toEqual(ids);
});

test('rotation: only max_backups are kept, and only those younger than max_days; other files are left alone', async () => {
  const settings = testSettings();
  const day = 24 * 60 * 60 * 1000;
  await writeFile(join(folder, 'out-2023-11-01T00-00-00.000.json'), '');
  await writeFile(join(folder, 'out-2023-11-14T00-00-00.000-size.json'), '');
  await writeFile(join(folder, 'out-notes.json'), '');
  const exporter = await started(configured({ rotation: { max_megabytes: 1, max_backups: 3, max_days: 7 } }), settings);
  const big = stamped('traces', ['x'.repeat(700_000)]);
  for (let i = 0; i < 2; i++) await exporter.consume(big, noContext);
  expect(await readdir(folder)).toHaveLength(4);
  await settings.clock.advance(day);
  for (let i = 0; i < 4; i++) await exporter.consume(big, noContext);
  const names = await readdir(folder);
  expect(names).toContain('out-notes.json');
  expect(names.filter((name) => name.startsWith('out-2023'))).toHaveLength(3);
});

test('rotation: a file from before is continued', async () => {
  const first = await started(configured({ rotation: {} }));
  await first.consume(stamped('traces', ['a']), noContext);
  await stop(first);
  const second = await started(configured({ rotation: {} }));
  await second.consume(stamped('traces', ['b']), noContext);
  expect(idsOfLines(await readFile(path, 'utf8'))).toEqual(['a', 'b']);
});

test('shutdown writes what is queued', async () => {
  const exporter = await started(configured({ sending_queue: {} }));
  const ids = Array.from({ length: 200 }, (_, i) => `id-${i}`);
  for (const id of ids) await exporter.consume(stamped('traces', [id]), noContext);
  await stop(exporter);
  expect(idsOfLines(await readFile(path, 'utf8')).sort()).toEqual([...ids].sort());
});

test.each([
  [{}, 'path'],
  [{ path: '' }, 'path of a file'],
  [{ path: 'x', append: true, rotation: {} }, 'remove one of the two'],
  [{ path: 'x', directory_permissions: '0755' }, 'create_directory'],
  [{ path: 'x', compression: 'gzip', compression_params: { level: 10 } }, 'at most 9'],
  [{ path: 'x', create_directory: true, directory_permissions: '999' }, 'octal'],
])('%o is refused', (config, wrong) => {
  const issues = schema.safeParse(config).error?.issues ?? [];
  expect(issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`).join()).toContain(wrong);
});
