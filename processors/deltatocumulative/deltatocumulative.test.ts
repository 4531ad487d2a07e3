import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { accepted, type Outcome, permanent, retryable } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { settled } from '../../internal/testkit/clock.ts';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import { attributesOf, groupsPayload, metricOf, metricsPayload, pointsIn } from '../../internal/testkit/points.ts';
import {
  type Answer,
  deferred,
  RecordingConsumer,
  TestAccount,
  testSettings,
} from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const oracle = await loadOracle();
const DELTA = 1;

function start(config: object = {}, answer?: Answer) {
  const next = new RecordingConsumer(answer);
  const account = new TestAccount();
  const settings = testSettings({ id: 'd', kind: 'processor', signal: 'metrics', account });
  const processor = factory.create(settings, schema.parse(config), next);
  const send = (payload: Payload) => processor.consume(payload, noContext);
  const value = (name: string, labels = {}) => settings.meter.value(name, { processor: 'd', ...labels });
  return {
    processor,
    next,
    settings,
    account,
    send,
    sum: (...points: object[]) => send(metricsPayload(oracle, [metricOf('m', 'sum', DELTA, points)])),
    histogram: (...points: object[]) => send(metricsPayload(oracle, [metricOf('h', 'histogram', DELTA, points)])),
    exponential: (...points: object[]) =>
      send(metricsPayload(oracle, [metricOf('e', 'exponentialHistogram', DELTA, points)])),
    points: () => pointsIn(oracle, next.taken),
    ints: () => pointsIn(oracle, next.taken).map((each) => each.asInt),
    dropped: (error: string) => value('otelcol_deltatocumulative_datapoints', { error }),
    streams: () => value('otelcol_deltatocumulative_streams_tracked'),
    bytes: () => value('sluice_deltatocumulative_state_bytes'),
  };
}

const at = (time: number | bigint, asInt: number | bigint, more: object = {}) => ({
  startTimeUnixNano: 10n,
  timeUnixNano: time,
  asInt,
  ...more,
});

test('deltas become totals since the first point, in metrics of cumulative temporality', async () => {
  const { sum, points, dropped, streams } = start();
  await sum(at(20, 3));
  await sum(at(30, 4, { startTimeUnixNano: 20 }));
  await sum(at(40, 5, { startTimeUnixNano: 30 }), at(50, 6, { startTimeUnixNano: 40 }));
  const from = { name: 'm', kind: 'sum', temporality: 2, startTimeUnixNano: '10', attributes: {} };
  expect(points()).toEqual([
    { ...from, timeUnixNano: '20', asInt: '3' },
    { ...from, timeUnixNano: '30', asInt: '7' },
    { ...from, timeUnixNano: '40', asInt: '12' },
    { ...from, timeUnixNano: '50', asInt: '18' },
  ]);
  expect(dropped('')).toBe(4);
  expect(streams()).toBe(1);
});

test('each series is added up alone: attributes in any order, scope, unit, resource and monotonicity tell them apart', async () => {
  const { send, ints, streams } = start();
  const point = { startTimeUnixNano: '10', asInt: '1' };
  const group = (order: string[], more: { resource?: object; scope?: object; metric?: object; sum?: object } = {}) => {
    const attributes = order.map((key) => ({ key, value: { stringValue: 'x' } }));
    const sum = { aggregationTemporality: 1, isMonotonic: true, ...more.sum };
    return (time: number) => ({
      resource: { attributes: attributesOf({ a: '1', ...more.resource }) },
      scopeMetrics: [
        {
          scope: { name: 'lib', ...more.scope },
          metrics: [
            {
              name: 'm',
              unit: '1',
              ...more.metric,
              sum: { ...sum, dataPoints: [{ ...point, attributes, timeUnixNano: time }] },
            },
          ],
        },
      ],
    });
  };
  const others = [
    group(['a']),
    group(['a', 'b'], { resource: { b: '2' } }),
    group(['a', 'b'], { scope: { version: '2' } }),
    group(['a', 'b'], { scope: { attributes: attributesOf({ k: 'v' }) } }),
    group(['a', 'b'], { metric: { unit: 's' } }),
    group(['a', 'b'], { metric: { name: 'n' } }),
    group(['a', 'b'], { sum: { isMonotonic: false } }),
  ];
  const first = [group(['a', 'b']), group(['b', 'a'])].map((each, i) => each(20 + i));
  await send(groupsPayload(oracle, [...first, ...others.map((each) => each(20))]));
  expect(ints()).toEqual(['1', '2', '1', '1', '1', '1', '1', '1', '1']);
  expect(streams()).toBe(8);
});

