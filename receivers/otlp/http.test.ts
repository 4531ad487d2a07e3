import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { MemoryBudget } from '../../internal/core/memory.ts';
import { partial, permanent, retryable } from '../../internal/core/outcome.ts';
import { compress } from '../../internal/net/compression.ts';
import { requestBytes } from '../../internal/net/http/http1.ts';
import { decodeStatus } from '../../internal/net/status_details.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { decodeExportResponse } from '../../internal/otlp/response.ts';
import { deferred } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { post, protobuf, RawClient, startReceiver } from './test/harness.ts';

const json = { 'content-type': 'application/json' };
const body = (ids = ['a', 'b']) => stamped('traces', ids).chunks[0]!;

async function statusOf(response: Response) {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const status =
    response.headers.get('content-type') === 'application/json'
      ? JSON.parse(Buffer.from(bytes).toString())
      : decodeStatus(bytes);
  return { http: response.status, code: status.code as number, message: status.message as string };
}

test('each signal arrives at its path, byte for byte', async () => {
  const it = await startReceiver();
  for (const signal of ['traces', 'metrics', 'logs'] satisfies Signal[]) {
    const batch = stamped(signal, ['a', 'b', 'c']);
    const response = await post(it.http, `/v1/${signal}`, batch.chunks[0]!);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/x-protobuf');
    expect((await response.arrayBuffer()).byteLength).toBe(0);
    expect(it.ids(signal)).toEqual(['a', 'b', 'c']);
    expect(it.sinks[signal].taken[0]!.itemCount).toBe(3);
    expect(Buffer.concat(it.sinks[signal].taken[0]!.chunks)).toEqual(batch.chunks[0]);
  }
});

test('JSON is taken and answered in JSON', async () => {
  const it = await startReceiver();
  const text = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'a' }, { name: 'b' }] }] }] });
  const response = await post(it.http, '/v1/traces', text, { 'content-type': 'application/json; charset=utf-8' });
  expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
    200,
    'application/json',
    '{}',
  ]);
  expect(it.ids('traces')).toEqual(['a', 'b']);
});

test('an empty request is a yes that bothers nobody', async () => {
  const it = await startReceiver();
  expect((await post(it.http, '/v1/traces', '')).status).toBe(200);
  expect((await post(it.http, '/v1/traces', '{}', json)).status).toBe(200);
  expect(it.sinks.traces.calls).toHaveLength(0);
});

test('bodies in each encoding are inflated', async () => {
  const it = await startReceiver();
  const packed = {
    gzip: gzipSync(body()),
    zstd: zstdCompressSync(body()),
    deflate: deflateSync(body()),
    zlib: deflateSync(body()),
    snappy: await compress('snappy', body()),
  };
  for (const [encoding, bytes] of Object.entries(packed)) {
    const response = await post(it.http, '/v1/traces', bytes, { ...protobuf, 'content-encoding': encoding });
    expect(response.status, encoding).toBe(200);
  }
  expect(it.ids('traces')).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']);
  expect(it.settings.memory.used).toBe(0);
});

test('what is wrong before the body is told by its own status, in the encoding of the request', async () => {
  const it = await startReceiver({ http: { compression_algorithms: ['', 'gzip'] } });
  const at = (path: string, headers: Record<string, string>, method = 'POST') =>
    fetch(`http://127.0.0.1:${it.http}${path}`, { method, headers, ...(method === 'POST' ? { body: 'x' } : {}) }).then(
      statusOf,
    );

  expect(await at('/v1/spans', protobuf)).toEqual({
    http: 404,
    code: 5,
    message: 'nothing is served at /v1/spans; expected /v1/traces, /v1/metrics, /v1/logs',
  });
  expect(await at('/v1/traces', json, 'GET')).toMatchObject({
    http: 405,
    message: expect.stringContaining('expected POST'),
  });
  expect(await at('/v1/traces', { 'content-type': 'text/plain' })).toEqual({
    http: 415,
    code: 3,
    message: 'expected content-type application/x-protobuf or application/json, got text/plain',
  });
  expect(await at('/v1/traces', { ...protobuf, 'content-encoding': 'br' })).toEqual({
    http: 415,
    code: 3,
    message: 'content-encoding br is not taken; expected one of gzip',
  });
  expect(await at('/v1/traces', { ...protobuf, 'content-encoding': 'zstd' })).toMatchObject({ http: 415 });
  expect((await fetch(`http://127.0.0.1:${it.http}/v1/traces`)).headers.get('allow')).toBe('POST');
});

