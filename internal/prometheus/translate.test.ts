import { expect, test } from 'vitest';
import type { Payload } from '../otlp/payload.ts';
import { walkMetrics } from '../otlp/view/walk.ts';
import { FakeClock } from '../testkit/clock.ts';
import { asPayload, generatePayload, randomRequest } from '../testkit/generate.ts';
import { Accumulator } from './accumulator.ts';
import { type ListedSeries, Listing } from './listing.ts';
import {
  at,
  attributes,
  type Batch,
  DELTA,
  exponential,
  gauge,
  histogram,
  metrics,
  sum,
  summary,
  T0,
} from './test/metrics.ts';
import { type TranslationSettings, Translator } from './translate.ts';

const settings: TranslationSettings = {
  strategy: 'UnderscoreEscapingWithSuffixes',
  namespace: '',
  externalLabels: {},
  scopeInfo: true,
  targetInfo: true,
  resourceToLabels: false,
  excludeService: false,
};

function translated(payload: Payload, over: Partial<TranslationSettings> = {}) {
  const listing = new Listing();
  const skipped: Record<string, number> = {};
  const deltas = new Accumulator(new FakeClock(), { maxStreams: 10, maxStaleMs: 1000 });
  const translator = new Translator({ ...settings, ...over }, listing, deltas);
  translator.begin(payload, (reason, points) => (skipped[reason] = (skipped[reason] ?? 0) + points));
  translator.step();
  deltas.close();
  return { series: listing.series, skipped };
}

/** One series as the text format writes it. */
function line({ name, labels, value, stale }: ListedSeries): string {
  const pairs = labels.map(([label, text]) => `${label}=${JSON.stringify(text)}`);
  return `${name}{${pairs.join(',')}} ${stale ? 'stale' : value}`;
}

function lines(batch: Batch | Payload, over: Partial<TranslationSettings> = {}): string[] {
  const payload = 'chunks' in batch ? batch : metrics(batch);
  return translated(payload, { targetInfo: false, ...over }).series.map(line);
}

test('gauges, counters and up-down counters', () => {
  const batch = {
    metrics: [
      gauge('queue.length', [{ value: 3, attributes: { 'queue.name': 'in' } }], '1'),
      sum('http.requests', [{ value: '9007199254740993' }]),
      sum('connections', [{ value: -2 }], { monotonic: false }),
    ],
  };
  expect(lines(batch)).toEqual([
    'queue_length_ratio{job="shop",queue_name="in"} 3',
    // The nearest double of 2^53 + 1.
    'http_requests_total{job="shop"} 9007199254740992',
    'connections{job="shop"} -2',
  ]);
});

test('a histogram becomes cumulative buckets, +Inf last, and its sum and count', () => {
  const point = {
    count: '6',
    sum: 12.5,
    bucketCounts: ['1', '2', '3'],
    explicitBounds: [0.5, 10],
    attributes: { a: 'x' },
  };
  expect(lines({ metrics: [histogram('latency', [point], 2, 's')] })).toEqual([
    'latency_seconds_sum{a="x",job="shop"} 12.5',
    'latency_seconds_count{a="x",job="shop"} 6',
    'latency_seconds_bucket{a="x",job="shop",le="0.5"} 1',
    'latency_seconds_bucket{a="x",job="shop",le="10"} 3',
    'latency_seconds_bucket{a="x",job="shop",le="+Inf"} 6',
  ]);
});

test('counts beyond 2^53 are added before they are rounded', () => {
  const large = 2n ** 53n + 1n;
  const point = { count: String(large * 2n), bucketCounts: [large, large, 0n].map(String), explicitBounds: [1, 2] };
  expect(lines({ metrics: [histogram('big', [point])] }).at(-2)).toBe(
    'big_bucket{job="shop",le="2"} 18014398509481984',
  );
});

