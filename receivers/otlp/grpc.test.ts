import http2 from 'node:http2';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { permanent, retryable } from '../../internal/core/outcome.ts';
import { decodeStatus } from '../../internal/net/status_details.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { decodeExportResponse } from '../../internal/otlp/response.ts';
import { deferred } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { startReceiver } from './test/harness.ts';

const paths: Record<Signal, string> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};
const body = (ids = ['a', 'b']) => Buffer.from(stamped('traces', ids).chunks[0]!);
const asItIs = (bytes: Buffer) => bytes;

function connect(port: number): Client {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  return client;
}

/** The answer's message, or the error with its status. */
function call(client: Client, path: string, message: Buffer, headers: Record<string, string> = {}) {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise<Buffer | ServiceError>((resolve) => {
    client.makeUnaryRequest(path, asItIs, asItIs, message, metadata, (error, answer) => resolve(error ?? answer!));
  });
}

test('each signal arrives by its method, byte for byte, and the answer is empty', async () => {
  const it = await startReceiver();
  const client = connect(it.grpc);
  for (const signal of ['traces', 'metrics', 'logs'] satisfies Signal[]) {
    const batch = stamped(signal, ['a', 'b', 'c']);
    expect(await call(client, paths[signal], Buffer.from(batch.chunks[0]!))).toEqual(Buffer.alloc(0));
    expect(it.ids(signal)).toEqual(['a', 'b', 'c']);
    expect(Buffer.concat(it.sinks[signal].taken[0]!.chunks)).toEqual(batch.chunks[0]);
  }
  expect(it.settings.memory.used).toBe(0);
});

test('what the pipeline says is what the client hears', async () => {
  const it = await startReceiver();
  const client = connect(it.grpc);
  it.sinks.traces.answer = () => retryable('the queue is full', 1500);
  const busy = (await call(client, paths.traces, body())) as ServiceError;
  expect([busy.code, busy.details]).toEqual([14, 'the queue is full']);
  expect(decodeStatus(busy.metadata.get('grpc-status-details-bin')[0] as Buffer)).toEqual({
    code: 14,
    message: 'the queue is full',
    retryAfterMs: 1500,
  });
  it.sinks.traces.answer = () => permanent('rejected', 'naïve');
  expect(await call(client, paths.traces, body())).toMatchObject({ code: 13, details: 'naïve' });
  it.sinks.traces.answer = () => ({ status: 'accepted', rejectedItems: 1, reason: 'too old' });
  const answer = (await call(client, paths.traces, body())) as Buffer;
  expect(decodeExportResponse(answer)).toEqual({ rejectedItems: 1, message: 'too old' });
  it.sinks.traces.answer = () => {
    throw new Error('boom');
  };
  expect(await call(client, paths.traces, body())).toMatchObject({
    code: 13,
    details: 'an error inside the collector',
  });

  const labels = { receiver: 'otlp', transport: 'grpc' };
  const items = (what: string) => it.settings.meter.value(`otelcol_receiver_${what}_spans`, labels);
  expect([items('accepted'), items('refused'), items('failed')]).toEqual([1, 5, 2]);
  const requests = (outcome: string) => it.settings.meter.value('otelcol_receiver_requests', { ...labels, outcome });
  expect([requests('success'), requests('refused'), requests('failure')]).toEqual([1, 2, 1]);
});

test('bytes that are no OTLP are refused with the place where they go wrong', async () => {
  const it = await startReceiver();
  const client = connect(it.grpc);
  const truncated = body().subarray(0, 5);
  expect(await call(client, paths.traces, truncated)).toMatchObject({
    code: 3,
    details: expect.stringMatching(/no valid ExportTraceServiceRequest: .*at byte \d/),
  });
  expect(await call(client, paths.traces, body())).toEqual(Buffer.alloc(0));
});

