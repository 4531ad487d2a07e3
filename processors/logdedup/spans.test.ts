import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { accepted, retryable } from '../../internal/core/outcome.ts';
import { seededRandom } from '../../internal/otlp/sample.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload, generatePayload, randomRequest } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import { Digest, keyOf } from './digest.ts';
import factory from './index.ts';
import { Seen } from './seen.ts';

function make(config: object = {}, next = new RecordingConsumer()) {
  const account = new TestAccount();
  const settings = testSettings({ id: 'logdedup', kind: 'processor', signal: 'traces', account });
  const dedup = factory.create(settings, schema.parse(config), next);
  const value = (name: string) =>
    settings.meter.value(`sluice_logdedup_${name}`, { processor: 'logdedup', 'otel.signal': 'traces' });
  return {
    send: (batch: Parameters<typeof dedup.consume>[0]) => dedup.consume(batch, noContext),
    next,
    account,
    value,
    clock: settings.clock,
  };
}

function span(traceId: number, spanId: number, name: string) {
  const out = new Writer();
  const group = out.open(1);
  const scope = out.open(2);
  const record = out.open(2);
  out.bytes(1, Buffer.alloc(16, traceId));
  out.bytes(2, Buffer.alloc(8, spanId));
  out.string(5, name);
  out.close(record);
  out.close(scope);
  out.close(group);
  return asPayload('traces', out.finish());
}

test('a span that comes again within the window is left out, also in the same batch; after it, it passes', async () => {
  const { send, next, account, clock, value } = make({ spans_window: '10s' });
  const batch = generatePayload('traces', { items: 50 });
  const twice = asPayload('traces', Buffer.concat([...batch.chunks, ...batch.chunks]));
  await send(twice);
  expect([next.items, account.left]).toEqual([50, 50]);
  await clock.advance(9999);
  expect((await send(batch)).status).toBe('accepted');
  expect([next.items, account.left, value('duplicates_total'), value('entries')]).toEqual([50, 100, 100, 50]);
  await clock.advance(20_000);
  await send(batch);
  expect(next.items).toBe(100);
});

test('the same ids with other content, and spans without ids, always pass', async () => {
  const { send, next } = make();
  await send(span(1, 1, 'client'));
  await send(span(1, 1, 'server'));
  await send(span(1, 2, 'client'));
  for (let i = 0; i < 3; i++) {
    await send(span(0, 1, 'no trace'));
    await send(stamped('traces', ['nothing']));
  }
  expect(next.items).toBe(9);
});

test('a batch that was refused passes when it comes again', async () => {
  const next = new RecordingConsumer((_, call) => (call === 0 ? retryable('busy') : accepted));
  const { send, account } = make({}, next);
  const batch = generatePayload('traces', { items: 5 });
  expect((await send(batch)).status).toBe('retryable');
  expect((await send(batch)).status).toBe('accepted');
  expect([next.items, account.left]).toEqual([5, 0]);
});

test('memory is bounded: with more spans than there is room for the window becomes shorter', async () => {
  const { send, next, value } = make({ max_spans: 16 });
  for (let i = 1; i < 200; i++) await send(span(i, 1, 'a'));
  expect(value('entries')).toBeLessThanOrEqual(16);
  expect(value('early_flushes_total')).toBeGreaterThan(10);
  await send(span(199, 1, 'a'));
  await send(span(192, 1, 'a'));
  expect(next.items).toBe(199);
  await send(span(1, 1, 'a'));
  expect(next.items).toBe(200);
});

test('what is remembered is what was added within the window, as a model of it says', () => {
  const random = seededRandom(7);
  const seen = new Seen(100, 1000, 0);
  const added = new Map<number, number>();
  for (let now = 0; now < 3000; now++) {
    seen.tick(now);
    const key = 1 + Math.floor(random() * 400) * 2 ** 33;
    const at = added.get(key);
    if (at !== undefined && now - at < 100) expect(seen.has(key)).toBe(true);
    if (at === undefined || now - at >= 200) expect(seen.has(key)).toBe(false);
    if (random() < 0.5 && !seen.has(key)) {
      added.set(key, now);
      seen.add(key, now);
    }
  }
  expect(seen.size).toBeLessThanOrEqual(1000);
});

test('no two of 200,000 short byte strings come to the same number', () => {
  const digest = new Digest(seededRandom(3));
  const keys = new Set<number>();
  const bytes = Buffer.alloc(12);
  for (let i = 0; i < 200_000; i++) {
    bytes.writeUInt32LE(i, i % 9);
    const { a, b } = digest.of(bytes, 0, 8 + (i % 5));
    keys.add(keyOf(a, b));
    bytes.fill(0);
  }
  const distinct = new Set<string>();
  for (let i = 0; i < 200_000; i++) {
    bytes.writeUInt32LE(i, i % 9);
    distinct.add(bytes.toString('hex', 0, 8 + (i % 5)));
    bytes.fill(0);
  }
  expect(keys.size).toBe(distinct.size);
});

test('spans of every shape add up', async () => {
  for (let seed = 1; seed < 60; seed++) {
    const { send, next, account } = make();
    const batch = asPayload('traces', randomRequest('traces', seed, { disorder: true, unknown: true, padded: true }));
    await send(batch);
    await send(batch);
    for (const taken of next.taken) asPayload('traces', Buffer.concat(taken.chunks));
    expect(next.items + account.left).toBe(2 * batch.itemCount);
  }
});
