import { z } from 'zod';
import { defaulted, duration, endpoint, ignored, object, section, unsupported } from '../../internal/config/fields.ts';
import { serverTls } from '../../internal/net/tls_fields.ts';

const urlPath = (path: string) =>
  z
    .string()
    .regex(/^\/[^?#]*$/, 'expected a path that starts with /')
    .default(path);

const noAuth = unsupported('health checks are answered to whoever can reach the port: listen on localhost or set tls');

const http = object({
  endpoint: endpoint().default('localhost:13133').describe('Where to listen.'),
  tls: section(serverTls()).describe('Present: the port speaks TLS only.'),
  status: defaulted(
    object({
      enabled: z.boolean().default(true).describe('Answer with the health of the collector or of one pipeline.'),
      path: urlPath('/status').describe('Takes `?pipeline=traces/backend` and `?verbose`.'),
    }),
  ),
  config: defaulted(
    object({
      enabled: z
        .literal(
          false,
          'expected false: the configuration is not served, use `sluice print-config`, which masks secrets',
        )
        .default(false)
        .describe('Not supported: the configuration holds secrets.'),
      path: urlPath('/config').describe('Without effect.'),
    }),
  ),
  auth: noAuth,
});

const grpc = object({
  endpoint: endpoint().default('localhost:13132').describe('Where to listen.'),
  transport: z.enum(['tcp', 'tcp4', 'tcp6']).default('tcp').describe('Address family.'),
  tls: section(serverTls()).describe('Present: the port speaks TLS only.'),
  auth: noAuth,
});

const componentHealth = object({
  include_permanent_errors: z.boolean().default(false).describe('A permanent error makes unhealthy.'),
  include_recoverable_errors: z
    .boolean()
    .default(false)
    .describe('A recoverable error that outlasts `recovery_duration` makes unhealthy.'),
  recovery_duration: duration('5m').describe('How long a recoverable error may take to recover.'),
});

/** Upstream's fields, extension/healthcheckextension and healthcheckv2extension of the OpenTelemetry Collector contrib. */
export const schema = object({
  endpoint: endpoint().default('localhost:13133').describe('Where to listen.'),
  path: urlPath('/').describe('Path of the check; `/` answers on every path.'),
  response_body: section(
    object({
      healthy: z.string().default('').describe('Body of a good answer.'),
      unhealthy: z.string().default('').describe('Body of a bad answer.'),
    }),
  ).describe('Text to answer with instead of JSON.'),
  tls: section(serverTls()).describe('Present: the port speaks TLS only.'),
  auth: noAuth,
  check_collector_pipeline: ignored('it was withdrawn upstream; use use_v2 with component_health'),
  use_v2: z.boolean().default(false).describe('Serve `http` and `grpc` in place of the fields above.'),
  http: section(http).describe('Health over HTTP, with status per pipeline.'),
  grpc: section(grpc).describe('The service grpc.health.v1.Health; its service name is a pipeline, or empty for all.'),
  component_health: section(componentHealth).describe('Which errors of components make unhealthy.'),
}).superRefine(({ use_v2, http, grpc, component_health }, ctx) => {
  if (use_v2 && !http && !grpc) {
    ctx.addIssue({ code: 'custom', message: 'expected http, grpc or both with use_v2: true, got neither' });
  }
  if (use_v2) return;
  for (const [key, value] of Object.entries({ http, grpc, component_health })) {
    if (!value) continue;
    ctx.addIssue({
      code: 'custom',
      path: [key],
      message: `expected use_v2: true beside ${key}: without it, ${key} has no effect`,
    });
  }
});

export type HealthCheckConfig = z.output<typeof schema>;
