import { createHash, randomBytes } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../testkit/clock.ts';
import { compress } from '../compression.ts';
import * as f from './frames.ts';
import { frame, grpcBlock, grpcMessage, RawClient, type Reply, uint32 } from './testing/raw_client.ts';
import { holding, serve, type TestServer, until } from './testing/serve.ts';
import type { GrpcAnswer } from './types.ts';

const MiB = 1024 * 1024;
let server: TestServer;
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.stop();
  expect(server.memory.used).toBe(0);
});

async function open(): Promise<RawClient> {
  const client = await RawClient.open(server.port);
  clients.push(client);
  return client;
}

/** One call with these fields and this body; `last`: the client has ended its side. */
async function call(
  fields: Record<string, string>,
  body: Uint8Array,
  last = true,
  window = 0,
): Promise<Reply | undefined> {
  const client = await open();
  if (window > 0) {
    client.frame(f.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(window)]));
    client.frame(f.WINDOW_UPDATE, 0, 0, uint32(window));
  }
  client.frame(f.HEADERS, f.FLAG_END_HEADERS, 1, grpcBlock(fields));
  for (let at = 0; at < body.length || at === 0; at += 16_384) {
    const ends = last && at + 16_384 >= body.length;
    client.frame(f.DATA, ends ? f.FLAG_END_STREAM : 0, 1, body.subarray(at, at + 16_384));
  }
  return client.reply(1);
}

const status = (reply: Reply | undefined) => reply?.trailers['grpc-status'];

test('an OK answer is headers, a message and trailers; the first says which encodings are taken', async () => {
  server = await serve();
  const client = await open();
  client.call(1, Buffer.from('one'));
  const first = await client.reply(1);
  expect(first).toEqual({
    headers: {
      ':status': '200',
      'content-type': 'application/grpc',
      'grpc-accept-encoding': 'identity,gzip,zstd,deflate,snappy',
    },
    trailers: { 'grpc-status': '0' },
    body: grpcMessage(Buffer.from('one')),
  });
  client.call(3, Buffer.from('two'));
  expect((await client.reply(3))?.headers).toEqual({ ':status': '200', 'content-type': 'application/grpc' });
});

test('a refusal is Trailers-Only, its message percent-encoded and its details base64 without padding', async () => {
  const details = Buffer.from([8, 3, 18, 1]);
  const answer: GrpcAnswer = { code: 3, reason: 'not 100% "valid": naïve\nü', details };
  server = await serve({ methods: { '/test/No': async () => answer } });
  const reply = await call({ ':path': '/test/No' }, grpcMessage(Buffer.alloc(0)));
  expect(reply?.headers).toEqual({
    ':status': '200',
    'content-type': 'application/grpc',
    'grpc-status': '3',
    'grpc-message': 'not 100%25 "valid": na%C3%AFve%0A%C3%BC',
    'grpc-status-details-bin': details.toString('base64').replace(/=/g, ''),
  });
  expect(reply?.body.length).toBe(0);
});

test('what is no unary call is told so by its gRPC status', async () => {
  server = await serve({
    methods: {
      '/test/Throws': () => {
        throw new Error('bug');
      },
      '/test/Rejects': () => Promise.reject(new Error('bug')),
    },
  });
  const message = grpcMessage(Buffer.from('x'));
  const check = async (want: string, fields: Record<string, string>, body: Uint8Array) =>
    expect(status(await call(fields, body)), JSON.stringify(fields)).toBe(want);
  await check('12', { ':path': '/test/Unknown' }, message);
  await check('12', {}, new Uint8Array(0)); // no message
  await check('12', {}, Buffer.concat([message, message])); // two
  await check('13', {}, message.subarray(0, 3)); // half a prefix
  await check('13', {}, grpcMessage(Buffer.alloc(10)).subarray(0, 9)); // half a message
  await check('13', {}, grpcMessage(Buffer.alloc(10), 2)); // no such flag
  await check('13', {}, grpcMessage(Buffer.alloc(10), 1)); // compressed, and nobody says how
  await check('12', { 'grpc-encoding': 'br' }, grpcMessage(Buffer.alloc(10), 1));
  await check('0', { 'grpc-encoding': 'br' }, message); // not compressed: the name does not matter
  await check('13', { 'grpc-encoding': 'gzip' }, grpcMessage(Buffer.alloc(10), 1)); // not gzip
  await check('13', { ':path': '/test/Throws' }, message);
  await check('13', { ':path': '/test/Rejects' }, message);
});

