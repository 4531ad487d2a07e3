import { expect, test } from 'vitest';
import type { Settings } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { retryable } from '../../internal/core/outcome.ts';
import { Payload, type Signal } from '../../internal/otlp/payload.ts';
import { countItems } from '../../internal/otlp/shape.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import filter from './index.ts';

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
          scope: { name: 'lib' },
          spans: [
            { name: 'GET /health', kind: 2, attributes: pairs({ 'http.route': '/health' }) },
            { name: 'GET /users', kind: 2, events: [{ name: 'keep' }, { name: 'debug' }, { name: 'keep2' }] },
          ],
        },
        { scope: { name: 'noisy' }, spans: [{ name: 'tick', kind: 1 }] },
      ],
    },
    { resource: { attributes: pairs({ 'service.name': 'probe' }) }, scopeSpans: [{ spans: [{ name: 'p', kind: 3 }] }] },
  ],
};
const logs = {
  resourceLogs: [
    {
      resource: { attributes: pairs({ host: 'a' }) },
      scopeLogs: [
        {
          logRecords: [
            { severityNumber: 5, severityText: 'DEBUG', body: { stringValue: 'low' } },
            { severityNumber: 17, severityText: 'ERROR', body: { stringValue: 'high' }, attributes: pairs({ a: 'b' }) },
            { body: { stringValue: 'none' } },
          ],
        },
      ],
    },
  ],
};
const metrics = {
  resourceMetrics: [
    {
      resource: { attributes: pairs({ host: 'a' }) },
      scopeMetrics: [
        {
          metrics: [
            { name: 'up', gauge: { dataPoints: [{ asInt: 1, attributes: pairs({ x: '1' }) }, { asInt: 0 }] } },
            { name: 'requests', sum: { dataPoints: [{ asInt: 5 }] } },
          ],
        },
      ],
    },
  ],
};

function payload(signal: Signal, message: object): Payload {
  const type = oracle.request(signal);
  const bytes = type.encode(type.fromObject(message)).finish();
  return new Payload(signal, [bytes], countItems(signal, bytes), bytes.length);
}

interface Run {
  kept: Json;
  items: number;
  next: RecordingConsumer;
  settings: ReturnType<typeof testSettings>;
  account: TestAccount;
  outcome: Awaited<ReturnType<RecordingConsumer['consume']>>;
}

async function run(signal: Signal, message: object, config: object, next = new RecordingConsumer()): Promise<Run> {
  const account = new TestAccount();
  const settings = testSettings({ id: 'filter/x', kind: 'processor', signal, account } as Partial<Settings> as object);
  const processor = filter.create(settings, schema.parse(config), next);
  const outcome = await processor.consume(payload(signal, message), noContext);
  const chunks = next.taken.flatMap((batch) => batch.chunks);
  return {
    kept: oracle.read(signal, Buffer.concat(chunks)) as Json,
    items: next.items,
    next,
    settings,
    account,
    outcome,
  };
}

const spanNames = (kept: Json) =>
  (kept.resourceSpans ?? []).flatMap((group: Json) =>
    group.scopeSpans.flatMap((scope: Json) => (scope.spans ?? []).map((span: Json) => span.name)),
  );