test('a signal without a pipeline, profiles and unknown methods are unimplemented', async () => {
  const it = await startReceiver({}, { signals: ['traces'] });
  const client = connect(it.grpc);
  expect(await call(client, paths.logs, Buffer.alloc(0))).toMatchObject({
    code: 12,
    details:
      'no pipeline takes logs from this receiver: add otlp to the receivers of a logs pipeline in service.pipelines',
  });
  const profiles = '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export';
  expect(await call(client, profiles, Buffer.alloc(0))).toMatchObject({
    code: 12,
    details: expect.stringContaining('profiles'),
  });
  expect(await call(client, '/no.Service/Method', Buffer.alloc(0))).toMatchObject({ code: 12 });
});

test('a message over the limit is refused', async () => {
  const it = await startReceiver({ grpc: { max_recv_msg_size_mib: 1 } });
  const client = connect(it.grpc);
  const big = Buffer.from(stamped('traces', ['x'.repeat(1 << 20)]).chunks[0]!);
  expect(await call(client, paths.traces, big)).toMatchObject({ code: 8 });
  expect(await call(client, paths.traces, body())).toEqual(Buffer.alloc(0));
  const labels = { receiver: 'otlp', transport: 'grpc', outcome: 'refused' };
  expect(it.settings.meter.value('otelcol_receiver_requests', labels)).toBe(1);
});

test('request headers and the peer are handed on when the configuration says so, and only then', async () => {
  const headers = { 'x-tenant': 'blue' };
  const plain = await startReceiver();
  await call(connect(plain.grpc), paths.traces, body(), headers);
  expect(plain.sinks.traces.calls[0]!.ctx.metadata).toBeUndefined();
  expect(plain.sinks.traces.calls[0]!.ctx.clientAddress).toMatch(/^127\.0\.0\.1:\d+$/);

  const rich = await startReceiver({ grpc: { include_metadata: true }, http: { include_metadata: true } });
  await call(connect(rich.grpc), paths.traces, body(), headers);
  await fetch(`http://127.0.0.1:${rich.http}/v1/traces`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-protobuf' },
    body: body(),
  });
  for (const { ctx } of rich.sinks.traces.calls) expect(ctx.metadata?.get('x-tenant')).toEqual(['blue']);
  expect(rich.sinks.traces.calls).toHaveLength(2);
});

test('a client that goes away is heard of by those who listen', async () => {
  const it = await startReceiver();
  const client = connect(it.grpc);
  const done = deferred<void>();
  let seen: AbortSignal | undefined;
  it.sinks.traces.answer = async () => {
    seen = it.sinks.traces.calls.at(-1)!.ctx.abort;
    await done.promise;
    return { status: 'accepted' };
  };
  const under = client.makeUnaryRequest(paths.traces, asItIs, asItIs, body(), () => {});
  await expect.poll(() => seen).toBeDefined();
  expect(seen!.aborted).toBe(false);
  under.cancel();
  await expect.poll(() => seen!.aborted).toBe(true);

  const web = new AbortController();
  seen = undefined;
  const gone = fetch(`http://127.0.0.1:${it.http}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: body(),
    signal: web.signal,
  }).catch(() => 'gone');
  await expect.poll(() => seen).toBeDefined();
  web.abort();
  expect(await gone).toBe('gone');
  await expect.poll(() => seen!.aborted).toBe(true);
  done.resolve();
});

test('the health service tells that the server serves', async () => {
  const it = await startReceiver();
  const client = connect(it.grpc);
  expect(await call(client, '/grpc.health.v1.Health/Check', Buffer.alloc(0))).toEqual(Buffer.from([8, 1]));
  const name = Buffer.from('opentelemetry.proto.collector.trace.v1.TraceService');
  const asked = Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  expect(await call(client, '/grpc.health.v1.Health/Check', asked)).toEqual(Buffer.from([8, 1]));
});

test('each port serves both protocols, and says once that a client uses the other one', async () => {
  const it = await startReceiver();
  for (let i = 0; i < 2; i++) {
    expect(await call(connect(it.http), paths.traces, body(['grpc on the HTTP port']))).toEqual(Buffer.alloc(0));
    const response = await fetch(`http://127.0.0.1:${it.grpc}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', connection: 'close' },
      body: body(['HTTP on the gRPC port']),
    });
    expect(response.status).toBe(200);
  }
  expect(it.ids('traces')).toHaveLength(4);
  const said = it.settings.logger.lines.filter(({ message }) => message.includes('logged once'));
  expect(said.map(({ message }) => message)).toEqual([
    'a client speaks gRPC or HTTP/2 on the HTTP port; it is served (logged once)',
    'a client speaks OTLP/HTTP on the gRPC port; it is served (logged once)',
  ]);
});

