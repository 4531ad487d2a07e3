import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

/** A span each of so many services, of which none was there before. */
function strangers(from: number, count: number): Payload {
  const out = new Writer();
  for (let i = from; i < from + count; i++) {
    const group = out.open(1);
    const resource = out.open(1);
    const pair = out.open(1);
    out.string(1, 'service.name');
    const value = out.open(2);
    out.string(1, `service ${i}`);
    out.close(value);
    out.close(pair);
    out.close(resource);
    const scope = out.open(2);
    const span = out.open(2);
    out.close(span);
    out.close(scope);
    out.close(group);
  }
  return asPayload('traces', out.finish());
}

test('a million services: no more than max_keys have a bucket, the others share one, known ones keep theirs', async () => {
  const account = new TestAccount();
  const settings = testSettings({ id: 'rate_limiter', kind: 'processor', account });
  const config = schema.parse({
    key: { resource_attribute: 'service.name' },
    items_per_second: 1,
    items_burst: 2,
    on_limit: 'drop',
    overrides: { gold: { items_per_second: 5 } },
  });
  const next = new RecordingConsumer();
  const limiter = factory.create(settings, config, next);
  const labels = { processor: 'rate_limiter', 'otel.signal': 'traces' };
  const value = (name: string) => settings.meter.value(`sluice_rate_limiter_${name}`, labels);
  let most = 0;
  for (let i = 0; i < 100; i++) {
    await limiter.consume(strangers(10_000 * i, 10_000), noContext);
    most = Math.max(most, value('keys'));
  }
  // The one that the configuration names has a place of its own.
  expect([most, value('keys'), value('overflows_total')]).toEqual([10_001, 10_001, 990_000]);
  expect(next.items + (account.lost.rate_limited ?? 0)).toBe(1_000_000);
  expect(settings.memory.apart).toBeGreaterThan(10_000 * 100);
  expect(settings.memory.apart).toBeLessThan(10_000 * 1000);
  const before = next.items;
  // One of the first is not held up by the strangers, and has one of its two tokens left.
  await limiter.consume(strangers(0, 1), noContext);
  expect(next.items).toBe(before + 1);
  await settings.clock.advance(3000);
  await limiter.consume(strangers(2_000_000, 10_000), noContext);
  expect(value('keys')).toBe(10_001);
  await limiter.shutdown!(new AbortController().signal);
  expect(settings.memory.apart).toBe(0);
});
