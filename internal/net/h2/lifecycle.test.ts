import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../testkit/clock.ts';
import * as f from './frames.ts';
import { frame, grpcBlock, parseGoAway, RawClient } from './testing/raw_client.ts';
import { holding, serve, type TestServer, until } from './testing/serve.ts';

const NEVER = new AbortController().signal;
let server: TestServer;
afterEach(() => server.stop());

const goAways = (client: RawClient) => client.frames.filter((one) => one.type === f.GOAWAY).map(parseGoAway);

/** Answers the server's pings, as every client does. */
async function answerPing(client: RawClient): Promise<void> {
  const ping = await client.find((one) => one.type === f.PING && one.flags === 0);
  client.frame(f.PING, f.FLAG_ACK, 0, ping!.payload);
}

test('shutdown says goodbye twice, answers what is under way, and closes', async () => {
  const { handle, held } = holding();
  server = await serve({ methods: { '/test/Hold': handle } });
  const client = await RawClient.open(server.port);
  client.call(1, Buffer.from('x'), { ':path': '/test/Hold' });
  await until(() => held.length === 1);
  const done = server.h2.shutdown(NEVER);
  await client.find((one) => one.type === f.GOAWAY);
  expect(goAways(client)).toEqual([{ lastId: f.MAX_STREAM_ID, code: f.NO_ERROR, reason: 'shutdown' }]);
  client.call(3, Buffer.from('was under way')); // before the client heard of it
  await client.reply(3);
  await answerPing(client);
  await until(() => goAways(client).length === 2);
  expect(goAways(client)[1]).toMatchObject({ lastId: 3, code: f.NO_ERROR });
  client.call(5, Buffer.from('too late'));
  held[0]!.answer({ code: 0, message: Buffer.from('done') });
  expect((await client.reply(1))?.body.subarray(5).toString()).toBe('done');
  await done;
  await client.goodbye();
  expect(client.frames.some((one) => one.id === 5)).toBe(false);
  expect(server.h2.connections).toBe(0);
});

test('shutdown does not wait longer than it may', async () => {
  const { handle, held } = holding();
  server = await serve({ methods: { '/test/Hold': handle } });
  const client = await RawClient.open(server.port);
  client.call(1, Buffer.from('x'), { ':path': '/test/Hold' });
  await until(() => held.length === 1);
  const abort = new AbortController();
  const done = server.h2.shutdown(abort.signal);
  abort.abort();
  await done;
  expect(held[0]!.call.abort.aborted).toBe(true);
  await server.h2.shutdown(abort.signal); // safe twice
  held[0]!.answer({ code: 0, message: Buffer.alloc(0) });
  await until(() => server.memory.used === 0);
});

test('a client that does not answer the ping is given a second', async () => {
  const clock = new FakeClock();
  server = await serve({ clock });
  const client = await RawClient.open(server.port);
  const done = server.h2.shutdown(NEVER);
  await client.find((one) => one.type === f.GOAWAY);
  await clock.advance(2100);
  await client.goodbye();
  await clock.advance(2100);
  await done;
  expect(clock.timers).toBe(0);
});

test('max_connection_idle counts from the last call', async () => {
  const clock = new FakeClock();
  server = await serve({ clock, keepalive: { maxConnectionIdleMs: 60_000 } });
  const client = await RawClient.open(server.port);
  await clock.advance(50_000);
  client.call(1, Buffer.from('x'));
  await client.reply(1);
  await clock.advance(50_000);
  expect(goAways(client)).toEqual([]);
  await clock.advance(11_000);
  await client.find((one) => one.type === f.GOAWAY);
  expect(goAways(client)[0]?.reason).toBe('max_idle');
  await answerPing(client);
  await client.goodbye();
});

test('max_connection_age says goodbye, and after the grace cuts what is left', async () => {
  const clock = new FakeClock();
  const { handle, held } = holding();
  server = await serve({
    clock,
    methods: { '/test/Hold': handle },
    keepalive: { maxConnectionAgeMs: 60_000, maxConnectionAgeGraceMs: 30_000 },
  });
  const client = await RawClient.open(server.port);
  client.call(1, Buffer.from('x'), { ':path': '/test/Hold' });
  await until(() => held.length === 1);
  await clock.advance(61_000);
  await client.find((one) => one.type === f.GOAWAY);
  expect(goAways(client)[0]?.reason).toBe('max_age');
  await answerPing(client);
  await until(() => goAways(client).length === 2);
  await clock.advance(20_000);
  expect(client.closed).toBe(false);
  await clock.advance(11_000);
  await client.goodbye();
  held[0]!.answer({ code: 0, message: Buffer.alloc(0) });
});

