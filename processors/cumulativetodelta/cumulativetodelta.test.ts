import { expect, test } from 'vitest';
import { accepted, type Outcome, retryable } from '../../internal/core/outcome.ts';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { at, metricOf, metricsPayload, pointsIn } from '../../internal/testkit/points.ts';
import { schema } from './config.ts';
import { explicit, oracle, spread, start } from './test/harness.ts';

test('totals become what has come since the point before', async () => {
  const { sum, points, converted, streams } = start();
  await sum(at(20, 3));
  await sum(at(30, 7), at(40, 7), at(50, 18));
  const same = { name: 'm', kind: 'sum', temporality: 1, attributes: {} };
  expect(points()).toEqual([
    { ...same, timeUnixNano: '20', asInt: '3' },
    { ...same, startTimeUnixNano: '20', timeUnixNano: '30', asInt: '4' },
    { ...same, startTimeUnixNano: '30', timeUnixNano: '40', asInt: '0' },
    { ...same, startTimeUnixNano: '40', timeUnixNano: '50', asInt: '11' },
  ]);
  expect([converted(), streams()]).toEqual([4, 1]);
});

test('the first point: kept, dropped, or kept if the series began after the collector did', async () => {
  const now = 1_700_000_000_000_000_000n;
  const points = [
    at(now + 5n, 1, { startTimeUnixNano: now, attributes: { k: 'new' } }),
    at(now + 5n, 1, { startTimeUnixNano: now - 1n, attributes: { k: 'old' } }),
    at(now + 5n, 1, { startTimeUnixNano: 0, attributes: { k: 'untold' } }),
    at(now + 5n, 1, { startTimeUnixNano: now + 5n, attributes: { k: 'at once' } }),
  ];
  const kept = async (config: object) => {
    const { sum, points: out, dropped, account } = start(config);
    await sum(...points);
    expect(dropped('initial')).toBe(points.length - out().length);
    expect(account.left).toBe(points.length - out().length);
    return out().map((each) => [each.attributes.k, each.startTimeUnixNano]);
  };
  expect(await kept({})).toEqual([['new', String(now)]]);
  expect(await kept({ initial_value: 'drop' })).toEqual([]);
  const all = ['new', 'old', 'untold', 'at once'].map((k) => [k, undefined]);
  expect(await kept({ initial_value: 'keep' })).toEqual(all);
});

test('a new start is another series, and so are doubles beside ints', async () => {
  const { sum, points, streams } = start();
  await sum(at(20, 5));
  await sum(at(30, 2, { startTimeUnixNano: 25 }), { startTimeUnixNano: 10, timeUnixNano: 30, asDouble: 9 });
  await sum(at(40, 6, { startTimeUnixNano: 25 }), at(40, 8));
  expect(points().map((each) => each.asInt ?? each.asDouble)).toEqual(['5', '2', 9, '4', '3']);
  expect(streams()).toBe(3);
});

test('a value that fell is left out, and the next one counts from it', async () => {
  const { sum, points, dropped, account } = start();
  await sum(at(20, 100));
  await sum(at(30, 4));
  await sum(at(40, 10));
  expect(points().map((each) => [each.startTimeUnixNano, each.asInt])).toEqual([
    [undefined, '100'],
    ['30', '6'],
  ]);
  expect(dropped('reset')).toBe(1);
  expect(account.lost).toEqual({ reset: 1 });
});

test('points that are repeated or come late are left out and change nothing: the next delta is right', async () => {
  const { sum, ints, dropped, account } = start();
  await sum(at(20, 1));
  await sum(at(40, 5));
  await sum(at(40, 5), at(30, 3));
  await sum(at(50, 6));
  expect(ints()).toEqual(['1', '4', '1']);
  expect(dropped('out_of_order')).toBe(2);
  expect([account.left, account.lost]).toEqual([2, {}]);
});

