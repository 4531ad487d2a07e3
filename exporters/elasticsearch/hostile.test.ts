import { expect, test } from 'vitest';
import { logs, made, metrics, only, spans, text } from './test/documents.ts';

/* Input that nobody sends on purpose, and some that somebody does. The real server's view of it: elasticsearch.backends.test.ts. */

const value = (json: object) => only(logs([{ attributes: [{ key: 'v', value: json }] }])).attributes.v;

test('NaN and infinities are null', () => {
  for (const doubleValue of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    expect(value({ doubleValue })).toBeNull();
});

test('an attribute without a value is null, and a map without keys nothing', () => {
  expect(value({})).toBeNull();
  expect(value({ kvlistValue: {} })).toBeUndefined();
  expect(value({ arrayValue: {} })).toEqual([]);
});

test('bytes are base64', () => expect(value({ bytesValue: Buffer.from([0, 255, 3]) })).toBe('AP8D'));

test('64-bit integers keep every digit', () => {
  const attributes = ['9223372036854775807', '-9223372036854775808', '9007199254740993'].map((intValue, i) => ({
    key: `k${i}`,
    value: { intValue },
  }));
  const { body } = made(logs([{ attributes }]));
  expect(body).toContain('"k0":9223372036854775807,"k1":-9223372036854775808,"k2":9007199254740993');
});

test('ten thousand attributes are all there', () => {
  const attributes = Array.from({ length: 10_000 }, (_, i) => text(`key.${i}`, `v${i}`));
  const document = only(logs([{ attributes }]));
  expect(Object.keys(document.attributes)).toHaveLength(10_000);
  expect(document.attributes['key.9999']).toBe('v9999');
});

test('a value of a megabyte is there, with all its escapes', () => {
  const long = '"\u0001\\ä'.repeat(200_000);
  expect(value({ stringValue: long })).toBe(long);
});

test('of keys that come twice the first counts, in every form of a document', () => {
  const attributes = [text('a', '1'), text('b', '2'), text('a', '3')];
  for (const mode of ['otel', 'ecs', 'none', 'raw']) {
    const { body } = made(logs([{ attributes }]), { mapping: { mode } });
    expect(body.match(/"(Attributes\.)?a":/g)).toHaveLength(1);
  }
  expect(only(logs([{ attributes }])).attributes).toEqual({ a: '1', b: '2' });
});

test('keys that come twice inside a map are written once', () => {
  const kvlistValue = { values: [text('a', '1'), text('a', '2')] };
  expect(only(logs([{ body: { kvlistValue } }])).body.structured).toEqual({ a: '1' });
  expect(value({ arrayValue: { values: [{ kvlistValue }] } })).toEqual([{ a: '1' }]);
});

test('keys without a name are one underscore', () => {
  expect(only(logs([{ attributes: [text('', 'x'), text(' ', 'y')] }])).attributes).toEqual({ _: 'x' });
});

test('blank names beside maps, and a point that is there in two ways, make no second key', () => {
  const map = { key: 'm', value: { kvlistValue: { values: [text('x', '1')] } } };
  expect(only(logs([{ attributes: [map, text(' ', 'y')] }])).attributes).toEqual({ 'm.x': '1', _: 'y' });
  const double = (key: string, doubleValue: number) => ({ key, value: { doubleValue } });
  const attributes = [double('geo.location.lat', 1), double('geo.location.lon', 2), text('geo.location', 'here')];
  expect(only(logs([{ attributes }])).attributes).toEqual({
    'geo.location': 'here',
    'geo.location.lat': 1,
    'geo.location.lon': 2,
  });
});

test('zero times are the epoch, and a span that ends before it begins has a duration below zero', () => {
  expect(only(logs([{}]))).toMatchObject({ '@timestamp': '0.0', observed_timestamp: '0.0' });
  expect(only(logs([{ observedTimeUnixNano: '1000000' }]))['@timestamp']).toBe('1.0');
  expect(only(spans([{ startTimeUnixNano: '5', endTimeUnixNano: '2' }])).duration).toBe(-3);
  expect(only(spans([{ startTimeUnixNano: '5' }])).duration).toBe(-5);
});

test('ids of zeros are left out, and enumerations nobody knows too', () => {
  const document = only(
    spans([{ traceId: Buffer.alloc(16), spanId: Buffer.alloc(8), kind: 99, status: { code: 77 } }]),
  );
  for (const key of ['trace_id', 'span_id', 'kind']) expect(document).not.toHaveProperty(key);
  expect(document.status).toEqual({});
});

test('nesting deeper than any sender needs becomes null', () => {
  let nested: object = { stringValue: 'deep' };
  for (let i = 0; i < 40; i++) nested = { arrayValue: { values: [nested] } };
  expect(JSON.stringify(value(nested))).toContain('deep');
});

test('points that end a series have no document and are no loss; points without a value are refused', () => {
  const gauge = (...dataPoints: object[]) => ({ name: 'g', gauge: { dataPoints } });
  const result = made(metrics([gauge({ flags: 1 }, {}, { asInt: '1' })]));
  expect(result.withoutValue).toBe(1);
  expect(result.refused).toEqual([{ item: 1, reason: 'a data point without a value' }]);
  expect(result.documents).toHaveLength(1);
});

test('a gauge of NaN is null, not zero', () => {
  const dataPoints = [{ asDouble: Number.NaN }];
  expect(only(metrics([{ name: 'g', gauge: { dataPoints } }])).metrics).toEqual({ g: null });
});

test('histograms whose buckets and bounds do not fit are refused', () => {
  const histogram = (point: object) => ({ name: 'h', histogram: { dataPoints: [point] } });
  const { refused, documents } = made(
    metrics([
      histogram({ count: '1', bucketCounts: ['1', '2', '3'], explicitBounds: [1] }),
      histogram({ count: '4', sum: 10 }),
      histogram({ count: '0' }),
    ]),
  );
  expect(refused[0]!.reason).toContain('3 buckets and 1 bounds');
  expect(documents.map(({ source }) => source.metrics.h)).toEqual([
    { counts: [4], values: [2.5] },
    { counts: [], values: [] },
  ]);
});

test('histograms become the middles of their buckets and the counts', () => {
  const point = { count: '10', explicitBounds: [-1, 0, 5], bucketCounts: ['1', '2', '3', '4'] };
  const exponential = {
    count: '7',
    scale: 0,
    zeroCount: '1',
    positive: { offset: 0, bucketCounts: ['2', '0', '3'] },
    negative: { offset: 1, bucketCounts: ['1'] },
  };
  const document = only(
    metrics([
      { name: 'h', histogram: { dataPoints: [point] } },
      { name: 'e', exponentialHistogram: { dataPoints: [exponential] } },
    ]),
  );
  expect(document.metrics.h).toEqual({ counts: [1, 2, 3, 4], values: [-1, -0.5, 2.5, 5] });
  expect(document.metrics.e).toEqual({ counts: [1, 1, 2, 3], values: [-3, 0, 1.5, 6] });
});

test('an exponential histogram with buckets beyond every double stays finite', () => {
  const point = { count: '1', scale: -10, positive: { offset: 1000, bucketCounts: ['1', '1'] } };
  const { values } = only(metrics([{ name: 'e', exponentialHistogram: { dataPoints: [point] } }])).metrics.e;
  for (const one of values) expect(Number.isFinite(one)).toBe(true);
});

test('the hint for sums makes a histogram a sum and a count', () => {
  const hints = {
    key: 'elasticsearch.mapping.hints',
    value: { arrayValue: { values: [{ stringValue: 'aggregate_metric_double' }, { stringValue: '_doc_count' }] } },
  };
  const point = { count: '4', sum: 10, bucketCounts: ['4'], attributes: [hints] };
  const { source, action } = made(metrics([{ name: 'h', histogram: { dataPoints: [point] } }])).documents[0]!;
  expect(source).toMatchObject({ metrics: { h: { sum: 10, value_count: 4 } }, _doc_count: 4, attributes: {} });
  expect(action.dynamic_templates).toEqual({ 'metrics.h': 'summary' });
});

test('an index name from an attribute cannot break out of its line', () => {
  const { documents } = made(logs([{ attributes: [text('elasticsearch.index', 'a"}}\n{"delete":{}}')] }]));
  expect(documents).toHaveLength(1);
  expect(documents[0]!.action._index).toBe('a"}}\n{"delete":{}}');
});
