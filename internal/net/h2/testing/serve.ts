import { once } from 'node:events';
import net from 'node:net';
import { type Clock, systemClock } from '../../../core/clock.ts';
import { MemoryBudget } from '../../../core/memory.ts';
import { noLogger } from '../../../core/telemetry.ts';
import type { H2Limits, Keepalive } from '../limits.ts';
import { createH2Server, type H2Server, type H2ServerOptions } from '../server.ts';
import type { CallHead, GrpcAnswer, UnaryMethod } from '../types.ts';

export interface TestServer {
  readonly port: number;
  readonly h2: H2Server;
  readonly memory: MemoryBudget;
  /** Messages that reached `/test/Echo`, which sends them back. */
  readonly seen: Uint8Array[];
  stop(): Promise<void>;
}

interface Options {
  readonly methods?: Readonly<Record<string, UnaryMethod['handle'] | UnaryMethod>>;
  readonly limits?: Partial<H2Limits>;
  readonly keepalive?: Partial<Keepalive>;
  readonly memoryBytes?: number;
  readonly clock?: Clock;
  readonly http?: H2ServerOptions['http'];
  serving?(service: string): boolean | undefined;
}

/** A server on a free port of the loopback address, with `/test/Echo`. */
export async function serve(options: Options = {}): Promise<TestServer> {
  const memory = new MemoryBudget(options.memoryBytes ?? 64 * 1024 * 1024);
  const seen: Uint8Array[] = [];
  const methods = new Map<string, UnaryMethod>();
  const echo = async (message: Uint8Array): Promise<GrpcAnswer> => {
    seen.push(message);
    return { code: 0, message };
  };
  methods.set('/test/Echo', { handle: echo });
  for (const [path, method] of Object.entries(options.methods ?? {})) {
    methods.set(path, typeof method === 'function' ? { handle: method } : method);
  }
  const h2 = createH2Server({
    methods,
    http: options.http,
    limits: options.limits,
    keepalive: options.keepalive,
    memory,
    clock: options.clock ?? systemClock,
    logger: noLogger,
    random: () => 0.5,
    ...(options.serving ? { serving: options.serving } : {}),
  });
  const listener = net.createServer((socket) => h2.accept(socket)).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as net.AddressInfo).port,
    h2,
    memory,
    seen,
    async stop() {
      listener.close();
      await h2.shutdown(AbortSignal.abort());
    },
  };
}

export interface Held {
  readonly message: Uint8Array;
  readonly call: CallHead;
  answer(answer: GrpcAnswer): void;
}

/** A handler that keeps its calls until the test answers them. */
export function holding(): { handle: UnaryMethod['handle']; held: Held[] } {
  const held: Held[] = [];
  return {
    held,
    handle: (message, call) => new Promise((answer) => held.push({ message, call, answer })),
  };
}

/** Polls until the condition holds; fails with its text after five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`never true: ${condition}`);
}
