import { z } from 'zod';
import { ignored, object, section, unsupported, url } from '../../internal/config/fields.ts';
import { retryOnFailure, sendingQueue, timeout } from '../../internal/exporterhelper/index.ts';
import { httpConnectionFields, httpRequestFields } from '../../internal/net/http/client_fields.ts';

const notYet = 'HTTP/1.1 is spoken; HTTP/2 is not there yet';

/** The highest level of each compression that has levels. */
const levels: Readonly<Record<string, number>> = { gzip: 9, zlib: 9, deflate: 9, zstd: 22 };

/** Upstream: exporter/otlphttpexporter and config/confighttp of the OpenTelemetry Collector. */
export const schema = object({
  endpoint: url().optional().describe('Base URL; `/v1/traces`, `/v1/metrics` or `/v1/logs` is added to it.'),
  traces_endpoint: url().optional().describe('Whole URL for traces, instead of `endpoint`.'),
  metrics_endpoint: url().optional().describe('Whole URL for metrics, instead of `endpoint`.'),
  logs_endpoint: url().optional().describe('Whole URL for logs, instead of `endpoint`.'),
  profiles_endpoint: unsupported('profiles are not there yet'),
  encoding: z.enum(['proto', 'json']).default('proto').describe('OTLP protobuf, or OTLP/JSON.'),
  compression: z
    .enum(['gzip', 'zstd', 'zlib', 'deflate', 'snappy', 'none', ''], {
      error: 'expected gzip, zstd, zlib, deflate, snappy or none',
    })
    .default('gzip')
    .describe('How bodies are compressed.'),
  compression_params: section(
    object({
      level: z
        .int()
        .min(-1)
        .optional()
        .describe('1 to 9 for gzip, zlib and deflate, 1 to 22 for zstd; 0 or -1: the fastest.'),
    }),
  ),
  ...httpRequestFields(),
  timeout: timeout('30s'),
  retry_on_failure: retryOnFailure(),
  sending_queue: sendingQueue(),
  ...httpConnectionFields(),
  read_buffer_size: ignored('Node sizes its buffers by itself'),
  write_buffer_size: ignored('Node sizes its buffers by itself'),
  force_attempt_http2: ignored(notYet),
  http2_read_idle_timeout: ignored(notYet),
  http2_ping_timeout: ignored(notYet),
  cookies: unsupported('cookies are not there yet'),
  middlewares: unsupported('middleware extensions are not there yet'),
}).superRefine((config, ctx) => {
  const level = config.compression_params?.level ?? 0;
  const highest = levels[config.compression] ?? 0;
  if (level > highest) {
    const message =
      highest > 0 ? `expected at most ${highest} for ${config.compression}` : 'this compression has no levels';
    ctx.addIssue({ code: 'custom', path: ['compression_params', 'level'], message });
  }
  if (config.endpoint ?? config.traces_endpoint ?? config.metrics_endpoint ?? config.logs_endpoint) return;
  ctx.addIssue({ code: 'custom', path: ['endpoint'], message: 'expected a URL such as http://localhost:4318' });
});

export type OtlpHttpConfig = z.output<typeof schema>;
