import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import zlib from 'node:zlib';
import snappy from 'snappy';
import { afterEach, expect, test, vi } from 'vitest';
import type { Component, Host } from '../../internal/core/component.ts';
import { type Consumer, noContext } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import { decodeJson } from '../../internal/otlp/json.ts';
import { Payload, type Signal } from '../../internal/otlp/payload.ts';
import { encodeExportResponse } from '../../internal/otlp/response.ts';
import { type TestSettings, testSettings } from '../../internal/testkit/settings.ts';
import { idsOf, stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** One try and its outcome: no queue, no retry. */
const bare = { sending_queue: { enabled: false }, retry_on_failure: { enabled: false }, compression: 'none' };

interface Seen {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** An HTTP server that remembers what it got; `answer` is asked once the body is in. */
class Backend {
  readonly seen: Seen[] = [];
  answer: (response: ServerResponse, request: IncomingMessage) => void = (response) => response.end();
  connections = 0;
  readonly server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      this.seen.push({ url: request.url!, headers: request.headers, body: Buffer.concat(parts) });
      this.answer(response, request);
    });
  }).on('connection', () => {
    this.connections += 1;
  });

  async listen(port = 0): Promise<this> {
    await listening(this.server, port);
    cleanups.push(() => this.stop());
    return this;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  ids(signal: Signal = 'traces'): string[] {
    return this.seen.flatMap(({ body }) => idsOf(new Payload(signal, [body], 0, body.length)));
  }
}

function listening(server: Server | TcpServer, port = 0): Promise<void> {
  return new Promise((ready) => server.listen(port, '127.0.0.1', ready));
}

/** A server that speaks bytes: for what no HTTP server would send. */
async function tcp(onData: (socket: Socket, connection: number) => void): Promise<string> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    const connection = ++connections;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.on('data', () => onData(socket, connection));
  });
  await listening(server);
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function started(
  config: Record<string, unknown>,
  settings: TestSettings = testSettings(),
  extensions: Record<string, Component> = {},
): Promise<Consumer & Component> {
  const component = factory.create(settings, schema.parse(config));
  cleanups.push(() => component.shutdown?.(AbortSignal.abort()));
  await component.start?.({ extension: (id) => extensions[id] } as Partial<Host> as Host);
  return component;
}

test.each<Signal>(['traces', 'metrics', 'logs'])('%s arrive at their path, each item once', async (signal) => {
  const backend = await new Backend().listen();
  const exporter = await started({ ...bare, endpoint: backend.url }, testSettings({ signal }));
  const batch = Payload.concat(signal, [stamped(signal, ['a', 'b']), stamped(signal, ['c'])]);
  expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
  expect(backend.seen[0]!.url).toBe(`/v1/${signal}`);
  expect(backend.seen[0]!.headers['content-type']).toBe('application/x-protobuf');
  expect(backend.ids(signal)).toEqual(['a', 'b', 'c']);
});

test('the path of the endpoint stays, and a signal may have a URL of its own', async () => {
  const backend = await new Backend().listen();
  const config = { ...bare, endpoint: `${backend.url}/otlp/`, logs_endpoint: `${backend.url}/insert/logs?x=1` };
  for (const signal of ['traces', 'logs'] as const) {
    const exporter = await started(config, testSettings({ signal }));
    await exporter.consume(stamped(signal, ['a']), noContext);
  }
  expect(backend.seen.map(({ url }) => url)).toEqual(['/otlp/v1/traces', '/insert/logs?x=1']);
});

test('large chunks are sent one after the other and arrive as one body', async () => {
  const backend = await new Backend().listen();
  const exporter = await started({ ...bare, endpoint: backend.url });
  const parts = ['a', 'b', 'c'].map((id) => stamped('traces', [id.repeat(300_000)]));
  await exporter.consume(Payload.concat('traces', parts), noContext);
  expect(backend.ids()).toEqual(['a', 'b', 'c'].map((id) => id.repeat(300_000)));
  expect(backend.seen[0]!.headers['content-length']).toBe(String(backend.seen[0]!.body.length));
});

test.each([
  ['gzip', zlib.gunzipSync],
  ['zstd', zlib.zstdDecompressSync],
  ['deflate', zlib.inflateSync],
  ['zlib', zlib.inflateSync],
  ['snappy', (body: Buffer) => snappy.uncompressSync(body) as Buffer],
] as const)('compression: %s is named and undone by the library of that format', async (compression, undo) => {
  const backend = await new Backend().listen();
  const exporter = await started({ ...bare, compression, endpoint: backend.url });
  const parts = Array.from({ length: 50 }, (_, i) => stamped('traces', [`GET /checkout/${i}`]));
  const batch = Payload.concat('traces', parts);
  expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
  const { headers, body } = backend.seen[0]!;
  expect(headers['content-encoding']).toBe(compression);
  expect(body.length).toBeLessThan(batch.byteLength);
  expect(undo(body).equals(Buffer.concat(batch.chunks))).toBe(true);
});