test('a summary keeps its quantiles', () => {
  const quantileValues = [
    { quantile: 0.5, value: 2 },
    { quantile: 0.99, value: 3 },
    { quantile: 0.5, value: 4 },
  ];
  expect(lines({ metrics: [summary('gc.pause', [{ count: '4', sum: 9, quantileValues }], 'ms')] })).toEqual([
    'gc_pause_milliseconds_sum{job="shop"} 9',
    'gc_pause_milliseconds_count{job="shop"} 4',
    'gc_pause_milliseconds{job="shop",quantile="0.5"} 2',
    'gc_pause_milliseconds{job="shop",quantile="0.99"} 3',
  ]);
});

test('bounds are written without an exponent', () => {
  const point = { count: '0', bucketCounts: ['0', '0', '0', '0'], explicitBounds: [1e-7, 2.5, 1.25e21] };
  const les = translated(metrics({ metrics: [histogram('h', [point])] })).series.flatMap(({ labels }) =>
    labels.filter(([name]) => name === 'le').map(([, value]) => value),
  );
  expect(les).toEqual(['0.0000001', '2.5', '1250000000000000000000', '+Inf']);
});

test('an exponential histogram becomes a native one, merged down to scale 8', () => {
  const positive = { offset: -3, bucketCounts: ['1', '2', '3', '0', '0', '0', '0', '0', '0', '5'] };
  const { series } = translated(
    metrics({ metrics: [exponential('h', [{ count: '12', sum: 7, scale: 9, zeroCount: '1', positive }])] }),
  );
  expect(series[0]!.histogram).toEqual({
    schema: 8,
    count: 12,
    sum: 7,
    zeroCount: 1,
    zeroThreshold: 1e-128,
    // Index -3 -> -2, -2 and -1 -> -1, 6 -> 3: one more in Prometheus, where bucket 0 ends at 1.
    positive: { spans: [-1, 2, 3, 1], deltas: [1, 4, 0] },
    negative: { spans: [], deltas: [] },
  });
});

test('small gaps between native buckets are filled', () => {
  const positive = { offset: 0, bucketCounts: ['4', '0', '0', '2'] };
  const { series } = translated(metrics({ metrics: [exponential('h', [{ count: '6', scale: 0, positive }])] }));
  expect(series[0]!.histogram!.positive).toEqual({ spans: [1, 4], deltas: [4, -4, 0, 2] });
});

test('a scale that Prometheus has not, and bucket numbers beyond 32 bits, are skipped and counted', () => {
  const far = { offset: 2 ** 31 - 1, bucketCounts: ['1'] };
  const batch = { metrics: [exponential('h', [{ scale: -5 }, { scale: 0, positive: far }])] };
  expect(translated(metrics(batch)).skipped).toEqual({ bad_scale: 1, bad_buckets: 1 });
});

test('a point with no recorded value becomes staleness markers', () => {
  const flags = 1;
  const batch = {
    metrics: [gauge('g', [{ flags }]), histogram('h', [{ flags, count: '0', bucketCounts: [], explicitBounds: [] }])],
  };
  expect(lines(batch)).toEqual([
    'g{job="shop"} stale',
    'h_count{job="shop"} stale',
    'h_bucket{job="shop",le="+Inf"} stale',
  ]);
});

test('job, instance and target_info come from the resource; its other attributes do not', () => {
  const resource = {
    'service.name': 'cart',
    'service.namespace': 'shop',
    'service.instance.id': 'i-1',
    'host.name': 'h',
    'process.pid': 7,
  };
  expect(lines({ resource, metrics: [gauge('g', [{ at: 5 }])] }, { targetInfo: true })).toEqual([
    'g{instance="i-1",job="shop/cart"} 1',
    'target_info{host_name="h",instance="i-1",job="shop/cart",process_pid="7"} 1',
  ]);
});