test('what is no delta passes as it is: gauges, summaries, cumulative and unspecified temporality', async () => {
  const { send, next, streams } = start();
  const payload = metricsPayload(oracle, [
    metricOf('a', 'gauge', 0, [at(20, 1)]),
    metricOf('b', 'sum', 2, [at(20, 1)]),
    metricOf('c', 'histogram', 0, [{ timeUnixNano: 20, count: 1 }]),
    metricOf('d', 'summary', 0, [{ timeUnixNano: 20, count: 1 }]),
    { name: 'empty' },
  ]);
  await send(payload);
  expect(next.taken[0]).toBe(payload);
  expect(streams()).toBe(0);
});

test('points out of order, repeated or of before the series began are left out and counted', async () => {
  const { sum, ints, dropped, account } = start();
  await sum(at(20, 1));
  await sum(at(20, 1), at(15, 1), at(30, 1, { startTimeUnixNano: 5 }), at(30, 2));
  expect(ints()).toEqual(['1', '3']);
  expect(dropped('delta.ErrOutOfOrder')).toBe(2);
  expect(dropped('delta.ErrOlderStart')).toBe(1);
  expect(dropped('')).toBe(2);
  expect(account.lost).toEqual({ out_of_order: 2, older_start: 1 });
});

test('a batch of which nothing is left is not passed on', async () => {
  const { sum, next } = start();
  await sum(at(20, 1));
  expect(await sum(at(20, 1))).toEqual(accepted);
  expect(next.calls).toHaveLength(1);
});

test('a start that is not told begins nothing anew', async () => {
  const { sum, points } = start();
  await sum(at(20, 1));
  await sum(at(30, 1, { startTimeUnixNano: 0 }));
  expect(points()[1]).toMatchObject({ startTimeUnixNano: '10', asInt: '2' });
});

test('ints are exact to 64 bits; a total that has no room there begins anew where the last point ended', async () => {
  const { sum, points } = start();
  await sum(at(20, 2n ** 53n));
  await sum(at(30, 1n));
  await sum(at(40, 2n ** 63n - 2n ** 53n - 2n));
  await sum(at(50, 1n));
  expect(points().map(({ asInt, startTimeUnixNano }) => [asInt, startTimeUnixNano])).toEqual([
    ['9007199254740992', '10'],
    ['9007199254740993', '10'],
    ['9223372036854775807', '10'],
    ['1', '40'],
  ]);
  const down = start();
  await down.sum(at(20, -(2n ** 63n)));
  await down.sum(at(30, -1n));
  expect(down.ints()).toEqual(['-9223372036854775808', '-1']);
});

test('doubles are added as doubles, and with an int among them the total is one', async () => {
  const { sum, points, dropped } = start();
  const double = (time: number, asDouble: number) => ({ startTimeUnixNano: 10, timeUnixNano: time, asDouble });
  await sum(double(20, 0.5));
  await sum(double(30, 0.25));
  await sum(at(40, 2));
  await sum(double(50, Number.NaN), double(60, Number.POSITIVE_INFINITY), double(70, 1));
  expect(points().map(({ asDouble, asInt }) => asDouble ?? asInt)).toEqual([0.5, 0.75, 2.75, 3.75]);
  expect(dropped('not_finite')).toBe(2);
  const int = start();
  await int.sum(at(20, 2));
  await int.sum(double(30, 0.5));
  await int.sum(at(40, 1));
  expect(int.points().map(({ asDouble, asInt }) => asDouble ?? asInt)).toEqual(['2', 2.5, 3.5]);
  const large = start();
  await large.sum(double(20, 1.7e308));
  await large.sum(double(30, 1.7e308));
  expect(large.points().map((each) => [each.asDouble, each.startTimeUnixNano])).toEqual([
    [1.7e308, '10'],
    [1.7e308, '20'],
  ]);
});

