import { expect, test } from 'vitest';
import type { Payload } from '../../internal/otlp/payload.ts';
import { Accumulator } from '../../internal/prometheus/accumulator.ts';
import { type ListedSeries, Listing } from '../../internal/prometheus/listing.ts';
import {
  at,
  attributes,
  exponential,
  gauge,
  histogram,
  metrics,
  sum,
  summary,
  T0,
} from '../../internal/prometheus/test/metrics.ts';
import { type TranslationSettings, Translator } from '../../internal/prometheus/translate.ts';
import { FakeClock } from '../../internal/testkit/clock.ts';
import { asPayload, generatePayload, randomRequest } from '../../internal/testkit/generate.ts';
import { countWrote, type RequestBuilder } from './request.ts';
import { type ReadSeries, readMessage } from './test/oracle.ts';
import { toVersion1 } from './transcode.ts';
import { V1Builder } from './v1.ts';
import { V2Builder } from './v2.ts';

const settings: TranslationSettings = {
  strategy: 'UnderscoreEscapingWithSuffixes',
  namespace: '',
  externalLabels: { cluster: 'c' },
  scopeInfo: true,
  targetInfo: true,
  resourceToLabels: false,
  excludeService: false,
};

const deltas = () => new Accumulator(new FakeClock(), { maxStreams: 1e6, maxStaleMs: 1e9 });

function built(payload: Payload, builder: RequestBuilder<string>) {
  builder.owner = 'batch';
  const translator = new Translator(settings, builder, deltas());
  translator.begin(payload, () => {});
  translator.step();
  return builder.build();
}

function listed(payload: Payload): ListedSeries[] {
  const listing = new Listing();
  const translator = new Translator(settings, listing, deltas());
  translator.begin(payload, () => {});
  translator.step();
  return listing.series;
}

/** What the oracle reads, in the form of the listing. */
function comparable(series: ReadSeries) {
  const { __name__: name, ...labels } = series.labels;
  const sample = series.samples[0];
  return {
    name,
    labels: Object.entries(labels),
    value: sample?.stale ? undefined : sample?.value,
    stale: sample?.stale ?? false,
    timeMs: sample?.timestamp ?? series.histograms[0]!.timestamp,
    exemplars: series.exemplars.map((each) => ({
      labels: Object.entries(each.labels),
      value: each.value,
      timeMs: each.timestamp,
    })),
  };
}

function wanted({ name, labels, value, stale, timeMs, exemplars, histogram: native }: ListedSeries) {
  return { name, labels, value: stale ? undefined : value, stale: stale && !native, timeMs, exemplars };
}

const sorted = <T extends { timeMs: unknown }>(list: T[]) =>
  list
    .map((each, i) => ({ each, i }))
    .sort((a, b) => Number(a.each.timeMs) - Number(b.each.timeMs) || a.i - b.i)
    .map(({ each }) => each);

const versions = [
  [1, () => new V1Builder<string>(true)],
  [2, () => new V2Builder<string>()],
] as const;

test.each(versions)('version %i: protobufjs reads what was translated, for random requests', (version, builder) => {
  const one = builder();
  for (let seed = 1; seed <= 200; seed++) {
    const payload = asPayload('metrics', randomRequest('metrics', seed, { disorder: seed % 2 === 0 }));
    const { message, wrote } = built(payload, one);
    const read = readMessage(version, message);
    expect(read.series.map(comparable)).toEqual(sorted(listed(payload).map(wanted)));
    expect(wrote.series).toBe(read.series.length);
    expect(wrote.samples).toBe(read.series.reduce((total, { samples }) => total + samples.length, 0));
    expect(wrote.histograms).toBe(read.series.reduce((total, { histograms }) => total + histograms.length, 0));
  }
});

test.each(versions)('version %i: a realistic request, used again and again', (version, builder) => {
  const one = builder();
  for (let seed = 1; seed <= 5; seed++) {
    const payload = generatePayload('metrics', { items: 400, seed } as never);
    const { message, points } = built(payload, one);
    expect(readMessage(version, message).series.map(comparable)).toEqual(listed(payload).map(wanted));
    expect([...points.items()]).toEqual([['batch', 400]]);
  }
});