const onTraces: [object, string[]][] = [
  [{}, ['GET /health', 'GET /users', 'tick', 'p']],
  [{ trace_conditions: ['span.attributes["http.route"] == "/health"'] }, ['GET /users', 'tick', 'p']],
  [
    { trace_conditions: ['resource.attributes["service.name"] == "probe"', 'scope.name == "noisy"'] },
    ['GET /health', 'GET /users'],
  ],
  [{ trace_conditions: [{ context: 'span', conditions: ['kind == SPAN_KIND_SERVER'] }] }, ['tick', 'p']],
  [
    {
      trace_conditions: [
        { conditions: ['span.kind == SPAN_KIND_SERVER'] },
        { context: 'Resource', conditions: ['attributes["service.name"] == "probe"'] },
      ],
    },
    ['tick'],
  ],
  [{ traces: { span: ['name == "tick"', 'IsMatch(name, "^p$")'] } }, ['GET /health', 'GET /users']],
  [{ traces: { resource: ['attributes["service.name"] == "cart"'] } }, ['p']],
  [
    {
      spans: {
        include: { match_type: 'regexp', span_names: ['^GET'] },
        exclude: { match_type: 'strict', span_names: ['GET /health'] },
      },
    },
    ['GET /users'],
  ],
  [{ trace_conditions: ['span.name != ""'] }, []],
];
test.each(onTraces)('spans: %j keeps %j', async (config, want) => {
  const { kept, items, account, settings } = await run('traces', traces, config);
  expect(spanNames(kept)).toEqual(want);
  expect(items).toBe(want.length);
  expect(account.left).toBe(4 - want.length);
  expect(settings.meter.value('otelcol_processor_filter_spans_filtered', { filter: 'filter/x' })).toBe(4 - want.length);
});

test('span events are cut out of their spans, by conditions of either syntax', async () => {
  for (const config of [
    { trace_conditions: ['spanevent.name == "debug" and spanevent.event_index == 1 and span.name == "GET /users"'] },
    { traces: { spanevent: ['name == "debug"'] } },
  ]) {
    const { kept, items } = await run('traces', traces, config);
    const [, span] = kept.resourceSpans[0].scopeSpans[0].spans;
    expect(span.events.map((event: Json) => event.name)).toEqual(['keep', 'keep2']);
    expect(items).toBe(4);
  }
});

test('groups that lose all go with their content', async () => {
  const { kept } = await run('traces', traces, {
    trace_conditions: ['span.kind == SPAN_KIND_INTERNAL or span.kind == SPAN_KIND_CLIENT'],
  });
  expect(kept.resourceSpans.length).toBe(1);
  expect(kept.resourceSpans[0].scopeSpans.map((scope: Json) => scope.scope.name)).toEqual(['lib']);
});

const onLogs: [object, string[]][] = [
  [{ log_conditions: ['log.severity_number < SEVERITY_NUMBER_INFO'] }, ['high']],
  [{ logs: { log_record: ['IsMatch(body, "^n")'] } }, ['low', 'high']],
  [
    { logs: { include: { match_type: 'strict', severity_number: { min: 'INFO', match_undefined: true } } } },
    ['high', 'none'],
  ],
  [{ logs: { include: { match_type: 'strict', severity_number: { min: 13 } } } }, ['high']],
  [{ logs: { exclude: { match_type: 'regexp', bodies: ['^l'] } } }, ['high', 'none']],
  [{ logs: { include: { match_type: 'strict', record_attributes: [{ key: 'a', value: 'b' }] } } }, ['high']],
];
test.each(onLogs)('logs: %j keeps %j', async (config, want) => {
  const { kept, settings } = await run('logs', logs, config);
  const records = (kept.resourceLogs ?? []).flatMap((group: Json) =>
    group.scopeLogs.flatMap((scope: Json) => scope.logRecords),
  );
  expect(records.map((record: Json) => record.body.stringValue)).toEqual(want);
  expect(settings.meter.value('otelcol_processor_filter_logs_filtered', { filter: 'filter/x' })).toBe(3 - want.length);
});

