import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Signal } from '../../../internal/otlp/payload.ts';
import { GrpcSender, ids, post, type Running, until } from './running.ts';

const signals: readonly Signal[] = ['traces', 'metrics', 'logs'];
/** A few hundred requests a second: enough to notice harm, little enough to leave the machine to the others. */
const pauseMs = 5;

/**
 * A client that does nothing wrong: sends all signals over both protocols the whole time, and remembers what it was
 * told yes for and every answer that was not a yes.
 */
export class Bystander {
  readonly accepted: string[] = [];
  readonly refusals: string[] = [];
  #requests = 0;
  #going = true;
  readonly #name: string;
  readonly #work: Promise<void>;

  constructor(sluice: Running, name = 'bystander') {
    this.#name = name;
    this.#work = this.#run(sluice);
  }

  /** Resolves when requests that began after this call were taken, on both protocols; at once after `stop`. */
  async isServed(): Promise<void> {
    if (!this.#going) return;
    const before = this.#requests;
    await until('others are served', () => this.#requests >= before + 4);
    expect(this.refusals).toEqual([]);
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#work;
  }

  async #run(sluice: Running): Promise<void> {
    const grpc = new GrpcSender(sluice);
    for (let n = 0; this.#going; n++) {
      const signal = signals[n % 3]!;
      const batch = ids(`${this.#name}${n}-`, 3);
      const answer = n % 2 === 0 ? await grpc.send(signal, batch) : await httpAnswer(sluice, signal, batch);
      if (answer === 0) this.accepted.push(...batch);
      else this.refusals.push(`${signal} over ${n % 2 === 0 ? 'gRPC' : 'HTTP'}: ${answer}`);
      this.#requests++;
      await pause(pauseMs);
    }
    grpc.close();
  }
}

/** @returns 0 for yes, as gRPC's code; else what came instead */
async function httpAnswer(sluice: Running, signal: Signal, batch: readonly string[]): Promise<number | string> {
  try {
    const status = await post(sluice, signal, batch);
    return status === 200 ? 0 : status;
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}
