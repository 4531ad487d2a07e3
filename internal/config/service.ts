import { z } from 'zod';
import type { ResolvedService, TelemetryConfig } from '../core/resolved.ts';
import {
  componentId,
  defaulted,
  duration,
  endpoint,
  enumeration,
  headers,
  ignored,
  integer,
  object,
  section,
  unsupported,
  url,
} from './fields.ts';

const noSelfTracing = 'Sluice does not trace itself yet; remove it and read the metrics in its place';

const logs = object({
  level: z
    .preprocess(
      (value) => (typeof value === 'string' ? value.toLowerCase() : value),
      z.enum(['debug', 'info', 'warn', 'error']),
    )
    .default('info')
    .describe('The least severe level that is written.'),
  encoding: enumeration(['console', 'json'])
    .default('console')
    .describe('Text for people, or one JSON object per line.'),
  output_paths: z.array(z.string().min(1)).default(['stderr']).describe('`stderr`, `stdout` or file paths.'),
  initial_fields: z.record(z.string(), z.unknown()).default({}).describe('Fields added to each line.'),
  sampling: defaulted(
    object({
      enabled: z.boolean().default(true).describe('False writes every line.'),
      tick: duration('10s').describe('Length of a round.'),
      initial: integer().min(0).default(10).describe('Lines of the same text written in each round.'),
      thereafter: integer().min(0).default(100).describe('From then on every n-th is written; 0: none.'),
    }),
  ).describe('How repeated lines are thinned out.'),
  error_output_paths: ignored("the logger's own errors go to stderr"),
  development: ignored('there is no development mode of the logger'),
  disable_caller: ignored('lines name the component and not the source file'),
  disable_stacktrace: ignored('stack traces are written for bugs only'),
  disable_zap_resource: z.boolean().default(false).describe('Lines of the JSON encoding do not name the resource.'),
  processors: unsupported('collect the log file or stderr in its place'),
});

const prometheus = object({
  host: z.string().default('localhost').describe('Address to listen on.'),
  port: integer().min(0).max(65_535).default(8888).describe('Port to listen on.'),
  without_scope_info: ignored('scope labels are never added'),
  without_type_suffix: ignored('the classic names are kept as they are'),
  without_units: ignored('the classic names are kept as they are'),
  with_resource_constant_labels: ignored('the resource is on target_info'),
});

const otlp = object({
  protocol: enumeration(['http/protobuf', 'grpc']).default('http/protobuf').describe('How to send.'),
  endpoint: url().describe('Base address, such as `http://localhost:4318`.'),
  headers: headers(),
  insecure: ignored('the scheme of the endpoint decides'),
  compression: ignored('these few requests are sent as they are'),
  timeout: ignored('a request ends with the interval'),
  temporality_preference: ignored('totals are cumulative'),
  default_histogram_aggregation: ignored('histograms have explicit buckets'),
  certificate: unsupported('trust the authority with NODE_EXTRA_CA_CERTS'),
  client_certificate: unsupported('send through a collector pipeline with tls in its place'),
  client_key: unsupported('send through a collector pipeline with tls in its place'),
});

const reader = object({
  pull: section(object({ exporter: object({ prometheus: defaulted(prometheus) }) })),
  periodic: section(
    object({
      interval: integer().min(1).default(60_000).describe('Time between two exports.').meta({ unit: 'ms' }),
      timeout: ignored('a request ends with the interval'),
      exporter: object({
        otlp,
        console: unsupported('read the metrics at the Prometheus address in its place'),
      }),
    }),
  ),
}).refine((value) => (value.pull === undefined) !== (value.periodic === undefined), {
  error: 'expected either pull or periodic in each reader',
});

const metrics = object({
  level: enumeration(['none', 'basic', 'normal', 'detailed']).default('normal').describe('How fine the metrics are.'),
  address: endpoint().optional().describe('Deprecated: `host:port` in place of a Prometheus reader.'),
  readers: z
    .array(reader)
    .prefault([{ pull: { exporter: { prometheus: {} } } }])
    .describe('Where metrics are served or sent.'),
  views: unsupported('drop metrics where they are scraped'),
});

const attributeValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const resource = z.union([
  object({
    attributes: z.array(object({ name: z.string(), value: attributeValue, type: ignored('values are sent as text') })),
    schema_url: ignored('our own telemetry names no schema'),
  }).transform(({ attributes }) => Object.fromEntries(attributes.map(({ name, value }) => [name, value]))),
  z.record(z.string(), attributeValue.nullable()),
]);

const telemetry = object({
  logs: defaulted(logs).describe('Our own log.'),
  metrics: defaulted(metrics).describe('Our own metrics.'),
  resource: resource.default({}).describe('Attributes of our own telemetry; null removes a default one.'),
  traces: section(
    object({
      level: unsupported(noSelfTracing, ['none']),
      processors: unsupported(noSelfTracing, [[]]),
      propagators: ignored(noSelfTracing),
    }),
  ),
});

const pipeline = object({
  receivers: z.array(componentId('receiver')).default([]).describe('Receivers, or connectors, by their ids.'),
  processors: z.array(componentId('processor')).default([]).describe('In the order in which they work.'),
  exporters: z.array(componentId('exporter')).default([]).describe('Exporters, or connectors, by their ids.'),
});

export const serviceSchema = object({
  extensions: z.array(componentId('extension')).default([]).describe('In start order.'),
  pipelines: z.record(z.string(), defaulted(pipeline)).describe('By `signal[/name]`: traces, metrics, logs.'),
  telemetry: defaulted(telemetry),
  memory_budget_mib: z
    .number()
    .positive()
    .optional()
    .describe('Telemetry the process may hold; absent: 128 MiB or a quarter of the memory, whichever is less.')
    .meta({ unit: 'MiB' }),
  shutdown_timeout: duration('25s').describe('From SIGTERM to the end: within it the queues are sent.'),
});

export type Service = z.output<typeof serviceSchema>;

/** Upstream's names turned into ours. */
export function resolveService(service: Service, pipelines: ResolvedService['pipelines']): ResolvedService {
  const mib = service.memory_budget_mib;
  return {
    extensions: service.extensions,
    pipelines,
    telemetry: resolveTelemetry(service.telemetry),
    memoryBudgetBytes: mib === undefined ? undefined : Math.round(mib * 1024 * 1024),
    shutdownTimeoutMs: service.shutdown_timeout,
  };
}

function resolveTelemetry({ logs, metrics, resource }: Service['telemetry']): TelemetryConfig {
  const readers = metrics.level === 'none' ? [] : metrics.readers;
  const pulled = readers.flatMap(({ pull }) => (pull ? [pull.exporter.prometheus] : []));
  return {
    logs: {
      level: logs.level,
      encoding: logs.encoding,
      outputPaths: logs.output_paths,
      initialFields: logs.initial_fields,
      resource: !logs.disable_zap_resource,
      sampling: resolveSampling(logs.sampling),
    },
    metrics: {
      level: metrics.level,
      prometheus:
        metrics.address !== undefined && metrics.level !== 'none'
          ? [hostAndPort(metrics.address)]
          : pulled.map(({ host, port }) => ({ host, port })),
      otlp: readers.flatMap(({ periodic }) => (periodic ? [resolvePeriodic(periodic)] : [])),
    },
    resource,
  };
}

function resolveSampling({ enabled, tick, initial, thereafter }: Service['telemetry']['logs']['sampling']) {
  return enabled ? { tickMs: tick, initial, thereafter } : undefined;
}

type Periodic = NonNullable<Service['telemetry']['metrics']['readers'][number]['periodic']>;

function resolvePeriodic({ interval, exporter }: Periodic): TelemetryConfig['metrics']['otlp'][number] {
  const { endpoint, headers, protocol } = exporter.otlp;
  return { endpoint, headers, protocol, intervalMs: interval };
}

/** `:8888`, `0.0.0.0:8888`, `[::1]:8888`. */
function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
