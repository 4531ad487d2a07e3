import { z } from 'zod';
import { duration, ignored, object, section, unsupported } from '../../internal/config/fields.ts';
import { sendingQueue } from '../../internal/exporterhelper/index.ts';
import { parseAddress } from '../../internal/net/address.ts';
import { serverTls } from '../../internal/net/tls_fields.ts';
import { seriesFields, seriesSettings } from '../../internal/prometheus/fields.ts';
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
  ...seriesFields(),
  const_labels: z.record(z.string().min(1), z.string()).default({}).describe('Labels of every series.'),
  send_timestamps: z.boolean().default(false).describe('Values carry the time at which they were measured.'),
  metric_expiration: duration('5m').describe('A series without a new value for so long is not served any more.'),
  enable_open_metrics: z
    .boolean()
    .default(false)
    .describe('Serve OpenMetrics, with exemplars, to scrapers that ask for it.'),
  without_scope_info: z.boolean().default(false).describe('No `otel_scope_…` labels.'),
  max_series: count(1).default(500_000).describe('Series held; points of further ones are dropped and counted.'),
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
  return {
    ...seriesSettings(config),
    externalLabels: config.const_labels,
    scopeInfo: !config.without_scope_info,
    targetInfo: true,
  };
}
