import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterEach, expect, test, vi } from 'vitest';
import type { Component, Host } from '../../internal/core/component.ts';
import { type Consumer, noContext } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import { Payload, type Signal } from '../../internal/otlp/payload.ts';
import { GrpcBackend, type Reply } from '../../internal/testkit/grpc_backend.ts';
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
const plain = { tls: { insecure: true } };

async function backend(): Promise<GrpcBackend> {
  const server = await GrpcBackend.start();
  cleanups.push(() => server.down());
  return server;
}

async function started(
  config: Record<string, unknown>,
  settings: TestSettings = testSettings(),
  extensions: Record<string, Component> = {},
): Promise<Consumer & Component> {
  const component = factory.create(settings, schema.parse({ ...plain, ...config }));
  cleanups.push(() => component.shutdown?.(AbortSignal.abort()));
  await component.start?.({ extension: (id) => extensions[id] } as Partial<Host> as Host);
  return component;
}

test.each<Signal>(['traces', 'metrics', 'logs'])(
  '%s arrive at the service of their signal, each item once',
  async (signal) => {
    const server = await backend();
    const exporter = await started({ ...bare, endpoint: `127.0.0.1:${server.port}` }, testSettings({ signal }));
    const batch = Payload.concat(signal, [stamped(signal, ['a', 'b']), stamped(signal, ['c'])]);
    expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
    expect(server.batches.map((it) => it.signal)).toEqual([signal]);
    expect(server.payloads().flatMap(idsOf)).toEqual(['a', 'b', 'c']);
  },
);

test.each(['gzip', 'deflate'])('a %s message is read by a server nobody here wrote', async (compression) => {
  const server = await backend();
  const exporter = await started({ ...bare, compression, endpoint: `127.0.0.1:${server.port}` });
  const ids = Array.from({ length: 500 }, (_, i) => `span-${i}`);
  expect(await exporter.consume(stamped('traces', ids), noContext)).toEqual({ status: 'accepted' });
  expect(server.payloads().flatMap(idsOf)).toEqual(ids);
});

test('several batches at once all arrive over one connection', async () => {
  const server = await backend();
  const exporter = await started({ ...bare, compression: 'gzip', endpoint: `127.0.0.1:${server.port}` });
  const ids = Array.from({ length: 100 }, (_, i) => `id-${i}`);
  const outcomes = await Promise.all(ids.map((id) => exporter.consume(stamped('traces', [id]), noContext)));
  expect(new Set(outcomes.map((it) => it.status))).toEqual(new Set(['accepted']));
  expect(server.payloads().flatMap(idsOf).sort()).toEqual([...ids].sort());
});

test('a batch of 20 MB is sent whole', async () => {
  const server = await backend();
  const exporter = await started({ ...bare, endpoint: `127.0.0.1:${server.port}` });
  const big = stamped('traces', ['x'.repeat(20 * 1024 * 1024)]);
  expect(await exporter.consume(big, noContext)).toEqual({ status: 'accepted' });
  expect(server.batches[0]!.bytes.equals(Buffer.concat(big.chunks))).toBe(true);
});

test.each(['http://127.0.0.1:PORT', 'dns:///127.0.0.1:PORT', 'passthrough:///127.0.0.1:PORT', 'localhost:PORT'])(
  'the endpoint may be written %s',
  async (form) => {
    const server = await backend();
    const exporter = await started({ ...bare, endpoint: form.replace('PORT', String(server.port)) });
    expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  },
);

test('http:// means plain text without a tls section', async () => {
  const server = await backend();
  const exporter = await started({ ...bare, tls: {}, endpoint: `http://127.0.0.1:${server.port}` });
  expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
});

test('a Unix socket is an endpoint', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-grpc-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const server = await GrpcBackend.start({ address: `unix:${folder}/otlp.sock` });
  cleanups.push(() => server.down());
  const exporter = await started({ ...bare, endpoint: `unix://${folder}/otlp.sock` });
  expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  expect(server.payloads().flatMap(idsOf)).toEqual(['a']);
});

test('headers of the configuration and of the authenticator go with each request, the latter asked anew', async () => {
  const server = await backend();
  let token = 0;
  const authenticator = { headers: () => ({ authorization: `Bearer ${++token}` }) };
  const config = { ...bare, endpoint: `127.0.0.1:${server.port}`, headers: { 'X-Tenant': 'blue' } };
  const auth = { authenticator: 'bearertokenauth/x' };
  const exporter = await started({ ...config, auth }, testSettings(), {
    'bearertokenauth/x': authenticator as Component,
  });
  await exporter.consume(stamped('traces', ['a']), noContext);
  await exporter.consume(stamped('traces', ['b']), noContext);
  const seen = server.batches.map(({ metadata }) => [metadata.get('x-tenant')[0], metadata.get('authorization')[0]]);
  expect(seen).toEqual([
    ['blue', 'Bearer 1'],
    ['blue', 'Bearer 2'],
  ]);
  expect(String(server.batches[0]!.metadata.get('user-agent')[0])).toMatch(/^sluice\/0\.0\.0 /);
});

