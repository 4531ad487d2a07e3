import { expect, test } from 'vitest';
import { FakeClock } from '../testkit/clock.ts';
import { Accumulator } from './accumulator.ts';
import { Listing } from './listing.ts';
import { at, DELTA, exponential, histogram, metrics, type PointJson, sum, T0 } from './test/metrics.ts';
import { Translator } from './translate.ts';

function rig({ maxStreams = 100, maxStaleMs = 60_000 } = {}) {
  const clock = new FakeClock();
  const deltas = new Accumulator(clock, { maxStreams, maxStaleMs });
  const settings = {
    strategy: 'UnderscoreEscapingWithSuffixes',
    namespace: '',
    externalLabels: {},
    scopeInfo: true,
    targetInfo: false,
    resourceToLabels: false,
    excludeService: false,
  } as const;
  const skipped: string[] = [];
  const put = (...list: object[]) => {
    const listing = new Listing();
    const translator = new Translator(settings, listing, deltas);
    translator.begin(metrics({ metrics: list }), (reason) => skipped.push(reason));
    translator.step();
    return listing.series;
  };
  const count = (points: PointJson[], options = {}) =>
    put(sum('c', points, { temporality: DELTA, ...options })).map(({ name, value, startMs, timeMs }) => [
      name,
      value,
      startMs - T0,
      timeMs - T0,
    ]);
  return { clock, deltas, put, count, skipped };
}

test('delta counts are added up, from the start of the first on', () => {
  const { count } = rig();
  expect(count([{ value: '5', start: 0, at: 10 }])).toEqual([['c_total', 5, 0, 10]]);
  expect(
    count([
      { value: '3', start: 10, at: 20 },
      { value: 2.5, start: 20, at: 30 },
    ]),
  ).toEqual([
    ['c_total', 8, 0, 20],
    ['c_total', 10.5, 0, 30],
  ]);
});

test('up-down counters likewise, under a name of their own', () => {
  const { count } = rig();
  count([{ value: '5', at: 10 }], { monotonic: false });
  expect(count([{ value: '-7', at: 20 }], { monotonic: false })).toEqual([['c', -2, -T0, 20]]);
});

test('each set of labels is added up by itself, in whatever order its attributes come', () => {
  const { count, deltas } = rig();
  count([
    { value: '1', at: 1, attributes: { a: 'x', b: 'y' } },
    { value: '10', at: 1, attributes: { a: 'xb', b: '' } },
  ]);
  const again = count([
    { value: '1', at: 2, attributes: { b: 'y', a: 'x' } },
    { value: '10', at: 2, attributes: { a: 'xb' } },
  ]);
  expect(again.map(([, value]) => value)).toEqual([2, 20]);
  expect(deltas.streams).toBe(2);
});

test('points that are not newer, and such of a second writer that began earlier, are left out and counted', () => {
  const { count, skipped } = rig();
  count([{ value: '5', start: 100, at: 200 }]);
  expect(
    count([
      { value: '1', start: 100, at: 200 },
      { value: '1', start: 100, at: 150 },
      { value: '1', start: 50, at: 300 },
    ]),
  ).toEqual([]);
  expect(skipped).toEqual(['delta_out_of_order', 'delta_out_of_order', 'delta_out_of_order']);
  expect(count([{ value: '1', start: 200, at: 400 }])).toEqual([['c_total', 6, 100, 400]]);
});

test('further series than the limit are counted, until others are forgotten', async () => {
  const { clock, count, deltas, skipped } = rig({ maxStreams: 2, maxStaleMs: 1000 });
  const one = (key: string, ms: number) => count([{ value: '1', start: ms - 1, at: ms, attributes: { key } }]);
  one('a', 1);
  one('b', 1);
  expect(one('c', 1)).toEqual([]);
  expect(skipped).toEqual(['delta_overflow']);
  await clock.advance(900);
  one('a', 900);
  await clock.advance(600);
  expect(one('c', 1500)).toHaveLength(1);
  expect(deltas.streams).toBe(2);
  deltas.close();
  expect(clock.timers).toBe(0);
});

test('a series that was silent for too long begins anew, with a new start', async () => {
  const { clock, count, deltas } = rig({ maxStaleMs: 1000 });
  count([{ value: '5', start: 0, at: 10 }]);
  await clock.advance(1001);
  expect(count([{ value: '2', start: 1000, at: 1011 }])).toEqual([['c_total', 2, 1000, 1011]]);
  await clock.advance(600_000);
  expect(deltas.streams).toBe(0);
  expect(clock.timers).toBe(0);
});

test('the end of a series is told, and forgets it', () => {
  const { put, count, deltas } = rig();
  count([{ value: '5', at: 1 }]);
  const [ended] = put(sum('c', [{ value: '0', at: 2, flags: 1 }], { temporality: DELTA }));
  expect(ended!.stale).toBe(true);
  expect(deltas.streams).toBe(0);
  expect(count([{ value: '4', start: 2, at: 3 }])).toEqual([['c_total', 4, 2, 3]]);
});