test('a header list over the limit is RESOURCE_EXHAUSTED', async () => {
  server = await serve({ limits: { maxHeaderListBytes: 8000 } });
  expect(status(await call({ large: 'x'.repeat(9000) }, grpcMessage(Buffer.from('x'))))).toBe('8');
});

test('content types and methods: 415 and 405 where there is nobody for plain HTTP', async () => {
  server = await serve();
  const code = async (fields: Record<string, string>) =>
    (await call(fields, grpcMessage(Buffer.from('x'))))?.headers[':status'];
  expect(await code({ 'content-type': 'application/grpc+proto' })).toBe('200');
  expect(await code({ 'content-type': 'Application/gRPC;charset=utf-8' })).toBe('200');
  expect(await code({ 'content-type': 'application/grpc-web' })).toBe('415');
  expect(await code({ 'content-type': 'application/json' })).toBe('415');
  expect(await code({ ':method': 'GET' })).toBe('405');
});

test.each(['gzip', 'zstd', 'deflate', 'snappy'] as const)('grpc-encoding %s, and its limits', async (encoding) => {
  const digest = async (message: Uint8Array): Promise<GrpcAnswer> => ({ code: 0, message: sha256(message) });
  server = await serve({ limits: { maxMessageBytes: MiB }, methods: { '/test/Digest': digest } });
  const send = async (plain: Uint8Array) =>
    call({ ':path': '/test/Digest', 'grpc-encoding': encoding }, grpcMessage(await compress(encoding, plain), 1));
  for (const plain of [Buffer.from('x'), Buffer.alloc(MiB, 7), randomBytes(100_000)]) {
    expect((await send(plain))?.body.subarray(5)).toEqual(sha256(plain));
  }
  expect(status(await send(Buffer.alloc(MiB + 1)))).toBe('8');
  expect(server.memory.used).toBe(0);
});

test('a message over the limit is refused when its length is known, before it is sent', async () => {
  server = await serve();
  const client = await open();
  client.frame(f.HEADERS, f.FLAG_END_HEADERS, 1, grpcBlock());
  client.frame(f.DATA, 0, 1, Buffer.from([0, 0, 0x40, 0, 1]));
  expect(status(await client.reply(1))).toBe('8');
  const reset = await client.find((one) => one.type === f.RST_STREAM);
  expect(reset?.payload.readUInt32BE(0)).toBe(f.NO_ERROR); // the client may stop
  client.frame(f.DATA, f.FLAG_END_STREAM, 1, Buffer.alloc(16_384)); // was under way
  client.call(3, Buffer.from('next'));
  expect(status(await client.reply(3))).toBe('0');
});

test('without memory a call is UNAVAILABLE with RetryInfo, and the next one that fits is served', async () => {
  const { handle, held } = holding();
  server = await serve({ memoryBytes: 1000, methods: { '/test/Hold': handle } });
  const client = await open();
  client.call(1, Buffer.alloc(600), { ':path': '/test/Hold' });
  await until(() => held.length === 1);
  expect(server.memory.used).toBe(600);
  client.call(3, Buffer.alloc(600));
  const refused = await client.reply(3);
  expect(status(refused)).toBe('14');
  const details = Buffer.from(refused!.trailers['grpc-status-details-bin']!, 'base64');
  expect(details.includes('type.googleapis.com/google.rpc.RetryInfo')).toBe(true);
  held[0]!.answer({ code: 0, message: Buffer.alloc(0) });
  await client.reply(1);
  expect(server.memory.used).toBe(0);
  client.call(5, Buffer.alloc(600));
  expect(status(await client.reply(5))).toBe('0');
  expect(server.memory.peak).toBe(600);
});

test('messages that are announced and never sent leave room for those that are', async () => {
  server = await serve({ memoryBytes: 10 * MiB });
  const liar = await open();
  for (let id = 1; id < 100; id += 2) {
    liar.frame(f.HEADERS, f.FLAG_END_HEADERS, id, grpcBlock());
    liar.frame(f.DATA, 0, id, grpcMessage(Buffer.alloc(4 * MiB)).subarray(0, 5));
  }
  await until(() => server.memory.used > 4 * MiB + 40 * 16 * 1024);
  expect(server.memory.used).toBeLessThan(6 * MiB);
  expect((await call({}, grpcMessage(Buffer.alloc(1_500_000)), true, 2_000_000))?.trailers['grpc-status']).toBe('0');
});

test('the inflated size counts too', async () => {
  server = await serve({ memoryBytes: 100_000 });
  const packed = await compress('gzip', Buffer.alloc(200_000));
  expect(status(await call({ 'grpc-encoding': 'gzip' }, grpcMessage(packed, 1)))).toBe('14');
});

