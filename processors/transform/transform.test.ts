import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { Payload, type Signal } from '../../internal/otlp/payload.ts';
import { countItems } from '../../internal/otlp/shape.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import transform from './index.ts';

const oracle = await loadOracle();

type Json = Record<string, any>;
const pairs = (entries: Record<string, string>) =>
  Object.entries(entries).map(([key, value]) => ({ key, value: { stringValue: value } }));

const traces = {
  resourceSpans: [
    {
      resource: { attributes: pairs({ 'service.name': 'cart' }) },
      scopeSpans: [
        {
          spans: [
            {
              name: 'GET /users/17',
              kind: 2,
              attributes: pairs({ a: '1' }),
              events: [{ name: 'exception', attributes: pairs({ 'exception.type': 'IO' }) }],
            },
            { name: 'other', kind: 1 },
          ],
        },
      ],
    },
  ],
};
const point = { startTimeUnixNano: '1', timeUnixNano: '2', attributes: pairs({ p: 'q' }) };
const metrics = {
  resourceMetrics: [
    {
      scopeMetrics: [
        {
          metrics: [
            {
              name: 'g',
              unit: 's',
              gauge: {
                dataPoints: [
                  { ...point, asInt: '5' },
                  { ...point, asDouble: 2.5 },
                ],
              },
            },
            {
              name: 's',
              sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ ...point, asInt: '7' }] },
            },
            {
              name: 'h',
              description: 'd',
              unit: 's',
              histogram: {
                aggregationTemporality: 1,
                dataPoints: [{ ...point, count: '3', sum: 4, max: 2, bucketCounts: ['1', '2'], explicitBounds: [1] }],
              },
            },
            {
              name: 'q',
              summary: {
                dataPoints: [{ ...point, count: '9', sum: 8, quantileValues: [{ quantile: 0.5, value: 3 }] }],
              },
            },
          ],
        },
      ],
    },
  ],
};

async function run(signal: Signal, message: object, config: object) {
  const type = oracle.request(signal);
  const bytes = type.encode(type.fromObject(message)).finish();
  const next = new RecordingConsumer();
  const settings = testSettings({ id: 'transform', kind: 'processor', signal });
  const processor = transform.create(settings, schema.parse(config), next);
  const outcome = await processor.consume(
    new Payload(signal, [bytes], countItems(signal, bytes), bytes.length),
    noContext,
  );
  const out = Buffer.concat(next.taken.flatMap((batch) => batch.chunks));
  for (const batch of next.taken) {
    expect(batch.itemCount).toBe(countItems(signal, out));
    expect(batch.byteLength).toBe(out.length);
  }
  return { out: oracle.read(signal, out) as Json, outcome, settings, next };
}

const spansOf = (out: Json): Json[] => out.resourceSpans[0].scopeSpans[0].spans;
const metricsOf = (out: Json): Json[] => out.resourceMetrics[0].scopeMetrics[0].metrics;

test('plain statements share the context that their paths tell', async () => {
  const { out } = await run('traces', traces, {
    trace_statements: [
      'set(span.attributes["service"], resource.attributes["service.name"])',
      'replace_pattern(span.name, "/\\\\d+", "/{id}") where span.kind == SPAN_KIND_SERVER',
      'set(resource.attributes["last"], span.name)',
      'set(span.cache["x"], span.name) where span.cache["x"] == nil',
      'set(span.attributes["cached"], span.cache["x"])',
    ],
  });
  expect(spansOf(out).map(({ name }) => name)).toEqual(['GET /users/{id}', 'other']);
  expect(spansOf(out)[0]!.attributes).toEqual(pairs({ a: '1', service: 'cart', cached: 'GET /users/{id}' }));
  expect(spansOf(out)[1]!.attributes).toEqual(pairs({ service: 'cart', cached: 'other' }));
  expect(out.resourceSpans[0].resource.attributes).toEqual(pairs({ 'service.name': 'cart', last: 'other' }));
});

test('groups are passes of their own, each with its context, conditions and error mode', async () => {
  const { out } = await run('traces', traces, {
    error_mode: 'propagate',
    trace_statements: [
      { context: 'resource', statements: ['set(attributes["tier"], "gold")'] },
      {
        context: 'span',
        conditions: ['kind == SPAN_KIND_CLIENT', 'attributes["a"] == "1"'],
        statements: ['set(attributes["tier"], resource.attributes["tier"])'],
      },
      {
        statements: ['set(span.attributes["error"], spanevent.attributes["exception.type"])'],
        conditions: ['spanevent.name == "exception"'],
      },
      { context: 'Scope', error_mode: 'silent', statements: ['set(name, 5)', 'set(name, "named")'] },
    ],
  });
  expect(spansOf(out)[0]!.attributes).toEqual(pairs({ a: '1', tier: 'gold', error: 'IO' }));
  expect(spansOf(out)[1]!.attributes).toBeUndefined();
  expect(out.resourceSpans[0].scopeSpans[0].scope).toEqual({ name: 'named' });
});

