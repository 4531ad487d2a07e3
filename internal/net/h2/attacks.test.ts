import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../testkit/clock.ts';
import * as f from './frames.ts';
import { frame, grpcBlock, grpcMessage, hello, RawClient, uint32 } from './testing/raw_client.ts';
import { holding, serve, type TestServer, until } from './testing/serve.ts';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.stop();
  expect(server?.memory.used).toBe(0);
  expect(server?.h2.connections).toBe(0);
});

const HEADERS_END = f.FLAG_END_HEADERS;
const CALM = f.ENHANCE_YOUR_CALM;
/** Far more than any limit lets through. */
const MANY = 20_000;

/** Sends what a hostile client sends, and expects the connection to end with this code, other clients unharmed. */
async function endsWith(code: number, attack: (client: RawClient) => void): Promise<void> {
  const bystander = await RawClient.open(server!.port);
  const client = await RawClient.open(server!.port);
  attack(client);
  expect(await client.goodbye()).toMatchObject({ code });
  bystander.call(1, Buffer.from('still here'));
  expect((await bystander.reply(1))?.trailers['grpc-status']).toBe('0');
  bystander.close();
}

function repeated(count: number, make: (index: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));
}

test('rapid reset (CVE-2023-44487): calls opened and reset at once', async () => {
  server = await serve();
  await endsWith(CALM, (client) =>
    client.send(
      repeated(MANY, (index) =>
        Buffer.concat([
          frame(f.HEADERS, HEADERS_END, 1 + 2 * index, grpcBlock()),
          frame(f.RST_STREAM, 0, 1 + 2 * index, uint32(f.CANCEL)),
        ]),
      ),
    ),
  );
});

test('rapid reset of whole calls runs no more handlers at a time than there may be streams', async () => {
  const { handle, held } = holding();
  server = await serve({ methods: { '/test/Hold': handle }, limits: { maxConcurrentStreams: 50 } });
  await endsWith(CALM, (client) =>
    client.send(
      repeated(MANY / 10, (index) =>
        Buffer.concat([
          frame(f.HEADERS, HEADERS_END, 1 + 2 * index, grpcBlock({ ':path': '/test/Hold' })),
          frame(f.DATA, f.FLAG_END_STREAM, 1 + 2 * index, grpcMessage(Buffer.alloc(100))),
          frame(f.RST_STREAM, 0, 1 + 2 * index, uint32(f.CANCEL)),
        ]),
      ),
    ),
  );
  expect(held.length).toBe(50);
  expect(server.memory.used).toBe(50 * 100); // theirs until they settle
  for (const { answer, call } of held) {
    expect(call.abort.aborted).toBe(true);
    answer({ code: 0, message: Buffer.alloc(0) });
  }
  await until(() => server!.memory.used === 0);
});

test('made you reset (CVE-2025-8671): frames that make the server reset, instead of the client', async () => {
  server = await serve();
  await endsWith(CALM, (client) =>
    client.send(
      repeated(MANY, (index) =>
        Buffer.concat([
          frame(f.HEADERS, HEADERS_END, 1 + 2 * index, grpcBlock()),
          frame(f.WINDOW_UPDATE, 0, 1 + 2 * index, uint32(0)),
        ]),
      ),
    ),
  );
});

test('malformed requests without end', async () => {
  server = await serve();
  await endsWith(CALM, (client) =>
    client.send(repeated(MANY, (index) => frame(f.HEADERS, HEADERS_END, 1 + 2 * index, grpcBlock({ Upper: 'x' })))),
  );
});

test('a CONTINUATION flood that would be a header list without end', async () => {
  server = await serve();
  await endsWith(CALM, (client) => {
    client.frame(f.HEADERS, 0, 1, grpcBlock());
    client.send(repeated(100, () => frame(f.CONTINUATION, 0, 1, Buffer.alloc(16_384, 0x82))));
  });
});