test('headers may be a list, and have names that gRPC takes', () => {
  const headers = [{ name: 'x-tenant', value: 'blue' }];
  expect(schema.parse({ endpoint: 'localhost:4317', headers }).headers).toEqual({ 'x-tenant': 'blue' });
  expect(schema.safeParse({ endpoint: 'localhost:4317', headers: { 'x!': 'blue' } }).success).toBe(false);
});

test('an authenticator that is not running keeps the exporter from starting', async () => {
  const config = { ...bare, endpoint: 'localhost:4317', auth: { authenticator: 'nobody' } };
  await expect(started(config)).rejects.toThrow(/nobody.*service\.extensions/);
});

test('a refused connection is retryable and names the address', async () => {
  const server = await backend();
  server.down();
  const exporter = await started({ ...bare, endpoint: `127.0.0.1:${server.port}` });
  const outcome = await exporter.consume(stamped('traces', ['a']), noContext);
  expect(outcome).toMatchObject({ status: 'retryable' });
  expect((outcome as { reason: string }).reason).toContain(`connect ECONNREFUSED 127.0.0.1:${server.port}`);
});

test('wait_for_ready waits for a backend that comes late', async () => {
  const server = await backend();
  server.down();
  const config = { ...bare, endpoint: `127.0.0.1:${server.port}`, timeout: '0s' };
  const exporter = await started({ ...config, wait_for_ready: true });
  const outcome = exporter.consume(stamped('traces', ['a']), noContext);
  // Without it the same call fails at once: by then the other one has been waiting for a while.
  const impatient = await started(config);
  expect(await impatient.consume(stamped('traces', ['b']), noContext)).toMatchObject({ status: 'retryable' });
  await server.up();
  expect(await outcome).toEqual({ status: 'accepted' });
  expect(server.payloads().flatMap(idsOf)).toEqual(['a']);
});

async function outcomeOf(reply: Reply): Promise<Outcome> {
  const server = await backend();
  server.reply = () => reply;
  const exporter = await started({ ...bare, endpoint: `127.0.0.1:${server.port}` });
  return exporter.consume(stamped('traces', ['a', 'b', 'c']), noContext);
}

test('a partial success tells how many items were rejected, and why', async () => {
  expect(await outcomeOf({ rejected: 2, reason: 'too old' })).toEqual({
    status: 'accepted',
    rejectedItems: 2,
    reason: 'too old',
  });
});

test.each([
  [grpc.status.UNAVAILABLE, 'retryable'],
  [grpc.status.DEADLINE_EXCEEDED, 'retryable'],
  [grpc.status.RESOURCE_EXHAUSTED, 'permanent'],
  [grpc.status.INVALID_ARGUMENT, 'permanent'],
  [grpc.status.UNAUTHENTICATED, 'permanent'],
  [grpc.status.UNIMPLEMENTED, 'permanent'],
])('status %d is %s, with the words of the server', async (code, status) => {
  const outcome = await outcomeOf({ code, reason: 'the words' });
  expect(outcome).toMatchObject({ status, reason: expect.stringContaining('the words') });
});

test('RESOURCE_EXHAUSTED with RetryInfo is retryable after the time it names', async () => {
  const { RESOURCE_EXHAUSTED } = grpc.status;
  const outcome = await outcomeOf({ code: RESOURCE_EXHAUSTED, reason: 'slow down', retryAfterMs: 7000 });
  expect(outcome).toMatchObject({ status: 'retryable', retryAfterMs: 7000 });
});

test('large batches sent at once, some of them refused, arrive whole and unmixed', async () => {
  const server = await backend();
  const taken: string[] = [];
  server.reply = () => {
    if (server.requests % 3 === 0) return { code: grpc.status.UNAVAILABLE, reason: 'busy' };
    taken.push(digest([server.batches.at(-1)!.bytes]));
    return 'ok';
  };
  const exporter = await started({ ...bare, endpoint: `127.0.0.1:${server.port}` });
  const batches = Array.from({ length: 60 }, (_, i) => {
    const id = `${i}:`.padEnd(50_000 + i * 3000, String(i % 10));
    return Payload.concat('traces', [stamped('traces', [id]), stamped('traces', ['end'])]);
  });
  const wanted = batches.map(({ chunks }) => digest(chunks));
  const send = async () => {
    for (let tries = 0; tries < 60; tries++) {
      const batch = batches.pop();
      if (!batch) return;
      const outcome = await exporter.consume(batch, noContext);
      if (outcome.status !== 'accepted') batches.push(batch);
    }
  };
  await Promise.all([send(), send(), send(), send()]);
  expect(taken.sort()).toEqual(wanted.sort());
});