test('gzip is the default, and a level makes it smaller', async () => {
  const backend = await new Backend().listen();
  const text = Array.from({ length: 2000 }, (_, i) => `GET /orders/${(i * 7919) % 1000}`);
  for (const compression_params of [undefined, { level: 9 }]) {
    const exporter = await started({ ...bare, compression: undefined, compression_params, endpoint: backend.url });
    await exporter.consume(stamped('traces', text), noContext);
  }
  const [fast, small] = backend.seen as [Seen, Seen];
  expect(fast.headers['content-encoding']).toBe('gzip');
  expect(small.body.length).toBeLessThan(fast.body.length);
});

test.each([
  ['gzip', 10, 'at most 9'],
  ['snappy', 1, 'no levels'],
])('compression: %s refuses level %d', (compression, level, wrong) => {
  const config = { endpoint: 'http://localhost:4318', compression, compression_params: { level } };
  expect(schema.safeParse(config).error?.issues[0]?.message).toContain(wrong);
});

test('encoding: json sends OTLP/JSON', async () => {
  const backend = await new Backend().listen();
  const exporter = await started({ ...bare, encoding: 'json', endpoint: backend.url });
  await exporter.consume(stamped('traces', ['a']), noContext);
  expect(backend.seen[0]!.headers['content-type']).toBe('application/json');
  const { resourceSpans } = JSON.parse(backend.seen[0]!.body.toString());
  expect(resourceSpans[0].scopeSpans[0].spans[0].name).toBe('a');
});

test.each(['none', 'gzip'])('a large batch as JSON is one document, compression %s', async (compression) => {
  const backend = await new Backend().listen();
  const exporter = await started({ ...bare, compression, encoding: 'json', endpoint: backend.url });
  const ids = Array.from({ length: 3000 }, (_, i) => `id-${i}`);
  expect(await exporter.consume(stamped('traces', ids), noContext)).toEqual({ status: 'accepted' });
  const { body } = backend.seen[0]!;
  const batch = decodeJson('traces', compression === 'gzip' ? zlib.gunzipSync(body) : body);
  expect(idsOf(batch as Payload)).toEqual(ids);
});

