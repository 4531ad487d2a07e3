import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import type { MemoryBudget } from '../../core/memory.ts';
import type { Logger } from '../../core/telemetry.ts';
import { supportedGrpcEncodings } from '../compression.ts';
import { OkCache } from './answer.ts';
import { Connection } from './connection.ts';
import { Deadlines } from './deadlines.ts';
import { healthMethods } from './health.ts';
import { defaultKeepalive, defaultLimits, type H2Limits, type Keepalive } from './limits.ts';
import { MessageSlab } from './message_slab.ts';
import { readInto } from './read_buffer.ts';
import type { ServerState } from './server_state.ts';
import type { HttpHandler, UnaryMethod } from './types.ts';

export interface H2ServerOptions {
  /** By path, `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, UnaryMethod>;
  /** Takes requests that are not gRPC calls; without it they are answered with 415. */
  readonly http?: HttpHandler | undefined;
  readonly limits?: Partial<H2Limits> | undefined;
  readonly keepalive?: Partial<Keepalive> | undefined;
  readonly memory: MemoryBudget;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Turns the gRPC health service on: true is SERVING, false NOT_SERVING, undefined an unknown service. '' is the server. */
  serving?(service: string): boolean | undefined;
}

export interface H2Server {
  readonly connections: number;
  /** Takes a connected socket over; `firstBytes` are what the caller has read of it. */
  accept(socket: Socket, firstBytes?: Uint8Array): void;
  /** Says goodbye to all clients, lets calls under way end, and closes; what is left when `abort` fires is cut. */
  shutdown(abort: AbortSignal): Promise<void>;
}

const SWEEP_MS = 1000;
/** As large as the reads of net; larger ones leave the core's cache before they are taken in. */
const READ_BUFFER = 64 * 1024;

export function createH2Server(options: H2ServerOptions): H2Server {
  return new Server(options);
}

class Server implements H2Server {
  readonly #open = new Set<Connection>();
  readonly #state: ServerState;
  readonly #sweepMs: number;
  /** One for all connections: what a read brings is taken in before the next. */
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER);
  #sweeper: Timer | undefined;
  #leaving = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: H2ServerOptions) {
    const { clock, serving, limits, keepalive } = options;
    const methods = new Map(serving ? healthMethods((service) => serving.call(options, service)) : []);
    for (const [path, method] of options.methods) methods.set(path, method);
    this.#state = {
      methods,
      http: options.http,
      limits: { ...defaultLimits, ...limits },
      keepalive: { ...defaultKeepalive, ...keepalive },
      memory: options.memory,
      clock,
      logger: options.logger,
      random: options.random,
      encodings: new Set(supportedGrpcEncodings),
      ok: new OkCache(),
      slab: new MessageSlab(),
      deadlines: new Deadlines(clock),
      closed: (connection) => this.#closed(connection),
    };
    this.#sweepMs = sweepInterval(this.#state);
  }

  get connections(): number {
    return this.#open.size;
  }

  accept(socket: Socket, firstBytes?: Uint8Array): void {
    let connection: Connection;
    const own = readInto(this.#readBuffer, socket, (bytes) => connection.read(bytes));
    connection = new Connection(this.#state, own);
    this.#open.add(connection);
    this.#sweeper ??= this.#state.clock.every(this.#sweepMs, () => this.#sweep());
    if (firstBytes && firstBytes.length > 0) {
      connection.read(Buffer.from(firstBytes.buffer, firstBytes.byteOffset, firstBytes.byteLength));
    }
    if (this.#leaving) connection.departure.begin('shutdown');
  }

  #sweep(): void {
    const now = this.#state.clock.monotonic();
    for (const connection of this.#open) connection.sweep(now);
  }

  #closed(connection: Connection): void {
    this.#open.delete(connection);
    if (this.#open.size > 0) return;
    this.#sweeper?.cancel();
    this.#sweeper = undefined;
    this.#onEmpty?.();
  }

  shutdown(abort: AbortSignal): Promise<void> {
    this.#leaving = true;
    for (const connection of this.#open) connection.departure.begin('shutdown');
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cut = () => {
        for (const connection of this.#open) connection.socket.destroy();
      };
      this.#onEmpty = () => {
        abort.removeEventListener('abort', cut);
        resolve();
      };
      if (abort.aborted) cut();
      else abort.addEventListener('abort', cut, { once: true });
    });
  }
}

/** Times are kept to a quarter of the shortest one, within 20 ms and a second. */
function sweepInterval({ limits, keepalive }: ServerState): number {
  const shortest = Math.min(
    limits.headerTimeoutMs,
    limits.bodyIdleTimeoutMs,
    limits.writeTimeoutMs,
    keepalive.timeMs,
    keepalive.timeoutMs,
    keepalive.maxConnectionIdleMs,
    keepalive.maxConnectionAgeMs,
    keepalive.maxConnectionAgeGraceMs,
  );
  return Math.max(20, Math.min(SWEEP_MS, shortest / 4));
}
