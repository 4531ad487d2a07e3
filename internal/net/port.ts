import type http from 'node:http';
import type https from 'node:https';
import type net from 'node:net';
import type { Counter, Labels, Logger, Meter } from '../core/telemetry.ts';
import { type Address, formatAddress } from './address.ts';
import type { H2Server } from './h2/server.ts';
import { listen } from './listen.ts';
import { type PortProtocol, splitProtocols } from './protocol.ts';
import type { ServerTls } from './tls.ts';

export interface PortOptions {
  readonly protocol: PortProtocol;
  readonly address: Address;
  readonly tls?: ServerTls | undefined;
  readonly http1: http.Server;
  readonly http2: H2Server;
  readonly logger: Logger;
  readonly firstBytesMs: number;
  /** Open at a time; one more is closed as soon as it is accepted. 0: no limit. */
  readonly maxConnections: number;
  readonly meter: Meter;
  /** Of the port's own metrics. */
  readonly labels: Labels;
}

/** One listening address that serves HTTP/1 and HTTP/2, plain or over TLS. */
export class Port {
  readonly #options: PortOptions;
  readonly #endUndecided: () => void;
  /** Every accepted connection, however far its handshake is, but those that the HTTP/2 server moved to its own sockets. */
  readonly #open = new Set<net.Socket>();
  readonly #refused: Counter;
  readonly #endGauge: () => void;
  #full = false;
  #address: Address | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: PortOptions) {
    this.#options = options;
    const { http1, http2, tls, logger, meter, labels } = options;
    this.#refused = meter.counter({
      name: 'sluice_receiver_connections_refused_total',
      help: 'Connections closed at once because max_connections were open.',
      labels,
    });
    this.#endGauge = meter.observe(
      { name: 'sluice_receiver_connections', help: 'Open connections of a port.', labels },
      () => this.#connections,
    );
    this.#endUndecided = splitProtocols(http1, {
      port: options.protocol,
      secure: tls !== undefined,
      logger,
      http2: (socket, firstBytes) => {
        this.#open.delete(socket);
        http2.accept(socket, firstBytes);
      },
      firstBytesMs: options.firstBytesMs,
    });
    http1.on('connection', (socket) => {
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
      if (this.#full) this.#acceptedAgain();
    });
    // By node itself, before anything is allocated for the connection.
    if (options.maxConnections > 0) http1.maxConnections = options.maxConnections;
    http1.on('drop', () => this.#turnAway());
    tls?.onRenewed((renewed) => (http1 as https.Server).setSecureContext(renewed));
  }

  /** Where it listens; undefined before `start`. */
  get address(): Address | undefined {
    return this.#address;
  }

  /** @throws Error that says who may hold the address and what to do */
  async start(): Promise<void> {
    const { http1, logger, protocol, tls } = this.#options;
    this.#address = await listen(http1, this.#options.address);
    // Trouble with one connection to be accepted (too many open files) ends that connection, not the process.
    http1.on('error', (error) => logger.error(`accepting a connection failed: ${error.message}`));
    logger.info(`listening on ${formatAddress(this.#address)}`, { protocol, tls: tls !== undefined });
  }

  #turnAway(): void {
    const { logger, maxConnections, protocol } = this.#options;
    this.#refused.add(1);
    if (this.#full) return;
    this.#full = true;
    logger.warn(
      `${maxConnections} connections are open, as many as max_connections allows: further ones are closed. ` +
        'Raise it, or find out who opens so many',
      { protocol },
    );
  }

  #acceptedAgain(): void {
    // Not at the first one that leaves: at the limit they come and go.
    if (this.#connections > this.#options.maxConnections * 0.9) return;
    this.#full = false;
    this.#options.logger.info('connections are accepted again', { protocol: this.#options.protocol });
  }

  get #connections(): number {
    const { http2, tls } = this.#options;
    // A TLS connection stays in the set, under the socket it came on.
    return this.#open.size + (tls ? 0 : http2.connections);
  }

  /** Stops accepting, lets requests under way finish until `abort` fires, then closes. Safe twice. */
  shutdown(abort: AbortSignal): Promise<void> {
    this.#closed ??= this.#shutdown(abort);
    return this.#closed;
  }

  async #shutdown(abort: AbortSignal): Promise<void> {
    const { http1, http2, tls } = this.#options;
    tls?.close();
    const closed = http1.listening ? new Promise<void>((resolve) => http1.close(() => resolve())) : Promise.resolve();
    this.#endUndecided();
    const cut = () => {
      for (const socket of this.#open) socket.destroy();
    };
    if (abort.aborted) cut();
    else abort.addEventListener('abort', cut, { once: true });
    await Promise.all([http2.shutdown(abort), closed]);
    abort.removeEventListener('abort', cut);
    this.#endGauge();
  }
}