test('the window of a stream opens as far as the message, when there is memory for it', async () => {
  server = await serve();
  const client = await open();
  client.frame(f.HEADERS, f.FLAG_END_HEADERS, 1, grpcBlock());
  client.frame(f.DATA, 0, 1, grpcMessage(Buffer.alloc(MiB)).subarray(0, 5));
  const update = await client.find((one) => one.type === f.WINDOW_UPDATE && one.id === 1);
  expect(update?.payload.readUInt32BE(0)).toBe(MiB + 5 - f.DEFAULT_WINDOW);
  expect(server.memory.used).toBe(MiB);
});

test('a call may be refused after its headers and before its body, at once or later', async () => {
  const no: GrpcAnswer = { code: 16, reason: 'who are you?' };
  const handle = async (message: Uint8Array): Promise<GrpcAnswer> => ({ code: 0, message });
  server = await serve({
    methods: {
      '/test/Now': { admit: () => no, handle },
      '/test/Later': { admit: () => Promise.resolve(no), handle },
      '/test/Yes': { admit: () => Promise.resolve(undefined), handle },
      '/test/Throws': {
        admit: () => {
          throw new Error('bug');
        },
        handle,
      },
    },
  });
  expect(status(await call({ ':path': '/test/Now' }, new Uint8Array(0), false))).toBe('16');
  expect(status(await call({ ':path': '/test/Later' }, new Uint8Array(0), false))).toBe('16');
  expect(status(await call({ ':path': '/test/Throws' }, new Uint8Array(0), false))).toBe('13');
  expect(status(await call({ ':path': '/test/Yes' }, grpcMessage(Buffer.alloc(60_000))))).toBe('0');
});

test('while admit thinks, the window stays shut and a short body waits', async () => {
  let admit: (answer: undefined) => void = () => {};
  const thinking = {
    admit: () => new Promise<undefined>((resolve) => (admit = resolve)),
    handle: async (message: Uint8Array): Promise<GrpcAnswer> => ({ code: 0, message }),
  };
  server = await serve({ methods: { '/test/Thinking': thinking } });
  const client = await open();
  client.call(1, Buffer.from('short'), { ':path': '/test/Thinking' });
  client.frame(f.PING, 0, 0, Buffer.alloc(8));
  await client.find((one) => one.type === f.PING);
  expect(client.frames.some((one) => one.id === 1)).toBe(false);
  admit(undefined);
  expect((await client.reply(1))?.body.subarray(5).toString()).toBe('short');
});

test('more calls than the limit are refused in a way that is safe to retry', async () => {
  const { handle, held } = holding();
  server = await serve({ methods: { '/test/Hold': handle }, limits: { maxConcurrentStreams: 2 } });
  const client = await open();
  for (const id of [1, 3, 5]) client.call(id, Buffer.from('x'), { ':path': '/test/Hold' });
  expect((await client.reply(5))?.reset).toBe(f.REFUSED_STREAM);
  for (const { answer } of held) answer({ code: 0, message: Buffer.alloc(0) });
  expect(status(await client.reply(3))).toBe('0');
});

test('grpc-timeout: the handler is told, the client gets DEADLINE_EXCEEDED, the bytes stay counted until it settles', async () => {
  const clock = new FakeClock();
  const { handle, held } = holding();
  server = await serve({ clock, methods: { '/test/Hold': handle } });
  const client = await open();
  client.call(1, Buffer.from('late'), { ':path': '/test/Hold', 'grpc-timeout': '500m' });
  await until(() => held.length === 1 && clock.timers > 1);
  expect(held[0]!.call.abort.aborted).toBe(false);
  await clock.advance(501);
  expect(status(await client.reply(1))).toBe('4');
  expect(held[0]!.call.abort.aborted).toBe(true);
  expect(server.memory.used).toBe(4);
  held[0]!.answer({ code: 0, message: Buffer.alloc(0) });
  await until(() => server.memory.used === 0);
});