test('histograms: buckets, count, sum, min and max', async () => {
  const { histogram, points } = start();
  const point = (time: number, more: object = {}) => ({
    startTimeUnixNano: 10,
    timeUnixNano: time,
    count: 3,
    sum: 7,
    bucketCounts: [1, 2],
    explicitBounds: [5],
    min: 1,
    max: 4,
    ...more,
  });
  await histogram(point(20));
  await histogram(point(30, { min: 0.5, max: 9, bucketCounts: [3, 0] }));
  const { min: _, ...withoutMin } = point(40);
  await histogram(withoutMin);
  const { sum: _sum, ...withoutSum } = point(50);
  await histogram(withoutSum);
  const same = { name: 'h', kind: 'histogram', temporality: 2, attributes: {}, startTimeUnixNano: '10' };
  expect(points()).toEqual([
    { ...same, timeUnixNano: '20', count: '3', sum: 7, min: 1, max: 4, bucketCounts: ['1', '2'], explicitBounds: [5] },
    {
      ...same,
      timeUnixNano: '30',
      count: '6',
      sum: 14,
      min: 0.5,
      max: 9,
      bucketCounts: ['4', '2'],
      explicitBounds: [5],
    },
    { ...same, timeUnixNano: '40', count: '9', sum: 21, max: 9, bucketCounts: ['5', '4'], explicitBounds: [5] },
    { ...same, timeUnixNano: '50', count: '12', max: 9, bucketCounts: ['6', '6'], explicitBounds: [5] },
  ]);
});

test('histograms: other bounds begin anew, with the start of that point', async () => {
  const { histogram, points } = start();
  const point = (time: number, explicitBounds: number[], startTimeUnixNano: number) => ({
    startTimeUnixNano,
    timeUnixNano: time,
    count: 1,
    bucketCounts: [1, 0],
    explicitBounds,
  });
  await histogram(point(20, [5], 10), point(30, [6], 20), point(40, [6], 30));
  expect(points().map((each) => [each.startTimeUnixNano, each.count])).toEqual([
    ['10', '1'],
    ['20', '1'],
    ['20', '2'],
  ]);
});

test('exponential histograms: the coarser scale, at most 160 buckets, nothing lost', async () => {
  const { exponential, points } = start();
  const point = (time: number, scale: number, offset: number, bucketCounts: number[], more: object = {}) => {
    const count = bucketCounts.reduce((sum, each) => sum + each, 1);
    const positive = { offset, bucketCounts };
    return { startTimeUnixNano: 10, timeUnixNano: time, count, sum: 1, scale, zeroCount: 1, positive, ...more };
  };
  await exponential(point(20, 2, -4, [1, 2, 3, 4]));
  await exponential(point(30, 1, 0, [10], { negative: { offset: 3, bucketCounts: [7] }, count: 18 }));
  await exponential(point(40, 1, 400, [1]));
  const [, second, third] = points();
  expect(second).toMatchObject({
    startTimeUnixNano: '10',
    count: '29',
    sum: 2,
    scale: 1,
    zeroCount: '2',
    positive: { offset: -2, bucketCounts: ['3', '7', '10'] },
    negative: { offset: 3, bucketCounts: ['7'] },
  });
  expect(third.positive.bucketCounts.length).toBeLessThanOrEqual(160);
  const all = third.positive.bucketCounts.reduce((sum: number, each: string) => sum + Number(each), 0);
  expect([all, third.count, third.scale]).toEqual([21, '31', -1]);
});

test('exponential histograms of hostile offsets, scales and sizes end in a point', async () => {
  const { exponential, points } = start();
  const far = (time: number, scale: number, offset: number) => ({
    startTimeUnixNano: 10,
    timeUnixNano: time,
    count: 1,
    scale,
    positive: { offset, bucketCounts: [1] },
  });
  const most = 2 ** 31 - 1;
  await exponential(far(20, 20, most), far(30, 20, -most - 1), far(40, -most, 0), far(50, most, 5));
  expect(points().map((each) => each.count)).toEqual(['1', '2', '3', '4']);
});

test('a series that has ended begins anew; a point without value changes nothing', async () => {
  const { sum, points, streams } = start();
  await sum(at(20, 1));
  await sum({ startTimeUnixNano: 10, timeUnixNano: 25 });
  await sum({ startTimeUnixNano: 10, timeUnixNano: 30, flags: 1 });
  expect(streams()).toBe(0);
  await sum(at(40, 5, { startTimeUnixNano: 30 }));
  expect(points().map((each) => each.asInt ?? each.flags)).toEqual(['1', undefined, 1, '5']);
});

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

