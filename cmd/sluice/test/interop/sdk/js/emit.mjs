// Sends the same spans, points and records to $DIRECT and to $THROUGH over $PROTOCOL (grpc, http or json) with the OpenTelemetry SDK.
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const { DIRECT, THROUGH, PROTOCOL } = process.env;
const flavour = { grpc: 'grpc', http: 'proto', json: 'http' }[PROTOCOL];
const failures = [];

async function both(signal, name, path) {
  const module = await import(`@opentelemetry/exporter-${signal}-otlp-${flavour}`);
  const made = [DIRECT, THROUGH].map(
    (address) => new module[name]({ url: PROTOCOL === 'grpc' ? `http://${address}` : `http://${address}/v1/${path}` }),
  );
  const pending = new Set();
  return {
    export(data, done) {
      const sent = Promise.all(made.map((each) => new Promise((resolve) => each.export(data, resolve)))).then(
        (results) => {
          for (const result of results) if (result.code !== 0) failures.push(`${name}: ${result.error?.message}`);
          done(results[0]);
        },
      );
      pending.add(sent);
    },
    selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
    forceFlush: async () => void (await Promise.all(pending)),
    shutdown: async () => {
      await Promise.all(pending);
      await Promise.all(made.map((each) => each.shutdown()));
    },
  };
}

const resource = resourceFromAttributes({
  'service.name': 'javascript-peer',
  list: ['a', 'b'],
  bool: true,
  int: 12345,
});

const spans = await both('trace', 'OTLPTraceExporter', 'traces');
const tracers = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(spans)] });
const tracer = tracers.getTracer('peer.tracer', '1.2.3', { schemaUrl: 'https://opentelemetry.io/schemas/1.27.0' });
const parent = tracer.startSpan('parent', {
  kind: SpanKind.SERVER,
  attributes: { text: 'grüße ✓', float: 0.1, ints: [1, -2] },
});
const within = trace.setSpan(context.active(), parent);
for (let n = 0; n < 50; n++) {
  const span = tracer.startSpan(
    `child ${n}`,
    { kind: SpanKind.CLIENT, links: [{ context: parent.spanContext(), attributes: { n } }] },
    within,
  );
  span.addEvent('event', { n });
  if (n % 10 === 0) span.setStatus({ code: SpanStatusCode.ERROR, message: 'no good' });
  span.end();
}
parent.end();
await tracers.shutdown();

const records = await both('logs', 'OTLPLogExporter', 'logs');
const loggers = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter: records })] });
const logger = loggers.getLogger('peer.logger', '1.2.3');
for (let n = 0; n < 20; n++) {
  logger.emit({
    severityNumber: SeverityNumber.WARN,
    severityText: 'WARN',
    body: { text: `record ${n}`, list: [n, 'x', null, { deep: true }] },
    attributes: { n, ratio: n / 3 },
    context: within,
  });
}
await loggers.shutdown();

const points = await both('metrics', 'OTLPMetricExporter', 'metrics');
const meters = new MeterProvider({
  resource,
  readers: [
    new PeriodicExportingMetricReader({
      exporter: points,
      exportIntervalMillis: 3_600_000,
      exportTimeoutMillis: 10_000,
    }),
  ],
  views: [{ instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
});
const meter = meters.getMeter('peer.meter', '1.2.3');
const counter = meter.createCounter('counter', { unit: '1', description: 'counts' });
const updown = meter.createUpDownCounter('updown');
const histogram = meter.createHistogram('histogram', { unit: 'ms' });
const spread = meter.createHistogram('exponential', { unit: 'ms' });
const gauge = meter.createGauge('gauge');
for (let n = 0; n < 100; n++) {
  counter.add(n, { n: n % 5 });
  updown.add(-n, { n: n % 3 });
  histogram.record(n * 1.5, { n: n % 2 });
  spread.record(n * 1.5);
  gauge.record(n / 7);
}
await meters.shutdown();

if (failures.length > 0) {
  console.error(failures.join('; '));
  process.exit(1);
}