test('a CONTINUATION flood of empty frames', async () => {
  server = await serve();
  await endsWith(CALM, (client) => {
    client.frame(f.HEADERS, 0, 1, grpcBlock());
    client.send(repeated(MANY, () => frame(f.CONTINUATION, 0, 1)));
  });
});

test('a header block that is left open', async () => {
  const clock = new FakeClock();
  server = await serve({ clock });
  const client = await RawClient.open(server.port);
  client.frame(f.HEADERS, 0, 1, grpcBlock());
  client.frame(f.CONTINUATION, 0, 1, Buffer.from([0x82]));
  await until(() => server!.memory.used > 0);
  await clock.advance(11_000);
  expect(await passing(client, clock)).toMatchObject({ code: CALM });
});

test('an HPACK bomb: 4 KB in the table, named again and again', async () => {
  server = await serve();
  const client = await RawClient.open(server.port);
  const entry = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0x81, 0x1e]), Buffer.alloc(3968, 0x62)]);
  client.frame(f.HEADERS, HEADERS_END, 1, Buffer.concat([grpcBlock(), entry]));
  client.frame(f.HEADERS, HEADERS_END, 3, Buffer.concat([grpcBlock(), Buffer.alloc(10_000, 0xbe)]));
  expect((await client.reply(3))?.trailers).toMatchObject({ 'grpc-status': '8' });
  client.call(5, Buffer.from('the table is still right'), {});
  expect((await client.reply(5))?.trailers['grpc-status']).toBe('0');
  client.close();
});

test('huge and overflowing HPACK integers', async () => {
  server = await serve();
  for (const block of ['ffffffffffffffff7f', '3fffffffff7f', '007fffffffff7f']) {
    await endsWith(f.COMPRESSION_ERROR, (client) => client.frame(f.HEADERS, HEADERS_END, 1, Buffer.from(block, 'hex')));
  }
});

test('games with the size of the dynamic table', async () => {
  server = await serve();
  await endsWith(f.COMPRESSION_ERROR, (client) =>
    client.frame(f.HEADERS, HEADERS_END, 1, Buffer.concat([Buffer.from('3fe2ffff0f', 'hex'), grpcBlock()])),
  );
  // shrinking and growing all the time is allowed, and bounded by the block
  const client = await RawClient.open(server.port);
  const updates = repeated(1000, () => Buffer.from('203fe11f', 'hex'));
  client.send(frame(f.HEADERS, HEADERS_END, 1, Buffer.concat([updates, grpcBlock()])));
  client.frame(f.DATA, f.FLAG_END_STREAM, 1, grpcMessage(Buffer.from('x')));
  expect((await client.reply(1))?.trailers['grpc-status']).toBe('0');
  client.close();
});

const floods: readonly (readonly [string, (index: number) => Buffer])[] = [
  ['SETTINGS', (index) => frame(f.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(index)]))],
  ['PRIORITY', (index) => frame(f.PRIORITY, 0, 1 + 2 * index, Buffer.concat([uint32(0), Buffer.from([1])]))],
  ['WINDOW_UPDATE', () => frame(f.WINDOW_UPDATE, 0, 0, uint32(1))],
  ['unknown frames', () => frame(0xbe, 0, 0, Buffer.from('x'))],
  ['GOAWAY', () => frame(f.GOAWAY, 0, 0, uint32(0, 0))],
  ['PING', () => frame(f.PING, 0, 0, Buffer.alloc(8))],
];
test.each(floods)('a flood of %s', async (_name, make) => {
  server = await serve();
  await endsWith(CALM, (client) => client.send(repeated(MANY, make)));
});

test.each([
  ['empty DATA', frame(f.DATA, 0, 1)],
  ['DATA of padding alone', frame(f.DATA, f.FLAG_PADDED, 1, Buffer.from([10, ...Buffer.alloc(10)]))],
])('a flood of %s', async (_name, one) => {
  server = await serve();
  await endsWith(CALM, (client) => {
    client.frame(f.HEADERS, HEADERS_END, 1, grpcBlock());
    client.send(repeated(5000, () => one));
  });
});

