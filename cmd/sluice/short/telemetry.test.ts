import { expect, test } from 'vitest';
import { formatIssue, type Issue } from '../../../internal/config/issues.ts';
import { parseYaml } from '../../../internal/config/yaml.ts';
import { encodeJson } from '../../../internal/otlp/json.ts';
import type { Payload } from '../../../internal/otlp/payload.ts';
import { asPayload, randomRequest } from '../../../internal/testkit/generate.ts';
import { compare } from './compare.ts';
import { Frame } from './frame.ts';
import { readInput } from './input.ts';
import { Reading } from './reading.ts';
import { kindsBySignal } from './specs.ts';
import { fromPayload, singles, toPayload } from './telemetry.ts';
import { recordLines } from './text.ts';

async function read(text: string, frame = new Frame()): Promise<{ batches: Payload[]; issues: string[] }> {
  const parsed = parseYaml({ name: 'in.yaml', text, lines: true });
  if ('issues' in parsed) return { batches: [], issues: parsed.issues.map(formatIssue) };
  const issues: Issue[] = [];
  const steps = await readInput(parsed.node, new Reading(frame, issues, 'input', []), '.');
  return { batches: steps.flatMap(({ batches }) => batches), issues: issues.map(formatIssue) };
}

const json = (batch: Payload) => JSON.parse(Buffer.from(encodeJson(batch)).toString());

test('attributes have the types that YAML gives them, large integers and 1.0 included', async () => {
  const { batches, issues } = await read(`
spans:
  - attributes: { i: 1, big: -9223372036854775808, d: 1.0, e: 1e3, n: .nan, s: "1", b: true, z: null, hex: 0x10,
      bytes: { $bytes: aGk= }, list: [1, a, [null]], map: { x: 1.5, $y: 2 } }`);
  expect(issues).toEqual([]);
  const { attributes } = json(batches[0]!).resourceSpans[0].scopeSpans[0].spans[0];
  expect(Object.fromEntries(attributes.map(({ key, value }: any) => [key, value]))).toEqual({
    i: { intValue: '1' },
    big: { intValue: '-9223372036854775808' },
    d: { doubleValue: 1 },
    e: { doubleValue: 1000 },
    n: { doubleValue: 'NaN' },
    s: { stringValue: '1' },
    b: { boolValue: true },
    z: {},
    hex: { intValue: '16' },
    bytes: { bytesValue: 'aGk=' },
    list: { arrayValue: { values: [{ intValue: '1' }, { stringValue: 'a' }, { arrayValue: { values: [{}] } }] } },
    map: {
      kvlistValue: {
        values: [
          { key: 'x', value: { doubleValue: 1.5 } },
          { key: '$y', value: { intValue: '2' } },
        ],
      },
    },
  });
});

test('times, ids, status and kinds become what OTLP says; neighbours share their resource and scope', async () => {
  const { batches } = await read(`
around: { resource: { service.name: shop }, scope: { name: lib, version: "2" } }
spans:
  - { name: a, trace: t, span: root, kind: SERVER, start: 1.5s, duration: 20ms, status: error }
  - { name: b, trace: t, parent: root, start: 2023-11-14T22:13:20.000000001Z, links: [{ trace: t, span: root }] }
  - { name: c, scope: other, trace: 0AF7651916CD43DD8448EB211C80319C, status: { code: ok, message: m }, start: unset }`);
  const [group, ...more] = json(batches[0]!).resourceSpans;
  expect(more).toEqual([]);
  expect(group.scopeSpans.map(({ scope, spans }: any) => [scope, spans.length])).toEqual([
    [{ name: 'lib', version: '2' }, 2],
    [{ name: 'other' }, 1],
  ]);
  const [a, b, c] = group.scopeSpans.flatMap(({ spans }: any) => spans);
  expect(a).toMatchObject({
    kind: 2,
    startTimeUnixNano: '1704067201500000000',
    endTimeUnixNano: '1704067201520000000',
  });
  expect(a.status).toEqual({ code: 2 });
  expect([b.traceId, b.parentSpanId, b.links[0].spanId]).toEqual([a.traceId, a.spanId, a.spanId]);
  expect(b.startTimeUnixNano).toBe('1700000000000000001');
  expect(c).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', status: { code: 1, message: 'm' } });
  expect(c.startTimeUnixNano).toBeUndefined();
});

