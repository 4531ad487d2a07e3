import { z } from 'zod';
import { defaulted, duration, headers, object, section } from '../../config/fields.ts';
import { clientAuth } from '../auth.ts';
import { clientTls } from '../tls_fields.ts';
import { parseEndpoint } from './endpoint.ts';

/** Of a gRPC Custom-Metadata, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, in either case. */
const metadataName = /^[\w.-]+$/;

/** Where a gRPC exporter sends. */
export function grpcEndpoint() {
  return z.string().superRefine((text, ctx) => {
    const endpoint = parseEndpoint(text);
    if ('wrong' in endpoint) ctx.addIssue({ code: 'custom', message: endpoint.wrong });
  });
}

/** The fields of an outgoing gRPC connection, but for its endpoint. Upstream: config/configgrpc of the OpenTelemetry Collector. */
export function grpcClientFields() {
  return {
    compression: z
      .enum(['gzip', 'zstd', 'deflate', 'none', ''], { error: 'expected gzip, zstd, deflate or none' })
      .default('gzip')
      .describe('How requests are compressed. zstd costs the least where the backend knows it.'),
    tls: defaulted(clientTls()),
    headers: headers(metadataName).describe('Metadata sent with each request.'),
    auth: section(clientAuth()),
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
  };
}

type Fields = z.output<z.ZodObject<ReturnType<typeof grpcClientFields>>>;

export interface GrpcClientConfig extends Fields {
  readonly endpoint: string;
  /** Milliseconds of one call; 0: no limit. */
  readonly timeout: number;
}
