import { expect, test } from 'vitest';
import { accepted, type Outcome, retryable } from '../../internal/core/outcome.ts';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { at, attributesOf, groupsPayload, metricOf, metricsPayload, pointsIn } from '../../internal/testkit/points.ts';
import { schema } from './config.ts';
import { oracle, start } from './test/harness.ts';

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
