import { expect, test } from 'vitest';
import { type BatchContext, noContext } from '../../internal/core/consumer.ts';
import { type Outcome, type Retryable, retryable } from '../../internal/core/outcome.ts';
import { deferred, RecordingConsumer, type TestSettings, testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';
import type { RateLimiter } from './limiter.ts';

const byTenant = { key: { metadata: 'tenant' } };
const tenant = (name: string): BatchContext => ({ metadata: new Map([['tenant', [name]]]) });
const items = (count: number) =>
  stamped(
    'traces',
    Array.from({ length: count }, (_, i) => `${i}`),
  );

function make(
  config: object,
  settings: TestSettings = testSettings({ kind: 'processor' }),
  next = new RecordingConsumer(),
) {
  const limiter = factory.create(settings, schema.parse(config), next) as RateLimiter;
  const send = (count: number, ctx: BatchContext = noContext) => limiter.consume(items(count), ctx);
  return { limiter, settings, send, next, clock: settings.clock };
}

test('a reload fills nobody’s bucket: the successor goes on with what each key has', async () => {
  const before = make({ ...byTenant, items_per_second: 10, items_burst: 20 });
  await before.send(20, tenant('a'));
  await before.send(5, tenant('b'));
  const after = make({ ...byTenant, items_per_second: 10, items_burst: 20 }, before.settings);
  expect(before.limiter.handOver(after.limiter)).toBe(true);
  expect((await after.send(1, tenant('a'))) as Retryable).toMatchObject({ status: 'retryable', retryAfterMs: 100 });
  expect((await after.send(15, tenant('b'))).status).toBe('accepted');
  expect((await after.send(1, tenant('b'))).status).toBe('retryable');
  expect((await after.send(20, tenant('new'))).status).toBe('accepted');
});

test('other limits hold at once; what a key has stays as far as it fits, a debt is paid off at the new rate', async () => {
  const before = make({ ...byTenant, items_per_second: 10, items_burst: 10 });
  await before.send(30, tenant('debtor'));
  await before.send(4, tenant('some'));
  await before.send(1, tenant('rested'));
  await before.clock.advance(100);
  const overrides = { some: { items_per_second: 1, items_burst: 3 } };
  const after = make({ ...byTenant, items_per_second: 100, items_burst: 50, overrides }, before.settings);
  before.limiter.handOver(after.limiter);
  expect(await after.send(1, tenant('debtor'))).toMatchObject({ retryAfterMs: 200 });
  expect((await after.send(3, tenant('some'))).status).toBe('accepted');
  expect(await after.send(1, tenant('some'))).toMatchObject({ retryAfterMs: 1000 });
  // It was full, so it is.
  expect((await after.send(50, tenant('rested'))).status).toBe('accepted');
});

test('with fewer keys allowed, those that sent last keep their buckets', async () => {
  const config = { ...byTenant, items_per_second: 1, items_burst: 5 };
  const before = make(config);
  for (let i = 0; i < 10; i++) {
    await before.send(5, tenant(`t${i}`));
    await before.clock.advance(1);
  }
  const after = make({ ...config, max_keys: 2 }, before.settings);
  before.limiter.handOver(after.limiter);
  const labels = { processor: 'test', 'otel.signal': 'traces' };
  await before.limiter.shutdown();
  expect(after.settings.meter.value('sluice_rate_limiter_keys', labels)).toBe(2);
  for (const [name, status] of [
    ['t9', 'retryable'],
    ['t8', 'retryable'],
  ] as const) {
    expect((await after.send(5, tenant(name))).status).toBe(status);
  }
});

test('what a batch under way gives back comes to the successor; a batch that still comes here pays there', async () => {
  const answer = deferred<Outcome>();
  const before = make({ items_per_second: 1, items_burst: 10 }, undefined, new RecordingConsumer(() => answer.promise));
  const underWay = before.send(10);
  const after = make({ items_per_second: 1, items_burst: 10 }, before.settings);
  before.limiter.handOver(after.limiter);
  expect((await after.send(10)).status).toBe('retryable');
  answer.resolve(retryable('busy'));
  await underWay;
  expect((await after.send(4)).status).toBe('accepted');
  before.next.answer = () => ({ status: 'accepted' });
  expect((await before.send(6)).status).toBe('accepted');
  expect((await after.send(1)).status).toBe('retryable');
});

test('buckets of another kind of key are not taken over', async () => {
  const before = make({ ...byTenant, items_per_second: 1 });
  const after = make({ key: { resource_attribute: 'service.name' }, items_per_second: 1 }, before.settings);
  expect(before.limiter.handOver(after.limiter)).toBe(false);
  expect(before.limiter.handOver({})).toBe(false);
});
