import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import * as f from '../../../internal/net/h2/frames.ts';
import {
  frame,
  grpcBlock,
  grpcMessage,
  hello,
  RawClient,
  type Reply,
  uint32,
} from '../../../internal/net/h2/testing/raw_client.ts';
import { stamped } from '../../../internal/testkit/stamped.ts';
import { gzipBomb, mib, openScene, type Scene, spoiled, zstdBomb } from './hostile.ts';
import { otlpReceiver, until } from './running.ts';

/** What memory may grow by in the whole file, MiB: several times the largest message, 4 MiB inflated, and a heap that breathes. */
const mayGrow = 250;

let scene: Scene;
beforeAll(async () => {
  scene = await openScene(otlpReceiver);
}, 30_000);
afterEach(() => scene.unharmed(), 20_000);
afterAll(() => scene?.stop(), 20_000);

const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const valid = Buffer.concat(stamped('traces', ['never-to-arrive']).chunks);
const bothPorts = () => [scene.sluice.ports.grpc, scene.sluice.ports.http];

/** One call on a connection of its own, on both ports, which must say the same. */
async function answers(
  code: number,
  message: Uint8Array,
  fields: Readonly<Record<string, string>> = {},
  compressed = 0,
): Promise<string> {
  let text = '';
  for (const port of bothPorts()) {
    const reply = await unary(port, grpcMessage(message, compressed), fields);
    text = decodeURIComponent(reply?.trailers['grpc-message'] ?? '');
    expect({ code: reply?.trailers['grpc-status'], text, reset: reply?.reset }).toMatchObject({ code: String(code) });
  }
  return text;
}

/** Sends `body` as DATA as far as the server's windows go (the first one is 64 KB), and waits for the answer. */
async function unary(port: number, body: Buffer, fields: Readonly<Record<string, string>>): Promise<Reply | undefined> {
  const client = await RawClient.open(port);
  client.frame(f.HEADERS, f.FLAG_END_HEADERS, 1, grpcBlock({ ':path': path, ...fields }));
  const answered = () => client.closed || client.frames.some((one) => one.id === 1 && one.type === f.HEADERS);
  const room = (id: number) =>
    client.frames
      .filter((one) => one.type === f.WINDOW_UPDATE && one.id === id)
      .reduce((sum, one) => sum + one.payload.readUInt32BE(0), 65_535);
  for (let at = 0; at < body.length && !answered(); ) {
    await until('the window opens', () => answered() || Math.min(room(0), room(1)) > at);
    const end = Math.min(body.length, at + f.DEFAULT_MAX_FRAME, room(0), room(1));
    client.frame(f.DATA, end === body.length ? f.FLAG_END_STREAM : 0, 1, body.subarray(at, end));
    at = end;
  }
  const reply = await client.reply(1);
  client.close();
  return reply;
}

test.for(spoiled)('%s is answered INVALID_ARGUMENT with a reason', async ([, bytes]) => {
  expect(await answers(3, bytes)).toMatch(/no valid ExportTraceServiceRequest: .* \(at byte \d+\)/);
});

test('garbage behind the preface ends the connection, and is told', async () => {
  for (const port of bothPorts()) {
    const noise = Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n * n * 7 + 3 * n + 99) & 255));
    for (const bytes of [
      noise,
      Buffer.alloc(20_000, 255),
      Buffer.alloc(200_000, 0),
      frame(f.DATA, 0, 1, noise.subarray(0, 99)),
    ]) {
      const client = new RawClient(port);
      client.send(hello, bytes);
      expect((await client.goodbye())?.code).toBeGreaterThan(0);
    }
  }
});

test('a call with no message, half a prefix, less or more than it says is told which', async () => {
  const whole = grpcMessage(valid);
  const cases: readonly (readonly [Buffer, number, RegExp])[] = [
    [Buffer.alloc(0), 12, /no message/],
    [whole.subarray(0, 3), 13, /ended after/],
    [whole.subarray(0, -1), 13, /ended after \d+ of \d+ bytes/],
    [Buffer.concat([whole, whole]), 12, /exactly one/],
    [Buffer.concat([Buffer.from([7]), whole.subarray(1)]), 13, /compressed flag/],
  ];
  for (const [body, code, reason] of cases) {
    for (const port of bothPorts()) {
      const client = await RawClient.open(port);
      client.frame(f.HEADERS, f.FLAG_END_HEADERS, 1, grpcBlock({ ':path': path }));
      client.frame(f.DATA, f.FLAG_END_STREAM, 1, body);
      const reply = await client.reply(1);
      expect(reply?.trailers['grpc-status']).toBe(String(code));
      expect(decodeURIComponent(reply?.trailers['grpc-message'] ?? '')).toMatch(reason);
      client.close();
    }
  }
});

