import { once } from 'node:events';
import http2 from 'node:http2';
import { afterEach, expect, test } from 'vitest';
import { serve, type TestServer } from './testing/serve.ts';
import type { HttpHandler } from './types.ts';

let server: TestServer;
let session: http2.ClientHttp2Session;
afterEach(async () => {
  session.destroy();
  await server.stop();
  expect(server.memory.used).toBe(0);
});

const echo: HttpHandler = {
  admit: (request) =>
    request.header('authorization') === 'no' ? { status: 401, headers: {}, body: Buffer.from('no') } : undefined,
  handle: async (body, request) => ({
    status: 200,
    headers: { 'content-type': 'text/plain', 'X-Echo': request.header('x-echo') ?? '' },
    body: Buffer.concat([Buffer.from(`${request.method} ${request.path} `), body]),
  }),
};

async function request(headers: http2.OutgoingHttpHeaders, body?: Uint8Array, chunked = false) {
  const stream = session.request(
    { ':method': 'POST', ':path': '/v1/traces', ...headers },
    { endStream: body === undefined },
  );
  if (body && chunked) for (let at = 0; at < body.length; at += 10_000) stream.write(body.subarray(at, at + 10_000));
  if (body) stream.end(chunked ? undefined : body);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [answer] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader];
  if (!stream.readableEnded) await once(stream, 'end');
  return { status: answer[':status'], headers: answer, body: Buffer.concat(chunks) };
}

async function connect(limits = {}, memoryBytes?: number): Promise<void> {
  server = await serve({ http: echo, limits, ...(memoryBytes ? { memoryBytes } : {}) });
  session = http2.connect(`http://127.0.0.1:${server.port}`);
}

test('node:http2: requests that are not gRPC go to the HTTP handler, whole', async () => {
  await connect();
  const get = await request({ ':method': 'GET', ':path': '/x?y' });
  expect([get.status, get.body.toString()]).toEqual([200, 'GET /x?y ']);
  expect((await request({ ':method': 'HEAD' })).body.length).toBe(0);
  const large = Buffer.alloc(3_000_000, 'x');
  for (const chunked of [false, true]) {
    expect((await request({}, large, chunked)).body.length).toBe(large.length + 'POST /v1/traces '.length);
    expect((await request({ 'content-length': large.length }, large, chunked)).status).toBe(200);
  }
});

test('node:http2: every visible character goes through its Huffman code and ours back', async () => {
  await connect();
  const visible = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join('');
  for (const value of [visible, '0'.repeat(50), 'ÿ'.repeat(10) + 'é'.repeat(10)]) {
    const answer = await request({ 'x-echo': value });
    expect(Buffer.from(answer.headers['x-echo'] as string, 'latin1').toString('latin1')).toBe(value);
  }
  for (let round = 0; round < 200; round++) {
    expect((await request({ 'x-echo': `value ${round}`, [`x-${round}`]: 'new' })).headers['x-echo']).toBe(
      `value ${round}`,
    );
  }
});

test('node:http2: limits and refusals', async () => {
  await connect({ maxHttpBodyBytes: 100_000 }, 150_000);
  const large = Buffer.alloc(100_001);
  expect((await request({ 'content-length': large.length }, large)).status).toBe(413);
  expect((await request({}, large, true)).status).toBe(413);
  expect((await request({ authorization: 'no' }, large, true)).status).toBe(401);
  expect((await request({}, large.subarray(1), true)).status).toBe(200);
});

test('node:http2: without memory a request is told when to come again', async () => {
  await connect({}, 50_000);
  const answer = await request({ 'content-length': 60_000 }, Buffer.alloc(60_000));
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
  expect((await request({}, Buffer.from('fits'), true)).status).toBe(503); // of unknown length: a first step of 64 KB
  expect((await request({ 'content-length': 4 }, Buffer.from('fits'))).status).toBe(200);
});