const onMetrics: [object, [string, number][]][] = [
  [{ metric_conditions: ['metric.name == "up"'] }, [['requests', 1]]],
  [
    { metric_conditions: ['datapoint.value_int == 0'] },
    [
      ['up', 1],
      ['requests', 1],
    ],
  ],
  [{ metric_conditions: ['datapoint.value_int == 5 and metric.type == METRIC_DATA_TYPE_SUM'] }, [['up', 2]]],
  [{ metrics: { metric: ['HasAttrKeyOnDatapoint("x")'] } }, [['requests', 1]]],
  [
    { metrics: { metric: ['HasAttrOnDatapoint("x", "2")'] } },
    [
      ['up', 2],
      ['requests', 1],
    ],
  ],
  [
    { metrics: { datapoint: ['attributes["x"] == "1"'] } },
    [
      ['up', 1],
      ['requests', 1],
    ],
  ],
  [{ metrics: { include: { match_type: 'regexp', metric_names: ['^re'] } } }, [['requests', 1]]],
];
test.each(onMetrics)('metrics: %j keeps %j', async (config, want) => {
  const { kept, settings } = await run('metrics', metrics, config);
  const all = (kept.resourceMetrics ?? []).flatMap((group: Json) =>
    group.scopeMetrics.flatMap((scope: Json) => scope.metrics),
  );
  expect(all.map((metric: Json) => [metric.name, (metric.gauge ?? metric.sum).dataPoints.length])).toEqual(want);
  const left = 3 - want.reduce((sum, [, count]) => sum + count, 0);
  expect(settings.meter.value('otelcol_processor_filter_datapoints_filtered', { filter: 'filter/x' })).toBe(left);
});

test('a condition that cannot be evaluated does not hold, refuses the batch, or is passed over in silence', async () => {
  const failing = ['HasPrefix(span.attributes["http.route"], "/h")', 'span.name == "tick"'];
  const ignored = await run('traces', traces, { trace_conditions: failing });
  expect(spanNames(ignored.kept)).toEqual(['GET /users', 'p']);
  expect(ignored.settings.logger.lines.filter(({ level }) => level === 'warn').length).toBe(1);
  const silent = await run('traces', traces, { trace_conditions: failing, error_mode: 'silent' });
  expect(spanNames(silent.kept)).toEqual(['GET /users', 'p']);
  expect(silent.settings.logger.lines).toEqual([]);
  const refused = await run('traces', traces, { trace_conditions: failing, error_mode: 'Propagate' });
  expect(refused.outcome).toMatchObject({ status: 'permanent', code: 'rejected' });
  expect(refused.next.calls).toEqual([]);
  const overridden = await run('traces', traces, {
    error_mode: 'propagate',
    trace_conditions: [
      { context: 'span', error_mode: 'silent', conditions: ['HasPrefix(attributes["http.route"], "/h")'] },
    ],
  });
  expect(spanNames(overridden.kept)).toEqual(['GET /users', 'tick', 'p']);
});

test('what a refusal may bring again is not counted as left out', async () => {
  const next = new RecordingConsumer(() => retryable('busy'));
  const { account, settings, outcome } = await run(
    'traces',
    traces,
    { trace_conditions: ['span.name == "tick"'] },
    next,
  );
  expect(outcome.status).toBe('retryable');
  expect(account.left).toBe(0);
  expect(settings.meter.value('otelcol_processor_filter_spans_filtered', { filter: 'filter/x' })).toBe(0);
});

const refused: [string, object, string][] = [
  ['an unknown path', { trace_conditions: ['span.nme == "a"'] }, 'trace_conditions.0: at character 6'],
  ['a path without context', { trace_conditions: ['name == "a"'] }, 'begins with'],
  ['a context of another signal', { log_conditions: ['span.name == "a"'] }, 'log_conditions.0: at character 1'],
  [
    'a named context of another signal',
    { trace_conditions: [{ context: 'log', conditions: ['true'] }] },
    'traces have no log',
  ],
  [
    'a broken condition in the old syntax',
    { traces: { span: ['name == "a"', 'name =='] } },
    'traces.span.1: at character 8',
  ],
  [
    'both syntaxes',
    { trace_conditions: ['span.name == "a"'], traces: { span: ['true'] } },
    'cannot stand beside traces',
  ],
  ['both styles in one list', { trace_conditions: ['span.name == "a"', { conditions: [] }] }, 'trace_conditions'],
  [
    'an unknown severity',
    { logs: { include: { match_type: 'strict', severity_number: { min: 'LOUD' } } } },
    'expected a severity',
  ],
];
test.each(refused)('%s is refused in its place', (_, config, message) => {
  const parsed = schema.safeParse(config);
  const issues = (parsed.error?.issues ?? []).map(({ path, message: said }) => `${path.join('.')}: ${said}`);
  expect(issues.join('\n')).toContain(message);
});
