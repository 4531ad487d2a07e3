import { createServer, type RequestListener, type Server } from 'node:http';
import type { RunningComponent, System } from '../core/component.ts';
import type { LedgerSnapshot } from '../core/ledger.ts';
import type { ResolvedPipeline } from '../core/resolved.ts';
import type { Logger } from '../core/telemetry.ts';
import { listen } from '../net/listen.ts';
import type { TapOptions } from './admin_tap.ts';
import type { Registry } from './series.ts';

export interface TelemetryServerOptions {
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** Prometheus text. */
  scrape(): Promise<string>;
  /** Memory and queues of `/status.json` are read from it. */
  readonly registry: Registry;
  ledger(): LedgerSnapshot;
  /** What the page draws. */
  topology(): readonly ResolvedPipeline[];
  readonly system: System;
  /** Whom operators' questions are put to; asked anew for each, since reloads replace them. */
  components(): readonly RunningComponent[];
  /** Absent: there is no /tap. */
  readonly tap?: TapOptions;
  readonly logger: Logger;
}

export interface TelemetryServer {
  /** As bound: a port 0 has become the real one. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/ledger`, `/status.json`, a page for people, and to this machine alone what `admin.ts` lists.
 * The ports are open when it resolves; express is loaded by the first request.
 * @throws Error that names the address which cannot be listened on
 */
export async function startTelemetryServer(options: TelemetryServerOptions): Promise<TelemetryServer> {
  let app: Promise<RequestListener> | undefined;
  const listener: RequestListener = async (request, response) => {
    app ??= import('./app.ts').then(({ telemetryApp }) => telemetryApp(options));
    try {
      (await app)(request, response);
    } catch (error) {
      options.logger.error('own telemetry cannot be served', { error });
      response.writeHead(500).end();
    }
  };
  const servers: Server[] = [];
  const close = async () => void (await Promise.all(servers.map(stop)));
  const addresses: { host: string; port: number }[] = [];
  try {
    for (const { host, port } of options.addresses) {
      const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 }, listener);
      server.maxConnections = 100;
      servers.push(server);
      // As Go does: a name with both families is listened on in IPv4.
      const bound = await listen(server, { kind: 'tcp', host: host === 'localhost' ? '127.0.0.1' : host, port });
      addresses.push({ host, port: bound.kind === 'tcp' ? bound.port : port });
    }
  } catch (error) {
    await close();
    throw new Error(
      `service.telemetry.metrics: ${(error as Error).message}. Set host and port under readers: - pull: exporter: prometheus, or level: none.`,
      { cause: error },
    );
  }
  for (const { host, port } of addresses) {
    options.logger.info('own telemetry: /metrics, /ledger and a page at /', {
      endpoint: `http://${inUrl(host)}:${port}`,
    });
  }
  return { addresses, close };
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
