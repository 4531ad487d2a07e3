import { z } from 'zod';
import { defaulted, duration, ignored, object, section, unsupported } from '../../internal/config/fields.ts';
import { parseAddress } from '../../internal/net/address.ts';
import { serverAuth } from '../../internal/net/auth.ts';
import { serverTls } from '../../internal/net/tls_fields.ts';

/** Upstream's fields, receiver/otlpreceiver, config/configgrpc and config/confighttp of the OpenTelemetry Collector. */

const goBuffers = 'it sizes buffers of the Go implementation';
const noMiddlewares = 'server middlewares are not supported; the processor memory_limiter limits memory';

function serverFields(endpoint: string) {
  return {
    endpoint: z.string().default(endpoint).describe('Where to listen: host:port, :port, [ipv6]:port or unix:///path.'),
    transport: z.enum(['tcp', 'tcp4', 'tcp6', 'unix']).default('tcp').describe('unix: the endpoint is a path.'),
    tls: section(serverTls()).describe('Present: the port speaks TLS only.'),
    auth: section(serverAuth()).describe('Present: each request must pass this extension.'),
    include_metadata: z.boolean().default(false).describe('Hand request headers on to processors and exporters.'),
    max_connections: z
      .number()
      .int()
      .min(0)
      .default(10_000)
      .describe('Open connections of this port at most, further ones are closed at once; 0: no limit.'),
    middlewares: unsupported(noMiddlewares),
  };
}

interface Listening {
  readonly endpoint: string;
  readonly transport: 'tcp' | 'tcp4' | 'tcp6' | 'unix';
}

/** Looked at even where other fields are wrong, so that all problems are told at once. */
const endpointCheck = {
  path: ['endpoint'],
  when: ({ value }: { value: unknown }) => typeof (value as Partial<Listening> | undefined)?.endpoint === 'string',
  error: ({ input }: { input?: unknown }) => String(addressOf(input as Listening)),
};

function addressOf({ endpoint, transport }: Listening) {
  return parseAddress(endpoint, transport);
}

function isAddress(value: Listening): boolean {
  return typeof addressOf(value) !== 'string';
}

const keepalive = object({
  server_parameters: defaulted(
    object({
      max_connection_idle: duration('0s').describe('Close a connection without calls after this time; 0: never.'),
      max_connection_age: duration('30m').describe(
        'Ask clients to connect anew after this time, give or take a tenth, so that they spread over all instances; 0: never.',
      ),
      max_connection_age_grace: duration('30s').describe('How long calls under way may then take; 0: for ever.'),
      time: duration('2h').describe('Ask a silent connection for a sign of life after this time.'),
      timeout: duration('20s').describe('How long that sign may take.'),
    }),
  ),
  enforcement_policy: defaulted(
    object({
      min_time: duration('5m').describe('Least time between pings of a client; who pings more often is sent away.'),
      permit_without_stream: z.boolean().default(false).describe('Clients may ping while they have no call.'),
    }),
  ),
});

const grpc = object({
  ...serverFields('localhost:4317'),
  max_recv_msg_size_mib: z
    .number()
    .int()
    .min(0)
    .default(4)
    .describe('Largest message, compressed and inflated, in MiB; 0: 4.'),
  max_concurrent_streams: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0)
    .describe('Calls of one connection at a time; 0: 1000.'),
  keepalive: defaulted(keepalive),
  read_buffer_size: ignored(goBuffers),
  write_buffer_size: ignored(goBuffers),
}).refine(isAddress, endpointCheck);

const urlPath = (path: string) =>
  z
    .string()
    .regex(/^\/[^?#]*$/, 'expected a path that starts with /')
    .default(path);

const cors = object({
  allowed_origins: z.array(z.string()).default([]).describe('Origins of web pages that may send; `*` is a wildcard.'),
  allowed_headers: z.array(z.string()).default([]).describe('Request headers besides the usual; `*` allows all.'),
  exposed_headers: z.array(z.string()).default([]).describe('Answer headers that a page may read.'),
  max_age: z.number().int().min(0).default(0).describe('Seconds a browser may remember the permission.'),
});

/** A value beside these is an error; lz4 is upstream's and not ours. */
const encodings = ['', 'gzip', 'zstd', 'zlib', 'snappy', 'deflate'] as const;

const http = object({
  ...serverFields('localhost:4318'),
  traces_url_path: urlPath('/v1/traces'),
  metrics_url_path: urlPath('/v1/metrics'),
  logs_url_path: urlPath('/v1/logs'),
  profiles_url_path: unsupported('profiles are not supported'),
  cors: section(cors).describe('Present: web pages of these origins may send.'),
  max_request_body_size: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Largest body in bytes, as sent and inflated; 0: 20 MiB.'),
  compression_algorithms: z
    .array(z.enum(encodings))
    .default([...encodings])
    .describe('Values of content-encoding that are taken; empty is none.'),
  response_headers: z.record(z.string(), z.string()).default({}).describe('Added to each answer.'),
  read_timeout: duration('60s').describe('Time for a whole request; 0: 60s.'),
  read_header_timeout: duration('10s').describe('Time for the headers of a request; 0: 10s.'),
  write_timeout: duration('30s').describe('Time a client may leave an answer unread; 0: for ever.'),
  idle_timeout: duration('60s').describe('Time a connection may wait for its next request; 0: 60s.'),
  keep_alives_enabled: z.boolean().default(true).describe('Serve more than one request per connection.'),
})
  .refine(isAddress, endpointCheck)
  .superRefine((value, ctx) => {
    const paths = [value.traces_url_path, value.metrics_url_path, value.logs_url_path];
    if (new Set(paths).size < 3)
      ctx.addIssue({ code: 'custom', message: `expected a path for each signal, got ${paths.join(', ')}` });
  });

const protocols = object({ grpc: section(grpc), http: section(http) }).refine(
  (value) => value.grpc !== undefined || value.http !== undefined,
  'expected grpc: or http: or both',
);

export const schema = object({ protocols: defaulted(protocols).describe('A protocol that is not named is off.') });

export type OtlpReceiverConfig = z.output<typeof schema>;
export type GrpcConfig = NonNullable<OtlpReceiverConfig['protocols']['grpc']>;
export type HttpConfig = NonNullable<OtlpReceiverConfig['protocols']['http']>;
