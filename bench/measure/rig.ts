import { setTimeout as sleep } from 'node:timers/promises';
import { type BodyShape, bodyPool } from '../items/body.ts';
import { ExactTally, type OnArrival, PoolTally, type Tally } from '../items/tally.ts';
import { grpcClient } from '../load/grpc_client.ts';
import { httpClient } from '../load/http_client.ts';
import { Load } from '../load/load.ts';
import type { Otelcol } from '../peers/otelcol.ts';
import { startGrpcSink } from '../sink/grpc_sink.ts';
import { startHttpSink } from '../sink/http_sink.ts';
import type { Sink } from '../sink/sink.ts';

export interface LoadShape extends BodyShape {
  readonly protocol: 'grpc' | 'http';
  /** Connections, and requests in flight on each; over HTTP one connection carries one request. */
  readonly connections: number;
  readonly streams: number;
  readonly rate?: number;
}

export interface RigOptions {
  readonly shape: LoadShape;
  /** How long the sink takes to answer. */
  readonly sinkDelayMs?: number;
  readonly onArrival?: OnArrival;
  /** Starts what the load is sent to; without it the load goes straight to the sink. */
  start?(sinkPort: number): Promise<Otelcol>;
}

/** A sink, a subject in the middle, a load, and the books of both ends. */
export class Rig {
  readonly tally: Tally;
  readonly load: Load;
  readonly subject: Otelcol | undefined;
  readonly #sink: Sink;
  readonly #failures: Error[];

  static async open(options: RigOptions): Promise<Rig> {
    const { shape, sinkDelayMs, onArrival } = options;
    const bodies = bodyPool(shape, shape.connections * shape.streams);
    const tally = shape.gzip ? new PoolTally(bodies) : new ExactTally(bodies, onArrival);
    const failures: Error[] = [];
    const startSink = shape.protocol === 'grpc' ? startGrpcSink : startHttpSink;
    const sink = await startSink({
      onMessage: (message) => void tally.arrive(message),
      onFailure: (error) => void failures.push(error),
      ...(sinkDelayMs === undefined ? {} : { delayMs: sinkDelayMs }),
    });
    let subject: Otelcol | undefined;
    try {
      subject = await options.start?.(sink.port);
      const port = subject === undefined ? sink.port : subject.ports[shape.protocol];
      const load = await Load.open({
        bodies,
        tally,
        ...(shape.rate === undefined ? {} : { rate: shape.rate }),
        connect: (events) =>
          shape.protocol === 'grpc'
            ? grpcClient(port, shape.connections, bodies, events)
            : httpClient(port, bodies, events),
      });
      return new Rig(tally, load, subject, sink, failures);
    } catch (error) {
      await subject?.stop();
      await sink.close();
      throw error;
    }
  }

  private constructor(tally: Tally, load: Load, subject: Otelcol | undefined, sink: Sink, failures: Error[]) {
    this.tally = tally;
    this.load = load;
    this.subject = subject;
    this.#sink = sink;
    this.#failures = failures;
  }

  /** Sends for so long, then waits until all that was accepted has arrived. @returns whether it has, in time */
  async send(seconds: number, drainSeconds: number): Promise<boolean> {
    this.load.start();
    await this.wait(seconds, () => false);
    this.load.stop();
    return this.wait(drainSeconds, () => this.drained());
  }

  /** @returns whether the condition came true in time. @throws Error when the measurement has become void */
  async wait(seconds: number, condition: () => boolean): Promise<boolean> {
    const deadline = performance.now() + seconds * 1000;
    for (;;) {
      this.check();
      if (condition()) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await sleep(Math.min(20, left));
    }
  }

  drained(): boolean {
    return this.load.inFlight === 0 && this.tally.mayBeComplete() && this.tally.account().lost === 0;
  }

  /** @throws Error when load, sink or subject broke */
  check(): void {
    this.load.check();
    const [failure] = this.#failures;
    if (failure !== undefined) throw new Error(`the sink broke off: ${failure.message}`);
  }

  async close(): Promise<void> {
    this.load.close();
    await this.subject?.stop();
    await this.#sink.close();
  }
}