test('pings within the policy are answered; the third too soon is too many', async () => {
  const clock = new FakeClock();
  server = await serve({ clock, keepalive: { minTimeMs: 10_000, permitWithoutStream: true } });
  const client = await RawClient.open(server.port);
  const pongs = () => client.frames.filter((one) => one.type === f.PING && one.flags === f.FLAG_ACK).length;
  let sent = 0;
  const ping = async () => {
    client.frame(f.PING, 0, 0, Buffer.alloc(8));
    sent++;
    await until(() => pongs() === sent || client.frames.some((one) => one.type === f.GOAWAY));
  };
  for (let round = 0; round < 10; round++) {
    await ping();
    await clock.advance(11_000);
  }
  expect(pongs()).toBe(10);
  // one for each answer is the client's right: grpc-go measures its bandwidth that way
  for (let id = 1; id < 20; id += 2) {
    client.call(id, Buffer.from('x'));
    await client.reply(id);
    await ping();
  }
  for (let round = 0; round < 3; round++) await ping();
  await client.find((one) => one.type === f.GOAWAY);
  expect(goAways(client)[0]).toMatchObject({ code: f.ENHANCE_YOUR_CALM, reason: 'too_many_pings' });
  client.close();
});

test('a client that is silent, but answers, is kept', async () => {
  const clock = new FakeClock();
  server = await serve({ clock, keepalive: { timeMs: 60_000, timeoutMs: 20_000 } });
  const client = await RawClient.open(server.port);
  for (let round = 1; round <= 3; round++) {
    await clock.advance(61_000);
    await until(() => client.frames.filter((one) => one.type === f.PING).length === round);
    client.frame(f.PING, f.FLAG_ACK, 0, client.frames.findLast((one) => one.type === f.PING)!.payload);
    client.frame(f.PING, f.FLAG_ACK, 0, Buffer.alloc(8)); // and one that nobody asked for
    client.call(round * 2 - 1, Buffer.from('x'));
    await client.reply(round * 2 - 1);
  }
  client.close();
});

test('the preface, SETTINGS and their acknowledgement have a time limit', async () => {
  const clock = new FakeClock();
  server = await serve({ clock, limits: { headerTimeoutMs: 5000 } });
  const silent = new RawClient(server.port);
  const withoutAck = new RawClient(server.port);
  withoutAck.send(f.PREFACE, frame(f.SETTINGS, 0, 0));
  await until(() => server.h2.connections === 2);
  await clock.advance(6000);
  await Promise.all([silent, withoutAck].map((client) => client.find((one) => one.type === f.GOAWAY)));
  expect(goAways(withoutAck)[0]?.code).toBe(f.SETTINGS_TIMEOUT);
  await clock.advance(2000);
  await Promise.all([silent.goodbye(), withoutAck.goodbye()]);
});

test('what does not speak HTTP/2, or does not begin with SETTINGS, is told so', async () => {
  server = await serve();
  for (const first of [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.concat([f.PREFACE, frame(f.HEADERS, 4, 1, grpcBlock())]),
  ]) {
    const client = new RawClient(server.port);
    client.send(first);
    expect(await client.goodbye()).toMatchObject({ code: f.PROTOCOL_ERROR });
  }
});

test('a thousand connections that do nothing hold none of the budget, and leave nothing', async () => {
  server = await serve();
  const count = 1000;
  const clients = Array.from({ length: count }, () => new RawClient(server.port));
  for (const client of clients) client.send(f.PREFACE, frame(f.SETTINGS, 0, 0), frame(f.SETTINGS, f.FLAG_ACK, 0));
  await until(() => server.h2.connections === count);
  expect(server.memory.used).toBe(0);
  for (const client of clients) client.close();
  await until(() => server.h2.connections === 0);
});
