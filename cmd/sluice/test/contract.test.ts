import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Component, Factory, Host } from '../../../internal/core/component.ts';
import { type Consumer, noContext } from '../../../internal/core/consumer.ts';
import { accepted, type Outcome, permanent, retryable } from '../../../internal/core/outcome.ts';
import type { Signal } from '../../../internal/otlp/payload.ts';
import { connectorOutputs } from '../../../internal/testkit/connector.ts';
import { RecordingConsumer, TestAccount, type TestSettings, testSettings } from '../../../internal/testkit/settings.ts';
import { idsOf, stamped } from '../../../internal/testkit/stamped.ts';
import { components } from '../components.ts';

/**
 * What every component of the list keeps to. A new one is covered by being listed; where its schema wants more than defaults, name it here.
 * This does not prove what a component does to telemetry, only that it neither loses nor invents any in silence.
 */
const folder = mkdtempSync(join(tmpdir(), 'sluice-contract-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const needed: Readonly<Record<string, unknown>> = {
  'receiver/otlp': { protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } },
  'receiver/otlp_json_file': { include: [join(folder, '*.jsonl')] },
  'processor/attributes': { actions: [{ key: 'none', action: 'delete' }] },
  'processor/span': { status: { code: 'Ok' } },
  'processor/resourcedetection': { detectors: ['system'], system: { hostname_sources: ['os'] } },
  'processor/resource': { attributes: [{ key: 'none', action: 'delete' }] },
  'processor/memory_limiter': { check_interval: '1s', limit_mib: 100_000 },
  'processor/error_biased_sampler': { sampling_percentage: 100, storage_directory: join(folder, 'learnt') },
  'processor/probabilistic_sampler': { sampling_percentage: 100, fail_closed: false },
  'processor/data_quality': { rules: [{ name: 'named', name_pattern: 'a$', action: 'drop' }] },
  'processor/rate_limiter': { items_per_second: 1000 },
  'processor/tail_sampling': { policies: [{ name: 'all', type: 'always_sample' }] },
  // All of a batch goes one way: of two halves one may be taken although the batch as a whole is refused, and comes again.
  'connector/data_quality': {
    rules: [{ name: 'nothing passes', on: 'resource', required: ['never there'], action: 'route' }],
    dead_letter_pipelines: ['traces/dead', 'metrics/dead', 'logs/dead'],
  },
  'exporter/otlp_grpc': { endpoint: '127.0.0.1:1', tls: { insecure: true } },
  'exporter/jaeger': { tls: { insecure: true } },
  'exporter/elasticsearch': { endpoint: 'http://127.0.0.1:1' },
  'exporter/otlp_http': { endpoint: 'http://127.0.0.1:1' },
  'exporter/prometheus': { endpoint: '127.0.0.1:0' },
  'exporter/prometheus_remote_write': { endpoint: 'http://127.0.0.1:1/api/v1/write' },
  'exporter/file': { path: join(folder, 'out.jsonl') },
  'extension/health_check': { endpoint: '127.0.0.1:0' },
  'extension/bearertokenauth': { token: 'x' },
  'extension/basicauth': { client_auth: { username: 'a', password: 'b' } },
};

const host: Host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };

function make(factory: Factory, settings: TestSettings, next: Consumer): Component & Partial<Consumer> {
  const { parse } = factory.schema as unknown as { parse(value: unknown): unknown };
  const config = parse(needed[`${factory.kind}/${factory.type}`] ?? {});
  const outputs = { traces: next, metrics: next, logs: next };
  switch (factory.kind) {
    case 'receiver':
      return factory.create(settings, config, outputs);
    case 'processor':
      return factory.create(settings, config, next);
    case 'exporter':
      return factory.create(settings, config);
    case 'connector':
      return factory.create(
        settings,
        config,
        connectorOutputs({
          traces: next,
          'traces/dead': next,
          metrics: next,
          'metrics/dead': next,
          logs: next,
          'logs/dead': next,
        }),
      );
    case 'extension':
      return factory.create(settings, config);
  }
}

const factories = await Promise.all(components.map(async (entry) => ({ entry, factory: await entry.load() })));

describe.each(factories)('$entry.kind $entry.type', ({ entry, factory }) => {
  const settings = (signal?: Signal) =>
    testSettings({ id: factory.type, kind: factory.kind, signal, account: new TestAccount() });

  test('the list says what the factory says, and the folder is called like the type', () => {
    expect({ kind: factory.kind, type: factory.type, aliases: factory.aliases ?? [] }).toEqual({
      kind: entry.kind,
      type: entry.type,
      aliases: entry.aliases,
    });
    expect(entry.load.toString()).toContain(`${factory.kind}s/${factory.type}/index.ts`);
    expect(factory.type).toMatch(/^[a-z][a-z0-9_]*$/);
  });

  test('shutdown is safe without start, twice, and leaves no timer behind', async () => {
    const given = settings(factory.signals[0]);
    const component = make(factory, given, new RecordingConsumer());
    await component.shutdown?.(AbortSignal.timeout(1000));
    await component.shutdown?.(AbortSignal.timeout(1000));
    expect(given.clock.timers).toBe(0);
  });

  test('start, then shutdown, leaves no timer behind', async () => {
    const given = settings(factory.signals[0]);
    const component = make(factory, given, new RecordingConsumer());
    await component.start?.(host);
    await component.shutdown?.(AbortSignal.timeout(1000));
    await component.shutdown?.(AbortSignal.timeout(1000));
    expect(given.clock.timers).toBe(0);
  });
});

const answers: Readonly<Record<string, (call: number) => Outcome>> = {
  accepts: () => accepted,
  'asks to retry now and then': (call) => (call % 2 === 0 ? retryable('busy') : accepted),
  'refuses for good': () => permanent('rejected', 'no'),
  'mixes all three': (call) => [accepted, retryable('busy'), permanent('rejected', 'no')][call % 3]!,
};

describe.each(factories.filter(({ factory }) => factory.kind === 'processor' || factory.kind === 'connector'))(
  '$entry.kind $entry.type',
  ({ factory }) => {
    describe.each(factory.signals)('%s', (signal) => {
      test.each(Object.entries(answers))(
        'when the next one %s, every record is passed on, refused or counted, once',
        async (_, answer) => {
          const account = new TestAccount();
          const given = testSettings({ id: factory.type, kind: factory.kind, signal, account });
          const next = new RecordingConsumer((_batch, call) => answer(call));
          const component = make(factory, given, next);
          await component.start?.(host);
          let refused = 0;
          for (let n = 0; n < 30; n++) {
            const answered = component.consume!(stamped(signal, [`${n}a`, `${n}b`, `${n}c`]), noContext);
            await given.clock.advance(1);
            const outcome = await answered;
            if (outcome.status !== 'accepted') refused += 3;
          }
          await given.clock.advance(120_000);
          const stopped = component.shutdown?.(AbortSignal.timeout(5000));
          await given.clock.advance(120_000);
          await stopped;
          const arrived = next.taken.flatMap(idsOf);
          expect(new Set(arrived).size, 'nothing comes twice').toBe(arrived.length);
          const lost = Object.values(account.lost).reduce((sum, items) => sum + items, 0);
          expect(arrived.length + refused + lost + account.left).toBe(90);
          expect(account.held).toBe(0);
        },
      );
    });
  },
);
