import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { MemoryBudget } from '../../internal/core/memory.ts';
import { requestBytes } from '../../internal/net/http/http1.ts';
import { deferred } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { post, RawClient, startReceiver, type TestReceiver } from './test/harness.ts';

const body = stamped('traces', ['a']).chunks[0]!;
const head = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n';

async function servesOthers(it: TestReceiver) {
  expect((await post(it.http, '/v1/traces', body)).status).toBe(200);
}

test('bytes of no protocol are answered 400 and the connection is closed', async () => {
  const it = await startReceiver();
  for (const port of [it.http, it.grpc]) {
    for (const bytes of [
      'hello\r\n\r\n',
      Buffer.from([0, 1, 2, 3, 255]),
      'POST /v1/traces HTTP/9.9\r\n\r\n',
      'PRINT\r\n\r\n',
    ]) {
      const raw = await RawClient.connect(port);
      raw.send(bytes);
      await expect.poll(() => raw.closed).toBe(true);
      if (!bytes.toString().startsWith('PRI')) expect(raw.text).toContain('400 Bad Request');
    }
  }
  await servesOthers(it);
});

test('requests that could be read in two ways are refused', async () => {
  const it = await startReceiver();
  for (const lines of [
    'content-length: 5\r\ncontent-length: 6\r\n',
    'content-length: 5\r\ntransfer-encoding: chunked\r\n',
    'content-length: -1\r\n',
    'content-length: 99999999999999999999\r\n',
  ]) {
    const raw = await RawClient.connect(it.http);
    raw.send(`${head}${lines}\r\n`);
    await expect.poll(() => raw.text, { message: lines }).toMatch(/^HTTP\/1.1 4(00|13) /);
  }
  expect(it.settings.memory.used).toBe(0);
});

test('headers without end are cut off with 431', async () => {
  const it = await startReceiver();
  const raw = await RawClient.connect(it.http);
  raw.send(`${head}x-filler: ${'x'.repeat(64 * 1024)}`);
  await expect.poll(() => raw.text).toContain('431 ');
  await expect.poll(() => raw.closed).toBe(true);
});

test('a client that says nothing, or half of its headers, is sent away', async () => {
  const it = await startReceiver({ http: { read_header_timeout: '100ms' } });
  const silent = await RawClient.connect(it.http);
  const half = await RawClient.connect(it.http);
  half.send(head);
  const halfPreface = await RawClient.connect(it.http);
  halfPreface.send('PR');
  await expect
    .poll(() => [silent.closed, half.closed, halfPreface.closed], { timeout: 5000 })
    .toEqual([true, true, true]);
  expect(half.text).toContain('408 Request Timeout');
  await servesOthers(it);
});

test('a client that sends one byte now and then is answered 408 and gives its memory back', async () => {
  const it = await startReceiver({ http: { read_timeout: '300ms', read_header_timeout: '100ms' } });
  const raw = await RawClient.connect(it.http);
  raw.send(`${head}content-length: 1000\r\n\r\n`);
  await expect.poll(() => it.settings.memory.used).toBe(1000 + requestBytes);
  const drip = setInterval(() => raw.send('x'), 50);
  onTestFinished(() => clearInterval(drip));
  await expect.poll(() => raw.closed, { timeout: 5000 }).toBe(true);
  expect(raw.text).toContain('408 ');
  expect(it.settings.memory.used).toBe(0);
  expect(it.sinks.traces.calls).toHaveLength(0);
  await servesOthers(it);
});

test('many small requests that are sent without waiting are bounded by the memory budget', async () => {
  const memory = new MemoryBudget(100 * requestBytes);
  const it = await startReceiver({}, { settings: { memory } });
  const held = deferred<void>();
  it.sinks.traces.answer = async () => {
    await held.promise;
    return { status: 'accepted' };
  };
  const raw = await RawClient.connect(it.http);
  raw.send(
    Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), body])
      .toString('latin1')
      .repeat(500),
  );
  await expect.poll(() => it.sinks.traces.calls.length).toBe(99);
  held.resolve();
  await expect.poll(() => raw.text.match(/HTTP\/1.1 /g)?.length).toBe(500);
  expect(raw.text.match(/ 200 OK/g)).toHaveLength(99);
  expect(memory.used).toBe(0);
});