test('a reset in the middle of a body, and a connection that is lost, free what they held and tell the handler', async () => {
  const { handle, held } = holding();
  server = await serve({ methods: { '/test/Hold': handle } });
  const client = await open();
  client.frame(f.HEADERS, f.FLAG_END_HEADERS, 1, grpcBlock());
  client.frame(f.DATA, 0, 1, grpcMessage(Buffer.alloc(1000)).subarray(0, 500));
  await until(() => server.memory.used === 1000);
  client.frame(f.RST_STREAM, 0, 1, uint32(f.CANCEL));
  await until(() => server.memory.used === 0);
  client.call(3, Buffer.from('x'), { ':path': '/test/Hold' });
  client.frame(f.HEADERS, f.FLAG_END_HEADERS, 5, grpcBlock());
  client.frame(f.DATA, 0, 5, grpcMessage(Buffer.alloc(1000)).subarray(0, 500));
  await until(() => held.length === 1 && server.memory.used === 1001);
  client.close();
  await until(() => server.memory.used === 1 && server.h2.connections === 0);
  expect(held[0]!.call.abort.aborted).toBe(true);
  held[0]!.answer({ code: 0, message: Buffer.alloc(0) });
  await until(() => server.memory.used === 0);
});

test('the head of a call: path, peer, headers, metadata with repeated names', async () => {
  let head: unknown;
  server = await serve({
    methods: {
      '/test/Meta': async (message, call) => {
        head = [call.header('X-One'), call.header('none'), call.metadata().get('x-one'), call.peer];
        return { code: 0, message };
      },
    },
  });
  const client = await open();
  client.frame(
    f.HEADERS,
    f.FLAG_END_HEADERS,
    1,
    Buffer.concat([grpcBlock({ ':path': '/test/Meta', 'x-one': 'a' }), Buffer.from('0005782d6f6e650162', 'hex')]),
  );
  client.frame(f.DATA, f.FLAG_END_STREAM, 1, grpcMessage(Buffer.from('x')));
  await client.reply(1);
  const local = client.socket.address() as { address: string; port: number };
  expect(head).toEqual(['a, b', undefined, ['a', 'b'], `${local.address}:${local.port}`]);
});

test('an answer larger than the windows is sent as they open', async () => {
  server = await serve();
  const client = await open();
  const message = randomBytes(200_000);
  const body = grpcMessage(message);
  client.frame(f.HEADERS, f.FLAG_END_HEADERS, 1, grpcBlock());
  for (let at = 0; at < body.length; at += 16_384) {
    client.frame(f.DATA, at + 16_384 >= body.length ? f.FLAG_END_STREAM : 0, 1, body.subarray(at, at + 16_384));
  }
  await until(() => received(client) === f.DEFAULT_WINDOW);
  client.frame(f.WINDOW_UPDATE, 0, 0, uint32(1_000_000));
  client.frame(f.WINDOW_UPDATE, 0, 1, uint32(10_000));
  await until(() => received(client) === f.DEFAULT_WINDOW + 10_000);
  client.frame(f.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(500_000)]));
  expect((await client.reply(1))?.body.equals(body)).toBe(true);
});

test('answers of one turn leave in the order of their calls, whatever the handlers do', async () => {
  server = await serve();
  const client = await open();
  for (let id = 1; id < 400; id += 2) client.call(id, Buffer.from(String(id)));
  await client.reply(399);
  const ids = client.frames.filter((one) => one.type === f.DATA).map((one) => one.id);
  expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  expect(ids.length).toBe(200);
});

test('a kept message does not keep the read it came in', async () => {
  server = await serve();
  const client = await open();
  const parts: Buffer[] = [];
  for (let id = 1; id < 200; id += 2) {
    parts.push(
      frame(f.HEADERS, f.FLAG_END_HEADERS, id, grpcBlock()),
      frame(f.DATA, f.FLAG_END_STREAM, id, grpcMessage(Buffer.alloc(300, id))),
    );
  }
  client.send(...parts);
  await client.reply(199);
  const held = new Set(server.seen.map((message) => message.buffer));
  const bytes = [...held].reduce((sum, buffer) => sum + buffer.byteLength, 0);
  expect(bytes).toBeLessThan(2 * 100 * 300);
});

test('the health service tells what serves', async () => {
  server = await serve({ serving: (service) => (service === '' ? true : service === 'down' ? false : undefined) });
  const check = async (service: string) => {
    const name = Buffer.from(service);
    const request = name.length === 0 ? name : Buffer.concat([Buffer.from([10, name.length]), name]);
    const reply = await call({ ':path': '/grpc.health.v1.Health/Check' }, grpcMessage(request));
    return status(reply) === '0' ? reply!.body[6] : status(reply);
  };
  expect(await check('')).toBe(1);
  expect(await check('down')).toBe(2);
  expect(await check('nobody')).toBe('5');
  expect(status(await call({ ':path': '/grpc.health.v1.Health/Watch' }, grpcMessage(Buffer.alloc(0))))).toBe('12');
});

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

function received(client: RawClient): number {
  return client.frames.filter((one) => one.type === f.DATA).reduce((sum, one) => sum + one.payload.length, 0);
}
