import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import * as f from '../../../internal/net/h2/frames.ts';
import { frame, grpcBlock, grpcMessage, hello, RawClient } from '../../../internal/net/h2/testing/raw_client.ts';
import { makeCertificates, type TestCertificates } from '../../../internal/testkit/certs.ts';
import { stamped } from '../../../internal/testkit/stamped.ts';
import { head, mib, openScene, RawConnection, type Scene } from './hostile.ts';
import { until } from './running.ts';

/**
 * What memory may grow by in the whole file, MiB: 10,000 connections cost 10 to 20 KiB each, and node gives the heap
 * they leave back only when it needs it. This bounds one wave; a small leak per connection would not show here.
 */
const mayGrow = 250;

let scene: Scene;
let certificates: TestCertificates | undefined;

beforeAll(async () => {
  certificates = await makeCertificates();
  const secure = certificates
    ? `
  otlp/tls: { protocols: { grpc: {
    endpoint: "127.0.0.1:\${env:HEALTH_PORT}",
    tls: { cert_file: "${certificates.server.cert}", key_file: "${certificates.server.key}" } },
    http: { endpoint: "127.0.0.1:0", read_header_timeout: 2s } } }`
    : '';
  const receivers = `
receivers:
  otlp: { protocols: {
    grpc: { endpoint: "127.0.0.1:\${env:GRPC_PORT}" },
    http: { endpoint: "127.0.0.1:\${env:HTTP_PORT}", read_header_timeout: 2s, read_timeout: 3s, write_timeout: 1s } } }${secure}`;
  scene = await openScene(receivers, certificates ? ['otlp', 'otlp/tls'] : ['otlp']);
}, 40_000);
afterEach(() => scene.unharmed(), 20_000);
afterAll(async () => {
  await scene?.stop();
  await certificates?.remove();
}, 20_000);

const bothPorts = () => [scene.sluice.ports.http, scene.sluice.ports.grpc];
const path = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';
const valid = Buffer.concat(stamped('logs', ['byte-by-byte']).chunks);

/** Connections that this process and the collector may have, some left for all else; at most ten thousand. */
function affordable(): number {
  try {
    const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return Math.min(10_000, limit === 'unlimited' ? 10_000 : Number(limit) - 500);
  } catch {
    return 1000;
  }
}

/** What a client that is then heard of no more may have said first. */
const lastWords: readonly (readonly [what: string, bytes: Buffer | string])[] = [
  ['nothing', ''],
  ['half a preface', 'PR'],
  ['half a request', head()],
  ['a request without its body', `${head('/v1/logs', { 'content-length': 1000 })}\r\nx`],
  ['a preface and its settings', hello],
];

test('ten thousand connections, or as many as may be, opened and left', async (context) => {
  const count = affordable();
  if (count < 10_000) context.annotate(`the limit of open files allows ${count} connections`);
  const left: RawConnection[] = [];
  for (let n = 0; n < count; ) {
    const wave: RawConnection[] = [];
    for (; wave.length < 200 && n < count; n++) {
      const raw = new RawConnection(bothPorts()[n % 2]!);
      raw.send(lastWords[n % lastWords.length]![1]);
      wave.push(raw);
    }
    await until('they are connected', () => wave.every(({ socket, closed }) => closed || !socket.connecting));
    left.push(...wave);
  }
  await scene.unharmed();
  // All but those of HTTP/2, which may be idle as long as they like, have promised something and not kept it.
  const mustGo = left.filter((_, n) => n % lastWords.length !== 4);
  await until('they are sent away', () => mustGo.every(({ closed }) => closed), 30_000);
  const stay = left.filter((_, n) => n % lastWords.length === 4);
  for (const { socket } of stay) socket.resetAndDestroy();
}, 60_000);