const native = {
  count: '18446744073709551615',
  sum: -4.5,
  scale: 3,
  zeroCount: '9007199254740993',
  zeroThreshold: 0.25,
  positive: { offset: 2, bucketCounts: ['9007199254740993', '1', '0', '0', '0', '7'] },
  negative: { offset: -4, bucketCounts: ['3'] },
  start: -5000,
};

test.each(versions)('version %i: native histograms with counts beyond 2^53', (version, builder) => {
  const payload = metrics({ metrics: [exponential('h', [native])] });
  const read = readMessage(version, built(payload, builder()).message).series[0]!.histograms[0]!;
  expect(read).toMatchObject({
    sum: -4.5,
    schema: 3,
    zero_threshold: 0.25,
    negative_spans: [{ offset: -3, length: 1 }],
    negative_deltas: [3],
    positive_spans: [
      { offset: 3, length: 2 },
      { offset: 3, length: 1 },
    ],
    positive_deltas: [Number(9007199254740993n), Number(-9007199254740992n), 6],
    timestamp: T0,
    ...(version === 2 ? { start_timestamp: T0 - 5000 } : {}),
  });
  expect(read.count_int).toBe(Number(18446744073709551615n));
});

test('the exact bits of 64-bit counts arrive', () => {
  const { message } = built(metrics({ metrics: [exponential('h', [native])] }), new V1Builder<string>(false));
  // count_int = 1: the varint of 2^64 - 1; zero_count_int = 6: of 2^53 + 1
  expect(message.includes(Buffer.from([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]))).toBe(true);
  expect(message.includes(Buffer.from([0x30, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]))).toBe(true);
});

test.each(versions)('version %i: staleness markers have their own bits', (version, builder) => {
  const flags = 1;
  const payload = metrics({ metrics: [gauge('g', [{ flags }]), exponential('h', [{ ...native, flags }])] });
  const { message } = built(payload, builder());
  const marker = Buffer.from('020000000000f07f', 'hex');
  expect(message.indexOf(marker)).toBeGreaterThan(0);
  expect(message.indexOf(marker, message.indexOf(marker) + 1)).toBeGreaterThan(0);
  const { series } = readMessage(version, message);
  expect(series[1]!.histograms[0]).toMatchObject({ count_int: 0, positive_deltas: [], negative_spans: [] });
});

test('a double with the bits of a staleness marker keeps them', () => {
  const payload = metrics({ metrics: [gauge('g', [{ value: 1234.5 }])] });
  const bytes = Buffer.from(payload.chunks[0]!);
  const double = Buffer.alloc(8);
  double.writeDoubleLE(1234.5);
  Buffer.from('020000000000f07f', 'hex').copy(bytes, bytes.indexOf(double));
  const { message } = built(asPayload('metrics', bytes), new V1Builder<string>(false));
  expect(message.includes(Buffer.from('09020000000000f07f', 'hex'))).toBe(true);
});

test('version 1: metadata of each family, once in a request', () => {
  const described = { ...sum('http.requests', [{}, {}], { unit: 'By/s' }), description: 'how many — ñ' };
  const hinted = { ...sum('build', [{}], { monotonic: false }), metadata: attributes({ 'prometheus.type': 'info' }) };
  const payload = metrics({
    metrics: [described, hinted, histogram('h', [{ count: '0' }]), summary('s', [{}]), described],
  });
  expect(readMessage(1, built(payload, new V1Builder(true)).message).metadata).toEqual([
    { type: 'counter', name: 'http_requests_bytes_per_second_total', help: 'how many — ñ', unit: 'bytes_per_second' },
    { type: 'info', name: 'build', help: '', unit: '' },
    { type: 'histogram', name: 'h', help: '', unit: '' },
    { type: 'summary', name: 's', help: '', unit: '' },
  ]);
  expect(readMessage(1, built(payload, new V1Builder(false)).message).metadata).toEqual([]);
});

