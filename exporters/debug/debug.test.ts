import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Host } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { decodeJson } from '../../internal/otlp/json.ts';
import { Payload, type Signal } from '../../internal/otlp/payload.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';

function payload(signal: Signal, request: object): Payload {
  const decoded = decodeJson(signal, JSON.stringify(request));
  if (!(decoded instanceof Payload)) throw new Error(decoded.malformed);
  return decoded;
}

const attribute = (key: string, value: object) => ({ key, value });
const text = (value: string) => ({ stringValue: value });

async function logged(config: object, signal: Signal, batches: readonly Payload[]): Promise<string[]> {
  const settings = testSettings({ signal });
  const exporter = factory.create(settings, schema.parse(config));
  await exporter.start?.({} as Host);
  for (const batch of batches) expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
  await exporter.shutdown?.(AbortSignal.abort());
  return settings.logger.lines.map(({ message, fields }) =>
    Object.keys(fields).length > 0 ? `${message} ${JSON.stringify(fields)}` : message,
  );
}

const issues = (config: object) => schema.safeParse(config).error?.issues ?? [];

const resource = { attributes: [attribute('service.name', text('shop'))] };
const scope = { name: 'http', version: '1.2', attributes: [attribute('build', text('7'))] };

const spans = payload('traces', {
  resourceSpans: [
    {
      resource,
      schemaUrl: 'https://opentelemetry.io/schemas/1.4.0',
      scopeSpans: [
        {
          scope,
          spans: [
            {
              traceId: '0102030405060708090a0b0c0d0e0f10',
              spanId: '1112131415161718',
              parentSpanId: '2122232425262728',
              traceState: 'ot=th:8',
              name: 'GET /cart',
              kind: 2,
              startTimeUnixNano: '1581452772000000321',
              endTimeUnixNano: '1581452773000000000',
              status: { code: 2, message: 'boom' },
              attributes: [
                attribute('count', { intValue: '9007199254740993' }),
                attribute('ratio', { doubleValue: 0.5 }),
                attribute('ok', { boolValue: true }),
                attribute('list', { arrayValue: { values: [text('a'), { intValue: '1' }] } }),
                attribute('map', { kvlistValue: { values: [attribute('k', text('v'))] } }),
                attribute('raw', { bytesValue: 'AQI=' }),
                attribute('none', {}),
              ],
              droppedAttributesCount: 3,
              events: [{ timeUnixNano: '1581452772500000000', name: 'retry', attributes: [attribute('n', text('1'))] }],
              links: [{ traceId: 'f1f2f3f4f5f6f7f8f9fafbfcfdfeff00', spanId: '3132333435363738' }],
            },
          ],
        },
      ],
    },
  ],
});

test('basic prints one line of counts for each batch, as upstream', async () => {
  expect(await logged({}, 'traces', [spans])).toEqual(['Traces {"resource spans":1,"spans":1}']);
  expect(await logged({}, 'logs', [stamped('logs', ['a', 'b'])])).toEqual(['Logs {"resource logs":1,"log records":2}']);
  expect(await logged({}, 'metrics', [stamped('metrics', ['a', 'b'])])).toEqual([
    'Metrics {"resource metrics":1,"metrics":2,"data points":2}',
  ]);
});

test('normal prints a line for each span', async () => {
  expect((await logged({ verbosity: 'normal' }, 'traces', [spans]))[1]).toBe(
    [
      'ResourceTraces #0 [https://opentelemetry.io/schemas/1.4.0] service.name=shop',
      'ScopeTraces #0 http@1.2 build=7',
      'GET /cart 0102030405060708090a0b0c0d0e0f10 1112131415161718 count=9007199254740993 ratio=0.5 ok=true ' +
        'list=["a",1] map={"k":"v"} raw=AQI= none=',
    ].join('\n'),
  );
});

test('detailed prints all of a span, as upstream', async () => {
  expect((await logged({ verbosity: 'detailed' }, 'traces', [spans]))[1]).toBe(
    `ResourceSpans #0
Resource SchemaURL: https://opentelemetry.io/schemas/1.4.0
Resource attributes:
     -> service.name: Str(shop)
ScopeSpans #0
ScopeSpans SchemaURL: 
InstrumentationScope http 1.2
InstrumentationScope attributes:
     -> build: Str(7)
Span #0
    Trace ID       : 0102030405060708090a0b0c0d0e0f10
    Parent ID      : 2122232425262728
    ID             : 1112131415161718
    Name           : GET /cart
    Kind           : Server
    TraceState     : ot=th:8
    Start time     : 2020-02-11 20:26:12.000000321 +0000 UTC
    End time       : 2020-02-11 20:26:13 +0000 UTC
    Status code    : Error
    Status message : boom
    DroppedAttributesCount: 3
    DroppedEventsCount: 0
    DroppedLinksCount: 0
Attributes:
     -> count: Int(9007199254740993)
     -> ratio: Double(0.5)
     -> ok: Bool(true)
     -> list: Slice(["a",1])
     -> map: Map({"k":"v"})
     -> raw: Bytes(AQI=)
     -> none: Empty()
Events:
SpanEvent #0
     -> Name: retry
     -> Timestamp: 2020-02-11 20:26:12.5 +0000 UTC
     -> DroppedAttributesCount: 0
     -> Attributes:
          -> n: Str(1)
Links:
SpanLink #0
     -> Trace ID: f1f2f3f4f5f6f7f8f9fafbfcfdfeff00
     -> ID: 3132333435363738
     -> TraceState: 
     -> DroppedAttributesCount: 0`,
  );
});