test('a request that comes a byte at a time is a request like any other', async () => {
  const request = Buffer.concat([Buffer.from(`${head('/v1/logs', { 'content-length': valid.length })}\r\n`), valid]);
  const http = await RawConnection.open(scene.sluice.ports.http);
  for (const byte of request) {
    http.send(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  await http.says(/^HTTP\/1.1 200 /);
  http.socket.destroy();

  const grpc = new RawClient(scene.sluice.ports.grpc);
  grpc.socket.setNoDelay(true);
  const call = Buffer.concat([
    hello,
    frame(f.HEADERS, f.FLAG_END_HEADERS, 1, grpcBlock({ ':path': path })),
    frame(f.DATA, f.FLAG_END_STREAM, 1, grpcMessage(valid)),
  ]);
  for (const byte of call) {
    grpc.send(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  expect((await grpc.reply(1))?.trailers['grpc-status']).toBe('0');
  grpc.close();
  scene.bystander.accepted.push('byte-by-byte', 'byte-by-byte');
});

test('a client that is too slow with its headers or its body is sent away', async () => {
  const slow: RawConnection[] = [];
  for (const port of bothPorts()) {
    for (const start of ['', 'P', 'PRI * HTTP', head(), `${head('/v1/logs', { 'content-length': 1000 })}\r\n`]) {
      const raw = await RawConnection.open(port);
      raw.send(start);
      slow.push(raw);
    }
    const raw = await RawConnection.open(port);
    raw.send(
      Buffer.concat([hello, frame(f.HEADERS, f.FLAG_END_HEADERS, 1, grpcBlock({ ':path': path })).subarray(0, 20)]),
    );
    slow.push(raw);
  }
  const drip = setInterval(() => {
    for (const raw of slow) raw.send('x');
  }, 250);
  try {
    // Those whose one byte was wrong are gone at once, the others when their time is up.
    await until('they are all sent away', () => slow.every(({ closed }) => closed));
  } finally {
    clearInterval(drip);
  }
});

test('a client that never reads its answers is cut', async () => {
  const raw = await RawConnection.open(scene.sluice.ports.http);
  raw.socket.pause();
  const requests = `${head('/v1/nonesuch', { 'content-length': 0 })}\r\n`.repeat(1000);
  // Who does not read learns of the end by writing.
  const flood = () => {
    if (raw.socket.writableLength < mib) raw.send(requests);
    return raw.closed;
  };
  await until('it is cut', flood, 30_000);
}, 40_000);

/** The first bytes of a client that wants TLS. */
function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => {
      socket
        .on('error', () => {})
        .once('data', (bytes: Buffer) => {
          socket.destroy();
          server.close();
          resolve(bytes);
        });
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      tls.connect({ port, host: '127.0.0.1' }).on('error', () => {});
    });
  });
}

test('a TLS hello on a port without TLS ends the connection, and is told once', async () => {
  const bytes = await clientHello();
  for (const port of bothPorts()) {
    for (const part of [bytes, bytes.subarray(0, 60), bytes.subarray(0, 1)]) {
      const raw = await RawConnection.open(port);
      raw.send(part);
      await raw.ends();
    }
  }
  expect(scene.sluice.stderr().match(/a client speaks TLS on a port without TLS/g)).toHaveLength(2);
});

test('half a TLS hello, or something else, on a port with TLS ends the connection in time', async (context) => {
  if (!certificates) return context.skip('there is no openssl to make certificates');
  const bytes = await clientHello();
  const port = scene.sluice.ports.health;
  const all: RawConnection[] = [];
  for (const part of [
    bytes.subarray(0, 60),
    bytes.subarray(0, 3),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    hello,
    Buffer.alloc(500, 22),
  ]) {
    for (let n = 0; n < 20; n++) {
      const raw = await RawConnection.open(port);
      raw.send(part);
      all.push(raw);
    }
  }
  await until('they are all sent away', () => all.every(({ closed }) => closed), 30_000);
  expect(scene.sluice.stderr()).toMatch(/plain text on a TLS port|TLS handshake failed/);
  const trusted = await new Promise<boolean>((resolve) => {
    const ca = readFileSync(certificates!.ca);
    const socket = tls.connect({ port, host: '127.0.0.1', ca }, () => resolve(socket.authorized));
    socket.on('error', () => resolve(false)).on('secureConnect', () => socket.destroy());
  });
  expect(trusted).toBe(true);
}, 40_000);

test('after all that: what was accepted has arrived once, the ledger balances, and memory is given back', async () => {
  await scene.theEnd(mayGrow);
}, 40_000);