test('ints are exact to 64 bits; a difference that has no room there counts as a reset', async () => {
  const { sum, ints, dropped } = start();
  await sum(at(20, 2n ** 53n));
  await sum(at(30, 2n ** 53n + 1n));
  await sum(at(40, 2n ** 63n - 1n));
  await sum(at(20, -(2n ** 63n), { attributes: { k: 'v' } }), at(30, 2n ** 63n - 1n, { attributes: { k: 'v' } }));
  expect(ints()).toEqual(['9007199254740992', '1', String(2n ** 63n - 2n - 2n ** 53n), '-9223372036854775808']);
  expect(dropped('reset')).toBe(1);
});

test('doubles, NaN, infinities and points without a value', async () => {
  const { sum, points, dropped } = start();
  const double = (time: number, asDouble: number) => ({ startTimeUnixNano: 10, timeUnixNano: time, asDouble });
  await sum(double(20, 0.5), double(30, 0.75), double(40, Number.NaN), double(50, 1));
  await sum(double(60, Number.POSITIVE_INFINITY), double(70, Number.POSITIVE_INFINITY));
  await sum({ startTimeUnixNano: 10, timeUnixNano: 80 });
  const values = points().map((each) => each.asDouble);
  expect(values).toEqual([0.5, 0.25, Number.NaN, 0.25, Number.POSITIVE_INFINITY, undefined]);
  expect(dropped('reset')).toBe(1);
});

test('a point that ends a series is left out', async () => {
  const { sum, ints, dropped, account } = start();
  await sum(at(20, 1), { ...at(30, 0), flags: 1 }, at(40, 3));
  expect(ints()).toEqual(['1', '2']);
  expect(dropped('no_recorded_value')).toBe(1);
  expect(account.left).toBe(1);
});

test('what is not cumulative and monotonic passes as it is', async () => {
  const { send, next, streams } = start();
  const payload = metricsPayload(oracle, [
    metricOf('a', 'gauge', 0, [at(20, 1)]),
    metricOf('b', 'sum', 1, [at(20, 1)]),
    metricOf('c', 'sum', 2, [at(20, 1)], { isMonotonic: false }),
    metricOf('d', 'summary', 0, [{ timeUnixNano: 20, count: 1 }]),
    metricOf('e', 'histogram', 0, [{ timeUnixNano: 20, count: 1 }]),
    { name: 'empty' },
  ]);
  await send(payload);
  expect(next.taken[0]).toBe(payload);
  expect(streams()).toBe(0);
});

test('include and exclude, by name, pattern and type', async () => {
  const converted = async (config: object) => {
    const { send, points } = start({ ...config, initial_value: 'keep' });
    const metrics = [
      metricOf('http.requests', 'sum', 2, [at(20, 1)]),
      metricOf('http.duration', 'histogram', 2, [{ timeUnixNano: 20, count: 1 }]),
      metricOf('size', 'exponentialHistogram', 2, [{ timeUnixNano: 20, count: 1 }]),
    ];
    await send(metricsPayload(oracle, metrics));
    return points()
      .filter((each) => each.temporality === 1)
      .map((each) => each.name);
  };
  const all = ['http.requests', 'http.duration', 'size'];
  expect(await converted({})).toEqual(all);
  expect(await converted({ include: null, exclude: {} })).toEqual(all);
  expect(await converted({ include: { match_type: 'strict', metrics: ['size', 'http'] } })).toEqual(['size']);
  expect(await converted({ include: { match_type: 'regexp', metrics: ['^http'] } })).toEqual(all.slice(0, 2));
  expect(await converted({ exclude: { match_type: 'regexp', metrics: ['d.r', '^x'] } })).toEqual([all[0], all[2]]);
  expect(await converted({ include: { metric_types: ['Sum', 'ExponentialHistogram'] } })).toEqual([all[0], all[2]]);
  const both = {
    include: { match_type: 'regexp', metrics: ['http'] },
    exclude: { match_type: 'strict', metrics: ['http.requests'] },
  };
  expect(await converted(both)).toEqual(['http.duration']);
});

