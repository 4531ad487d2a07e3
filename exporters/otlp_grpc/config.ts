import { z } from 'zod';
import { defaulted, duration, headers, ignored, object, section, unsupported } from '../../internal/config/fields.ts';
import { retryOnFailure, sendingQueue, timeout } from '../../internal/exporterhelper/index.ts';
import { clientAuth } from '../../internal/net/auth.ts';
import { clientTls } from '../../internal/net/tls_fields.ts';
import { parseEndpoint } from './endpoint.ts';

/** Of a gRPC Custom-Metadata, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, in either case. */
const metadataName = /^[\w.-]+$/;

/** Upstream: exporter/otlpexporter and config/configgrpc of the OpenTelemetry Collector. */
export const schema = object({
  endpoint: z
    .string()
    .superRefine((text, ctx) => {
      const endpoint = parseEndpoint(text);
      if ('wrong' in endpoint) ctx.addIssue({ code: 'custom', message: endpoint.wrong });
    })
    .describe(
      'Where to send: `host:port`, also after `http://` (plain text), `https://` (TLS) or `dns:///`; or `unix:///path`.',
    ),
  compression: z
    .enum(['gzip', 'zstd', 'deflate', 'none', ''], { error: 'expected gzip, zstd, deflate or none' })
    .default('gzip')
    .describe('How requests are compressed. zstd costs the least where the backend knows it.'),
  tls: defaulted(clientTls()),
  headers: headers(metadataName).describe('Metadata sent with each request.'),
  auth: section(clientAuth()),
  timeout: timeout('5s'),
  retry_on_failure: retryOnFailure(),
  sending_queue: sendingQueue(),
  keepalive: section(
    object({
      time: duration('10s').describe('Pings a connection that was silent for so long while calls are under way.'),
      timeout: duration('10s').describe('Closes the connection when a ping is not answered within this time.'),
      permit_without_stream: z.boolean().default(false).describe('Pings also while no call is under way.'),
    }),
  ).describe('Off unless present.'),
  balancer_name: z
    .enum(['round_robin', 'pick_first'])
    .default('round_robin')
    .describe('How calls are spread over the addresses of the endpoint.'),
  wait_for_ready: z
    .boolean()
    .default(false)
    .describe('Wait for a connection, as long as the timeout allows, instead of failing at once.'),
  authority: z.string().default('').describe('Value of the `:authority` header instead of the endpoint.'),
  user_agent: z.string().default('').describe('Begins the `user-agent` header.'),
  read_buffer_size: ignored('Node sizes its buffers by itself'),
  write_buffer_size: ignored('Node sizes its buffers by itself'),
  middlewares: unsupported('middleware extensions are not there yet'),
});

export type OtlpGrpcConfig = z.output<typeof schema>;