test('target_info is not told again with an older time, nor without anything to tell or to join', () => {
  const target = (batch: Batch) => lines(batch, { targetInfo: true }).filter((each) => each.startsWith('target'));
  const metric = [gauge('g')];
  expect(target({ resource: { 'service.name': 's' }, metrics: metric })).toEqual([]);
  expect(target({ resource: { 'host.name': 'h' }, metrics: metric })).toEqual([]);
  const resource = { 'service.name': 's', 'host.name': 'h' };
  const twice = metrics(
    { resource, metrics: [gauge('g', [{ at: 9 }])] },
    { resource, metrics: [gauge('g', [{ at: 3 }])] },
  );
  expect(
    translated(twice)
      .series.filter(({ name }) => name === 'target_info')
      .map(({ timeMs }) => timeMs),
  ).toEqual([T0 + 9]);
});

test('resource attributes as labels of each series, with and without those of the service', () => {
  const resource = { 'service.name': 'cart', 'host.name': 'h' };
  const batch = { resource, metrics: [gauge('g', [{ attributes: { 'host.name': 'mine', a: 'b' } }])] };
  expect(lines(batch, { resourceToLabels: true })).toEqual(['g{a="b",host_name="h",job="cart",service_name="cart"} 1']);
  expect(lines(batch, { resourceToLabels: true, excludeService: true })).toEqual([
    'g{a="b",host_name="h",job="cart"} 1',
  ]);
});

test('scope labels, unless they are switched off', () => {
  const scope = { name: 'lib', version: '1.2', attributes: attributes({ 'build.id': 'x', name: 'hidden' }) };
  const batch = { scope, metrics: [gauge('g')] };
  expect(lines(batch)).toEqual([
    'g{job="shop",otel_scope_build_id="x",otel_scope_name="lib",otel_scope_version="1.2"} 1',
  ]);
  expect(lines(batch, { scopeInfo: false })).toEqual(['g{job="shop"} 1']);
});

test('external labels give way to attributes, and attributes to job and instance', () => {
  const batch = {
    metrics: [gauge('g', [{ attributes: { region: 'mine', job: 'fake' } }, { attributes: { region: '' } }])],
  };
  expect(lines(batch, { externalLabels: { region: 'eu', 'k8s.cluster': 'c' } })).toEqual([
    'g{job="shop",k8s_cluster="c",region="mine"} 1',
    'g{job="shop",k8s_cluster="c",region="eu"} 1',
  ]);
});

test('values of names that collide are joined in the order of their keys; equal ones stand once', () => {
  const one = gauge('g', [
    { attributes: { a_b: '2', 'a.b': '1', 'a-b': '0' } },
    { attributes: { 'a.b': 'x', a_b: 'x' } },
  ]);
  expect(lines({ metrics: [one] })).toEqual(['g{a_b="0;1;2",job="shop"} 1', 'g{a_b="x",job="shop"} 1']);
});

test('a key that stands twice is joined with itself', () => {
  const twice = gauge('g', []) as { gauge: { dataPoints: object[] } };
  twice.gauge.dataPoints = [
    { timeUnixNano: at(0), asInt: '1', attributes: [...attributes({ a: 'x' }), ...attributes({ a: 'y' })] },
  ];
  expect(lines({ metrics: [twice] })).toEqual(['g{a="x;y",job="shop"} 1']);
});

test('keys, names and resources that never repeat are not kept for ever', () => {
  const listing = new Listing();
  const translator = new Translator(settings, listing);
  for (let i = 0; i < 300; i++) {
    const key = `k${i}`.padEnd(2000, 'x');
    translator.begin(
      metrics({
        resource: { 'service.name': `s${i}`, [key]: 'y'.repeat(50_000) },
        metrics: [gauge(key, [{ attributes: { [key]: 'z' } }])],
      }),
      () => {},
    );
    translator.step();
  }
  expect(listing.series).toHaveLength(600);
});

test('labels of the name __name__ give way, and le moves out of the way of a histogram', () => {
  const labels = { __name__: 'evil', le: '7' };
  const h = histogram('h', [{ attributes: labels, count: '1', bucketCounts: ['1'], explicitBounds: [] }]);
  expect(lines({ metrics: [gauge('g', [{ attributes: labels }]), h] })).toEqual([
    'g{job="shop",le="7"} 1',
    'h_count{exported_le="7",job="shop"} 1',
    'h_bucket{exported_le="7",job="shop",le="+Inf"} 1',
  ]);
});

