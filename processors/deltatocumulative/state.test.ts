import { expect, test } from 'vitest';
import { accepted, type Outcome, permanent, retryable } from '../../internal/core/outcome.ts';
import { settled } from '../../internal/testkit/clock.ts';
import { Inlet, Outlet, runningCollector, type TestConfig } from '../../internal/testkit/collector.ts';
import { at, metricOf, metricsPayload, pointsIn } from '../../internal/testkit/points.ts';
import { deferred } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';
import { DELTA, oracle, start } from './test/harness.ts';

test('a stale series is forgotten, and begins anew with its next point', async () => {
  const { sum, points, settings, streams, bytes } = start({ max_stale: '5m' });
  await sum(at(20, 1));
  await settings.clock.advance(299_000);
  await sum(at(30, 1));
  await settings.clock.advance(301_000);
  await sum(at(40, 7, { startTimeUnixNano: 30 }));
  expect(points().map((each) => [each.startTimeUnixNano, each.asInt])).toEqual([
    ['10', '1'],
    ['10', '2'],
    ['30', '7'],
  ]);
  expect(bytes()).toBeGreaterThan(0);
  await settings.clock.advance(6 * 60_000);
  expect([streams(), bytes()]).toEqual([0, 0]);
  expect(settings.clock.timers).toBe(0);
});

test('max_streams: points of further series are dropped and counted until others are stale', async () => {
  const { sum, ints, dropped, account, settings, streams } = start({ max_streams: 2, max_stale: '1m' });
  const of = (k: string, time: number) => at(time, 1, { attributes: { k } });
  await sum(of('a', 20), of('b', 20), of('c', 20), of('a', 30));
  expect(ints()).toEqual(['1', '1', '2']);
  expect(dropped('limit')).toBe(1);
  expect(account.lost).toEqual({ limit: 1 });
  await settings.clock.advance(61_000);
  await sum(of('c', 40), of('d', 40));
  expect(streams()).toBe(2);
  expect(dropped('limit')).toBe(1);
});

test('max_bytes bounds the state as well, and what long attributes take of it', async () => {
  const { sum, dropped, streams, bytes, settings } = start({ max_bytes: 4096 });
  const long = (i: number) => at(20, 1, { attributes: { k: `${i}${'x'.repeat(10_000)}` } });
  await sum(...Array.from({ length: 100 }, (_, i) => long(i)));
  expect(bytes()).toBeLessThanOrEqual(4096);
  expect(streams()).toBeGreaterThan(15);
  expect(dropped('limit')).toBe(100 - streams());
  expect(settings.memory.apart).toBe(bytes());
  expect(settings.logger.warnings()).toEqual(['no room for further series: their points are dropped']);
});

test('a batch that is refused for now changes nothing: when it comes again it says the same', async () => {
  let answer: Outcome = retryable('full');
  const { sum, points, next, dropped, streams, account, bytes } = start({}, () => answer);
  expect(await sum(at(20, 1))).toBe(answer);
  expect([streams(), bytes(), dropped('')]).toEqual([0, 0, 0]);
  answer = accepted;
  await sum(at(20, 1));
  answer = retryable('full');
  for (let i = 0; i < 3; i++) await sum(at(30, 2), at(40, 3), at(15, 9), at(30, 1, { attributes: { new: 'x' } }));
  expect(streams()).toBe(1);
  answer = accepted;
  await sum(at(30, 2), at(40, 3), at(15, 9), at(30, 1, { attributes: { new: 'x' } }));
  expect(points().map((each) => each.asInt)).toEqual(['1', '3', '6', '1']);
  expect(new Set(next.calls.slice(2).map(({ batch }) => Buffer.concat(batch.chunks).toString('hex'))).size).toBe(1);
  expect(account.lost).toEqual({ out_of_order: 1 });
});