test('windows that overflow: of the connection, of a stream, by SETTINGS', async () => {
  const { handle } = holding();
  server = await serve({ methods: { '/test/Hold': handle } });
  await endsWith(f.FLOW_CONTROL_ERROR, (client) => client.frame(f.WINDOW_UPDATE, 0, 0, uint32(0x7fff_ffff)));
  const client = await RawClient.open(server.port);
  client.frame(f.HEADERS, HEADERS_END, 1, grpcBlock());
  client.frame(f.WINDOW_UPDATE, 0, 1, uint32(0x7fff_ffff));
  expect((await client.reply(1))?.reset).toBe(f.FLOW_CONTROL_ERROR);
  client.frame(f.HEADERS, HEADERS_END, 3, grpcBlock());
  client.frame(f.WINDOW_UPDATE, 0, 3, uint32(0x7fff_0000));
  client.frame(f.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(0x7fff_ffff)]));
  expect(await client.goodbye()).toMatchObject({ code: f.FLOW_CONTROL_ERROR });
});

test('a window of nothing holds answers back, and time ends them', async () => {
  const clock = new FakeClock();
  server = await serve({ clock });
  const client = await RawClient.open(server.port, Buffer.concat([Buffer.from([0, 4]), uint32(0)]));
  client.call(1, Buffer.from('no room for it'));
  await client.find((one) => one.type === f.HEADERS && one.id === 1);
  await clock.advance(31_000);
  expect((await client.reply(1))?.reset).toBe(f.CANCEL);
  expect((await client.reply(1))?.body.length).toBe(0);
  client.close();
});

test('a window of one byte at a time gets its answer byte by byte, or none when it is a flood', async () => {
  server = await serve();
  const slow = Buffer.concat([Buffer.from([0, 4]), uint32(0)]);
  const client = await RawClient.open(server.port, slow);
  client.call(1, Buffer.from('slowly'));
  client.send(repeated(11, () => frame(f.WINDOW_UPDATE, 0, 1, uint32(1))));
  expect((await client.reply(1))?.body.subarray(5).toString()).toBe('slowly');
  client.call(3, Buffer.alloc(60_000));
  client.send(repeated(MANY, () => frame(f.WINDOW_UPDATE, 0, 3, uint32(1))));
  expect(await client.goodbye()).toMatchObject({ code: CALM });
});

test('DATA on closed, idle and skipped streams', async () => {
  server = await serve();
  const client = await RawClient.open(server.port);
  client.call(1, Buffer.from('x'));
  await client.reply(1);
  client.frame(f.DATA, 0, 1, Buffer.from('more'));
  await client.find((one) => one.type === f.RST_STREAM && one.id === 1);
  expect((await client.reply(1))?.reset).toBe(f.STREAM_CLOSED);
  client.close();
  await endsWith(f.PROTOCOL_ERROR, (other) => other.frame(f.DATA, 0, 5, Buffer.from('x')));
  await endsWith(f.PROTOCOL_ERROR, (other) => other.frame(f.DATA, 0, 0, Buffer.from('x')));
  const other = await RawClient.open(server.port);
  other.call(1, Buffer.from('x'));
  await other.reply(1);
  other.send(repeated(5000, () => frame(f.DATA, 0, 1, Buffer.from('x'))));
  expect(await other.goodbye()).toMatchObject({ code: CALM });
});

