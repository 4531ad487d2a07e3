import { z } from 'zod';
import { defaulted, duration, ignored, object, section, unsupported } from '../../internal/config/fields.ts';
import { sendingQueue } from '../../internal/exporterhelper/index.ts';
import { parseAddress } from '../../internal/net/address.ts';
import { serverTls } from '../../internal/net/tls_fields.ts';
import { strategies } from '../../internal/prometheus/names.ts';
import type { TranslationSettings } from '../../internal/prometheus/translate.ts';

const count = (least: number) => z.int().min(least);
const noServerField = (what: string) => unsupported(`${what} is not there yet for this exporter`);

/** Upstream: exporter/prometheusexporter of the OpenTelemetry Collector's contrib repository. */
export const schema = object({
  endpoint: z
    .string()
    .superRefine((value, ctx) => {
      const problem = parseAddress(value);
      if (typeof problem === 'string') ctx.addIssue({ code: 'custom', message: problem });
    })
    .describe('Where `/metrics` is served, as host:port.'),
  namespace: z.string().default('').describe('Goes in front of each metric name.'),
  const_labels: z.record(z.string().min(1), z.string()).default({}).describe('Labels of every series.'),
  send_timestamps: z.boolean().default(false).describe('Values carry the time at which they were measured.'),
  metric_expiration: duration('5m').describe('A series without a new value for so long is not served any more.'),
  enable_open_metrics: z
    .boolean()
    .default(false)
    .describe('Serve OpenMetrics, with exemplars, to scrapers that ask for it.'),
  translation_strategy: z
    .enum(strategies)
    .optional()
    .describe('How names become those of Prometheus. Default: UnderscoreEscapingWithSuffixes.'),
  add_metric_suffixes: z
    .boolean()
    .default(true)
    .describe('Off: no unit and type suffixes. Deprecated, use `translation_strategy`.'),
  without_scope_info: z.boolean().default(false).describe('No `otel_scope_…` labels.'),
  resource_to_telemetry_conversion: defaulted(
    object({
      enabled: z.boolean().default(false).describe('Every resource attribute becomes a label of each series.'),
      exclude_service_attributes: z
        .boolean()
        .default(false)
        .describe(
          'But for service.name, service.namespace and service.instance.id, which are in `job` and `instance`.',
        ),
    }),
  ),
  max_series: count(1).default(500_000).describe('Series held; points of further ones are dropped and counted.'),
  delta_to_cumulative: defaulted(
    object({
      max_streams: count(0)
        .default(100_000)
        .describe('Delta series that are added up at the same time; points of further ones are dropped and counted.'),
      max_stale: duration('1h').describe('A delta series without a point for so long is forgotten, and begins anew.'),
    }),
  ),
  tls: section(serverTls()).describe('Present: the port speaks TLS only.'),
  sending_queue: sendingQueue(),
  resource_constant_labels: unsupported(
    'use resource_to_telemetry_conversion, or copy attributes with the transform processor',
  ),
  auth: noServerField('authentication'),
  cors: noServerField('cors'),
  response_headers: noServerField('response_headers'),
  middlewares: noServerField('middlewares'),
  transport: unsupported('TCP is served; leave transport out', ['tcp', '']),
  max_request_body_size: ignored('scrapes have no body'),
  include_metadata: ignored('scrapes bring no telemetry'),
  compression_algorithms: ignored('scrapes have no body; answers are compressed with gzip where that is accepted'),
  read_timeout: ignored('a scrape has 10 seconds to make itself known'),
  read_header_timeout: ignored('a scrape has 5 seconds to send its headers'),
  write_timeout: ignored('a scraper may take its time'),
  idle_timeout: ignored('idle connections are kept for a minute'),
  keep_alives_enabled: ignored('connections are kept for the next scrape'),
});

export type ScrapeConfig = z.output<typeof schema>;

export function translationOf(config: ScrapeConfig): TranslationSettings {
  const suffixes = config.add_metric_suffixes ? 'With' : 'Without';
  const { enabled, exclude_service_attributes } = config.resource_to_telemetry_conversion;
  return {
    strategy: config.translation_strategy ?? `UnderscoreEscaping${suffixes}Suffixes`,
    namespace: config.namespace,
    externalLabels: config.const_labels,
    scopeInfo: !config.without_scope_info,
    targetInfo: true,
    resourceToLabels: enabled,
    excludeService: exclude_service_attributes,
  };
}
