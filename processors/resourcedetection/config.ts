import { z } from 'zod';
import { duration, ignored, object } from '../../internal/config/fields.ts';
import { detectorName, detectorSections } from '../../internal/detection/config.ts';

/** Upstream's HTTP client serves detectors that are not here. */
const noClient = () =>
  ignored('the detectors there are ask services of this machine: directly, and by their own rules');

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/resourcedetectionprocessor/README.md */
export const schema = object({
  detectors: z
    .array(detectorName())
    .min(1, 'expected at least one detector')
    .default(['env'])
    .describe('Asked side by side. Of several that set an attribute the first in this order counts.'),
  override: z
    .boolean()
    .default(true)
    .describe('Detected attributes replace those that the telemetry came with; else only absent ones are added.'),
  timeout: duration('5s')
    .refine((ms) => ms > 0, 'expected a duration above 0')
    .describe('Longest a detection may take. A start waits for it.'),
  refresh_interval: duration('0s').describe('Detects again so often; 0 means once.'),
  ...detectorSections(),
  endpoint: noClient(),
  proxy_url: noClient(),
  tls: noClient(),
  read_buffer_size: noClient(),
  write_buffer_size: noClient(),
  headers: noClient(),
  auth: noClient(),
  compression: noClient(),
  compression_params: noClient(),
  max_idle_conns: noClient(),
  max_idle_conns_per_host: noClient(),
  max_conns_per_host: noClient(),
  idle_conn_timeout: noClient(),
  disable_keep_alives: noClient(),
  http2_read_idle_timeout: noClient(),
  http2_ping_timeout: noClient(),
  cookies: noClient(),
  force_attempt_http2: noClient(),
  middlewares: noClient(),
});

export type ResourceDetectionConfig = z.output<typeof schema>;