test('a client that goes away in the middle of a body gives its memory back', async () => {
  const it = await startReceiver();
  for (const lines of ['content-length: 1000\r\n\r\nhello', 'transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n']) {
    const raw = await RawClient.connect(it.http);
    raw.send(head + lines);
    await expect.poll(() => it.settings.memory.used).toBeGreaterThan(0);
    raw.socket.destroy();
    await expect.poll(() => it.settings.memory.used).toBe(0);
  }
  expect(it.settings.logger.warnings()).toEqual([]);
});

test('a client that never reads its answers is cut', async () => {
  const it = await startReceiver({
    http: { write_timeout: '200ms', response_headers: { 'x-filler': 'x'.repeat(8000) } },
  });
  const socket = net.connect(it.http, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let closed = false;
  socket
    .on('error', () => {})
    .on('close', () => {
      closed = true;
    });
  socket.pause();
  const request = `${head}content-length: 0\r\n\r\n`;
  // Pipelined until our buffers, theirs, and ours again are full.
  for (let i = 0; i < 200 && !closed; i++) {
    socket.write(request.repeat(100));
    await new Promise(setImmediate);
  }
  const cut = () => {
    // Who does not read learns of the end by writing.
    socket.write('x');
    return closed;
  };
  await expect.poll(cut, { timeout: 10_000 }).toBe(true);
  await servesOthers(it);
});

test('a connection without requests is closed after a while, one that waits for its answer is not', async () => {
  const it = await startReceiver({ http: { idle_timeout: '50ms', write_timeout: '50ms' } });
  const idle = await RawClient.connect(it.http);
  idle.send(`${head}content-length: 0\r\n\r\n`);
  await expect.poll(() => idle.text).toContain('200 OK');

  const held = deferred<void>();
  it.sinks.traces.answer = async () => {
    await held.promise;
    return { status: 'accepted' };
  };
  const waiting = post(it.http, '/v1/traces', body);
  await expect.poll(() => idle.closed, { timeout: 5000 }).toBe(true);
  held.resolve();
  expect((await waiting).status).toBe(200);
});

test('2,000 connections that were opened and left harm nobody', async () => {
  const it = await startReceiver();
  const left: net.Socket[] = [];
  onTestFinished(() => {
    for (const socket of left) socket.destroy();
  });
  for (let i = 0; i < 20; i++) {
    const batch = Array.from({ length: 100 }, () => connected(i % 2 ? it.grpc : it.http));
    left.push(...(await Promise.all(batch)));
  }
  await servesOthers(it);
  expect((await post(it.grpc, '/v1/traces', body)).status).toBe(200);
  // They are gone at once when the receiver stops.
  await it.stop();
  await expect.poll(() => left.every((socket) => socket.destroyed), { timeout: 5000 }).toBe(true);
});

function connected(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(socket.resume()));
    socket.on('error', reject);
  });
}

test('a client that closes its side is forgotten, whatever it speaks', async () => {
  const it = await startReceiver();
  const preface = Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
  ]);
  for (const bytes of [preface, `${head}content-length: 0\r\n\r\n`, 'P', '']) {
    const raw = await RawClient.connect(it.http);
    raw.socket.end(bytes);
    await expect.poll(() => raw.closed, { message: JSON.stringify(bytes) }).toBe(true);
  }
});

test('deep nesting is refused, in protobuf and in JSON', async () => {
  const it = await startReceiver();
  let value: Buffer = Buffer.alloc(0);
  // AnyValue.array_value = 5, ArrayValue.values = 1
  for (let i = 0; i < 5000; i++) value = message(5, message(1, value));
  const attribute = Buffer.concat([message(1, Buffer.from('k')), message(2, value)]);
  const deep = message(1, message(1, message(1, attribute)));
  expect((await post(it.http, '/v1/traces', deep)).status).toBe(400);

  const nested = `${'{"arrayValue":{"values":['.repeat(5000)}${']}}'.repeat(5000)}`;
  const json = `{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":${nested}}]}}]}`;
  const response = await post(it.http, '/v1/traces', json, { 'content-type': 'application/json' });
  expect(response.status).toBe(400);
  await servesOthers(it);
});

function message(field: number, bytes: Buffer): Buffer {
  const size: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    size.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...size]), bytes]);
}

test('ids of a wrong length are refused with their place', async () => {
  const it = await startReceiver();
  const span = message(1, message(2, message(2, message(1, Buffer.from([1, 2, 3])))));
  const text = await (await post(it.http, '/v1/traces', span)).text();
  expect(text).toMatch(/Span.traceId: 3 bytes, expected 16 or none \(at byte \d+\)/);
  const json = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102"}]}]}]}';
  expect((await post(it.http, '/v1/traces', json, { 'content-type': 'application/json' })).status).toBe(400);
});
