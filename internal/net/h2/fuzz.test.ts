import { afterEach, expect, test } from 'vitest';
import * as f from './frames.ts';
import { FrameReader, type FrameSink } from './reader.ts';
import { frame, grpcBlock, grpcMessage, hello, RawClient, uint32 } from './testing/raw_client.ts';
import { serve, type TestServer, until } from './testing/serve.ts';

let server: TestServer | undefined;
afterEach(() => server?.stop());

/** The same numbers each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A session of everything: two calls interleaved, padding, trailers, an empty frame, a reset, pings, unknown frames. */
const padded = Buffer.concat([Buffer.from([3]), grpcMessage(Buffer.from('padded')), Buffer.alloc(3)]);
const block = grpcBlock();
const session = Buffer.concat([
  hello,
  frame(f.SETTINGS, f.FLAG_ACK, 0),
  frame(f.HEADERS, f.FLAG_END_HEADERS, 1, block),
  frame(f.HEADERS, 0, 3, block.subarray(0, 10)),
  frame(f.CONTINUATION, 0, 3, block.subarray(10, 20)),
  frame(f.CONTINUATION, f.FLAG_END_HEADERS, 3, block.subarray(20)),
  frame(f.DATA, 0, 1, grpcMessage(Buffer.from('in two pieces')).subarray(0, 3)),
  frame(f.PING, 0, 0, Buffer.from('pingpong')),
  frame(f.DATA, f.FLAG_PADDED | f.FLAG_END_STREAM, 3, padded),
  frame(f.DATA, 0, 1, grpcMessage(Buffer.from('in two pieces')).subarray(3)),
  frame(f.DATA, 0, 1),
  frame(f.HEADERS, f.FLAG_END_HEADERS | f.FLAG_END_STREAM, 1, Buffer.from([0, 1, 0x61, 1, 0x62])),
  frame(f.HEADERS, f.FLAG_END_HEADERS, 5, block),
  frame(f.RST_STREAM, 0, 5, uint32(f.CANCEL)),
  frame(0x77, 0xff, 9, Buffer.from('unknown')),
  frame(f.WINDOW_UPDATE, 0, 0, uint32(1000)),
  frame(f.HEADERS, f.FLAG_END_HEADERS, 7, block),
  frame(f.DATA, f.FLAG_END_STREAM, 7, grpcMessage(Buffer.from('last'))),
]);

/** What a reader tells of a stream of bytes, as text, bytes of DATA joined. */
class Log implements FrameSink {
  deaf = false;
  readonly lines: string[] = [];
  kept = 0;
  #data = '';
  frameHeader(): void {}
  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    this.lines.push(`${type} ${flags} ${id} ${bytes.toString('hex', start, end)}`);
  }
  dataStart(id: number, length: number): void {
    this.#data = `data ${id} ${length} `;
  }
  dataBytes(chunk: Buffer, start: number, end: number): void {
    this.#data += chunk.toString('hex', start, end);
  }
  dataEnd(endStream: boolean, length: number): void {
    this.lines.push(`${this.#data} ${endStream} ${length}`);
  }
  keep(bytes: number): boolean {
    this.kept += bytes;
    return true;
  }
  unkeep(bytes: number): void {
    this.kept -= bytes;
  }
  fail(code: number, reason: string): void {
    this.deaf = true;
    this.lines.push(`fail ${code} ${reason}`);
  }
}

function read(...parts: Buffer[]): Log {
  const log = new Log();
  const reader = new FrameReader(log);
  for (const part of parts) reader.push(part);
  if (log.deaf) reader.close();
  return log;
}

test('a session split at any byte, or into single bytes, reads the same', () => {
  const whole = read(session);
  expect(whole.lines).toHaveLength(18);
  for (let at = 0; at <= session.length; at++) {
    const split = read(session.subarray(0, at), session.subarray(at));
    expect(split.lines).toEqual(whole.lines);
    expect(split.kept).toBe(0);
  }
  const bytes = Array.from(session, (_, at) => session.subarray(at, at + 1));
  expect(read(...bytes).lines).toEqual(whole.lines);
});

test('mutated sessions read the same split and whole, and keep nothing after a failure', () => {
  const random = seeded(1);
  for (let round = 0; round < 3000; round++) {
    const bytes = mutate(session, random);
    const at = Math.floor(random() * bytes.length);
    const whole = read(bytes);
    expect(read(bytes.subarray(0, at), bytes.subarray(at)).lines).toEqual(whole.lines);
    expect(whole.deaf ? whole.kept : 0).toBe(0);
    expect(whole.kept).toBeLessThanOrEqual(f.DEFAULT_MAX_FRAME);
  }
});

test('the calls of a session split anywhere on a real socket arrive whole', async () => {
  server = await serve();
  const before = server.seen;
  for (let at = 24; at < session.length; at += 7) {
    before.length = 0;
    const client = new RawClient(server.port);
    client.socket.setNoDelay(true);
    client.send(session.subarray(0, at));
    await client.find((one) => one.type === f.SETTINGS);
    client.send(session.subarray(at));
    await client.reply(7);
    expect(before.map(String).toSorted()).toEqual(['in two pieces', 'last', 'padded'].toSorted());
    client.close();
  }
  await until(() => server!.memory.used === 0);
});

test('a server survives mutated sessions and random bytes, frees all memory, and serves the next client', async () => {
  server = await serve();
  const random = seeded(2);
  for (let round = 0; round < 400; round++) {
    const client = new RawClient(server.port);
    const noise = Buffer.from(Array.from({ length: 300 }, () => Math.floor(random() * 256)));
    client.send(round % 4 === 0 ? Buffer.concat([hello, noise]) : mutate(session, random));
    client.socket.end();
    await client.goodbye();
  }
  await until(() => server!.h2.connections === 0 && server!.memory.used === 0);
  const client = await RawClient.open(server.port);
  client.call(1, Buffer.from('still here'));
  expect((await client.reply(1))?.trailers['grpc-status']).toBe('0');
  client.close();
});

/** Bytes flipped, cut out, doubled; the preface is left alone. */
function mutate(bytes: Buffer, random: () => number): Buffer {
  let result = Buffer.from(bytes);
  const pick = () => f.PREFACE.length + Math.floor(random() * (result.length - f.PREFACE.length));
  for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
    const [from, to] = [pick(), pick()].toSorted((a, b) => a - b) as [number, number];
    const kind = random();
    if (kind < 0.7) result[from] = Math.floor(random() * 256);
    else if (kind < 0.85) result = Buffer.concat([result.subarray(0, from), result.subarray(to)]);
    else result = Buffer.concat([result.subarray(0, to), result.subarray(from)]);
  }
  return result;
}
