import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import type { Timer } from '../../internal/core/clock.ts';
import type { Settings } from '../../internal/core/component.ts';
import { type Address, formatAddress, parseAddress } from '../../internal/net/address.ts';
import { listen } from '../../internal/net/listen.ts';
import { loadServerTls, type ServerTls } from '../../internal/net/tls.ts';
import type { ScrapeConfig } from './config.ts';
import { contentType, exposition, formatFor } from './exposition.ts';
import type { Store } from './store.ts';

const limits = { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 60_000 };
const maxConnections = 100;
/** How long until an address that is taken is tried again: after a reload the exporter before still has it for a moment. */
const againMs = 500;

/** Serves `/metrics`. */
export class ScrapeServer {
  readonly #settings: Settings;
  readonly #config: ScrapeConfig;
  readonly #store: Store;
  #server: Server | undefined;
  #tls: ServerTls | undefined;
  #again: Timer | undefined;
  #address: Address | undefined;
  #closed = false;

  constructor(settings: Settings, config: ScrapeConfig, store: Store) {
    this.#settings = settings;
    this.#config = config;
    this.#store = store;
  }

  /** As bound; undefined before. */
  get address(): Address | undefined {
    return this.#address;
  }

  /** @throws Error that says what is wrong with the address or the certificate */
  async start(): Promise<void> {
    const { tls } = this.#config;
    const { clock, logger } = this.#settings;
    if (tls) this.#tls = await loadServerTls(tls, clock, logger);
    await this.#listen();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#again?.cancel();
    this.#again = undefined;
    this.#tls?.close();
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #listen(): Promise<void> {
    const address = parseAddress(this.#config.endpoint) as Address;
    const server = this.#create();
    try {
      this.#address = await listen(server, address);
    } catch (error) {
      const { code } = (error as Error).cause as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE') throw error;
      if (this.#closed) return;
      if (!this.#again) this.#settings.logger.warn(`${(error as Error).message}; trying again`);
      this.#settings.report('recoverable_error', (error as Error).message);
      this.#again = this.#settings.clock.after(againMs, () => void this.#listen());
      return;
    }
    if (this.#closed) {
      server.close();
      return;
    }
    if (this.#again) this.#settings.report('ok');
    this.#again = undefined;
    this.#server = server;
    const scheme = this.#tls ? 'https' : 'http';
    this.#settings.logger.info('metrics are served', {
      endpoint: `${scheme}://${formatAddress(this.#address)}/metrics`,
    });
  }

  #create(): Server {
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    const tls = this.#tls;
    let server: Server;
    if (tls) {
      const secure = createHttpsServer({ ...tls.options, ...limits }, listener);
      tls.onRenewed((options) => secure.setSecureContext(options));
      server = secure;
    } else server = createHttpServer(limits, listener);
    server.maxConnections = maxConnections;
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname !== '/metrics') return say(response, 404, 'The metrics are at /metrics.');
    if (request.method !== 'GET' && request.method !== 'HEAD') return say(response, 405, 'GET /metrics');
    const { enable_open_metrics, send_timestamps } = this.#config;
    const format = formatFor(request.headers.accept ?? '', enable_open_metrics, send_timestamps);
    const packed = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    response.setHeader('content-type', contentType(format));
    if (packed) response.setHeader('content-encoding', 'gzip');
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    this.#store.sweep();
    const pieces = Readable.from(inTurns(exposition(this.#store, format)));
    try {
      if (packed) await pipeline(pieces, createGzip({ level: 1 }), response);
      else await pipeline(pieces, response);
    } catch {
      // The scraper has gone.
      response.destroy();
    }
  }
}

/** Everything else goes on between the pieces of a large answer. */
async function* inTurns(pieces: Iterable<string>): AsyncGenerator<string> {
  for (const piece of pieces) {
    yield piece;
    await setImmediate();
  }
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}
