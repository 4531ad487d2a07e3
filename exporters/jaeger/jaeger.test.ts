import { afterEach, describe, expect, test } from 'vitest';
import type { Component, Host } from '../../internal/core/component.ts';
import { type Consumer, noContext } from '../../internal/core/consumer.ts';
import { Payload } from '../../internal/otlp/payload.ts';
import { generatePayload, stampsOf } from '../../internal/testkit/generate.ts';
import { GrpcBackend } from '../../internal/testkit/grpc_backend.ts';
import { TestAccount, type TestSettings, testSettings } from '../../internal/testkit/settings.ts';
import { idsOf, stamped } from '../../internal/testkit/stamped.ts';
import { endpointOf, protocolOf, schema } from './config.ts';
import factory from './index.ts';
import { type Collector, grpcCollector, thriftCollector } from './test/collectors.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const bare = { sending_queue: { enabled: false }, retry_on_failure: { enabled: false }, tls: { insecure: true } };

async function started(
  config: object,
  settings: TestSettings = testSettings(),
  extension?: Component,
): Promise<Consumer & Component> {
  const exporter = factory.create(settings, schema.parse({ ...bare, ...config }));
  cleanups.push(() => exporter.shutdown?.(AbortSignal.abort()));
  await exporter.start?.({ extension: () => extension } as Partial<Host> as Host);
  return exporter;
}

function wrongIn(config: object): string | undefined {
  return schema
    .safeParse(config)
    .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
    .join('; ');
}

test.each([
  [{}, 'localhost:4317'],
  [{ protocol: 'grpc' }, 'localhost:14250'],
  [{ protocol: 'thrift_http' }, 'http://localhost:14268/api/traces'],
  [{ protocol: 'thrift_http', endpoint: 'http://jaeger:14268' }, 'http://jaeger:14268/api/traces'],
  [
    { protocol: 'thrift_http', endpoint: 'https://proxy/jaeger/api/traces?format=jaeger.thrift' },
    'https://proxy/jaeger/api/traces?format=jaeger.thrift',
  ],
  [{ protocol: 'grpc', endpoint: 'dns:///jaeger:14250' }, 'dns:///jaeger:14250'],
])('the endpoint of %j is %s', (config, want) => {
  expect(endpointOf(schema.parse(config))).toBe(want);
});

test('an endpoint of the time before OTLP means the protocol of that time, unless one is named', () => {
  expect(protocolOf(schema.parse({}))).toBe('otlp');
  expect(protocolOf(schema.parse({ endpoint: 'jaeger:14250' }))).toBe('grpc');
  expect(protocolOf(schema.parse({ endpoint: 'jaeger:14250', protocol: 'otlp' }))).toBe('otlp');
  expect(protocolOf(schema.parse({ endpoint: 'jaeger:4317' }))).toBe('otlp');
});

test('an endpoint that the protocol cannot have is told', () => {
  expect(wrongIn({ endpoint: 'http://jaeger:4318/v1/traces' })).toMatch(/endpoint: a gRPC endpoint has no path/);
  expect(wrongIn({ protocol: 'thrift_http', endpoint: 'jaeger:14268' })).toMatch(/endpoint: expected a URL such as/);
  expect(wrongIn({ max_message_bytes: 1000 })).toMatch(/max_message_bytes/);
  expect(wrongIn({ protocol: 'thrift_udp' })).toMatch(/protocol/);
});

describe('protocol otlp', () => {
  test('a batch arrives as it is', async () => {
    const backend = await GrpcBackend.start();
    cleanups.push(() => backend.down());
    const exporter = await started({ endpoint: backend.address });
    const batch = stamped('traces', ['a', 'b']);
    expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
    expect(backend.batches[0]!.bytes).toEqual(Buffer.concat(batch.chunks));
    expect(backend.batches[0]!.metadata.get('grpc-encoding')).toEqual([]);
  });

  test('a batch above max_message_bytes is split, and what has arrived is not sent again after a failure', async () => {
    const backend = await GrpcBackend.start();
    cleanups.push(() => backend.down());
    let calls = 0;
    backend.reply = () => (++calls === 2 ? { code: 14, reason: 'away' } : 'ok');
    const exporter = await started({ endpoint: backend.address, max_message_bytes: 64 * 1024 });
    const ids = Array.from({ length: 400 }, (_, n) => `${n}-${'x'.repeat(500)}`);
    const batch = stamped('traces', ids);
    expect(await exporter.consume(batch, noContext)).toMatchObject({ status: 'retryable' });
    expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
    expect(backend.accepted).toEqual(ids);
    for (const { bytes } of backend.batches) expect(bytes.length).toBeLessThanOrEqual(64 * 1024);
  });

  test('a warning of a server that took all of it is passed on', async () => {
    const backend = await GrpcBackend.start();
    cleanups.push(() => backend.down());
    backend.reply = () => ({ rejected: 0, reason: 'storage is nearly full' });
    const exporter = await started({ endpoint: backend.address });
    const outcome = await exporter.consume(stamped('traces', ['a']), noContext);
    expect(outcome).toEqual({ status: 'accepted', reason: 'storage is nearly full' });
  });

  test('spans that were rejected in one of several messages are told', async () => {
    const backend = await GrpcBackend.start();
    cleanups.push(() => backend.down());
    let calls = 0;
    backend.reply = () => (++calls === 2 ? { rejected: 3, reason: 'too old' } : 'ok');
    const exporter = await started({ endpoint: backend.address, max_message_bytes: 64 * 1024 });
    const batch = stamped(
      'traces',
      Array.from({ length: 400 }, (_, n) => `${n}-${'x'.repeat(500)}`),
    );
    expect(await exporter.consume(batch, noContext)).toMatchObject({
      status: 'accepted',
      rejectedItems: 3,
      reason: 'too old',
    });
  });
});