test('a wrong content type, method, path and encoding are told apart', async () => {
  for (const port of bothPorts()) {
    const status = async (fields: Record<string, string>) =>
      (await unary(port, grpcMessage(valid), fields))?.headers[':status'];
    expect(await status({ 'content-type': 'text/html' })).toMatch(/^4(04|15)$/);
    expect(await status({ ':method': 'PUT' })).toBe('405');
  }
  expect(
    await answers(12, valid, { ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Import' }),
  ).toContain('Import');
  expect(await answers(12, valid, { 'grpc-encoding': 'br' }, 1)).toContain('br');
  expect(await answers(13, valid, {}, 1)).toContain('grpc-encoding');
});

test('a message that is not what its encoding says is answered INTERNAL, as gRPC has it', async () => {
  for (const encoding of ['gzip', 'zstd', 'deflate', 'snappy']) {
    await answers(13, valid, { 'grpc-encoding': encoding }, 1);
  }
  await answers(13, gzipSync(valid).subarray(0, 30), { 'grpc-encoding': 'gzip' }, 1);
});

test('a message over the limit is refused by its prefix', async () => {
  for (const length of [4 * mib + 1, 2 ** 31, 2 ** 32 - 1]) {
    const prefix = Buffer.alloc(100);
    prefix.writeUInt32BE(length, 1);
    for (const port of bothPorts()) expect((await unary(port, prefix, {}))?.trailers['grpc-status']).toBe('8');
  }
});

const gigabyte = 1024 * mib;
const bombs: readonly (readonly [what: string, encoding: string, make: () => Buffer])[] = [
  ['gzip just over the limit', 'gzip', () => gzipSync(Buffer.alloc(4 * mib + 1))],
  ['zstd just over the limit', 'zstd', () => zstdBomb(4 * mib + 1)],
  ['a gigabyte as gzip', 'gzip', () => gzipBomb(gigabyte)],
  ['16 MiB as gzip that claims to be 100 bytes', 'gzip', () => gzipBomb(16 * mib, 100)],
  ['a gigabyte as zstd', 'zstd', () => zstdBomb(gigabyte)],
  ['a gigabyte as zstd frames without a size', 'zstd', () => zstdBomb(gigabyte, 64)],
];

test.for(bombs)('%s is answered RESOURCE_EXHAUSTED', async ([, encoding, make]) => {
  expect(await answers(8, make(), { 'grpc-encoding': encoding }, 1)).toContain('inflated');
});

test('calls reset in mid-body by the hundred leave nothing behind', async () => {
  for (const port of bothPorts()) {
    const client = await RawClient.open(port);
    for (let n = 0; n < 200; n++) {
      const id = 1 + 2 * n;
      client.frame(f.HEADERS, f.FLAG_END_HEADERS, id, grpcBlock({ ':path': path }));
      client.frame(f.DATA, 0, id, grpcMessage(Buffer.alloc(mib)).subarray(0, 200));
      client.frame(f.RST_STREAM, 0, id, uint32(f.CANCEL));
    }
    client.call(1001, valid.subarray(0, -1), { ':path': path });
    expect((await client.reply(1001))?.trailers['grpc-status']).toBe('3');
    // And the same by the connection's end.
    client.frame(f.HEADERS, f.FLAG_END_HEADERS, 1003, grpcBlock({ ':path': path }));
    client.frame(f.DATA, 0, 1003, grpcMessage(Buffer.alloc(mib)).subarray(0, 200));
    client.socket.resetAndDestroy();
  }
});

test('a client that never reads its answers makes the server stop reading, not grow', async () => {
  const client = await RawClient.open(scene.sluice.ports.grpc);
  client.socket.pause();
  // Each is answered with a reason of some hundred bytes.
  const call = (id: number) =>
    Buffer.concat([
      frame(f.HEADERS, f.FLAG_END_HEADERS, id, grpcBlock({ ':path': path })),
      frame(f.DATA, f.FLAG_END_STREAM, id, grpcMessage(Buffer.from([0x0a, 0x7f, 1]))),
    ]);
  let calls = 0;
  const flood = () => {
    for (let n = 0; n < 2000; n++) client.send(call(1 + 2 * calls++));
    return client.socket.writableLength > 4 * mib;
  };
  // Above a million calls it would have taken them all.
  await until('the server takes no more', () => flood() || calls > 1_000_000);
  expect(calls).toBeLessThan(1_000_000);
  await scene.unharmed();
  client.close();
});

test('after all that: what was accepted has arrived once, the ledger balances, and memory is given back', async () => {
  await scene.theEnd(mayGrow);
  expect(scene.sluice.stderr()).toMatch(/a request was no OTLP and was refused/);
}, 40_000);