test('what is infinite or no number is not added', () => {
  const { count, skipped } = rig();
  count([{ value: '5', at: 1 }]);
  expect(
    count([
      { asDouble: 'NaN', value: undefined, at: 2 },
      { at: 3, asDouble: 'Infinity' },
      { value: '1', at: 4 },
    ] as PointJson[]),
  ).toEqual([['c_total', 6, -T0, 4]]);
  expect(skipped).toEqual(['no_value', 'no_value']);
});

const buckets = (ms: number, counts: number[], explicitBounds = [1, 2], more = {}) =>
  histogram(
    'h',
    [
      {
        start: ms - 10,
        at: ms,
        count: String(counts.reduce((a, b) => a + b)),
        sum: 2,
        bucketCounts: counts.map(String),
        explicitBounds,
        ...more,
      },
    ],
    DELTA,
  );

test('histograms are added up bucket by bucket; other bounds begin anew', () => {
  const { put } = rig();
  const values = (...list: object[]) =>
    put(...list).map(({ name, value, startMs }) => [name.slice(2), value, startMs - T0]);
  values(buckets(10, [1, 2, 3]));
  expect(values(buckets(20, [1, 0, 1]))).toEqual([
    ['sum', 4, 0],
    ['count', 8, 0],
    ['bucket', 2, 0],
    ['bucket', 4, 0],
    ['bucket', 8, 0],
  ]);
  expect(values(buckets(30, [1, 1, 1], [1, 5]))).toEqual([
    ['sum', 2, 20],
    ['count', 3, 20],
    ['bucket', 1, 20],
    ['bucket', 2, 20],
    ['bucket', 3, 20],
  ]);
});

test('a sum that one point left out is not told any more', () => {
  const { put } = rig();
  put(buckets(10, [1, 0, 0]));
  put(buckets(20, [1, 0, 0], [1, 2], { sum: undefined }));
  expect(put(buckets(30, [1, 0, 0])).map(({ name }) => name)).not.toContain('h_sum');
});

const native = (ms: number, scale: number, positive: object, more = {}) =>
  exponential('e', [{ start: ms - 10, at: ms, count: '4', sum: 1, scale, zeroCount: '1', positive, ...more }], DELTA);

test('exponential histograms are added up at the coarser scale', () => {
  const { put } = rig();
  put(native(10, 2, { offset: 0, bucketCounts: ['1', '1', '1'] }));
  const [total] = put(native(20, 1, { offset: -1, bucketCounts: ['2', '5'] }));
  expect(total!.histogram).toEqual({
    schema: 1,
    count: 8,
    sum: 2,
    zeroCount: 2,
    zeroThreshold: 1e-128,
    // At scale 1: [-1] 2, [0] 1+1+5, [1] 1; one more each in Prometheus.
    positive: { spans: [0, 3], deltas: [2, 5, -6] },
    negative: { spans: [], deltas: [] },
  });
  expect(total!.startMs).toBe(T0);
});

test('values that a wider zero bucket takes in move into it', () => {
  const { put } = rig();
  put(native(10, 0, { offset: -3, bucketCounts: ['1', '2', '3'] }));
  const [total] = put(native(20, 0, { offset: 0, bucketCounts: ['1'] }, { zeroThreshold: 0.5 }));
  // Buckets -3 and -2 end at 0.25 and 0.5.
  expect(total!.histogram).toMatchObject({
    zeroThreshold: 0.5,
    zeroCount: 5,
    positive: { spans: [0, 2], deltas: [3, -2] },
  });
});

test('the buckets of a total stay few, however far apart the values are', () => {
  const { put } = rig();
  put(native(10, 8, { offset: -100_000, bucketCounts: ['1'] }));
  const [total] = put(native(20, 8, { offset: 100_000, bucketCounts: ['1'] }));
  expect(total!.histogram!.schema).toBeLessThan(0);
  expect(total!.histogram!.positive.deltas.length).toBe(2);
});

test('totals beyond 2^53 are exact', () => {
  const { put } = rig();
  const large = String(2n ** 53n - 1n);
  put(native(10, 0, { offset: 0, bucketCounts: [large] }, { count: large }));
  const [total] = put(native(20, 0, { offset: 0, bucketCounts: ['2'] }, { count: '2' }));
  expect(total!.histogram).toMatchObject({ count: 2n ** 53n + 1n, positive: { deltas: [2n ** 53n + 1n] } });
});

test('times are compared to 256 ns', () => {
  const { put, skipped } = rig();
  const c = (nano: string) => ({
    name: 'c',
    sum: { aggregationTemporality: DELTA, isMonotonic: true, dataPoints: [{ timeUnixNano: nano, asInt: '1' }] },
  });
  expect(put(c(at(1)), c(String(BigInt(at(1)) + 1000n))).map(({ value }) => value)).toEqual([1, 2]);
  expect(skipped).toEqual([]);
});

test('series of long labels count as several', () => {
  const { count, skipped } = rig({ maxStreams: 5 });
  const long = (key: string) => count([{ value: '1', at: 1, attributes: { key: key.repeat(3000) } }]);
  expect([long('a').length, long('b').length, long('c').length]).toEqual([1, 0, 0]);
  expect(skipped).toEqual(['delta_overflow', 'delta_overflow']);
});