test('headers of the configuration and of the authenticator go with each request, the latter asked anew', async () => {
  const backend = await new Backend().listen();
  let token = 0;
  const authenticator = { headers: () => ({ authorization: `Bearer ${++token}` }) } as Component;
  const config = { ...bare, endpoint: backend.url, headers: { 'X-Tenant': 'blue', Host: 'otlp.example' } };
  const exporter = await started({ ...config, auth: { authenticator: 'it' } }, testSettings(), { it: authenticator });
  for (const id of ['a', 'b']) await exporter.consume(stamped('traces', [id]), noContext);
  expect(backend.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
  expect(backend.seen[0]!.headers).toMatchObject({ 'x-tenant': 'blue', host: 'otlp.example' });
  expect(backend.seen[0]!.headers['user-agent']).toMatch(/^sluice\/0\.0\.0 /);
});

async function outcomeOf(answer: Backend['answer']): Promise<Outcome> {
  const backend = await new Backend().listen();
  backend.answer = answer;
  const exporter = await started({ ...bare, endpoint: backend.url });
  return exporter.consume(stamped('traces', ['a', 'b', 'c']), noContext);
}

test('connections are kept and used again', async () => {
  const backend = await new Backend().listen();
  const exporter = await started({ ...bare, endpoint: backend.url });
  for (let i = 0; i < 20; i++) await exporter.consume(stamped('traces', ['a']), noContext);
  expect(backend.connections).toBe(1);
});

test('shutdown closes the connections', async () => {
  const backend = await new Backend().listen();
  const exporter = await started({ ...bare, endpoint: backend.url });
  await exporter.consume(stamped('traces', ['a']), noContext);
  const open = () => new Promise<number>((done) => backend.server.getConnections((_, count) => done(count)));
  expect(await open()).toBe(1);
  await exporter.shutdown?.(new AbortController().signal);
  await expect.poll(open).toBe(0);
});

test('disable_keep_alives makes a connection for each request', async () => {
  const backend = await new Backend().listen();
  const exporter = await started({ ...bare, disable_keep_alives: true, endpoint: backend.url });
  for (let i = 0; i < 3; i++) await exporter.consume(stamped('traces', ['a']), noContext);
  expect(backend.connections).toBe(3);
});

test('503 with Retry-After is retryable after that time', async () => {
  const outcome = await outcomeOf((response) => response.writeHead(503, { 'retry-after': '7' }).end());
  expect(outcome).toMatchObject({ status: 'retryable', retryAfterMs: 7000 });
});

test.each([
  [429, 'retryable'],
  [502, 'retryable'],
  [504, 'retryable'],
  [400, 'permanent'],
  [401, 'permanent'],
  [404, 'permanent'],
  [413, 'permanent'],
  [500, 'permanent'],
])('HTTP %d is %s', async (status, wanted) => {
  expect(await outcomeOf((response) => response.writeHead(status).end('why'))).toMatchObject({ status: wanted });
});

test('400 with a google.rpc.Status tells its message', async () => {
  const message = Buffer.from('span id is empty');
  const status = Buffer.concat([Buffer.from([0x08, 3, 0x12, message.length]), message]);
  const outcome = await outcomeOf((response) => {
    response.writeHead(400, { 'content-type': 'application/x-protobuf' }).end(status);
  });
  expect(outcome).toMatchObject({ status: 'permanent', code: 'invalid', reason: 'HTTP 400: span id is empty' });
});

test('a partial success tells how many items were rejected, and why', async () => {
  const body = encodeExportResponse('traces', { rejectedItems: 2, message: 'too old' });
  const outcome = await outcomeOf((response) => {
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(body);
  });
  expect(outcome).toEqual({ status: 'accepted', rejectedItems: 2, reason: 'too old' });
});

test('a redirect is refused with the URL to use instead', async () => {
  const outcome = await outcomeOf((response) => response.writeHead(308, { location: 'https://b.example/' }).end());
  expect(outcome).toMatchObject({ status: 'permanent', reason: expect.stringContaining('https://b.example/') });
});

test('a web page that says 200 is no acceptance', async () => {
  const outcome = await outcomeOf((response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'));
  expect(outcome).toMatchObject({ status: 'permanent', reason: expect.stringContaining('web page') });
});

test.each([{ compression: 'gzip' }, { encoding: 'json' }, { encoding: 'json', compression: 'gzip' }])(
  'with %o, a request under way counts in the memory budget, and no longer',
  async (config) => {
    const server = await new Backend().listen();
    const settings = testSettings();
    const held: number[] = [];
    server.answer = (response) => {
      held.push(settings.memory.copies);
      if (held.length === 1) response.end();
      else response.destroy();
    };
    const exporter = await started({ ...bare, ...config, endpoint: server.url }, settings);
    const batch = Payload.concat('traces', [stamped('traces', ['a', 'b']), stamped('traces', ['c'])]);
    expect((await exporter.consume(batch, noContext)).status).toBe('accepted');
    expect((await exporter.consume(batch, noContext)).status).toBe('retryable');
    expect(held[0]).toBeGreaterThanOrEqual(server.seen[0]!.body.length);
    expect(settings.memory.copies).toBe(0);
  },
);

test('small chunks are copied together, and the copy counts in the memory budget while it is under way', async () => {
  const server = await new Backend().listen();
  const settings = testSettings();
  let held = 0;
  server.answer = (response) => {
    held = settings.memory.copies;
    response.end();
  };
  const exporter = await started({ ...bare, endpoint: server.url }, settings);
  const batch = Payload.concat('traces', [stamped('traces', ['a', 'b']), stamped('traces', ['c'])]);
  expect((await exporter.consume(batch, noContext)).status).toBe('accepted');
  expect([held, settings.memory.copies]).toEqual([batch.byteLength, 0]);
});

test('an endless answer is cut off and does not grow the memory', async () => {
  let sent = 0;
  const outcome = await outcomeOf((response) => {
    response.writeHead(400, { 'content-type': 'text/plain' });
    const more = () => {
      while (!response.destroyed && sent < 64 * 1024 * 1024 && response.write('x'.repeat(16_384))) sent += 16_384;
    };
    response.on('drain', more);
    more();
  });
  expect(outcome).toMatchObject({ status: 'permanent', code: 'invalid' });
  expect(sent).toBeLessThan(32 * 1024 * 1024);
});

test('a refused connection is retryable and names the address', async () => {
  const backend = await new Backend().listen();
  const { url, port } = backend;
  backend.stop();
  const exporter = await started({ ...bare, endpoint: url });
  const outcome = await exporter.consume(stamped('traces', ['a']), noContext);
  expect(outcome).toMatchObject({ status: 'retryable' });
  expect((outcome as { reason: string }).reason).toContain(`connect ECONNREFUSED 127.0.0.1:${port}`);
});

test('a name with several addresses names each that refused', async () => {
  const backend = await new Backend().listen();
  const { port } = backend;
  backend.stop();
  const exporter = await started({ ...bare, endpoint: `http://localhost:${port}` });
  const outcome = await exporter.consume(stamped('traces', ['a']), noContext);
  expect((outcome as { reason: string }).reason).toContain(`ECONNREFUSED 127.0.0.1:${port}`);
});

test('a backend that never answers is given up after the timeout, and its connection is closed', async () => {
  const backend = await new Backend().listen();
  let closed = false;
  backend.answer = (_, request) => {
    request.socket.once('close', () => {
      closed = true;
    });
  };
  const settings = testSettings();
  const exporter = await started({ ...bare, endpoint: backend.url }, settings);
  const outcome = exporter.consume(stamped('traces', ['a']), noContext);
  await vi.waitFor(() => expect(backend.seen).toHaveLength(1), 10_000);
  await settings.clock.advance(30_000);
  expect(await outcome).toMatchObject({ status: 'retryable', reason: expect.stringContaining('30000 ms') });
  await vi.waitFor(() => expect(closed).toBe(true), 10_000);
});

test('a connection that breaks in the middle of the answer is retryable', async () => {
  const url = await tcp((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'));
  const exporter = await started({ ...bare, endpoint: url });
  expect(await exporter.consume(stamped('traces', ['a']), noContext)).toMatchObject({ status: 'retryable' });
});

test('a connection that breaks before the answer is retryable, in words', async () => {
  const url = await tcp((socket) => socket.destroy());
  const exporter = await started({ ...bare, endpoint: url });
  const outcome = await exporter.consume(stamped('traces', ['a']), noContext);
  expect(outcome).toMatchObject({ status: 'retryable', reason: expect.stringContaining('closed the connection') });
});

test('a kept connection that dies under a request costs no retry: the request goes again on a new one', async () => {
  let requests = 0;
  const url = await tcp((socket, connection) => {
    requests += 1;
    if (connection === 1 && requests > 1) socket.resetAndDestroy();
    else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  });
  const exporter = await started({ ...bare, endpoint: url });
  expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  expect(await exporter.consume(stamped('traces', ['b']), noContext)).toEqual({ status: 'accepted' });
  expect(requests).toBe(3);
});

test('the gRPC port is recognised by its answer', async () => {
  // The SETTINGS frame that every HTTP/2 server begins with.
  const url = await tcp((socket) => socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])));
  const exporter = await started({ ...bare, endpoint: url });
  const outcome = await exporter.consume(stamped('traces', ['a']), noContext);
  expect(outcome).toMatchObject({ status: 'retryable', reason: expect.stringContaining('otlp_grpc') });
});

test('nothing accepted is lost while the backend is killed and restarted', async () => {
  const before = await new Backend().listen();
  const { url, port } = before;
  const settings = testSettings();
  const exporter = await started(
    { compression: 'none', endpoint: url, retry_on_failure: { max_elapsed_time: '0s' } },
    settings,
  );
  await exporter.consume(stamped('traces', ['before']), noContext);
  await vi.waitFor(() => expect(before.seen).toHaveLength(1), 10_000);
  before.stop();
  for (const id of ['while-1', 'while-2']) await exporter.consume(stamped('traces', [id]), noContext);
  await vi.waitFor(() => expect(settings.reports.at(-1)).toMatchObject({ status: 'recoverable_error' }), 10_000);
  const after = await new Backend().listen(port);
  await vi.waitFor(
    async () => {
      await settings.clock.advance(5000);
      expect(new Set(after.ids())).toEqual(new Set(['while-1', 'while-2']));
    },
    { timeout: 15_000, interval: 50 },
  );
});

test('no endpoint at all is refused, and one for the wrong signal when the pipeline is built', () => {
  expect(schema.safeParse({}).error?.issues[0]?.message).toContain('expected a URL');
  expect(schema.safeParse({ endpoint: 'localhost:4318' }).error?.issues[0]?.message).toContain('expected a URL');
  const logsOnly = schema.parse({ logs_endpoint: 'http://localhost:4318/v1/logs' });
  expect(() => factory.create(testSettings(), logsOnly)).toThrow(/traces_endpoint/);
});
