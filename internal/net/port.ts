import type http from 'node:http';
import type https from 'node:https';
import type net from 'node:net';
import type { Logger } from '../core/telemetry.ts';
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
}

/** One listening address that serves HTTP/1 and HTTP/2, plain or over TLS. */
export class Port {
  readonly #options: PortOptions;
  readonly #endUndecided: () => void;
  /** Every accepted connection, whatever it speaks and however far its handshake is. */
  readonly #open = new Set<net.Socket>();
  #address: Address | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: PortOptions) {
    this.#options = options;
    const { http1, http2, tls, logger } = options;
    this.#endUndecided = splitProtocols(http1, {
      port: options.protocol,
      secure: tls !== undefined,
      logger,
      http2: (socket, firstBytes) => http2.accept(socket, firstBytes),
      firstBytesMs: options.firstBytesMs,
    });
    http1.on('connection', (socket) => {
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
    });
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
  }
}