test('every kind of point', async () => {
  const { batches, issues } = await read(`
metrics:
  - { name: g, unit: s, points: [{ value: 1 }, { value: 1.0, time: 5s, attributes: { a: b } }] }
  - { name: s, type: sum, temporality: delta, monotonic: true, points: [{ value: 2, start: 0s }] }
  - { name: h, type: histogram, temporality: cumulative, points: [{ count: 3, sum: 4.5, bounds: [1, 2], buckets: [1, 1, 1], max: 3 }] }
  - { name: e, type: exponential_histogram, points: [{ count: 2, scale: -1, zero_count: 1, positive: { offset: -2, buckets: [1] } }] }
  - { name: q, type: summary, points: [{ count: 2, sum: 3, quantiles: [{ quantile: 0.5, value: 1 }] }] }`);
  expect(issues).toEqual([]);
  expect(batches[0]!.itemCount).toBe(6);
  const { metrics } = json(batches[0]!).resourceMetrics[0].scopeMetrics[0];
  expect(metrics[0].gauge.dataPoints.map(({ asInt, asDouble }: any) => [asInt, asDouble])).toEqual([
    ['1', undefined],
    [undefined, 1],
  ]);
  expect(metrics[1].sum).toMatchObject({ aggregationTemporality: 1, isMonotonic: true });
  expect(metrics[2].histogram.dataPoints[0]).toMatchObject({ bucketCounts: ['1', '1', '1'], explicitBounds: [1, 2] });
  expect(metrics[3].exponentialHistogram.dataPoints[0].positive).toEqual({ offset: -2, bucketCounts: ['1'] });
  expect(metrics[4].summary.dataPoints[0].quantileValues).toEqual([{ quantile: 0.5, value: 1 }]);
});

test('any telemetry has a short form that gives the same telemetry again', () => {
  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    for (let seed = 1; seed <= 100; seed++) {
      const frame = new Frame();
      const batch = asPayload(signal, randomRequest(signal, seed));
      const records = fromPayload(batch, frame);
      const kind = kindsBySignal[signal];
      for (const record of records) expect(recordLines(kind, record).join('\n')).not.toContain('undefined');
      const again = fromPayload(toPayload(kind, records, frame), frame);
      expect(again.length).toBe(records.length);
      for (const [i, record] of records.entries()) {
        expect(compare(record, again[i], true), `${signal} ${seed} record ${i}`).toEqual([]);
      }
      expect(singles(batch).length).toBe(records.length);
    }
  }
});

test('copies are traces of their own, names of a copy stay together', async () => {
  const frame = new Frame();
  const { batches } = await read(
    '{ repeat: 3, spans: [{ name: a, trace: t, span: r }, { name: b, trace: t, parent: r }, { name: c }] }',
    frame,
  );
  const spans = fromPayload(batches[0]!, frame);
  expect(spans.map((span) => span.get('trace'))).toEqual(
    ['t', 't', '(own) 1', 't#2', 't#2', '(own) 4', 't#3', 't#3', '(own) 7'].map((name) =>
      name.startsWith('(own)') ? expect.stringContaining('(own)') : name,
    ),
  );
  expect(spans.map((span) => span.get('parent'))[4]).toBe('r#2');
});

test.each([
  ['spans: [{ nam: x }]', 'in.yaml:1:11 spans[0].nam: unknown key; did you mean "name"?'],
  ['spans: [{ name: [x] }]', 'in.yaml:1:17 spans[0].name: expected text, got a list'],
  ['spans: [{ kind: serve }]', 'spans[0].kind: expected one of unspecified, internal, server'],
  ['spans: [{ start: soon }]', 'in.yaml:1:18 spans[0].start: expected a time such as 20ms'],
  ['spans: [{ trace: [] }]', 'expected a name for the trace, or its id in hex'],
  ['spans: [{ attributes: { a: 99999999999999999999 } }]', 'expected an integer of 64 bits'],
  ['spans: { name: x }', 'in.yaml:1:8 spans: expected a list of spans, got a map'],
  ['spans: [7]', 'expected a span, got 7'],
  ['logs: [{ severity: 1.5 }]', 'logs[0].severity: expected one of'],
  ['metrics: [{ points: [{ count: 1 }] }]', 'metrics: a point of type gauge has no count: expected attributes'],
  ['metrics: [{ type: histogram, points: [{ count: -1 }] }]', 'expected an integer from 0'],
  ['metrics: [{ points: [{ value: x }] }]', 'metrics[0].points[0].value: expected a number'],
  ['traces: []', 'unknown key: there are at, repeat, file, around, spans, logs, metrics'],
  ['{ repeat: 1e9, spans: [] }', 'repeat: expected a number from 1 to 100000'],
  ['{ repeat: 100000, spans: [{}, {}, {}] }', 'expected at most 200000 records, got 3 100000 times'],
  ['- { at: 5s, spans: [] }\n- { at: 1s, spans: [] }', 'in.yaml:2:3 [1]: expected steps in the order of their at:'],
  ['file: nowhere.json', 'in.yaml:1:7 file: nowhere.json: ENOENT'],
  ['spans: [{ name: { $any: true } }]', 'expected text, got a map'],
  ['spans: [', 'expected valid YAML'],
])('%j is told: %s', async (text, message) => {
  const { batches, issues } = await read(text);
  expect(issues.join('\n')).toContain(message);
  expect(batches).toEqual([]);
});

test('cut off anywhere it is read or told, never thrown', async () => {
  const whole =
    'spans:\n  - { name: a, attributes: { x: [1, { y: 2.5 }] }, status: { code: error }, events: [{ name: e, time: 1s }] }\n';
  for (let length = 0; length < whole.length; length++) {
    const { batches, issues } = await read(whole.slice(0, length));
    expect(batches.length + issues.length, whole.slice(0, length)).toBeLessThan(21);
  }
});