test('padding that is longer than its frame', async () => {
  server = await serve();
  await endsWith(f.PROTOCOL_ERROR, (client) => {
    client.frame(f.HEADERS, HEADERS_END, 1, grpcBlock());
    client.frame(f.DATA, f.FLAG_PADDED, 1, Buffer.from([5, 0, 0, 0, 0]));
  });
  await endsWith(f.PROTOCOL_ERROR, (client) =>
    client.frame(f.HEADERS, HEADERS_END | f.FLAG_PADDED, 1, Buffer.from([200, 0x82])),
  );
  await endsWith(f.FRAME_SIZE_ERROR, (client) => {
    client.frame(f.HEADERS, HEADERS_END, 1, grpcBlock());
    client.frame(f.DATA, f.FLAG_PADDED, 1);
  });
});

test('a client that sends more than the window of a stream', async () => {
  const thinking = { admit: () => new Promise<undefined>(() => {}), handle: () => Promise.reject(new Error('never')) };
  server = await serve({ methods: { '/test/Thinking': thinking } });
  const client = await RawClient.open(server.port);
  client.frame(f.HEADERS, HEADERS_END, 1, grpcBlock({ ':path': '/test/Thinking' }));
  client.send(frame(f.DATA, 0, 1, grpcMessage(Buffer.alloc(100_000)).subarray(0, 16_384)));
  client.send(repeated(4, () => frame(f.DATA, 0, 1, Buffer.alloc(16_384))));
  expect((await client.reply(1))?.reset).toBe(f.FLOW_CONTROL_ERROR);
  client.close();
});

test('a client that never reads its answers is not read from any more, and cut off in the end', async () => {
  const clock = new FakeClock();
  server = await serve({ clock, limits: { maxUnreadAnswerBytes: 64 * 1024 } });
  const client = await RawClient.open(server.port);
  client.send(frame(f.WINDOW_UPDATE, 0, 0, uint32(0x7000_0000)));
  client.socket.pause();
  let sent = 0;
  // each call is answered with its own 20 KB, until the kernel takes no more of them
  const message = Buffer.alloc(20_000);
  for (; sent < 2000 && client.socket.writableLength < 200_000; sent++) {
    const id = 1 + 2 * sent;
    client.call(id, message);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(client.socket.writableLength).toBeGreaterThan(200_000); // backpressure reached the client
  expect(server.seen.length).toBeLessThan(sent);
  await clock.advance(32_000);
  await until(() => server!.h2.connections === 0);
  client.close();
});

test('a sender of one byte a second, in the preface, a header block and a body', async () => {
  const clock = new FakeClock();
  server = await serve({ clock });
  const silent = new RawClient(server.port);
  silent.send(hello.subarray(0, 10));
  const body = await RawClient.open(server.port);
  body.frame(f.HEADERS, HEADERS_END, 1, grpcBlock());
  body.send(frame(f.DATA, 0, 1, grpcMessage(Buffer.alloc(1000)).subarray(0, 6)));
  await until(() => server!.h2.connections === 2 && server!.memory.used === 1000);
  for (let second = 0; second < 32; second++) {
    silent.send(hello.subarray(10, 11));
    body.frame(f.DATA, 0, 1, Buffer.from('x'));
    const before = server.memory.used;
    await clock.advance(1000);
    if (server.memory.used < before) break;
  }
  expect((await body.reply(1))?.trailers['grpc-status']).toBe('4');
  await silent.goodbye();
  expect(server.memory.used).toBe(0);
  body.close();
});

test('half-open connections are found by keepalive', async () => {
  const clock = new FakeClock();
  server = await serve({ clock, keepalive: { timeMs: 60_000, timeoutMs: 20_000 } });
  const client = await RawClient.open(server.port);
  await clock.advance(61_000);
  await client.find((one) => one.type === f.PING);
  await clock.advance(21_000); // nobody answers
  await until(() => server!.h2.connections === 0);
  client.close();
});

/** Lets virtual time pass, so that a closed connection is dropped, and gives the last GOAWAY. */
async function passing(client: RawClient, clock: FakeClock) {
  const goodbye = client.goodbye();
  await client.find((one) => one.type === f.GOAWAY);
  await clock.advance(3000);
  return goodbye;
}