test('a statement that fails is passed over, and told once; or it refuses the batch', async () => {
  const statements = ['set(span.name, 5)', 'set(span.attributes["b"], "2")'];
  const ignored = await run('traces', traces, { trace_statements: statements });
  expect(spansOf(ignored.out)[0]!.attributes).toEqual(pairs({ a: '1', b: '2' }));
  expect(ignored.settings.logger.warnings().length).toBe(1);
  const refused = await run('traces', traces, { trace_statements: statements, error_mode: 'propagate' });
  expect(refused.outcome).toMatchObject({ status: 'permanent', code: 'rejected' });
  expect(refused.next.calls).toEqual([]);
});

const onMetrics: [string, (all: Json[]) => unknown, unknown][] = [
  [
    'convert_sum_to_gauge() where metric.name == "s"',
    ([, s]) => s,
    { name: 's', gauge: { dataPoints: [{ ...point, asInt: '7' }] } },
  ],
  [
    'convert_gauge_to_sum("delta", true) where metric.name == "g"',
    ([g]) => [g!.gauge, g!.sum.aggregationTemporality, g!.sum.isMonotonic, g!.sum.dataPoints.length],
    [undefined, 1, true, 2],
  ],
  [
    'copy_metric(name = "copy", unit = "ms") where metric.name == "g"',
    (all) => [all.length, all[4]!.name, all[4]!.unit, all[4]!.gauge.dataPoints.length],
    [5, 'copy', 'ms', 2],
  ],
  [
    'scale_metric(10.0, "ms") where metric.name == "g"',
    ([g]) => [g!.unit, g!.gauge.dataPoints.map((one: Json) => one.asInt ?? one.asDouble)],
    ['ms', ['50', 25]],
  ],
  [
    'scale_metric(2.0) where metric.type == METRIC_DATA_TYPE_HISTOGRAM',
    ([, , h]) => h!.histogram.dataPoints[0],
    { ...point, count: '3', sum: 8, max: 4, bucketCounts: ['1', '2'], explicitBounds: [2] },
  ],
  [
    'scale_metric(2.0) where metric.type == METRIC_DATA_TYPE_SUMMARY',
    ([, , , q]) => q!.summary.dataPoints[0],
    { ...point, count: '9', sum: 16, quantileValues: [{ quantile: 0.5, value: 6 }] },
  ],
  [
    'extract_count_metric(true) where metric.name == "h"',
    (all) => all[4],
    {
      name: 'h_count',
      description: 'd',
      unit: '1',
      sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [{ ...point, asInt: '3' }] },
    },
  ],
  [
    'extract_sum_metric(false, ".total") where metric.name == "q"',
    (all) => all[4],
    { name: 'q.total', sum: { aggregationTemporality: 2, dataPoints: [{ ...point, asDouble: 8 }] } },
  ],
  [
    'convert_summary_count_val_to_sum("cumulative", true) where metric.name == "q"',
    (all) => all[4]!.sum.dataPoints,
    [{ ...point, asInt: '9' }],
  ],
];
test.each(onMetrics)('%s', async (statement, pick, want) => {
  const context = statement.startsWith('convert_summary') ? 'datapoint' : 'metric';
  const { out } = await run('metrics', metrics, { metric_statements: [{ context, statements: [statement] }] });
  expect(pick(metricsOf(out))).toEqual(want);
});

test('a statement that copies its own copies comes to an end', async () => {
  const { outcome } = await run('metrics', metrics, {
    metric_statements: [{ context: 'metric', statements: ['copy_metric()'] }],
  });
  expect(outcome).toMatchObject({ status: 'permanent', code: 'rejected' });
});

const refused: [string, object, string][] = [
  [
    'an unknown function',
    { trace_statements: ['sett(span.name, "x")'] },
    'trace_statements.0: at character 1 of "sett(span.name, \\"x\\")": unknown function sett; did you mean set?',
  ],
  [
    'a path without context',
    { trace_statements: ['set(span.name, name)'] },
    'expected a context before it, such as span.name',
  ],
  ['contexts of which none holds the others', { log_statements: ['set(span.name, "x")'] }, 'begins with'],
  [
    'each of several',
    { trace_statements: ['set(span.nme, "x")', 'set(span.name'] },
    'trace_statements.0: at character 10 of "set(span.nme, \\"x\\")": span has no field nme',
  ],
  [
    'and the other',
    { trace_statements: ['set(span.nme, "x")', 'set(span.name'] },
    'trace_statements.1: at character 14',
  ],
  [
    'a function that is missing',
    { metric_statements: ['aggregate_on_attributes("sum") where metric.name == "x"'] },
    'is not supported',
  ],
  [
    'a broken condition',
    { log_statements: [{ context: 'log', conditions: ['body =='], statements: [] }] },
    'log_statements.0.conditions.0: at character 8',
  ],
  [
    'a context of another signal',
    { log_statements: [{ context: 'span', statements: ['set(name, "x")'] }] },
    'logs have no span',
  ],
  ['both styles', { log_statements: ['set(log.body, "x")', { statements: [] }] }, 'log_statements'],
];
test.each(refused)('%s is refused in its place', (_, config, message) => {
  const parsed = schema.safeParse(config);
  const issues = (parsed.error?.issues ?? []).map(({ path, message: said }) => `${path.join('.')}: ${said}`);
  expect(issues.join('\n')).toContain(message);
});
