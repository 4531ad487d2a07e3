import { z } from 'zod';
import { byteSize, ignored, object, unsupported } from '../../internal/config/fields.ts';
import { retryOnFailure, sendingQueue, timeout } from '../../internal/exporterhelper/index.ts';
import { parseEndpoint } from '../../internal/net/grpc/endpoint.ts';
import { grpcClientFields } from '../../internal/net/grpc/fields.ts';
import { httpConnectionFields } from '../../internal/net/http/client_fields.ts';

/** What Jaeger listens on by default. */
const endpoints = {
  otlp: 'localhost:4317',
  grpc: 'localhost:14250',
  thrift_http: 'http://localhost:14268/api/traces',
} as const;

/** grpc-go's default of the largest message that a server takes. */
const maxMessageBytes = 4 * 1024 * 1024;
const leastMessageBytes = 64 * 1024;

export const schema = object({
  protocol: z
    .enum(['otlp', 'grpc', 'thrift_http'])
    .optional()
    .describe(
      "otlp (default): OTLP over gRPC, which Jaeger recommends and takes since 1.35. grpc: Jaeger's own `api_v2.CollectorService/PostSpans`; the default where the endpoint's port is 14250, which speaks nothing else. thrift_http: binary thrift over HTTP.",
    ),
  endpoint: z
    .string()
    .optional()
    .describe(
      `Default \`${endpoints.otlp}\`, with \`grpc\` \`${endpoints.grpc}\`, with \`thrift_http\` \`${endpoints.thrift_http}\`; a URL without a path gets \`/api/traces\`.`,
    ),
  max_message_bytes: byteSize()
    .min(leastMessageBytes)
    .default(maxMessageBytes)
    .describe(
      'Larger batches are sent as several messages. When a server refuses one as too large, the next are smaller.',
    ),
  ...grpcClientFields(),
  compression: z
    .enum(['gzip', 'zstd', 'deflate', 'none', ''], { error: 'expected gzip, zstd, deflate or none' })
    .optional()
    .describe('How requests are compressed. Default gzip with `otlp`, none with the others: old collectors know none.'),
  ...httpConnectionFields(),
  timeout: timeout('5s'),
  retry_on_failure: retryOnFailure(),
  sending_queue: sendingQueue(),
  read_buffer_size: ignored('Node sizes its buffers by itself'),
  write_buffer_size: ignored('Node sizes its buffers by itself'),
  middlewares: unsupported('middleware extensions are not there yet'),
}).superRefine((config, ctx) => {
  const endpoint = endpointOf(config);
  const wrong = (message: string) => ctx.addIssue({ code: 'custom', path: ['endpoint'], message });
  if (protocolOf(config) === 'thrift_http') {
    if (/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) return;
    wrong(`expected a URL such as ${endpoints.thrift_http}, got ${JSON.stringify(endpoint)}`);
    return;
  }
  const parsed = parseEndpoint(endpoint);
  if ('wrong' in parsed) wrong(parsed.wrong);
});

export type JaegerConfig = z.output<typeof schema>;

type Address = Pick<JaegerConfig, 'protocol' | 'endpoint'>;

/** Files from before OTLP name port 14250 and no protocol. */
export function protocolOf({ protocol, endpoint = '' }: Address): keyof typeof endpoints {
  return protocol ?? (endpoint.endsWith(':14250') ? 'grpc' : 'otlp');
}

/** The endpoint, by default the protocol's. */
export function endpointOf(config: Address): string {
  const protocol = protocolOf(config);
  const { endpoint } = config;
  if (protocol !== 'thrift_http' || !endpoint) return endpoint || endpoints[protocol];
  const url = URL.parse(endpoint);
  return url?.pathname === '/' ? new URL('/api/traces', url).href : endpoint;
}
