import { sleep, systemClock } from '../../../internal/core/clock.ts';
import type { Outputs } from '../../../internal/core/component.ts';
import { noContext } from '../../../internal/core/consumer.ts';
import { MemoryBudget } from '../../../internal/core/memory.ts';
import type { Outcome } from '../../../internal/core/outcome.ts';
import type { ResolvedConfig } from '../../../internal/core/resolved.ts';
import type { Logger } from '../../../internal/core/telemetry.ts';
import { settled, VirtualClock } from '../../../internal/core/virtual_clock.ts';
import type { Payload } from '../../../internal/otlp/payload.ts';
import { seededRandom } from '../../../internal/otlp/sample.ts';
import { buildCollector, type Collector } from '../../../internal/pipeline/collector.ts';
import { createMeter, type MeterHandle } from '../../../internal/telemetry/meter.ts';
import { build } from '../version.ts';
import { candidate, type Edges } from './candidate.ts';

export interface StageOptions {
  /** Virtual time to begin with, milliseconds since 1970. */
  readonly from: number;
  readonly logger: Logger;
  readonly arrived: Edges['arrived'];
}

const telemetry = { metrics: { level: 'detailed', prometheus: [], otlp: [] }, resource: {} } as const;
/** Of any machine alike: what comes out must not depend on the one it runs on. */
const defaultBudgetBytes = 128 * 2 ** 20;
export const randomSeed = 1;
/** A silence longer than this is shortened to it: by then whatever waited has been decided. */
export const longestSilenceMs = 3_600_000;
/** Real time that a component may take for its files before virtual time goes on without it. */
const ioPatienceMs = 500;

/** The processors and connectors of a configuration on virtual time: the same batches at the same times give the same output. */
export class Stage {
  readonly clock: VirtualClock;
  readonly memory: MemoryBudget;
  readonly collector: Collector;
  readonly registry: MeterHandle['registry'];
  /** Batches without an answer. */
  open = 0;
  refusedForNow = 0;
  refusedForGood = 0;
  /** Of the first batch that was refused. */
  firstRefusal: string | undefined;
  #outputs: Outputs = {};

  constructor(config: ResolvedConfig, { from, logger, arrived }: StageOptions) {
    this.clock = new VirtualClock(from);
    this.memory = new MemoryBudget(config.service.memoryBudgetBytes ?? defaultBudgetBytes);
    const { meter, registry } = createMeter(telemetry, build, 'replay');
    this.registry = registry;
    const inlet = (outputs: Outputs) => {
      this.#outputs = outputs;
    };
    this.collector = buildCollector(candidate(config, { inlet, arrived }), {
      clock: this.clock,
      random: seededRandom(randomSeed),
      memory: this.memory,
      logger,
      meter,
      build,
    });
  }

  /** @throws Error of a component that does not start */
  start(): Promise<void> {
    return this.#whileTimePasses(this.collector.start());
  }

  /** Offers a batch to every pipeline of its signal that has a receiver. */
  send(batch: Payload): void {
    const output = this.#outputs[batch.signal];
    if (!output) return;
    // A receiver reserves a body while it is under way.
    if (!this.memory.tryReserve(batch.byteLength)) {
      this.refusedForNow += 1;
      this.firstRefusal ??= 'the memory budget is full';
      return;
    }
    this.open += 1;
    void output.consume(batch, noContext).then((outcome: Outcome) => {
      this.open -= 1;
      this.memory.release(batch.byteLength);
      if (outcome.status === 'accepted') return;
      if (outcome.status === 'retryable') this.refusedForNow += 1;
      else this.refusedForGood += 1;
      this.firstRefusal ??= outcome.reason;
    });
  }

  /** Time goes on until nothing is held any more, as it would behind the end of a recording; what is left is for the shutdown to settle. */
  async end(eachSecond: () => void = () => {}): Promise<void> {
    for (let waited = 0; waited < longestSilenceMs && this.#holds(); waited += 1000) {
      await this.clock.advance(1000);
      eachSecond();
    }
    const abort = new AbortController();
    const deadline = this.clock.after(longestSilenceMs, () => abort.abort());
    await this.#whileTimePasses(this.collector.shutdown(abort.signal));
    deadline.cancel();
  }

  #holds(): boolean {
    const { branches, connectors } = this.collector.ledger();
    return this.open > 0 || [...branches, ...connectors].some(({ held }) => held > 0);
  }

  /**
   * What waits for a timer would wait for ever, so time goes on, in ever larger steps. What reads a file at its start is waited for first:
   * virtual time must not depend on how fast the disk is.
   */
  async #whileTimePasses(work: Promise<void>): Promise<void> {
    let isDone = false;
    const ended = new AbortController();
    const done = work.finally(() => {
      isDone = true;
      ended.abort();
    });
    // The caller sees its failure below, once time has passed.
    done.catch(() => {});
    await settled();
    for (let step = 100; !isDone && step <= 2 * longestSilenceMs; step *= 2) {
      await sleep(systemClock, ioPatienceMs, ended.signal);
      if (!isDone) await this.clock.advance(step);
    }
    if (!isDone) {
      throw new Error('a component of the candidate does not end its work, although two hours of its time have passed');
    }
    await done;
  }
}