test('histograms of a refused batch are taken back too', async () => {
  let answer: Outcome = accepted;
  const { histogram, exponential, points } = start({}, () => answer);
  const point = (time: number) => ({ startTimeUnixNano: 10, timeUnixNano: time, count: 1, bucketCounts: [1], sum: 1 });
  const spread = (time: number) => ({ ...point(time), bucketCounts: undefined, positive: { bucketCounts: [1] } });
  const both = async (time: number) => [await histogram(point(time)), await exponential(spread(time))];
  await both(20);
  answer = retryable('full');
  await both(30);
  answer = accepted;
  await both(30);
  expect(points().map((each) => [each.name, each.count, each.sum])).toEqual([
    ['h', '1', 1],
    ['e', '1', 1],
    ['h', '2', 2],
    ['e', '2', 2],
  ]);
});

test('what is refused for good is in the totals that follow', async () => {
  let answer: Outcome = accepted;
  const { sum, ints } = start({}, () => answer);
  await sum(at(20, 1));
  answer = permanent('rejected', 'no');
  await sum(at(30, 2));
  answer = accepted;
  await sum(at(40, 3));
  expect(ints()).toEqual(['1', '6']);
});

test('a next component that throws leaves the state as it was', async () => {
  let broken = true;
  const { sum, ints } = start({}, () => {
    if (broken) throw new Error('bug');
    return accepted;
  });
  await expect(sum(at(20, 1))).rejects.toThrow('bug');
  broken = false;
  await sum(at(20, 1));
  expect(ints()).toEqual(['1']);
});

test('batches of one resource go one after the other, in order; others do not wait', async () => {
  const gate = deferred<Outcome>();
  const { send, next, points } = start({}, (_batch, call) => (call === 0 ? gate.promise : accepted));
  const batch = (service: string, time: number) =>
    metricsPayload(oracle, [metricOf('m', 'sum', DELTA, [at(time, 1)])], { 'service.name': service });
  const first = send(batch('a', 20));
  const second = send(batch('a', 30));
  const third = send(batch('a', 40));
  await send(batch('b', 20));
  expect(next.calls).toHaveLength(2);
  gate.resolve(retryable('full'));
  expect((await first).status).toBe('retryable');
  expect([await second, await third]).toEqual([accepted, accepted]);
  expect(points().map((each) => [each.timeUnixNano, each.asInt])).toEqual([
    ['20', '1'],
    ['30', '1'],
    ['40', '2'],
  ]);
});

test('a sender that leaves while its batch waits is told to come again, and holds nobody up', async () => {
  const gate = deferred<Outcome>();
  const { processor, sum, next } = start({}, (_batch, call) => (call === 0 ? gate.promise : accepted));
  const first = sum(at(20, 1));
  const leaves = new AbortController();
  const payload = metricsPayload(oracle, [metricOf('m', 'sum', DELTA, [at(30, 1)])]);
  const second = processor.consume(payload, { abort: leaves.signal });
  const third = sum(at(40, 1));
  leaves.abort();
  gate.resolve(accepted);
  expect((await second).status).toBe('retryable');
  expect([await first, await third]).toEqual([accepted, accepted]);
  expect(next.taken).toHaveLength(2);
});

test('more than a thousand batches do not wait for one', async () => {
  const gate = deferred<Outcome>();
  const { sum } = start({}, (_batch, call) => (call === 0 ? gate.promise : accepted));
  const waiting = Array.from({ length: 1001 }, (_, i) => sum(at(20 + i, 1)));
  expect(await sum(at(5000, 1))).toMatchObject({ status: 'retryable' });
  gate.resolve(accepted);
  expect((await Promise.all(waiting)).every(({ status }) => status === 'accepted')).toBe(true);
});

test('a histogram that grows beyond max_bytes is dropped, and leaves what is known of the series', async () => {
  const { histogram, dropped, bytes, points } = start({ max_bytes: 2048 });
  const point = (time: number, buckets: number) => ({
    startTimeUnixNano: 10,
    timeUnixNano: time,
    count: 1,
    bucketCounts: [1, ...Array(buckets).fill(0)],
    explicitBounds: Array.from({ length: buckets }, (_, i) => i),
  });
  await histogram(point(20, 1), point(30, 5000), point(40, 1));
  expect(dropped('limit')).toBe(1);
  expect(bytes()).toBeLessThan(2048);
  expect(points().map((each) => each.timeUnixNano)).toEqual(['20', '40']);
});

