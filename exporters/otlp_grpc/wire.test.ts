import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import zlib from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import type { Host } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { Payload } from '../../internal/otlp/payload.ts';
import { encodeExportResponse } from '../../internal/otlp/response.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';

/*
 * What is on the wire, seen by a server that knows HTTP/2 and nothing of gRPC. These tests guard the one place where
 * the exporter reaches into grpc-js (internal/net/grpc/channel.ts): they fail if an update moves it.
 */

let server: Http2Server | undefined;
let sessions = 0;
afterEach(() => {
  server?.close();
});

interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** @param answer the framed message, and headers beside `content-type` */
async function sendTo(config: Record<string, unknown>, batch: Payload, answer: Buffer, headers = {}) {
  const seen: Seen[] = [];
  server = createServer();
  server.on('session', (session) => {
    sessions += 1;
    session.once('close', () => {
      sessions -= 1;
    });
  });
  server.on('stream', (stream: ServerHttp2Stream, head: IncomingHttpHeaders) => {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => {
      seen.push({ headers: head, body: Buffer.concat(parts) });
      stream.respond({ 'content-type': 'application/grpc', ...headers }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(answer);
    });
  });
  await new Promise<void>((ready) => server!.listen(0, '127.0.0.1', ready));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bare = { sending_queue: { enabled: false }, retry_on_failure: { enabled: false } };
  const exporter = factory.create(testSettings(), schema.parse({ ...bare, endpoint, ...config }));
  await exporter.start?.({} as Host);
  const outcome = await exporter.consume(batch, noContext);
  await exporter.shutdown?.(AbortSignal.abort());
  return { seen, outcome };
}

const emptyAnswer = Buffer.alloc(5);

function framed(message: Uint8Array, compressed: boolean): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed ? 1 : 0;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

const batch = Payload.concat(
  'traces',
  Array.from({ length: 50 }, (_, i) => stamped('traces', [`GET /checkout/${i}`, `SELECT orders ${i}`])),
);
const wanted = Buffer.concat(batch.chunks);

test.each([
  ['gzip', zlib.gunzipSync],
  ['zstd', zlib.zstdDecompressSync],
  ['deflate', zlib.inflateSync],
] as const)(
  'compression: %s puts a message on the wire that is marked, named and smaller',
  async (compression, undo) => {
    const { seen, outcome } = await sendTo({ compression }, batch, emptyAnswer);
    expect(outcome).toEqual({ status: 'accepted' });
    const { headers, body } = seen[0]!;
    expect(headers['grpc-encoding']).toBe(compression);
    expect(body[0]).toBe(1);
    expect(body.readUInt32BE(1)).toBe(body.length - 5);
    expect(body.length).toBeLessThan(wanted.length / 2);
    expect(undo(body.subarray(5)).equals(wanted)).toBe(true);
  },
);

test('shutdown closes the connection', async () => {
  await sendTo({}, batch, emptyAnswer);
  await expect.poll(() => sessions).toBe(0);
});

test('gzip is the default', async () => {
  const { seen } = await sendTo({}, batch, emptyAnswer);
  expect(seen[0]!.headers['grpc-encoding']).toBe('gzip');
});

test('compression: none puts the chunks on the wire as they are', async () => {
  const { seen } = await sendTo({ compression: 'none' }, batch, emptyAnswer);
  const { headers, body } = seen[0]!;
  expect(headers['grpc-encoding']).toBeUndefined();
  expect(body[0]).toBe(0);
  expect(body.subarray(5).equals(wanted)).toBe(true);
});

test('a call carries what the gRPC protocol asks for, and its timeout', async () => {
  const { seen } = await sendTo(
    { timeout: '1500ms', authority: 'otlp.example', headers: { 'x-tenant': 'blue' } },
    batch,
    emptyAnswer,
  );
  expect(seen[0]!.headers).toMatchObject({
    ':method': 'POST',
    ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    ':authority': 'otlp.example',
    te: 'trailers',
    'content-type': 'application/grpc',
    'grpc-timeout': '1500m',
    'x-tenant': 'blue',
  });
});

test.each([
  ['gzip', zlib.gzipSync],
  ['zstd', zlib.zstdCompressSync],
] as const)('an answer compressed with %s is read, as grpc-go sends it', async (encoding, pack) => {
  const message = encodeExportResponse('traces', { rejectedItems: 3, message: 'spans too old' });
  const { outcome } = await sendTo({}, batch, framed(pack(message), true), { 'grpc-encoding': encoding });
  expect(outcome).toEqual({ status: 'accepted', rejectedItems: 3, reason: 'spans too old' });
});

test('an answer whose compression is damaged does not take the acceptance back', async () => {
  const { outcome } = await sendTo({}, batch, framed(Buffer.from('damaged'), true), { 'grpc-encoding': 'gzip' });
  expect(outcome).toMatchObject({ status: 'accepted', reason: expect.stringContaining('gzip') });
});
