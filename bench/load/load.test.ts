import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import { type Body, type BodyShape, bodyPool } from '../items/body.ts';
import { ExactTally, PoolTally, type Tally } from '../items/tally.ts';
import { startGrpcSink } from '../sink/grpc_sink.ts';
import { startHttpSink } from '../sink/http_sink.ts';
import type { SinkOptions } from '../sink/sink.ts';
import { grpcClient } from './grpc_client.ts';
import { httpClient, readAnswer } from './http_client.ts';
import { Load } from './load.ts';

type Protocol = 'grpc' | 'http';
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition does not come true');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const fail = (error: Error): never => {
  throw error;
};

async function sinkFor(protocol: Protocol, tally: Tally, extra: Partial<SinkOptions> = {}): Promise<number> {
  const options = { onMessage: (message: Uint8Array) => void tally.arrive(message), onFailure: fail, ...extra };
  const sink = await (protocol === 'grpc' ? startGrpcSink(options) : startHttpSink(options));
  closers.push(sink.close);
  return sink.port;
}

async function loadTo(protocol: Protocol, port: number, bodies: readonly Body[], tally: Tally): Promise<Load> {
  const load = await Load.open({
    bodies,
    tally,
    restMs: 1,
    connect: (events) => (protocol === 'grpc' ? grpcClient(port, 2, bodies, events) : httpClient(port, bodies, events)),
  });
  closers.push(() => load.close());
  return load;
}

async function sendRequests(load: Load, tally: Tally, items: number): Promise<void> {
  const sound = (condition: boolean) => {
    load.check();
    return condition;
  };
  load.start();
  await until(() => sound(tally.account().sent >= items));
  load.stop();
  await until(() => sound(load.inFlight === 0));
}

const SHAPES: [Protocol, BodyShape][] = (['grpc', 'http'] as const).flatMap((protocol) => [
  [protocol, { signal: 'traces', items: 1 }],
  [protocol, { signal: 'traces', items: 512, services: 10 }],
  [protocol, { signal: 'logs', items: 700 }],
  [protocol, { signal: 'metrics', items: 300, gzip: true }],
]);

test.each(SHAPES)('over %s the sink counts what the load sent: %o', async (protocol, shape) => {
  const bodies = bodyPool(shape, 4);
  const tally = shape.gzip ? new PoolTally(bodies) : new ExactTally(bodies);
  const load = await loadTo(protocol, await sinkFor(protocol, tally), bodies, tally);
  await sendRequests(load, tally, 50 * shape.items);
  const account = tally.account();
  expect(account.sent).toBeGreaterThanOrEqual(50 * shape.items);
  expect(account).toMatchObject({
    accepted: account.sent,
    delivered: account.sent,
    lost: 0,
    duplicates: 0,
    altered: 0,
  });
});

test.each<[Protocol, number, string]>([
  ['grpc', 14, 'grpc 14'],
  ['http', 503, 'http 503'],
])('a refusal over %s counts as such and the load goes on', async (protocol, refuse, error) => {
  const bodies = bodyPool({ signal: 'traces', items: 10 }, 2);
  const tally = new ExactTally(bodies);
  const load = await loadTo(protocol, await sinkFor(protocol, tally, { refuse }), bodies, tally);
  await sendRequests(load, tally, 60);
  const account = tally.account();
  expect(account).toMatchObject({ accepted: 0, refused: account.sent, delivered: 0, lost: 0 });
  expect([...load.errors]).toEqual([[error, account.sent / 10]]);
});