test('attribute values of all kinds, and empty ones are no labels', () => {
  const values = {
    b: true,
    d: 1.5,
    i: -1234567890123,
    e: '',
    l: { arrayValue: { values: [{ intValue: '1' }, { stringValue: 'x' }] } },
    m: { kvlistValue: { values: [{ key: 'k', value: { intValue: '9007199254740993' } }] } },
    y: { bytesValue: 'AQI=' },
  };
  expect(lines({ metrics: [gauge('g', [{ attributes: values }])] })).toEqual([
    `g{b="true",d="1.5",i="-1234567890123",job="shop",l=${JSON.stringify('[1,"x"]')},m=${JSON.stringify('{"k":9007199254740993}')},y="AQI="} 1`,
  ]);
});

test('with UTF-8 names everything stays as it is', () => {
  const batch = { metrics: [sum('http.requests', [{ attributes: { 'http.méthode': 'GET' } }], { unit: 's' })] };
  expect(lines(batch, { strategy: 'NoTranslation' })).toEqual(['http.requests{http.méthode="GET",job="shop"} 1']);
  expect(lines(batch, { strategy: 'NoUTF8EscapingWithSuffixes' })).toEqual([
    'http.requests_seconds_total{http.méthode="GET",job="shop"} 1',
  ]);
});

test('the order of attributes changes neither labels nor hash', () => {
  const hashes: number[] = [];
  class Hashes extends Listing {
    override point(point: Parameters<Listing['point']>[0]): void {
      hashes.push(point.hash);
      super.point(point);
    }
  }
  const translator = new Translator({ ...settings, targetInfo: false }, new Hashes());
  const points = [
    { attributes: { a: '1', b: '2' } },
    { attributes: { b: '2', a: '1' } },
    { attributes: { a: '2', b: '1' } },
  ];
  translator.begin(metrics({ metrics: [gauge('g', points)] }), () => {});
  translator.step();
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[0]).not.toBe(hashes[2]);
});

test('exemplars go to the bucket that they fell into, with at most 128 characters of labels', () => {
  const exemplar = (value: number, traceId: string, of = {}) => ({
    asDouble: value,
    timeUnixNano: at(1),
    traceId,
    spanId: '00f067aa0ba902b7',
    filteredAttributes: attributes(of),
  });
  const id = '4bf92f3577b34da6a3ce929d0e0e4736';
  const exemplars = [
    exemplar(7, id, { 'user.id': 'u' }),
    exemplar(0.5, id, { long: 'x'.repeat(100) }),
    exemplar(50, ''),
  ];
  const point = { count: '3', bucketCounts: ['1', '1', '1'], explicitBounds: [1, 10], exemplars };
  const found = translated(metrics({ metrics: [histogram('h', [point])] })).series.map((each) => each.exemplars);
  const ids: [string, string][] = [
    ['span_id', '00f067aa0ba902b7'],
    ['trace_id', id],
  ];
  expect(found.slice(1, 4)).toEqual([
    [{ labels: ids, value: 0.5, timeMs: T0 + 1 }],
    [{ labels: [...ids, ['user_id', 'u']], value: 7, timeMs: T0 + 1 }],
    [{ labels: [['span_id', '00f067aa0ba902b7']], value: 50, timeMs: T0 + 1 }],
  ]);
});

test('NaN and infinities are values like others', () => {
  const points = ['NaN', 'Infinity', '-Infinity'].map((asDouble) => ({ timeUnixNano: at(0), asDouble }));
  const batch = { metrics: [{ name: 'g', gauge: { dataPoints: points } }] };
  expect(
    translated(metrics(batch))
      .series.slice(0, 3)
      .map(({ value, stale }) => [value, stale]),
  ).toEqual([
    [Number.NaN, false],
    [Number.POSITIVE_INFINITY, false],
    [Number.NEGATIVE_INFINITY, false],
  ]);
});