test('OTLP/HTTP over HTTP/2 is the same OTLP/HTTP', async () => {
  const it = await startReceiver();
  const session = http2.connect(`http://127.0.0.1:${it.http}`);
  onTestFinished(() => session.destroy());
  const ask = (headers: http2.OutgoingHttpHeaders, bytes: Buffer) =>
    new Promise<[number, string]>((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', 'content-type': 'application/json', ...headers });
      let status = 0;
      let text = '';
      stream.on('response', (head) => {
        status = Number(head[':status']);
      });
      stream.on('data', (chunk) => {
        text += chunk;
      });
      stream.on('end', () => resolve([status, text]));
      stream.on('error', reject);
      stream.end(bytes);
    });
  const type = { 'content-type': 'application/x-protobuf' };
  expect(await ask({ ':path': '/v1/traces', ...type }, body())).toEqual([200, '']);
  expect(it.ids('traces')).toEqual(['a', 'b']);
  expect(await ask({ ':path': '/nowhere' }, body())).toEqual([
    404,
    expect.stringContaining('nothing is served at /nowhere'),
  ]);
  expect(await ask({ ':path': '/v1/traces', 'content-type': 'text/plain' }, body())).toEqual([415, expect.any(String)]);
});

test('over HTTP/2 a body over the limit is told in the encoding of the request, and counted', async () => {
  const it = await startReceiver({ http: { max_request_body_size: 1000 } });
  const session = http2.connect(`http://127.0.0.1:${it.http}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': '/v1/traces', 'content-type': 'application/json' });
  const head = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once('response', resolve));
  let text = '';
  stream.on('data', (chunk) => (text += chunk)).on('error', () => {});
  stream.write(Buffer.alloc(2000, ' '));
  expect(await head).toMatchObject({ ':status': 413, 'content-type': 'application/json' });
  await expect.poll(() => text).toContain('larger than 1000 bytes');
  const labels = { receiver: 'otlp', transport: 'http', outcome: 'refused' };
  expect(it.settings.meter.value('otelcol_receiver_requests', labels)).toBe(1);
});

test('a stop lets calls under way end and takes no new ones', async () => {
  const it = await startReceiver();
  const client = connect(it.grpc);
  const done = deferred<void>();
  it.sinks.traces.answer = async () => {
    await done.promise;
    return { status: 'accepted' };
  };
  const overGrpc = call(client, paths.traces, body());
  const overHttp = fetch(`http://127.0.0.1:${it.http}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: body(),
  });
  await expect.poll(() => it.sinks.traces.calls.length).toBe(2);
  const stopped = it.stop();
  await expect(fetch(`http://127.0.0.1:${it.http}/v1/traces`)).rejects.toThrow();
  done.resolve();
  expect(await overGrpc).toEqual(Buffer.alloc(0));
  expect((await overHttp).status).toBe(200);
  await stopped;
});

test('a stop whose time is up cuts what is left', async () => {
  const it = await startReceiver();
  it.sinks.traces.answer = () => new Promise(() => {});
  const overGrpc = call(connect(it.grpc), paths.traces, body());
  const overHttp = fetch(`http://127.0.0.1:${it.http}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: body(),
  }).catch(() => 'cut');
  await expect.poll(() => it.sinks.traces.calls.length).toBe(2);
  await it.stop(AbortSignal.abort());
  expect(await overHttp).toBe('cut');
  expect(await overGrpc).toMatchObject({ code: 14 });
  await it.stop();
});