const records = payload('logs', {
  resourceLogs: [
    {
      resource,
      scopeLogs: [
        {
          scope: {},
          logRecords: [
            {
              timeUnixNano: '1581452773000000789',
              observedTimeUnixNano: '1581452774000000000',
              severityNumber: 17,
              severityText: 'ERR',
              eventName: 'payment.failed',
              body: text('no \u001b[31mfunds'),
              attributes: [attribute('user', text('7'))],
              traceId: '0102030405060708090a0b0c0d0e0f10',
              spanId: '1112131415161718',
              flags: 1,
            },
          ],
        },
      ],
    },
  ],
});

test('normal prints the body and the attributes of each log record', async () => {
  expect((await logged({ verbosity: 'normal' }, 'logs', [records]))[1]).toBe(
    'ResourceLog #0 service.name=shop\nScopeLog #0\nno \\x1b[31mfunds user=7',
  );
});

test('detailed prints all of a log record, and what would steer the terminal as text', async () => {
  expect((await logged({ verbosity: 'detailed' }, 'logs', [records]))[1]).toBe(
    `ResourceLog #0
Resource SchemaURL: 
Resource attributes:
     -> service.name: Str(shop)
ScopeLogs #0
ScopeLogs SchemaURL: 
InstrumentationScope  
LogRecord #0
ObservedTimestamp: 2020-02-11 20:26:14 +0000 UTC
Timestamp: 2020-02-11 20:26:13.000000789 +0000 UTC
SeverityText: ERR
SeverityNumber: Error(17)
EventName: payment.failed
Body: Str(no \\x1b[31mfunds)
Attributes:
     -> user: Str(7)
Trace ID: 0102030405060708090a0b0c0d0e0f10
Span ID: 1112131415161718
Flags: 1`,
  );
});

const times = { startTimeUnixNano: '1581452772000000000', timeUnixNano: '1581452773000000000' };
const metrics = payload('metrics', {
  resourceMetrics: [
    {
      resource: {},
      scopeMetrics: [
        {
          scope: {},
          metrics: [
            { name: 'gauge', unit: 'By', description: 'bytes', gauge: { dataPoints: [{ ...times, asInt: '5' }] } },
            {
              name: 'sum',
              sum: {
                isMonotonic: true,
                aggregationTemporality: 2,
                dataPoints: [
                  {
                    ...times,
                    asDouble: 1.5,
                    attributes: [attribute('m', text('GET'))],
                    exemplars: [{ timeUnixNano: '1581452772000000000', asInt: '4', spanId: '1112131415161718' }],
                  },
                ],
              },
            },
            {
              name: 'hist',
              histogram: {
                aggregationTemporality: 1,
                dataPoints: [
                  { ...times, count: '3', sum: 6, min: 1, max: 3, explicitBounds: [2], bucketCounts: ['2', '1'] },
                ],
              },
            },
            {
              name: 'exp',
              exponentialHistogram: {
                aggregationTemporality: 2,
                dataPoints: [
                  {
                    ...times,
                    count: '6',
                    scale: 0,
                    zeroCount: '1',
                    positive: { offset: 0, bucketCounts: ['2', '1'] },
                    negative: { offset: 1, bucketCounts: ['2'] },
                  },
                ],
              },
            },
            {
              name: 'quantiles',
              summary: {
                dataPoints: [{ ...times, count: '2', sum: 3, quantileValues: [{ quantile: 0.5, value: 1 }] }],
              },
            },
            { name: 'empty' },
          ],
        },
      ],
    },
  ],
});

