import * as grpc from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import { holding, serve, type TestServer, until } from './testing/serve.ts';

let server: TestServer;
let client: grpc.Client;
afterEach(async () => {
  client.close();
  await server.stop();
  expect(server.memory.used).toBe(0);
});

function connect(options: grpc.ClientOptions = {}): void {
  client = new grpc.Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure(), options);
}

interface Options {
  readonly metadata?: grpc.Metadata;
  readonly options?: grpc.CallOptions;
  readonly started?: (call: grpc.ClientUnaryCall) => void;
}

function call(path: string, message: Buffer, { metadata, options, started }: Options = {}): Promise<Buffer> {
  const bytes = (value: Buffer) => value;
  return new Promise((resolve, reject) => {
    const under = client.makeUnaryRequest(
      path,
      bytes,
      bytes,
      message,
      metadata ?? new grpc.Metadata(),
      options ?? {},
      (error, value) => (error ? reject(error) : resolve(value!)),
    );
    started?.(under);
  });
}

test('grpc-js: messages of any size come back, many at once', async () => {
  server = await serve();
  connect();
  for (const size of [0, 1, 500, 65_531, 65_536, 3_000_000]) {
    const message = Buffer.alloc(size, 7);
    expect((await call('/test/Echo', message)).equals(message)).toBe(true);
  }
  const sizes = Array.from({ length: 300 }, (_, index) => index * 331);
  const answers = await Promise.all(sizes.map((size) => call('/test/Echo', Buffer.alloc(size, size))));
  expect(answers.map((answer) => answer.length)).toEqual(sizes);
});

test.each([
  ['gzip', grpc.compressionAlgorithms.gzip],
  ['deflate', grpc.compressionAlgorithms.deflate],
])('grpc-js: %s', async (_name, algorithm) => {
  server = await serve();
  connect({ 'grpc.default_compression_algorithm': algorithm });
  const message = Buffer.alloc(200_000, 'telemetry ');
  expect((await call('/test/Echo', message)).equals(message)).toBe(true);
  await expect(call('/test/Echo', Buffer.alloc(5_000_000))).rejects.toMatchObject({
    code: grpc.status.RESOURCE_EXHAUSTED,
  });
});

test('grpc-js: a refusal with its words and its details', async () => {
  const details = Buffer.from([8, 3]);
  server = await serve({ methods: { '/test/No': async () => ({ code: 3, reason: 'naïve: 100%', details }) } });
  connect();
  const error = await call('/test/No', Buffer.from('x')).catch(
    (reason: grpc.ServiceError) => reason as grpc.ServiceError,
  );
  expect(error).toMatchObject({ code: 3, details: 'naïve: 100%' });
  expect((error as grpc.ServiceError).metadata.get('grpc-status-details-bin')).toEqual([details]);
  await expect(call('/test/Unknown', Buffer.from('x'))).rejects.toMatchObject({ code: grpc.status.UNIMPLEMENTED });
});

test('grpc-js: a refusal before the body ends a large call at once', async () => {
  const refuse = {
    admit: () => ({ code: 16, reason: 'no' }) as const,
    handle: () => Promise.reject(new Error('never')),
  };
  server = await serve({ methods: { '/test/Refused': refuse } });
  connect();
  for (let round = 0; round < 20; round++) {
    await expect(call('/test/Refused', Buffer.alloc(4_000_000))).rejects.toMatchObject({ code: 16 });
  }
  expect((await call('/test/Echo', Buffer.from('x'))).toString()).toBe('x');
});

test('grpc-js: no memory is UNAVAILABLE, and the connection goes on', async () => {
  server = await serve({ memoryBytes: 1_000_000 });
  connect();
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => call('/test/Echo', Buffer.alloc(300_000))));
  const codes = new Set(results.map((result) => (result.status === 'rejected' ? result.reason.code : 0)));
  expect([...codes].every((code) => code === 0 || code === grpc.status.UNAVAILABLE)).toBe(true);
  await expect(call('/test/Echo', Buffer.alloc(1_100_000))).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
  expect((await call('/test/Echo', Buffer.alloc(300_000))).length).toBe(300_000);
  expect(server.memory.peak).toBeLessThanOrEqual(1_000_000);
});

test('grpc-js: metadata, deadline and cancel reach the handler', async () => {
  const { handle, held } = holding();
  server = await serve({ methods: { '/test/Hold': handle } });
  connect();
  const metadata = new grpc.Metadata();
  metadata.add('tenant', 'a');
  metadata.add('tenant', 'b');
  // Only a call that gets there before its deadline shows anything.
  for (let waitMs = 200; held.length === 0; waitMs *= 2) {
    const late = call('/test/Hold', Buffer.from('x'), { metadata, options: { deadline: Date.now() + waitMs } });
    await expect(late).rejects.toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED });
  }
  const seen = held[0]!.call;
  expect(seen.header('tenant')).toBe('a, b');
  await until(() => seen.abort.aborted);
  const before = held.length;
  const cancelled = call('/test/Hold', Buffer.from('x'), {
    started: (under) => void until(() => held.length > before).then(() => under.cancel()),
  });
  await expect(cancelled).rejects.toMatchObject({ code: grpc.status.CANCELLED });
  await until(() => held.at(-1)!.call.abort.aborted);
  for (const { answer } of held) answer({ code: 0, message: Buffer.alloc(0) });
});

test('grpc-js: a goodbye during calls costs none of them', async () => {
  const { handle, held } = holding();
  server = await serve({ methods: { '/test/Hold': handle } });
  connect();
  const calls = Array.from({ length: 10 }, (_, index) => call('/test/Hold', Buffer.from([index])));
  await until(() => held.length === 10);
  const done = server.h2.shutdown(AbortSignal.timeout(5000));
  for (const { answer, message } of held) answer({ code: 0, message });
  expect((await Promise.all(calls)).map((answer) => answer[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await done;
});
