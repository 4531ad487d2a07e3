import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { readInto } from './read_buffer.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A connection whose server's end is moved after its first read, as behind the sniffing of the protocol. */
async function connected(onRead: (bytes: Buffer) => void) {
  const buffer = Buffer.alloc(1000);
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  closers.push(() => client.destroy());
  const [accepted] = (await once(server, 'connection')) as [Socket];
  client.write('first');
  const [first] = (await once(accepted, 'data')) as [Buffer];
  expect(first.toString()).toBe('first');
  const moved = readInto(buffer, accepted, onRead);
  closers.push(() => moved.destroy());
  return { buffer, server, client, accepted, moved };
}

function until(condition: () => boolean): Promise<void> {
  return expect.poll(condition, { timeout: 10_000, interval: 2 }).toBe(true) as unknown as Promise<void>;
}

test('every byte arrives once, by the one buffer, and answers go back', async () => {
  const sent = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index * 7));
  const got: Buffer[] = [];
  let length = 0;
  const { buffer, client, accepted, moved } = await connected((bytes) => {
    expect(bytes.buffer).toBe(buffer.buffer);
    got.push(Buffer.from(bytes));
    length += bytes.length;
  });
  expect(moved).not.toBe(accepted);
  accepted.resume(); // what the sniffer does on the next tick
  client.write(sent);
  await until(() => length >= sent.length);
  expect(Buffer.concat(got).equals(sent)).toBe(true);
  expect(moved.remotePort).toBe(client.localPort);
  moved.write('answer');
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(answer.toString()).toBe('answer');
});

test('a paused connection is not read from', async () => {
  let length = 0;
  const { client, moved } = await connected((bytes) => {
    length += bytes.length;
  });
  moved.pause();
  const much = Buffer.alloc(64 * 1024 * 1024);
  client.write(much);
  // The kernel's buffers are full before that: the rest stays with the client.
  await until(() => client.bytesWritten === much.length + 'first'.length && client.writableLength > 0);
  expect(length).toBe(0);
  moved.resume();
  await until(() => length === much.length);
});

test('the end of either side closes the connection, and the server knows', async () => {
  for (const side of ['client', 'server'] as const) {
    const { server, client, moved } = await connected(() => {});
    const closed = once(moved, 'close');
    client.resume();
    if (side === 'client') client.end();
    else moved.end();
    await closed;
    // Waits for connections that are still counted.
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});

test('a connection that is cut off tells so', async () => {
  const { client, moved } = await connected(() => {});
  const error = once(moved, 'error');
  client.resetAndDestroy();
  expect(((await error)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
});

test('what is no plain socket, or holds unread bytes, stays as it is', async () => {
  const duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }) as unknown as Socket;
  expect(readInto(Buffer.alloc(10), duplex, () => {})).toBe(duplex);
  const { moved } = await connected(() => {});
  moved.unshift(Buffer.from('unread'));
  expect(readInto(Buffer.alloc(10), moved, () => {})).toBe(moved);
  const gone = new net.Socket();
  expect(readInto(Buffer.alloc(10), gone, () => {})).toBe(gone);
});