test('normal prints a line for each data point of all five kinds', async () => {
  const [counts, lines] = await logged({ verbosity: 'normal' }, 'metrics', [metrics]);
  expect(counts).toBe('Metrics {"resource metrics":1,"metrics":6,"data points":5}');
  expect(lines?.split('\n')).toEqual([
    'ResourceMetrics #0',
    'ScopeMetrics #0',
    'gauge{} 5',
    'sum{m=GET} 1.5',
    'hist{} count=3 sum=6 min=1 max=3 le2=2 1',
    'exp{} count=6 le-2=2 zero=1 le2=2 le4=1',
    'quantiles{} count=2 sum=3 q0.5=1',
  ]);
});

test('detailed prints all of the data points of all five kinds, as upstream', async () => {
  const lines = (await logged({ verbosity: 'detailed' }, 'metrics', [metrics]))[1]!;
  const part = (from: string, to: string) => lines.slice(lines.indexOf(from), lines.indexOf(to));
  const when = 'StartTimestamp: 2020-02-11 20:26:12 +0000 UTC\nTimestamp: 2020-02-11 20:26:13 +0000 UTC\n';
  expect(part('Metric #0', 'Metric #1')).toBe(
    `Metric #0
Descriptor:
     -> Name: gauge
     -> Description: bytes
     -> Unit: By
     -> DataType: Gauge
NumberDataPoints #0
${when}Value: 5
`,
  );
  expect(part('     -> DataType: Sum', 'Metric #2')).toBe(
    `     -> DataType: Sum
     -> IsMonotonic: true
     -> AggregationTemporality: Cumulative
NumberDataPoints #0
Data point attributes:
     -> m: Str(GET)
${when}Value: 1.500000
Exemplars:
Exemplar #0
     -> Trace ID: 
     -> Span ID: 1112131415161718
     -> Timestamp: 2020-02-11 20:26:12 +0000 UTC
     -> Value: 4
`,
  );
  expect(part('HistogramDataPoints #0', 'Metric #3')).toBe(
    `HistogramDataPoints #0
${when}Count: 3
Sum: 6.000000
Min: 1.000000
Max: 3.000000
ExplicitBounds #0: 2.000000
Buckets #0, Count: 2
Buckets #1, Count: 1
`,
  );
  expect(part('ExponentialHistogramDataPoints #0', 'Metric #4')).toBe(
    `ExponentialHistogramDataPoints #0
${when}Count: 6
Bucket [-4.000000, -2.000000), Count: 2
Bucket [0, 0], Count: 1
Bucket (1.000000, 2.000000], Count: 2
Bucket (2.000000, 4.000000], Count: 1
`,
  );
  expect(part('SummaryDataPoints #0', 'Metric #5')).toBe(
    `SummaryDataPoints #0
${when}Count: 2
Sum: 3.000000
QuantileValue #0: Quantile 0.500000, Value 1.000000
`,
  );
});

test('a batch prints a mebibyte at most, and says that it was cut', async () => {
  const batch = stamped(
    'logs',
    Array.from({ length: 20_000 }, (_, i) => `${i}`),
  );
  const lines = (await logged({ verbosity: 'detailed' }, 'logs', [batch]))[1]!;
  expect(lines.length).toBeLessThan(1.1 * 1024 * 1024);
  expect(lines).toMatch(/\.\.\. cut after \d+ records/);
});

test('sampling prints the first batches of each second, then each so many-th', async () => {
  const settings = testSettings();
  const exporter = factory.create(settings, schema.parse({ sampling_initial: 2, sampling_thereafter: 3 }));
  await exporter.start?.({} as Host);
  const send = async (times: number) => {
    for (let i = 0; i < times; i++) await exporter.consume(stamped('traces', ['a']), noContext);
    return settings.logger.lines.splice(0).length;
  };
  expect(await send(8)).toBe(4);
  await settings.clock.advance(1000);
  expect(await send(2)).toBe(2);
});

test('output_paths takes files, beside the log', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-debug-'));
  const path = join(folder, 'out.txt');
  const config = { verbosity: 'normal', use_internal_logger: false, output_paths: [path] };
  expect(await logged(config, 'traces', [spans])).toEqual([]);
  const [counts, first] = (await readFile(path, 'utf8')).split('\n');
  expect(counts).toBe('Traces\t{"resource spans": 1, "spans": 1}');
  expect(first).toContain('ResourceTraces #0');
  await rm(folder, { recursive: true });
});

test('an output path that cannot be opened keeps the exporter from starting, by name', async () => {
  const config = { use_internal_logger: false, output_paths: ['/nowhere/out.txt'] };
  await expect(logged(config, 'traces', [])).rejects.toThrow('/nowhere/out.txt');
});

test('output_paths beside the internal logger is refused', () => {
  expect(issues({ output_paths: ['stdout'] })[0]?.message).toContain('use_internal_logger');
  expect(issues({ use_internal_logger: false, output_paths: [] })[0]?.message).toContain('stdout');
});