test('version 2: metadata and start times stand with each series, and each string once', () => {
  const described = {
    ...sum('http.requests', [{ start: -9, attributes: { a: 'x' } }], { unit: 's' }),
    description: 'help',
  };
  const payload = metrics({
    metrics: [
      described,
      gauge('g', [{ start: -9, attributes: { a: 'x' } }]),
      histogram('h', [{ count: '0', start: -7 }]),
    ],
  });
  const { series, symbols } = readMessage(2, built(payload, new V2Builder()).message);
  expect(
    series.map(({ series: name, metadata, samples }) => [
      name,
      metadata!.type,
      metadata!.help,
      metadata!.unit,
      samples[0]!.start,
    ]),
  ).toEqual([
    ['http_requests_seconds_total{a="x",cluster="c",job="shop"}', 'counter', 'help', 'seconds', T0 - 9],
    ['g{a="x",cluster="c",job="shop"}', 'gauge', '', '', 0],
    ['h_count{cluster="c",job="shop"}', 'histogram', '', '', T0 - 7],
    ['h_bucket{cluster="c",job="shop",le="+Inf"}', 'histogram', '', '', T0 - 7],
  ]);
  expect(symbols[0]).toBe('');
  expect(new Set(symbols).size).toBe(symbols.length);
});

test.each(versions)(
  'version %i: samples are sent in the order of their times, whatever order they came in',
  (version, builder) => {
    const points = [5, 3, 9, 1].map((ms) => ({ at: ms, value: ms }));
    const { message, points: table } = built(metrics({ metrics: [gauge('g', points)] }), builder());
    expect(readMessage(version, message).series.map(({ samples }) => samples[0]!.value)).toEqual([1, 3, 5, 9]);
    const middle = Buffer.concat([message.subarray(0, table.start), message.subarray(table.endOf(0), table.endOf(2))]);
    expect(readMessage(version, middle).series.map(({ samples }) => samples[0]!.value)).toEqual([3, 5]);
  },
);

test('a version 2 message as a version 1 message says the same', () => {
  const exemplars = [{ asDouble: 1, timeUnixNano: at(0), traceId: '4bf92f3577b34da6a3ce929d0e0e4736' }];
  const payload = metrics(
    { resource: { 'service.name': 's', 'host.name': 'h' }, metrics: [sum('c', [{ start: -9, exemplars }])] },
    { metrics: [histogram('h', [{ count: '3', sum: 2, bucketCounts: ['1', '2'], explicitBounds: [5], start: -1 }])] },
    {
      metrics: [
        exponential('e', [native]),
        summary('s', [{ count: '1', quantileValues: [{ quantile: 0.5, value: 1 }] }]),
      ],
    },
  );
  const { message, points } = built(payload, new V2Builder());
  const converted = toVersion1(message, points);
  const direct = built(payload, new V1Builder(false));
  const strip = ({ series }: ReturnType<typeof readMessage>) =>
    series.map(({ series: name, samples, exemplars: of, histograms }) => [name, samples, of, histograms]);
  expect(strip(readMessage(1, converted.message))).toEqual(strip(readMessage(1, direct.message)));
  expect(points.moved(converted.ends).endOf(points.count - 1)).toBe(converted.message.length);
  expect(countWrote(converted.message, 0, 1)).toEqual(direct.wrote);
  expect(countWrote(message, points.start, 2)).toEqual(direct.wrote);
});

test.each(versions)('version %i: labels and lengths of all sizes', (version, builder) => {
  for (const size of [1, 60, 110, 126, 127, 128, 300, 16_300, 16_384, 70_000, 2 ** 21]) {
    const values = { big: 'x'.repeat(size), [`k${'y'.repeat(Math.min(size, 1000))}`]: 'v' };
    const quantileValues = [{ quantile: 0.5, value: 1 }];
    const payload = metrics({
      metrics: [gauge('g', [{ attributes: values }]), summary('s', [{ attributes: values, quantileValues }])],
    });
    expect(readMessage(version, built(payload, builder()).message).series.map(comparable)).toEqual(
      listed(payload).map(wanted),
    );
  }
});