test('gauges tell the limits; unknown fields of points and metrics survive', async () => {
  const { settings, send, next } = start({ max_streams: 7, max_stale: '90s' });
  const gauge = (name: string) => settings.meter.value(`otelcol_deltatocumulative_${name}`, { processor: 'd' });
  expect([gauge('streams_limit'), gauge('streams_max_stale')]).toEqual([7, 90]);
  const extra = Buffer.from([0xfa, 0x3e, 3, 1, 2, 3]);
  const wrap = (number: number, ...parts: Uint8Array[]) => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
  };
  const long = (tag: number, value: number) => Buffer.from([tag, value, 0, 0, 0, 0, 0, 0, 0]);
  const request = (time: number) => {
    // The temporality is longer than it need be, and a sum that a later one overwrites stands before a gauge.
    const point = wrap(1, long(0x11, 1), long(0x19, time), long(0x31, 5), extra);
    const sum = wrap(7, point, Buffer.from([0x10, 0x81, 0x80, 0x00]), extra);
    const metric = wrap(2, wrap(1, Buffer.from('m')), wrap(5, wrap(1, long(0x31, 9))), sum, extra);
    return asPayload('metrics', wrap(1, wrap(2, metric, extra), extra));
  };
  await send(request(2));
  await send(request(3));
  const [first, second] = next.taken.map((batch) => Buffer.concat(batch.chunks));
  expect(first!.toString('latin1').split(extra.toString('latin1'))).toHaveLength(6);
  expect(second!.toString('latin1').split(extra.toString('latin1'))).toHaveLength(6);
  expect(pointsIn(oracle, next.taken).map((each) => [each.kind, each.temporality, each.asInt])).toEqual([
    ['sum', 2, '5'],
    ['sum', 2, '10'],
  ]);
  expect(next.taken.map(({ itemCount }) => itemCount)).toEqual([1, 1]);
});

test('requests of every shape: what comes out is sound, and every point is accounted for', async () => {
  const { send, next, account, settings } = start({ max_streams: 50 });
  let sent = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const payload = asPayload('metrics', randomRequest('metrics', seed, { unknown: true, disorder: seed % 2 === 0 }));
    sent += payload.itemCount;
    expect((await send(payload)).status).toBe('accepted');
  }
  for (const batch of next.taken) {
    expect(asPayload('metrics', Buffer.concat(batch.chunks)).itemCount).toBe(batch.itemCount);
  }
  const lost = Object.values(account.lost).reduce((sum, each) => sum + each, 0);
  expect(next.items + lost + account.left).toBe(sent);
  expect(settings.logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('beside a simple model: random series, times, kinds and refusals', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    let state = seed * 7919;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state % below;
    };
    let answer: Outcome = accepted;
    const { sum, next } = start({}, () => answer);
    const model = new Map<string, { total: bigint; time: number; start: number }>();
    const want: unknown[] = [];
    for (let batch = 0; batch < 40; batch++) {
      const points = Array.from({ length: 1 + random(5) }, () => {
        const time = 100 + batch * 10 + random(25);
        return { k: String(random(4)), time, start: time - random(12), value: BigInt(random(1000)) - 200n };
      });
      answer = random(3) === 0 ? retryable('full') : accepted;
      const before = new Map([...model].map(([key, each]) => [key, { ...each }]));
      const out: unknown[] = [];
      for (const { k, time, start, value } of points) {
        const known = model.get(k);
        if (known && (start < known.start || time <= known.time)) continue;
        const now = { total: (known?.total ?? 0n) + value, time, start: known?.start ?? start };
        model.set(k, now);
        out.push([k, String(now.total), String(time), String(now.start)]);
      }
      await sum(
        ...points.map(({ k, time, start, value }) => ({
          ...at(time, value, { startTimeUnixNano: start }),
          attributes: { k },
        })),
      );
      if (answer === accepted || out.length === 0) want.push(...out);
      else {
        model.clear();
        for (const [key, each] of before) model.set(key, each);
      }
    }
    const got = pointsIn(oracle, next.taken).map((each) => [
      each.attributes.k,
      each.asInt ?? '0',
      each.timeUnixNano,
      each.startTimeUnixNano,
    ]);
    expect(got, `seed ${seed}`).toEqual(want);
  }
});

test('configuration: upstream’s largest int64 is taken, a stale time of 0 and negative limits are not', () => {
  expect(schema.safeParse({ max_streams: 2 ** 63 }).success).toBe(true);
  expect(schema.safeParse({ max_stale: '0s' }).success).toBe(false);
  expect(schema.safeParse({ max_streams: -1 }).success).toBe(false);
  expect(schema.parse({})).toEqual({ max_stale: 300_000, max_bytes: 134_217_728 });
});
