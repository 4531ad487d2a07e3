import { z } from 'zod';
import { defaulted, duration, headers, section, url } from '../../config/fields.ts';
import { clientAuth } from '../auth.ts';
import type { Compression } from '../compression.ts';
import { clientTls } from '../tls_fields.ts';

/** How a client of HTTP connects. Upstream: config/confighttp of the OpenTelemetry Collector. */
export function httpConnectionFields() {
  return {
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
  };
}

/** What else each request of such a client has. */
export function httpRequestFields() {
  return {
    headers: headers().describe('Headers sent with each request.'),
    auth: section(clientAuth()),
    tls: defaulted(clientTls()),
  };
}

type Fields = z.output<z.ZodObject<ReturnType<typeof httpConnectionFields> & ReturnType<typeof httpRequestFields>>>;

export interface HttpClientConfig extends Fields {
  readonly compression: Compression | 'none' | '';
  readonly compression_params?: { readonly level?: number | undefined } | undefined;
}