interface Kind {
  readonly protocol: 'grpc' | 'thrift_http';
  readonly collector: (maxBytes?: number) => Promise<Collector>;
  readonly endpoint: (port: number) => string;
  /** What it says when it is busy for a moment, when something is wrong with the batch, and when its pipeline refuses. */
  readonly busy: number;
  readonly invalid: number;
  readonly pipeline: number;
}

const kinds: readonly Kind[] = [
  {
    protocol: 'grpc',
    collector: grpcCollector,
    endpoint: (port) => `127.0.0.1:${port}`,
    busy: 14,
    invalid: 3,
    pipeline: 2,
  },
  {
    protocol: 'thrift_http',
    collector: thriftCollector,
    endpoint: (port) => `http://127.0.0.1:${port}`,
    busy: 503,
    invalid: 400,
    pipeline: 500,
  },
];

describe.each(kinds)('protocol $protocol', (kind) => {
  async function rig(config: object = {}, maxBytes?: number, settings = testSettings(), extension?: Component) {
    const collector = await kind.collector(maxBytes);
    cleanups.push(() => collector.close());
    const endpoint = kind.endpoint(collector.port);
    const exporter = await started({ protocol: kind.protocol, endpoint, ...config }, settings, extension);
    const arrived = () => collector.taken.flatMap(({ batch }) => batch.spans.map(({ id }) => id));
    return { collector, exporter, settings, arrived };
  }

  test('every span arrives once, with its process', async () => {
    const { collector, exporter, arrived } = await rig();
    const batch = generatePayload('traces', { items: 60, resources: 3 });
    expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
    expect(arrived().toSorted()).toEqual(stampsOf(batch).toSorted());
    expect(collector.taken).toHaveLength(3);
  });

  test.each(['gzip', 'none'])('compression %s, headers and credentials', async (compression) => {
    const authenticator = { headers: () => ({ authorization: 'Bearer t' }) } as Component;
    const more = { compression, headers: { 'X-Tenant': 'blue' }, auth: { authenticator: 'bearer' } };
    const { collector, exporter } = await rig(more, undefined, testSettings(), authenticator);
    const batch = generatePayload('traces', { items: 500 });
    expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
    const [{ header, batch: arrived }] = collector.taken as [Collector['taken'][0]];
    expect(arrived.spans).toHaveLength(500);
    expect(header('x-tenant')).toBe('blue');
    expect(header('authorization')).toBe('Bearer t');
  });

  test('many batches at the same time, each in a message of its own', async () => {
    const { exporter, arrived } = await rig({ compression: 'gzip' });
    const batches = Array.from({ length: 30 }, (_, n) => generatePayload('traces', { items: 50 + n, seed: n + 1 }));
    await Promise.all(batches.map((batch) => exporter.consume(batch, noContext)));
    expect(arrived().toSorted()).toEqual(batches.flatMap(stampsOf).toSorted());
  });

  test('what has arrived is not sent again when a later message fails', async () => {
    const { collector, exporter, arrived } = await rig({ max_message_bytes: 64 * 1024 });
    let calls = 0;
    collector.answer = () => (++calls === 3 ? { code: kind.busy, reason: 'away' } : undefined);
    const batch = generatePayload('traces', { items: 600, resources: 2 });
    expect(await exporter.consume(batch, noContext)).toMatchObject({ status: 'retryable' });
    const before = arrived().length;
    expect(before).toBeGreaterThan(0);
    expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
    expect(arrived().toSorted()).toEqual(stampsOf(batch).toSorted());
  });

  test('a message that is refused for good costs no other: only its spans are lost', async () => {
    const { collector, exporter, arrived } = await rig();
    let calls = 0;
    collector.answer = () => (++calls === 2 ? { code: kind.invalid, reason: 'not like this' } : undefined);
    const batch = generatePayload('traces', { items: 30, resources: 3 });
    const outcome = await exporter.consume(batch, noContext);
    expect(outcome).toMatchObject({
      status: 'accepted',
      rejectedItems: 10,
      reason: expect.stringContaining('not like this'),
    });
    expect(arrived()).toHaveLength(20);
  });

  test('a server that takes less than max_message_bytes gets smaller messages from then on, and it is told once', async () => {
    const { collector, exporter, settings, arrived } = await rig({}, 100_000);
    const batches = [1, 2, 3].map((seed) => generatePayload('traces', { items: 700, seed }));
    for (const batch of batches) expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
    expect(arrived().toSorted()).toEqual(batches.flatMap(stampsOf).toSorted());
    for (const { byteLength } of collector.taken) expect(byteLength).toBeLessThanOrEqual(100_000);
    const told = settings.logger.lines.filter(({ message }) => message.includes('takes smaller messages'));
    expect(told).toHaveLength(1);
  });

  test('one span that is too large for the server is lost alone', async () => {
    const { exporter, arrived } = await rig({}, 100_000);
    const large = stamped('traces', ['x'.repeat(200_000)]);
    const small = generatePayload('traces', { items: 3 });
    const batch = Payload.concat('traces', [small, large]);
    expect(await exporter.consume(batch, noContext)).toMatchObject({ status: 'accepted', rejectedItems: 1 });
    expect(arrived()).toEqual(stampsOf(small));
  });

  test('small messages of many processes go side by side, large ones one after the other', async () => {
    const { collector, exporter, arrived } = await rig({ max_message_bytes: 64 * 1024 });
    const many = generatePayload('traces', { items: 300, resources: 100 });
    expect(await exporter.consume(many, noContext)).toEqual({ status: 'accepted' });
    expect(collector.mostAtOnce).toBeGreaterThan(8);
    expect(collector.mostAtOnce).toBeLessThanOrEqual(16);
    collector.mostAtOnce = 0;
    const large = generatePayload('traces', { items: 600, seed: 2 });
    expect(await exporter.consume(large, noContext)).toEqual({ status: 'accepted' });
    expect(collector.mostAtOnce).toBe(1);
    expect(arrived().toSorted()).toEqual([...stampsOf(many), ...stampsOf(large)].toSorted());
  });

  test('what its pipeline refuses, Jaeger wants again', async () => {
    const { collector, exporter } = await rig();
    collector.answer = () => ({ code: kind.pipeline, reason: 'data refused due to high memory usage' });
    const outcome = await exporter.consume(generatePayload('traces', { items: 1 }), noContext);
    expect(outcome).toMatchObject({ status: 'retryable', reason: expect.stringContaining('high memory usage') });
  });

  test('the queue accounts for each span, also for those of a batch of which a part arrived', async () => {
    const settings = testSettings();
    const more = { sending_queue: {}, retry_on_failure: { max_elapsed_time: '1s', initial_interval: '600ms' } };
    const { collector, exporter, arrived } = await rig({ ...more, max_message_bytes: 64 * 1024 }, undefined, settings);
    collector.answer = () => (arrived().length > 0 ? { code: kind.busy, reason: 'away' } : undefined);
    const account = new TestAccount();
    const batch = generatePayload('traces', { items: 500 });
    await exporter.consume(batch, { account });
    await expect
      .poll(async () => {
        await settings.clock.advance(300);
        return account.held;
      })
      .toBe(0);
    expect(arrived().length).toBeGreaterThan(0);
    expect(account.delivered).toBe(arrived().length);
    expect(account.lost).toEqual({ retries_exhausted: 500 - arrived().length });
  });

  test('no buffer stays counted, whatever became of the messages', async () => {
    const { collector, exporter, settings } = await rig({ max_message_bytes: 64 * 1024 });
    let calls = 0;
    collector.answer = () =>
      [undefined, { code: kind.busy, reason: '' }, { code: kind.invalid, reason: '' }][++calls % 3];
    const batch = generatePayload('traces', { items: 600 });
    for (let n = 0; n < 10; n++) await exporter.consume(batch, noContext);
    expect(settings.memory.copies).toBe(0);
  });
});

test('nothing is sent after the shutdown', async () => {
  const exporter = await started({});
  await exporter.shutdown?.(AbortSignal.abort());
  expect(await exporter.consume(stamped('traces', ['a']), noContext)).toMatchObject({ status: 'retryable' });
});

test('two pipelines that send the same batch at the same time both have it delivered', async () => {
  const backend = await GrpcBackend.start();
  cleanups.push(() => backend.down());
  const exporter = await started({ endpoint: backend.address });
  const batch = stamped('traces', ['a', 'b']);
  await Promise.all([exporter.consume(batch, noContext), exporter.consume(batch, noContext)]);
  expect(backend.payloads().flatMap(idsOf)).toEqual(['a', 'b', 'a', 'b']);
});