test.each([
  ['none', 1],
  ['gzip', 0.1],
])('with compression %s, a request under way counts in the memory budget, and no longer', async (compression, part) => {
  const server = await backend();
  const settings = testSettings();
  const held: number[] = [];
  server.reply = () => {
    held.push(settings.memory.copies);
    return server.requests === 1 ? 'ok' : { code: grpc.status.UNAVAILABLE, reason: 'busy' };
  };
  const exporter = await started({ ...bare, compression, endpoint: `127.0.0.1:${server.port}` }, settings);
  const ids = Array.from({ length: 500 }, (_, i) => digest([Buffer.from([i])]));
  const batch = Payload.concat('traces', [stamped('traces', ids), stamped('traces', ids)]);
  const outcomes = [await exporter.consume(batch, noContext), await exporter.consume(batch, noContext)];
  expect(outcomes.map(({ status }) => status)).toEqual(['accepted', 'retryable']);
  expect(Math.min(...held)).toBeGreaterThanOrEqual(batch.byteLength * part);
  expect([held.length, settings.memory.copies]).toEqual([2, 0]);
});

function digest(chunks: readonly Uint8Array[]): string {
  const hash = createHash('sha1');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

test('a backend that never answers is given up after the timeout, and the call is cancelled there', async () => {
  const server = await backend();
  server.reply = () => 'hang';
  const settings = testSettings();
  const exporter = await started({ ...bare, endpoint: `127.0.0.1:${server.port}`, timeout: '60s' }, settings);
  const outcome = exporter.consume(stamped('traces', ['a']), noContext);
  await vi.waitFor(() => expect(server.batches).toHaveLength(1), 10_000);
  await settings.clock.advance(60_000);
  expect(await outcome).toMatchObject({ status: 'retryable', reason: expect.stringContaining('60000 ms') });
  // Not by the grpc-timeout that the server was told: that one runs on real time.
  await vi.waitFor(() => expect(server.cancelled).toBe(1), 10_000);
});

test('nothing accepted is lost while the backend is killed and restarted', async () => {
  const server = await backend();
  const { port } = server;
  const settings = testSettings();
  const exporter = await started(
    { endpoint: `127.0.0.1:${port}`, retry_on_failure: { max_elapsed_time: '0s' } },
    settings,
  );
  expect(await exporter.consume(stamped('traces', ['before']), noContext)).toMatchObject({ status: 'accepted' });
  await vi.waitFor(() => expect(server.batches).toHaveLength(1), 10_000);
  server.down();
  for (const id of ['while-1', 'while-2']) await exporter.consume(stamped('traces', [id]), noContext);
  await vi.waitFor(() => expect(settings.reports.at(-1)).toMatchObject({ status: 'recoverable_error' }), 10_000);
  await server.up();
  await exporter.consume(stamped('traces', ['after']), noContext);
  await vi.waitFor(
    async () => {
      await settings.clock.advance(5000);
      expect(new Set(server.payloads().flatMap(idsOf))).toEqual(new Set(['before', 'while-1', 'while-2', 'after']));
    },
    { timeout: 15_000, interval: 50 },
  );
  expect(settings.reports.at(-1)).toMatchObject({ status: 'ok' });
});

test('shutdown sends what is queued, and takes no more', async () => {
  const server = await backend();
  const exporter = await started({ endpoint: `127.0.0.1:${server.port}` });
  for (let i = 0; i < 50; i++) await exporter.consume(stamped('traces', [`id-${i}`]), noContext);
  await exporter.shutdown?.(new AbortController().signal);
  expect(server.payloads().flatMap(idsOf)).toHaveLength(50);
  expect(await exporter.consume(stamped('traces', ['late']), noContext)).toMatchObject({ status: 'retryable' });
});

test.each([
  ['localhost', 'host:port'],
  ['localhost:0', 'host:port'],
  ['http://localhost:4317/v1/traces', 'no path'],
  ['ftp://localhost:4317', 'scheme'],
  ['unix://', 'path of a socket'],
])('the endpoint %s is refused with what is wrong', (endpoint, wrong) => {
  expect(schema.safeParse({ endpoint }).error?.issues[0]?.message).toContain(wrong);
});
