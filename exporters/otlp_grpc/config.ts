import type { z } from 'zod';
import { ignored, object, unsupported } from '../../internal/config/fields.ts';
import { retryOnFailure, sendingQueue, timeout } from '../../internal/exporterhelper/index.ts';
import { grpcClientFields, grpcEndpoint } from '../../internal/net/grpc/fields.ts';

/** Upstream: exporter/otlpexporter and config/configgrpc of the OpenTelemetry Collector. */
export const schema = object({
  endpoint: grpcEndpoint().describe(
    'Where to send: `host:port`, also after `http://` (plain text), `https://` (TLS) or `dns:///`; or `unix:///path`.',
  ),
  ...grpcClientFields(),
  timeout: timeout('5s'),
  retry_on_failure: retryOnFailure(),
  sending_queue: sendingQueue(),
  read_buffer_size: ignored('Node sizes its buffers by itself'),
  write_buffer_size: ignored('Node sizes its buffers by itself'),
  middlewares: unsupported('middleware extensions are not there yet'),
});

export type OtlpGrpcConfig = z.output<typeof schema>;