test('bytes that are no OTLP are refused with the place where they go wrong', async () => {
  const it = await startReceiver();
  const good = body();
  const cases: [string, Uint8Array | string, Record<string, string>, RegExp][] = [
    [
      'truncated',
      good.subarray(0, good.length - 1),
      protobuf,
      /no valid ExportTraceServiceRequest: .* \(at byte \d+\)/,
    ],
    ['garbage', 'hello there', protobuf, /no valid ExportTraceServiceRequest/],
    ['a trace id of 3 bytes', Buffer.from('0a0b120912070a030102030000', 'hex').subarray(0, 13), protobuf, /no valid/],
    ['JSON that is none', '{"resourceSpans": [', json, /no valid/],
    ['JSON of the wrong type', '{"resourceSpans": 5}', json, /no valid/],
    ['JSON in UTF-16', Buffer.from('{}', 'utf16le'), json, /no valid/],
    ['JSON that is not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), json, /not UTF-8/],
    ['not gzip', 'hello', { ...protobuf, 'content-encoding': 'gzip' }, /gzip/],
  ];
  for (const [name, bytes, headers, message] of cases) {
    const status = await statusOf(await post(it.http, '/v1/traces', bytes, headers));
    expect(status, name).toEqual({ http: 400, code: 3, message: expect.stringMatching(message) });
  }
  expect(it.sinks.traces.calls).toHaveLength(0);
  const requests = it.settings.meter.value('otelcol_receiver_requests', {
    receiver: 'otlp',
    transport: 'http',
    outcome: 'failure',
  });
  expect(requests).toBe(cases.length);
  expect(it.settings.memory.used).toBe(0);
});

test('what the pipeline says is what the client hears', async () => {
  const it = await startReceiver();
  it.sinks.traces.answer = () => retryable('the queue is full', 1500);
  let response = await post(it.http, '/v1/traces', body());
  expect(response.headers.get('retry-after')).toBe('2');
  expect(await statusOf(response)).toEqual({ http: 503, code: 14, message: 'the queue is full' });

  it.sinks.traces.answer = () => ({ ...retryable('slow down'), limited: true });
  expect(await statusOf(await post(it.http, '/v1/traces', body()))).toMatchObject({ http: 429, code: 8 });

  it.sinks.traces.answer = () => permanent('rejected', 'no');
  expect(await statusOf(await post(it.http, '/v1/traces', body()))).toMatchObject({ http: 500, code: 13 });

  it.sinks.traces.answer = () => partial(1, 'too old');
  response = await post(it.http, '/v1/traces', body());
  expect(response.status).toBe(200);
  expect(decodeExportResponse(new Uint8Array(await response.arrayBuffer()))).toEqual({
    rejectedItems: 1,
    message: 'too old',
  });

  it.sinks.traces.answer = () => {
    throw new Error('boom');
  };
  expect(await statusOf(await post(it.http, '/v1/traces', body()))).toMatchObject({
    http: 500,
    message: 'an error inside the collector',
  });

  const items = (what: string) =>
    it.settings.meter.value(`otelcol_receiver_${what}_spans`, { receiver: 'otlp', transport: 'http' });
  expect([items('accepted'), items('refused'), items('failed')]).toEqual([1, 7, 2]);
});

test('a signal without a pipeline is refused with what to add where', async () => {
  const it = await startReceiver({}, { signals: ['traces'] });
  expect(await statusOf(await post(it.http, '/v1/logs', ''))).toEqual({
    http: 404,
    code: 12,
    message:
      'no pipeline takes logs from this receiver: add otlp to the receivers of a logs pipeline in service.pipelines',
  });
});

test('paths can be chosen, and a query does no harm', async () => {
  const it = await startReceiver({ http: { traces_url_path: '/otlp/traces' } });
  expect((await post(it.http, '/otlp/traces?tenant=a', body())).status).toBe(200);
  expect((await post(it.http, '/v1/traces', body())).status).toBe(404);
});

test('a body over the limit is refused, as sent and as inflated, and before it is read', async () => {
  const it = await startReceiver({ http: { max_request_body_size: 1000 } });
  const zeros = Buffer.alloc(2000);
  expect(await statusOf(await post(it.http, '/v1/traces', zeros))).toMatchObject({ http: 413, code: 8 });
  for (const [encoding, packed] of [
    ['gzip', gzipSync(zeros)],
    ['zstd', zstdCompressSync(zeros)],
  ] as const) {
    const refused = await post(it.http, '/v1/traces', packed, { ...protobuf, 'content-encoding': encoding });
    expect(await statusOf(refused), encoding).toMatchObject({ http: 413 });
  }

  const raw = await RawClient.connect(it.http);
  raw.send(
    'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1001\r\n\r\n',
  );
  await expect.poll(() => raw.text).toContain('413 ');

  const chunked = await RawClient.connect(it.http);
  chunked.send(
    'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ntransfer-encoding: chunked\r\n\r\n',
  );
  chunked.send(`7d0\r\n${'x'.repeat(2000)}\r\n`);
  await expect.poll(() => chunked.text).toContain('413 ');
  expect(it.settings.memory.used).toBe(0);
  expect((await post(it.http, '/v1/traces', body())).status).toBe(200);
});

test('bombs inflate no further than the limit', async () => {
  const it = await startReceiver({ http: { max_request_body_size: 1 << 20 } });
  const zeros = Buffer.alloc(200 << 20);
  for (const [encoding, packed] of [
    ['gzip', gzipSync(zeros, { level: 9 })],
    ['zstd', zstdCompressSync(zeros)],
  ] as const) {
    const before = process.memoryUsage().arrayBuffers;
    const refused = await post(it.http, '/v1/traces', packed, { ...protobuf, 'content-encoding': encoding });
    expect(await statusOf(refused), encoding).toMatchObject({ http: 413 });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 << 20);
  }
  expect(it.settings.memory.used).toBe(0);
});

