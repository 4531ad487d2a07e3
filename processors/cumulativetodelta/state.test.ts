import { expect, test } from 'vitest';
import { accepted, type Outcome, permanent, retryable } from '../../internal/core/outcome.ts';
import { FakeClock } from '../../internal/testkit/clock.ts';
import { at } from '../../internal/testkit/points.ts';
import { deferred } from '../../internal/testkit/settings.ts';
import { explicit, spread, start } from './test/harness.ts';

test('a batch that is refused for now changes nothing: when it comes again it says the same', async () => {
  let answer: Outcome = accepted;
  const { sum, histogram, exponential, points, dropped, converted, streams } = start(
    { initial_value: 'keep' },
    () => answer,
  );
  const all = async (time: number) => {
    await sum(at(time, time), at(time, 1, { attributes: { at: String(time) } }));
    await histogram(explicit(time, [time, 1]));
    await exponential(spread(time, 1, 0, [time]));
  };
  await all(20);
  answer = retryable('full');
  for (let i = 0; i < 3; i++) await all(30);
  expect([streams(), converted()]).toEqual([4, 2]);
  answer = accepted;
  await all(30);
  expect(
    points()
      .slice(4)
      .map((each) => each.asInt ?? each.count),
  ).toEqual(['10', '1', '10', '10']);
  expect(dropped('out_of_order')).toBe(0);
});

test('a delta that was refused for good is in the next one', async () => {
  let answer: Outcome = accepted;
  const { sum, points } = start({ initial_value: 'keep' }, () => answer);
  await sum(at(20, 1));
  answer = permanent('rejected', 'no');
  await sum(at(30, 5));
  answer = accepted;
  await sum(at(40, 6));
  expect(points().at(-1)).toMatchObject({ startTimeUnixNano: '20', asInt: '5' });
});

test('batches of one resource go one after the other, so that a refused one is not a hole', async () => {
  const gate = deferred<Outcome>();
  const { sum, points } = start({ initial_value: 'keep' }, (_batch, call) => (call === 1 ? gate.promise : accepted));
  await sum(at(20, 1));
  const second = sum(at(30, 5));
  const third = sum(at(40, 7));
  gate.resolve(retryable('full'));
  expect([(await second).status, (await third).status]).toEqual(['retryable', 'accepted']);
  expect(points().at(-1)).toMatchObject({ startTimeUnixNano: '20', asInt: '6' });
});

test('a stale series is forgotten; with max_staleness 0 it never is', async () => {
  for (const [max_staleness, last] of [
    ['1m', '9'],
    ['0s', '4'],
  ] as const) {
    const { sum, ints, settings, streams } = start({ initial_value: 'keep', max_staleness });
    await sum(at(20, 5));
    await settings.clock.advance(61_000);
    await sum(at(30, 9));
    expect(ints()).toEqual(['5', last]);
    await settings.clock.advance(200_000);
    expect(streams()).toBe(max_staleness === '1m' ? 0 : 1);
  }
});

test('max_bytes bounds the state; points of series without room are dropped and counted', async () => {
  const { sum, dropped, streams, bytes, account, settings } = start({ initial_value: 'keep', max_bytes: 4096 });
  await sum(...Array.from({ length: 100 }, (_, i) => at(20, 1, { attributes: { k: `${i}${'x'.repeat(1000)}` } })));
  expect(bytes()).toBeLessThanOrEqual(4096);
  expect(streams()).toBeGreaterThan(10);
  expect(dropped('limit')).toBe(100 - streams());
  expect(account.lost).toEqual({ limit: 100 - streams() });
  expect(settings.memory.apart).toBe(bytes());
  expect(settings.logger.warnings()).toEqual(['no room for further series: their points are dropped']);
});

test('a histogram that grows beyond max_bytes is dropped, and leaves what is known of the series', async () => {
  const { histogram, dropped, bytes, points } = start({ initial_value: 'keep', max_bytes: 2048 });
  const point = (time: number, buckets: number) => ({
    startTimeUnixNano: 10,
    timeUnixNano: time,
    count: 1,
    bucketCounts: [1, ...Array(buckets).fill(0)],
    explicitBounds: Array.from({ length: buckets }, (_, i) => i),
  });
  await histogram(point(20, 1), point(30, 5000), point(40, 1));
  expect(dropped('limit', 'histogram')).toBe(1);
  expect(bytes()).toBeLessThan(2048);
  expect(points().map((each) => each.timeUnixNano)).toEqual(['20', '40']);
});

test('the state lives on in the component that a reload puts in its place, and so does when it began to look', async () => {
  const now = 1_700_000_000_000_000_000n;
  const old = start({});
  const began = { startTimeUnixNano: now + 1n };
  await old.sum(at(now + 20n, 1, began));
  const clock = new FakeClock(1_700_000_060_000);
  const fresh = start({}, undefined, clock);
  const later = start({}, undefined, clock);
  const another = at(now + 30n, 5, { ...began, attributes: { k: 'v' } });
  await fresh.sum(another);
  expect(fresh.dropped('initial')).toBe(1);
  expect(old.processor.handOver!(later.processor)).toBe(true);
  await later.sum(at(now + 30n, 5, began), another);
  expect(later.ints()).toEqual(['4', '5']);
  for (const { processor } of [old, fresh, later]) await processor.shutdown!(new AbortController().signal);
  expect([old, later].map(({ settings }) => settings.clock.timers)).toEqual([0, 0]);
});
