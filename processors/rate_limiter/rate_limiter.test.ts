import { expect, test } from 'vitest';
import { type BatchContext, noContext } from '../../internal/core/consumer.ts';
import { permanent, type Retryable, retryable } from '../../internal/core/outcome.ts';
import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import type { Plain } from '../../internal/otlp/view/value.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { idsOf } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const recordId = { traces: 5, logs: 3, metrics: 1 } as const;
const byService = { key: { resource_attribute: 'service.name' } };
const passed = { outcome: 'passed' };
const dropped = { outcome: 'dropped' };

/** Records of one resource after the other: the service's name and the ids of its records. */
function batchOf(groups: readonly (readonly [service: Plain, ids: readonly string[]])[], signal: Signal = 'traces') {
  const out = new Writer();
  for (const [service, ids] of groups) {
    const group = out.open(1);
    const resource = out.open(1);
    if (service !== undefined) {
      out.raw(encodeField(1, Buffer.from('service.name'), encodeValue(service)).bytes);
    }
    out.close(resource);
    const scope = out.open(2);
    for (const id of ids) {
      const record = out.open(2);
      out.string(recordId[signal], id);
      if (signal === 'metrics') {
        const gauge = out.open(5);
        const point = out.open(1);
        out.fixed64(6, 1n);
        out.close(point);
        out.close(gauge);
      }
      out.close(record);
    }
    out.close(scope);
    out.close(group);
  }
  return asPayload(signal, out.finish());
}

