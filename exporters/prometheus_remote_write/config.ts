import { z } from 'zod';
import { defaulted, ignored, object, unsupported, url } from '../../internal/config/fields.ts';
import { checkOverflow, overflowFields, retryOnFailure, timeout } from '../../internal/exporterhelper/index.ts';
import { httpConnectionFields, httpRequestFields } from '../../internal/net/http/client_fields.ts';
import { seriesFields } from '../../internal/prometheus/fields.ts';

const notYet = 'HTTP/1.1 is spoken; HTTP/2 is not there yet';
const count = (least: number) => z.int().min(least);

const v1Message = 'prometheus.WriteRequest';
export const v2Message = 'io.prometheus.write.v2.Request';

const queueFields = {
  enabled: z.boolean().default(true).describe('Off: the sender waits for the backend, without a queue.'),
  queue_size: count(1).default(10_000).describe('Batches that may wait.'),
  num_consumers: count(1).default(5).describe('Batches that are worked on at the same time.'),
  ...overflowFields(),
};

/** `retry_on_failure` with upstream's first wait for this exporter. */
function retries() {
  return z.preprocess(
    (value) => (value === undefined || isObject(value) ? { initial_interval: '50ms', ...(value as object) } : value),
    retryOnFailure(),
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Upstream: exporter/prometheusremotewriteexporter of the OpenTelemetry Collector's contrib repository. */
export const schema = object({
  endpoint: url().describe('Where to write, with the path: http://prometheus:9090/api/v1/write.'),
  protobuf_message: z
    .enum([v1Message, v2Message])
    .default(v1Message)
    .describe('Remote write 1.0 or 2.0. A server that does not know 2.0 is sent 1.0 in its place.'),
  ...seriesFields(),
  external_labels: z
    .record(z.string().min(1), z.string().min(1, 'a label must not be empty'))
    .default({})
    .describe('Labels of every series, unless it has one of that name.'),
  send_metadata: z.boolean().default(false).describe('Send type, unit and help of metrics; 2.0 always does.'),
  disable_scope_info: z.boolean().default(false).describe('No `otel_scope_…` labels.'),
  target_info: defaulted(
    object({ enabled: z.boolean().default(true).describe('Send resource attributes as `target_info`.') }),
  ),
  max_batch_size_bytes: count(0).default(3_000_000).describe('Most bytes of one request before compression.'),
  max_batch_request_parallelism: count(1)
    .optional()
    .describe('Requests at the same time; one series is never in two of them. Default: num_consumers of the queue.'),
  remote_write_queue: defaulted(object(queueFields).superRefine(checkOverflow)),
  retry_on_failure: retries(),
  timeout: timeout('5s'),
  compression: z.enum(['snappy', '']).default('snappy').describe('Only snappy is part of the protocol.'),
  ...httpRequestFields(),
  ...httpConnectionFields(),
  wal: unsupported(
    'there is no write-ahead log: the queue is held in memory; leave wal out, and let remote_write_queue.queue_size bridge short outages',
  ),
  read_buffer_size: ignored('Node sizes its buffers by itself'),
  write_buffer_size: ignored('Node sizes its buffers by itself'),
  force_attempt_http2: ignored(notYet),
  http2_read_idle_timeout: ignored(notYet),
  http2_ping_timeout: ignored(notYet),
  compression_params: unsupported('snappy has no levels'),
  cookies: unsupported('cookies are not there yet'),
  middlewares: unsupported('middleware extensions are not there yet'),
  sending_queue: unsupported('this exporter calls it remote_write_queue, as upstream does'),
}).superRefine((config, ctx) => {
  const { translation_strategy: strategy, protobuf_message } = config;
  if (protobuf_message === v1Message && (strategy === 'NoTranslation' || strategy === 'NoUTF8EscapingWithSuffixes')) {
    const message = `${strategy} needs remote write 2.0: set protobuf_message: ${v2Message}`;
    ctx.addIssue({ code: 'custom', path: ['translation_strategy'], message });
  }
});

export type RemoteWriteConfig = z.output<typeof schema>;