test('a body for which the budget has no room is refused before it is read, and the connection lives on', async () => {
  const memory = new MemoryBudget(1000 + requestBytes);
  const it = await startReceiver({}, { settings: { memory } });
  const held = deferred<void>();
  it.sinks.traces.answer = async () => {
    await held.promise;
    return { status: 'accepted' };
  };
  const big = stamped('traces', ['x'.repeat(700)]).chunks[0]!;
  const first = post(it.http, '/v1/traces', big);
  await expect.poll(() => it.sinks.traces.calls.length).toBe(1);
  expect(memory.used).toBe(big.length + requestBytes);

  const raw = await RawClient.connect(it.http);
  const head = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
  raw.send(`${head}content-length: 500\r\n\r\n`);
  await expect.poll(() => raw.text).toMatch(/503 .*retry-after: 1\r\n.*memory budget/s);
  held.resolve();
  expect((await first).status).toBe(200);
  expect(memory.used).toBe(0);

  // What was announced is read and thrown away; then the same connection serves on.
  raw.text = '';
  raw.send('x'.repeat(500));
  raw.send(`${head}content-length: 2\r\n\r\n{}`);
  await expect.poll(() => raw.text).toContain('200 OK');

  const chunked = await RawClient.connect(it.http);
  chunked.send(`${head}transfer-encoding: chunked\r\n\r\n`);
  chunked.send(`7d0\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`);
  await expect.poll(() => chunked.text).toContain('503 ');
  expect(memory.used).toBe(0);
});

test('a client that asks before it sends is told to go on, or why not', async () => {
  const it = await startReceiver({ http: { max_request_body_size: 100 } });
  const head = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n';
  const raw = await RawClient.connect(it.http);
  raw.send(`${head}content-length: 2\r\n\r\n`);
  await expect.poll(() => raw.text).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  raw.send('{}');
  await expect.poll(() => raw.text).toContain('200 OK');

  const refused = await RawClient.connect(it.http);
  refused.send(`${head}content-length: 101\r\n\r\n`);
  await expect.poll(() => refused.text).toContain('413 ');
  expect(refused.text).not.toContain('100 Continue');

  const odd = await RawClient.connect(it.http);
  odd.send(`${head.replace('100-continue', 'a miracle')}content-length: 2\r\n\r\n`);
  await expect.poll(() => odd.text).toContain('417 ');
});

test('requests that are turned away before they are read are counted', async () => {
  const it = await startReceiver({ http: { max_request_body_size: 10 } });
  await post(it.http, '/v1/traces', body());
  const labels = { receiver: 'otlp', transport: 'http', outcome: 'refused' };
  expect(it.settings.meter.value('otelcol_receiver_requests', labels)).toBe(1);
  await post(it.http, '/v1/traces', body());
  expect(it.settings.logger.warnings()).toEqual([
    expect.stringMatching(/^a request was turned away: .*larger than 10 bytes/),
  ]);
});

test('without keep-alive each answer ends its connection', async () => {
  const it = await startReceiver({ http: { keep_alives_enabled: false } });
  const raw = await RawClient.connect(it.http);
  raw.send('POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}');
  await expect.poll(() => raw.closed).toBe(true);
  expect(raw.text).toMatch(/200 OK.*connection: close/is);
});

test('a body in many small pieces becomes one buffer', async () => {
  const it = await startReceiver();
  const bytes = body(['a', 'b', 'c']);
  const raw = await RawClient.connect(it.http);
  raw.socket.setNoDelay(true);
  raw.send(
    `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: ${bytes.length}\r\n\r\n`,
  );
  for (const byte of bytes) {
    raw.send(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  await expect.poll(() => raw.text).toContain('200 OK');
  expect(it.ids('traces')).toEqual(['a', 'b', 'c']);
  expect(it.sinks.traces.taken[0]!.chunks).toHaveLength(1);
});

test('configured headers are on each answer, refusals too', async () => {
  const it = await startReceiver({ http: { response_headers: { 'X-Powered-By': 'Sluice' } } });
  for (const path of ['/v1/traces', '/nowhere']) {
    expect((await post(it.http, path, '')).headers.get('x-powered-by')).toBe('Sluice');
  }
});