test('configuration: what goes together, and which types and patterns there are', () => {
  const problem = (config: object) => schema.safeParse(config).error?.issues[0]?.path.join('.');
  expect(problem({ include: { metrics: ['a'] } })).toBe('include.match_type');
  expect(problem({ exclude: { match_type: 'strict' } })).toBe('exclude.metrics');
  expect(problem({ include: { metric_types: ['gauge'] } })).toBe('include.metric_types.0');
  expect(problem({ include: { match_type: 'regexp', metrics: ['ok', '('] } })).toBe('include.metrics.1');
  expect(problem({ initial_value: 'never' })).toBe('initial_value');
  expect(schema.parse({})).toMatchObject({ max_staleness: 3_600_000, initial_value: 'auto', max_bytes: 134_217_728 });
});

test('histograms: counts and sum are differences, min and max go', async () => {
  const { histogram, points, converted } = start();
  await histogram(explicit(20, [1, 2]), explicit(30, [1, 5]), explicit(40, [4, 5], { sum: Number.NaN }));
  await histogram(explicit(50, [4, 6]));
  const same = { name: 'h', kind: 'histogram', temporality: 1, attributes: {}, explicitBounds: [5] };
  expect(points()).toEqual([
    { ...same, timeUnixNano: '20', count: '3', sum: 20, bucketCounts: ['1', '2'] },
    { ...same, startTimeUnixNano: '20', timeUnixNano: '30', count: '3', sum: 10, bucketCounts: ['0', '3'] },
    { ...same, startTimeUnixNano: '30', timeUnixNano: '40', count: '3', sum: Number.NaN, bucketCounts: ['3', '0'] },
    { ...same, startTimeUnixNano: '40', timeUnixNano: '50', count: '1', sum: 20, bucketCounts: ['0', '1'] },
  ]);
  expect(converted('histogram')).toBe(4);
});

test('histograms: a count that fell, in a bucket or in all, passes whole; no count wraps below zero', async () => {
  const { histogram, points } = start();
  await histogram(explicit(20, [5, 5]), explicit(30, [1, 0]), explicit(40, [0, 9]), explicit(50, [0, 10]));
  expect(points().map((each) => [each.count, each.bucketCounts, each.sum])).toEqual([
    ['10', ['5', '5'], 20],
    ['1', ['1', '0'], 30],
    ['9', ['0', '9'], 40],
    ['1', ['0', '1'], 10],
  ]);
});

test('histograms: other buckets are left out and counted, the next point counts from them', async () => {
  const { histogram, points, dropped, account } = start();
  await histogram(explicit(20, [1, 1]), explicit(30, [2, 2], { explicitBounds: [6] }));
  await histogram(explicit(40, [3, 2], { explicitBounds: [6] }), explicit(50, [9, 9, 9], { explicitBounds: [6, 7] }));
  expect(points().map((each) => each.count)).toEqual(['2', '1']);
  expect(dropped('bucket_mismatch', 'histogram')).toBe(2);
  expect(account.lost).toEqual({ bucket_mismatch: 2 });
});

test('histograms whose sum comes later have no delta of it', async () => {
  const { histogram, points } = start();
  const { sum: _, ...without } = explicit(20, [1, 1]);
  await histogram(without, explicit(30, [2, 2]), explicit(40, [3, 3]));
  expect(points().map((each) => each.sum)).toEqual([undefined, undefined, 10]);
});