test('the state lives on in the component that a reload puts in its place, with batches under way', async () => {
  const gate = deferred<Outcome>();
  const old = start({}, (_batch, call) => (call === 1 ? gate.promise : accepted));
  await old.sum(at(20, 1));
  const underWay = old.sum(at(30, 2));
  const fresh = start({ max_streams: 1 });
  expect(old.processor.handOver!(fresh.processor)).toBe(true);
  const waits = fresh.sum(at(40, 4));
  await settled();
  expect(fresh.next.calls).toHaveLength(0);
  gate.resolve(retryable('stopping'));
  expect((await underWay).status).toBe('retryable');
  await waits;
  await old.processor.shutdown!(new AbortController().signal);
  expect(fresh.ints()).toEqual(['5']);
  expect([old.streams(), fresh.streams()]).toEqual([0, 1]);
  await fresh.sum(at(40, 1, { attributes: { k: 'v' } }));
  expect(fresh.dropped('limit')).toBe(1);
  await fresh.processor.shutdown!(new AbortController().signal);
  expect([old, fresh].map(({ settings }) => settings.clock.timers)).toEqual([0, 0]);
});

test('a component that has seen points takes nothing over', async () => {
  const old = start();
  await old.sum(at(20, 1));
  const busy = start();
  await busy.sum(at(20, 1));
  expect(old.processor.handOver!(busy.processor)).toBe(false);
  expect(old.streams()).toBe(1);
});

test('in a running collector the ledger balances, and a reload with other settings keeps the totals', async () => {
  const inlet = new Inlet();
  let answer: Outcome = accepted;
  const outlet = new Outlet(() => answer);
  const config = (max_stale: string): TestConfig => ({
    receivers: { inlet },
    processors: { deltatocumulative: { factory, config: schema.parse({ max_stale }) } },
    exporters: { outlet },
    pipelines: { metrics: { receivers: ['inlet'], processors: ['deltatocumulative'], exporters: ['outlet'] } },
  });
  const { collector, reload, clock } = await runningCollector(config('5m'));
  const send = (...points: object[]) => inlet.send(metricsPayload(oracle, [metricOf('m', 'sum', DELTA, points)]));
  await send(at(20, 1), at(15, 1));
  answer = retryable('full');
  expect((await send(at(30, 2))).status).toBe('retryable');
  answer = accepted;
  await reload(config('10m'));
  await send(at(30, 2), at(30, 2));
  expect(pointsIn(oracle, outlet.taken).map((each) => each.asInt)).toEqual(['1', '3']);
  expect(collector.ledger()).toMatchObject({
    balanced: true,
    branches: [{ received: 5, refused: 1, sent: 2, dropped: { out_of_order: 2 } }],
  });
  await collector.shutdown(new AbortController().signal);
  expect(clock.timers).toBe(0);
});

test('a batch that is under way for longer than max_stale takes nothing from the series that came meanwhile', async () => {
  const gate = deferred<Outcome>();
  const { send, settings, points } = start({ max_stale: '1m' }, (_batch, call) =>
    call === 1 ? gate.promise : accepted,
  );
  const batch = (service: string, time: number) =>
    metricsPayload(oracle, [metricOf('m', 'sum', DELTA, [at(time, 1)])], { 'service.name': service });
  await send(batch('a', 20));
  const slow = send(batch('a', 30));
  await settings.clock.advance(10 * 60_000);
  await send(batch('b', 20));
  gate.resolve(retryable('full'));
  await slow;
  await send(batch('b', 30));
  expect(points().map((each) => [each.timeUnixNano, each.asInt])).toEqual([
    ['20', '1'],
    ['20', '1'],
    ['30', '2'],
  ]);
});