test('what cannot become a series is counted by its reason', () => {
  const none = { timeUnixNano: at(0) };
  const batch = {
    metrics: [
      gauge('', [{}, {}]),
      gauge('@@@'),
      { name: 'g', gauge: { dataPoints: [{ asInt: '1' }, none] } },
      sum('s', [{}], { temporality: 0 }),
      histogram('h', [{ count: '1', bucketCounts: ['1', '0', '0'], explicitBounds: [2, 1] }]),
      histogram('i', [{ count: '1', bucketCounts: ['1', '0', '0'], explicitBounds: [1, 1] }]),
    ],
  };
  const { series, skipped } = translated(metrics(batch));
  expect(series).toEqual([]);
  expect(skipped).toEqual({ no_name: 3, no_time: 1, no_value: 1, no_temporality: 1, bad_buckets: 2 });
});

test('milliseconds are exact', () => {
  for (const nano of ['1700000000000000000', '1700000000000999999', '1', '999999', '1000000', '18446744073709551615']) {
    const payload = metrics({ metrics: [{ name: 'g', gauge: { dataPoints: [{ timeUnixNano: nano, asInt: '1' }] } }] });
    const want = Number(BigInt(nano) / 1_000_000n);
    expect(translated(payload).series[0]?.timeMs ?? 0).toBe(want);
  }
});

test('10,000 attributes and a value of 1 MB become labels', () => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`key.${i}`, `v${i}`]));
  const { series } = translated(
    metrics({ metrics: [gauge('g', [{ attributes: { ...many, big: 'x'.repeat(1 << 20) } }])] }),
  );
  expect(series[0]!.labels.length).toBe(10_002);
  expect(series[0]!.labels[0]![1].length).toBe(1 << 20);
});

test('random requests: every point becomes series or is counted, labels are sorted and stand once', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const payload = asPayload(
      'metrics',
      randomRequest('metrics', seed, { unknown: true, padded: true, disorder: seed % 2 === 0 }),
    );
    let points = 0;
    let skipped = 0;
    class Counted extends Listing {
      override point(point: Parameters<Listing['point']>[0]): void {
        points += point.items;
        super.point(point);
      }
    }
    const listing = new Counted();
    const translator = new Translator({ ...settings, resourceToLabels: seed % 3 === 0 }, listing);
    translator.begin(payload, (_, count) => (skipped += count));
    translator.step();
    expect(points + skipped).toBe(pointsOf(payload));
    for (const { labels } of listing.series) {
      const names = labels.map(([name]) => name);
      expect(names).toEqual([...new Set(names)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }
  }
});

/** Those of a member of the data that another one has overwritten do not count. */
function pointsOf(payload: Payload): number {
  let points = 0;
  const walk = walkMetrics(payload);
  while (walk.nextResource()) {
    while (walk.nextScope()) while (walk.nextRecord()) points += walk.record.data?.points.count() ?? 0;
  }
  return points;
}

test('in steps, a batch comes out the same', () => {
  const payload = generatePayload('metrics', { items: 300, seed: 5 } as never);
  const whole = translated(payload).series;
  const listing = new Listing();
  const translator = new Translator(
    settings,
    listing,
    new Accumulator(new FakeClock(), { maxStreams: 1e6, maxStaleMs: 1e6 }),
  );
  translator.begin(payload, () => {});
  let steps = 1;
  while (!translator.step(10)) steps++;
  expect(steps).toBeGreaterThan(10);
  expect(listing.series.filter(({ type }) => type !== 'histogram')).toEqual(
    whole.filter(({ type }) => type !== 'histogram'),
  );
});

test('without an accumulator delta points are skipped', () => {
  const listing = new Listing();
  const translator = new Translator(settings, listing);
  const skipped: string[] = [];
  translator.begin(metrics({ metrics: [sum('s', [{}], { temporality: DELTA })] }), (reason) => skipped.push(reason));
  translator.step();
  expect(skipped).toEqual(['no_temporality']);
});