test('exponential histograms: differences of buckets, also where the scale became coarser', async () => {
  const { exponential, points } = start();
  await exponential(spread(20, 1, -2, [1, 2, 3, 4]), spread(30, 1, -2, [1, 2, 3, 9, 1]));
  await exponential(spread(40, 0, -1, [3, 14, 1], { zeroCount: 4, count: 22 }));
  expect(points()[1]).toMatchObject({
    startTimeUnixNano: '20',
    count: '6',
    sum: 10,
    scale: 1,
    positive: { offset: 1, bucketCounts: ['5', '1'] },
  });
  expect(points()[2]).toMatchObject({
    count: '5',
    zeroCount: '3',
    positive: { bucketCounts: ['2'] },
  });
  expect(points().every((each) => each.min === undefined && each.max === undefined)).toBe(true);
});

test('exponential histograms: a wider zero bucket takes in what was beside it', async () => {
  const { exponential, points } = start();
  // Bucket 0 is (1, 2], bucket 1 (2, 4].
  await exponential(spread(20, 0, 0, [2, 5]));
  await exponential(spread(30, 0, 1, [6], { zeroCount: 3, zeroThreshold: 2, count: 9 }));
  expect(points()[1]).toMatchObject({ count: '1', zeroThreshold: 2, positive: { offset: 1, bucketCounts: ['1'] } });
  expect(points()[1].zeroCount).toBeUndefined();
});

test('exponential histograms that were reset are left out once, by whatever it shows', async () => {
  const resets = [
    spread(30, 1, 0, [1]),
    spread(30, 2, 0, [9]),
    spread(30, 1, 0, [9], { zeroThreshold: 0.1 }),
    spread(30, 1, 5, [9]),
  ];
  for (const [i, reset] of resets.entries()) {
    const { exponential, points, dropped } = start();
    await exponential(spread(20, 1, 0, [4], { zeroThreshold: 0.5 }));
    await exponential(i < 2 || i === 3 ? { ...reset, zeroThreshold: 0.5 } : reset);
    const after = {
      ...reset,
      timeUnixNano: 40,
      count: reset.count + 2,
      zeroCount: 3,
      zeroThreshold: i === 2 ? 0.1 : 0.5,
    };
    await exponential(after);
    expect(dropped('reset', 'exponential_histogram'), `reset ${i}`).toBe(1);
    expect(points().at(-1), `reset ${i}`).toMatchObject({ startTimeUnixNano: '30', count: '2', zeroCount: '2' });
  }
});

test('requests of every shape: what comes out is sound, and every point is accounted for', async () => {
  const { send, next, account, settings } = start({ initial_value: 'keep' });
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

test('beside a simple model: random totals, resets, late points and refusals; deltas add up to what was counted', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    let state = seed * 7919;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state % below;
    };
    let answer: Outcome = accepted;
    const { sum, next } = start({ initial_value: 'keep' }, () => answer);
    const totals = [0n, 0n, 0n];
    let model = new Map<number, { value: bigint; time: number }>();
    const want: unknown[] = [];
    for (let batch = 0; batch < 40; batch++) {
      const points = Array.from({ length: 1 + random(5) }, () => {
        const k = random(3);
        totals[k] = random(12) === 0 ? BigInt(random(20)) : totals[k]! + BigInt(random(1000));
        return { k, time: 100 + batch * 10 + random(25), value: totals[k]! };
      });
      answer = random(3) === 0 ? retryable('full') : accepted;
      const before = new Map(model);
      const out: unknown[] = [];
      for (const { k, time, value } of points) {
        const known = model.get(k);
        if (known && time <= known.time) continue;
        model.set(k, { value, time });
        if (!known) out.push([String(k), value, time, 0]);
        else if (value >= known.value) out.push([String(k), value - known.value, time, known.time]);
      }
      await sum(...points.map(({ k, time, value }) => at(time, value, { attributes: { k: String(k) } })));
      if (answer === accepted || out.length === 0) want.push(...out);
      else model = before;
    }
    const got = pointsIn(oracle, next.taken).map((each) => [
      each.attributes.k,
      BigInt(each.asInt ?? 0),
      Number(each.timeUnixNano),
      Number(each.startTimeUnixNano ?? 0),
    ]);
    expect(got, `seed ${seed}`).toEqual(want);
  }
});
