import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { encodeJson } from '../../../internal/otlp/json.ts';
import type { Signal } from '../../../internal/otlp/payload.ts';
import { generatePayload, stampsOf } from '../../../internal/testkit/generate.ts';
import { decodeRecord } from './decode.ts';
import { maxRecordBytes, readRecords } from './records.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-records-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

const signals = ['traces', 'metrics', 'logs'] as const;
const batch = (signal: Signal, seed: number) => generatePayload(signal, { items: 5, seed });
const json = (signal: Signal, seed: number) => Buffer.from(encodeJson(batch(signal, seed)));
const proto = (signal: Signal, seed: number) => Buffer.concat(batch(signal, seed).chunks);
const line = (record: Buffer) => Buffer.concat([record, Buffer.from('\n')]);
const prefixed = (record: Buffer) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(record.length);
  return Buffer.concat([length, record]);
};

/** Signal and stamps of each batch in a file with these bytes; a reason for what is passed over. */
async function read(bytes: Buffer): Promise<unknown[]> {
  const path = join(folder, String(files++));
  writeFileSync(path, bytes);
  const got: unknown[] = [];
  for await (const record of readRecords(path)) {
    const decoded = Buffer.isBuffer(record) ? decodeRecord(record) : record;
    got.push('passedOver' in decoded ? decoded.passedOver : [decoded.signal, stampsOf(decoded)]);
  }
  return got;
}

const want = signals.flatMap((signal) => [1, 2].map((seed) => [signal, stampsOf(batch(signal, seed))]));
const all = (record: (signal: Signal, seed: number) => Buffer) =>
  signals.flatMap((signal) => [1, 2].map((seed) => record(signal, seed)));

test.each([
  ['JSON lines', Buffer.concat(all((signal, seed) => line(json(signal, seed))))],
  [
    'JSON lines, the last without its end',
    Buffer.concat(all((signal, seed) => line(json(signal, seed)))).subarray(0, -1),
  ],
  ['JSON lines in gzip members', Buffer.concat(all((signal, seed) => gzipSync(line(json(signal, seed)))))],
  ['protobuf with its length in front', Buffer.concat(all((signal, seed) => prefixed(proto(signal, seed))))],
  ['protobuf in zstd', Buffer.concat(all((signal, seed) => prefixed(zstdCompressSync(proto(signal, seed)))))],
  ['JSON in zstd', Buffer.concat(all((signal, seed) => prefixed(zstdCompressSync(json(signal, seed)))))],
  ['protobuf in gzip members', Buffer.concat(all((signal, seed) => gzipSync(prefixed(proto(signal, seed)))))],
])('%s, as a file exporter writes it, is read record by record', async (_, bytes) => {
  expect(await read(bytes)).toEqual(want);
});

test('an empty file has no records, and empty records and lines are none', async () => {
  expect(await read(Buffer.alloc(0))).toEqual([]);
  expect(await read(Buffer.from('\n\n'))).toEqual([]);
  const around = Buffer.concat([Buffer.alloc(4), prefixed(proto('logs', 1)), Buffer.alloc(8)]);
  expect((await read(around)).filter((one) => JSON.stringify(one).includes('logs'))).toHaveLength(1);
});

test('what a crash has cut off is passed over, told, and costs nothing else', async () => {
  const whole = line(json('traces', 1));
  expect(await read(Buffer.concat([whole, whole.subarray(0, 300)]))).toEqual([
    ['traces', stampsOf(batch('traces', 1))],
    expect.stringContaining('not OTLP/JSON'),
  ]);
  const record = prefixed(proto('traces', 1));
  expect(await read(Buffer.concat([record, record.subarray(0, -1)]))).toEqual([
    ['traces', stampsOf(batch('traces', 1))],
    'the last record is cut off',
  ]);
  expect(await read(Buffer.concat([record, record.subarray(0, 3)]))).toHaveLength(2);
  const member = gzipSync(whole);
  expect(await read(Buffer.concat([member, member.subarray(0, 100)]))).toEqual([
    ['traces', stampsOf(batch('traces', 1))],
    expect.stringContaining('cannot be decompressed'),
  ]);
});

test('lines that are not OTLP are told with their reason, and the next one is read', async () => {
  const got = await read(Buffer.concat([Buffer.from('hello\n{"a":1}\n{"resourceSpans":7}\n'), line(json('logs', 1))]));
  expect(got).toEqual([
    expect.stringContaining('not OTLP'),
    expect.stringContaining('none of resourceSpans'),
    expect.stringContaining('not OTLP/JSON'),
    ['logs', stampsOf(batch('logs', 1))],
  ]);
});

test('a record above the limit is passed over without being held, plain or behind compression', async () => {
  const long = Buffer.alloc(maxRecordBytes + 1, 0x20);
  expect(await read(Buffer.concat([line(long), line(json('logs', 1))]))).toEqual([
    expect.stringContaining('longer than'),
    ['logs', stampsOf(batch('logs', 1))],
  ]);
  expect(await read(prefixed(zstdCompressSync(long)))).toEqual([expect.stringContaining('cannot be decompressed')]);
});

test('a metric whose name and description are as long as the ids of a span is still a metric', () => {
  const metric = Buffer.from([
    ...[0x0a, 16, ...Buffer.from('sixteen letters!')],
    ...[0x12, 8, ...Buffer.from('eight ch')],
    ...[0x3a, 11, 0x0a, 9, 0x19, ...Buffer.alloc(8)],
  ]);
  const nest = (inside: Buffer, field: number) =>
    Buffer.concat([Buffer.from([(field << 3) | 2, inside.length]), inside]);
  const decoded = decodeRecord(nest(nest(nest(metric, 2), 2), 1));
  expect(decoded).toMatchObject({ signal: 'metrics' });
});