test('the gRPC load keeps to small windows of a server nobody here wrote', async () => {
  const bodies = bodyPool({ signal: 'traces', items: 900 }, 4); // 420 KB each, the windows 64 KB
  const tally = new ExactTally(bodies);
  const server = http2.createServer();
  server.on('stream', (stream: http2.ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const message = Buffer.concat(chunks);
      expect(message.readUInt32BE(1)).toBe(message.length - 5);
      tally.arrive(message.subarray(5));
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(5));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const load = await loadTo('grpc', (server.address() as AddressInfo).port, bodies, tally);
  await sendRequests(load, tally, 20 * 900);
  const account = tally.account();
  expect(account).toMatchObject({ accepted: account.sent, delivered: account.sent, lost: 0, duplicates: 0 });
});

test('calls refused before their body is sent leave the connection usable', async () => {
  const bodies = bodyPool({ signal: 'traces', items: 300 }, 6); // 140 KB each, the windows 64 KB
  const tally = new ExactTally(bodies);
  const server = http2.createServer();
  // So that only the streams' windows hold bodies up, and nothing but the answer tells the client to go on.
  server.on('session', (session) => session.setLocalWindowSize(16 * 1024 * 1024));
  let calls = 0;
  server.on('stream', (stream: http2.ServerHttp2Stream) => {
    if (++calls % 4 !== 0) {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' }, { endStream: true });
      return;
    }
    stream.resume();
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const load = await loadTo('grpc', (server.address() as AddressInfo).port, bodies, tally);
  load.start();
  await until(() => tally.account().accepted >= 20 * 300);
  load.stop();
  await until(() => load.inFlight === 0);
  load.check();
  expect(load.errors.get('grpc 14')).toBeGreaterThan(20);
});

test('the gRPC sink serves a client nobody here wrote', async () => {
  const bodies = bodyPool({ signal: 'traces', items: 3000 }, 1);
  const tally = new ExactTally(bodies);
  const client = new Client(`127.0.0.1:${await sinkFor('grpc', tally)}`, credentials.createInsecure());
  closers.push(() => client.close());
  const call = () =>
    new Promise<void>((resolve, reject) => {
      const pass = (bytes: Buffer) => bytes;
      const bytes = Buffer.from(bodies[0]!.bytes);
      client.makeUnaryRequest('/any.Service/Export', pass, pass, bytes, (error) => (error ? reject(error) : resolve()));
    });
  tally.answer(tally.send(bodies[0]!), bodies[0]!, true);
  await call();
  await call();
  expect(tally.account()).toMatchObject({ delivered: 3000, duplicates: 3000, lost: 0, unknown: 0 });
});

test('the HTTP sink takes bodies in chunks', async () => {
  const bodies = bodyPool({ signal: 'logs', items: 50 }, 1);
  const tally = new ExactTally(bodies);
  const port = await sinkFor('http', tally);
  tally.answer(tally.send(bodies[0]!), bodies[0]!, true);
  const request = http.request({ port, host: '127.0.0.1', method: 'POST' });
  for (let at = 0; at < bodies[0]!.bytes.length; at += 1000) request.write(bodies[0]!.bytes.subarray(at, at + 1000));
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(200);
  expect(tally.account()).toMatchObject({ delivered: 50, lost: 0 });
});

test('a partial success voids the measurement instead of passing for a success', async () => {
  // partial_success { rejected_spans: 3 }
  const answer = Buffer.from([0x0a, 2, 0x08, 3]);
  const server = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(200, { 'content-length': answer.length }).end(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const bodies = bodyPool({ signal: 'traces', items: 10 }, 1);
  const tally = new ExactTally(bodies);
  const load = await loadTo('http', (server.address() as AddressInfo).port, bodies, tally);
  await expect(sendRequests(load, tally, 1000)).rejects.toThrow('a partial success: 3 items rejected');
});

test('HTTP answers are read when they are whole', () => {
  const text = 'HTTP/1.1 200 OK\r\nContent-Type: x\r\nContent-Length: 3\r\n\r\nabc';
  for (let length = 0; length < text.length; length++) {
    expect(readAnswer(Buffer.from(text.slice(0, length)))).toBeUndefined();
  }
  expect(readAnswer(Buffer.from(text))).toMatchObject({ status: 200, bodyLength: 3, length: text.length });
  expect(() => readAnswer(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'))).toThrow(
    /not an answer/,
  );
});