const ids = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i}`);
const of = (name: string, count: number) => batchOf([[name, ids(name, count)]]);

function make(config: object, { signal = 'traces' as Signal, next = new RecordingConsumer() } = {}) {
  const account = new TestAccount();
  const settings = testSettings({ id: 'rate_limiter', kind: 'processor', signal, account });
  const limiter = factory.create(settings, schema.parse(config), next);
  const count = (outcome: object) =>
    settings.meter.value('sluice_rate_limiter_items_total', {
      processor: 'rate_limiter',
      'otel.signal': signal,
      ...outcome,
    });
  const limited = (key: string) =>
    settings.meter.value('sluice_rate_limiter_limited_items_total', {
      processor: 'rate_limiter',
      'otel.signal': signal,
      key,
    });
  const send = (batch: Payload, ctx: BatchContext = noContext) => limiter.consume(batch, ctx);
  return { limiter, next, account, clock: settings.clock, meter: settings.meter, count, limited, send };
}

test('a burst passes, then as much as the rate brings; the hint is the time that takes', async () => {
  const { send, clock, next, count } = make({ items_per_second: 10, items_burst: 20 });
  expect(await send(of('a', 15))).toMatchObject({ status: 'accepted' });
  const refusal = (await send(of('a', 10))) as Retryable;
  expect(refusal).toMatchObject({ status: 'retryable', limited: true, retryAfterMs: 500 });
  expect(refusal.reason).toBe('rate_limiter: the pipeline is over its limit: send the batch again in 500 ms');
  await clock.advance(499);
  expect((await send(of('a', 10))).status).toBe('retryable');
  await clock.advance(1);
  expect((await send(of('a', 10))).status).toBe('accepted');
  expect(next.items).toBe(25);
  expect([count(passed), count({ outcome: 'refused' })]).toEqual([25, 20]);
});

test('bytes are limited beside items', async () => {
  const batch = of('a', 4);
  const { send, clock } = make({ items_per_second: 1000, bytes_per_second: batch.byteLength });
  expect((await send(batch)).status).toBe('accepted');
  expect(await send(batch)).toMatchObject({ status: 'retryable', retryAfterMs: 1000 });
  await clock.advance(1000);
  expect((await send(batch)).status).toBe('accepted');
});

test('a batch larger than the burst passes a full bucket and is paid off afterwards, so that the rate holds', async () => {
  const { send, clock } = make({ items_per_second: 10 });
  expect((await send(of('a', 50))).status).toBe('accepted');
  expect(await send(of('a', 1))).toMatchObject({ retryAfterMs: 4100 });
  await clock.advance(4100);
  expect((await send(of('a', 1))).status).toBe('accepted');
});

test('one noisy key never starves another', async () => {
  const { send, limited, next } = make({ ...byService, items_per_second: 10 });
  for (let i = 0; i < 100; i++) await send(of('noisy', 10));
  for (let i = 0; i < 10; i++) expect((await send(of('quiet', 1))).status).toBe('accepted');
  expect(next.items).toBe(20);
  expect([limited('noisy'), limited('quiet')]).toEqual([990, 0]);
});

test('refuse: a batch in which one key is over its limit is refused whole and costs nobody a token', async () => {
  const { send, limited } = make({ ...byService, items_per_second: 10 });
  await send(of('noisy', 10));
  const mixed = batchOf([
    ['quiet', ids('q', 10)],
    ['noisy', ids('n', 1)],
  ]);
  const refusal = await send(mixed);
  expect(refusal).toMatchObject({ status: 'retryable', retryAfterMs: 100 });
  expect((refusal as Retryable).reason).toContain('service.name "noisy" is over its limit');
  expect([limited('noisy'), limited('quiet')]).toEqual([1, 0]);
  expect((await send(of('quiet', 10))).status).toBe('accepted');
});

test.each(['traces', 'logs', 'metrics'] as const)(
  'drop: only the excess of the keys at fault is lost: %s',
  async (signal) => {
    const { send, next, account, count, limited } = make(
      { ...byService, items_per_second: 3, on_limit: 'drop' },
      { signal },
    );
    const batch = batchOf(
      [
        ['noisy', ids('n', 2)],
        ['quiet', ids('q', 3)],
        ['noisy', ids('m', 4)],
      ],
      signal,
    );
    expect((await send(batch)).status).toBe('accepted');
    expect(next.taken.flatMap(idsOf)).toEqual(['n0', 'n1', 'q0', 'q1', 'q2', 'm0']);
    expect(next.items).toBe(6);
    expect(account.lost).toEqual({ rate_limited: 3 });
    expect([count(passed), count(dropped), limited('noisy'), limited('quiet')]).toEqual([6, 3, 3, 0]);
    expect((await send(batchOf([['noisy', ids('x', 2)]], signal))).status).toBe('accepted');
    expect(next.calls.length).toBe(1);
    expect(account.lost).toEqual({ rate_limited: 5 });
  },
);

test('what the next component refuses costs no tokens and loses nothing', async () => {
  const next = new RecordingConsumer((_, call) => (call < 3 ? retryable('busy') : permanent('invalid', 'no')));
  for (const on_limit of ['refuse', 'drop']) {
    const { send, account, count } = make({ items_per_second: 5, on_limit }, { next });
    const batch = of('a', on_limit === 'drop' ? 8 : 5);
    for (let i = 0; i < 4; i++)
      expect((await send(batch)).status).toBe(i < 3 && on_limit === 'refuse' ? 'retryable' : 'permanent');
    expect(account.lost).toEqual({});
    expect([count(passed), count(dropped), count({ outcome: 'refused' })]).toEqual([0, 0, 0]);
  }
});

test('a header of the request is the key, and overrides stand in place of the limits', async () => {
  const config = {
    key: { metadata: 'X-Tenant' },
    items_per_second: 1,
    overrides: { gold: { items_per_second: 5 }, free: {} },
  };
  const { send } = make(config);
  const from = (tenant: string) => ({ metadata: new Map([['x-tenant', [tenant]]]) });
  const statuses = async (tenant: string | undefined, batches: number) => {
    const all: string[] = [];
    for (let i = 0; i < batches; i++) all.push((await send(of('a', 1), tenant ? from(tenant) : noContext)).status);
    return all.filter((status) => status === 'accepted').length;
  };
  expect(await statuses('gold', 9)).toBe(5);
  expect(await statuses('free', 9)).toBe(9);
  expect(await statuses('other', 9)).toBe(1);
  expect(await statuses(undefined, 9)).toBe(1);
});

test('keys without end share one bucket once there is no room; quiet ones are forgotten', async () => {
  const config = { ...byService, items_per_second: 2, max_keys: 10, reported_keys: 3 };
  const { send, clock, meter, next, limited } = make(config);
  const keys = () => meter.value('sluice_rate_limiter_keys', { processor: 'rate_limiter', 'otel.signal': 'traces' });
  for (let i = 0; i < 1000; i++) {
    await send(of(`key${i}`, 1));
    await clock.advance(0.001);
  }
  expect(keys()).toBe(10);
  // Ten buckets of their own, and the shared one lets a burst of two pass.
  expect(next.items).toBeLessThanOrEqual(10 + 3);
  expect(limited('(overflow)')).toBeGreaterThan(980);
  // A known key is served all the same, and after a pause new ones find room.
  expect((await send(of('key0', 1))).status).toBe('accepted');
  await clock.advance(1000);
  for (let i = 0; i < 5; i++) expect((await send(of(`new${i}`, 2))).status).toBe('accepted');
  expect(keys()).toBe(10);
});

test('one batch of more keys than there is room for: none is met twice, the rest shares the overflow', async () => {
  const { send, next, account } = make({ ...byService, items_per_second: 1, max_keys: 3, on_limit: 'drop' });
  const names = ['a', 'b', 'c', 'd', 'e', 'a', 'd'];
  await send(batchOf(names.map((name, i) => [name, [`${name}${i}`]])));
  expect(next.taken.flatMap(idsOf)).toEqual(['a0', 'b1', 'c2', 'd3']);
  expect(account.lost).toEqual({ rate_limited: 3 });
});

test('keys with a metric of their own are bounded', async () => {
  const { send, limited } = make({ ...byService, items_per_second: 1, reported_keys: 2 });
  for (const name of ['a', 'b', 'c', 'd']) {
    await send(of(name, 1));
    await send(of(name, 1));
  }
  expect(['a', 'b', 'c', 'd', '(other)'].map(limited)).toEqual([1, 1, 0, 0, 2]);
});

test('huge keys are not kept, numbers and missing keys are keys too', async () => {
  const { send, limited, meter } = make({ ...byService, items_per_second: 1 });
  for (let i = 0; i < 3; i++) await send(batchOf([[String(i).repeat(100_000), ['x']]]));
  for (const value of [5n, true, undefined, ['list']]) {
    await send(batchOf([[value, ['x']]]));
    await send(batchOf([[value, ['x']]]));
  }
  expect(['(overflow)', '5', 'true', '(none)'].map(limited)).toEqual([2, 1, 1, 3]);
  expect(meter.value('sluice_rate_limiter_keys', { processor: 'rate_limiter', 'otel.signal': 'traces' })).toBe(3);
});

test('wall time that jumps changes nothing, since only monotonic time counts', async () => {
  const { send, clock } = make({ items_per_second: 1 });
  let jump = 0;
  const { now } = clock;
  clock.now = () => now.call(clock) + jump;
  await send(of('a', 1));
  jump = 3_600_000;
  expect((await send(of('a', 1))).status).toBe('retryable');
  jump = -3_600_000;
  await clock.advance(1000);
  expect((await send(of('a', 1))).status).toBe('accepted');
});

test.each(['traces', 'logs', 'metrics'] as const)('%s of every shape stay well-formed and add up', async (signal) => {
  for (let seed = 1; seed < 60; seed++) {
    const config = { ...byService, items_per_second: 1, bytes_per_second: 50, on_limit: 'drop' };
    const { send, next, account } = make(config, { signal });
    const batch = asPayload(signal, randomRequest(signal, seed, { disorder: true, unknown: true }));
    await send(batch);
    for (const taken of next.taken) asPayload(signal, Buffer.concat(taken.chunks));
    expect(next.items + (account.lost.rate_limited ?? 0)).toBe(batch.itemCount);
  }
});

test.each([
  [{}, 'items_per_second'],
  [{ items_per_second: 0 }, 'items_per_second'],
  [{ items_per_second: 1, bytes_burst: 5 }, 'bytes_burst'],
  [{ items_per_second: 1, key: {} }, 'key'],
  [{ items_per_second: 1, key: { resource_attribute: 'a', metadata: 'b' } }, 'key'],
  [{ items_per_second: 1, overrides: { a: {} } }, 'overrides'],
  [{ ...byService, items_per_second: 1, overrides: { a: { items_burst: 1 } } }, 'overrides.a.items_burst'],
])('%j is refused at %s', (config, path) => {
  const paths = schema.safeParse(config).error?.issues.map((issue) => issue.path.join('.'));
  expect(paths).toContain(path);
});
