import { z } from 'zod';
import {
  defaulted,
  duration,
  headers,
  ignored,
  object,
  section,
  unsupported,
  url,
} from '../../internal/config/fields.ts';
import { retryOnFailure, sendingQueue, timeout } from '../../internal/exporterhelper/index.ts';
import { clientAuth } from '../../internal/net/auth.ts';
import { clientTls } from '../../internal/net/tls_fields.ts';

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
  headers: headers().describe('Headers sent with each request.'),
  auth: section(clientAuth()),
  tls: defaulted(clientTls()),
  timeout: timeout('30s'),
  retry_on_failure: retryOnFailure(),
  sending_queue: sendingQueue(),
  proxy_url: url()
    .meta({ secret: true })
    .optional()
    .describe(
      'Proxy for all requests. Unset: HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment count, read at the start, but never for this machine itself.',
    ),
  max_idle_conns: z.int().min(0).default(100).describe('Most idle connections kept; 0 means no limit.'),
  max_idle_conns_per_host: z.int().min(0).default(0).describe('The same for one host; 0 means max_idle_conns.'),
  max_conns_per_host: z.int().min(0).default(0).describe('Most connections to one host at a time; 0 means no limit.'),
  idle_conn_timeout: duration('90s').describe('Closes a connection that was idle for so long; 0 means never.'),
  disable_keep_alives: z.boolean().default(false).describe('A new connection for each request.'),
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
