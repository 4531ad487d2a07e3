import type { Timer } from '../../internal/core/clock.ts';
import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { type Outcome, type Retryable, retryable } from '../../internal/core/outcome.ts';
import type { Counter } from '../../internal/core/telemetry.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { LimiterConfig, Limits } from './config.ts';
import { limitsOf } from './config.ts';
import type { MemoryReader } from './memory.ts';

const itemNames = { traces: 'spans', metrics: 'metric_points', logs: 'log_records' };

/**
 * Refuses batches retryably while the process uses more memory than it may.
 * A safety net: what telemetry may occupy is bounded by the memory budget, before it is even read.
 */
export class MemoryLimiter implements Component, Consumer {
  readonly #settings: Settings;
  readonly #intervalMs: number;
  readonly #next: Consumer;
  readonly #memory: MemoryReader;
  readonly #limits: Limits;
  readonly #accepted: Counter;
  readonly #refused: Counter;
  /** What is answered at present, if anything. */
  #refusal: Retryable | undefined;
  #refusedItems = 0;
  #since = 0;
  #timer: Timer | undefined;

  constructor(settings: Settings, config: LimiterConfig, next: Consumer, memory: MemoryReader) {
    this.#settings = settings;
    this.#intervalMs = config.check_interval;
    this.#next = next;
    this.#memory = memory;
    this.#limits = limitsOf(config, memory.total());
    const items = itemNames[settings.signal ?? 'traces'];
    const counter = (what: string, help: string) =>
      settings.meter.counter({
        name: `otelcol_processor_memory_limiter_${what}_${items}`,
        help,
        labels: { processor: settings.id },
      });
    this.#accepted = counter('accepted', 'Items let through.');
    this.#refused = counter('refused', 'Items refused because the process uses too much memory.');
  }

  /** @throws Error where the system does not tell what the process uses */
  async start(): Promise<void> {
    this.#tryToLook();
    const { soft, hard } = this.#limits;
    this.#settings.logger.info('memory limits', { refuse_above_mib: toMib(soft), hard_limit_mib: toMib(hard) });
    this.#check();
    this.#timer = this.#settings.clock.every(this.#intervalMs, () => this.#check());
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    if (!this.#refusal) {
      this.#accepted.add(batch.itemCount);
      return this.#next.consume(batch, ctx);
    }
    this.#refused.add(batch.itemCount);
    this.#refusedItems += batch.itemCount;
    return Promise.resolve(this.#refusal);
  }

  async shutdown(): Promise<void> {
    this.#timer?.cancel();
  }

  #tryToLook(): void {
    try {
      this.#memory.resident();
    } catch (error) {
      throw new Error(
        `${this.#settings.id}: cannot read how much memory the process uses: ${(error as Error).message}. ` +
          'Mount /proc, or remove this processor: service.memory_budget_mib bounds the telemetry held without it',
        { cause: error },
      );
    }
  }

  #check(): void {
    if (this.#memory.resident() > this.#limits.hard) this.#memory.collect?.();
    const used = this.#memory.resident();
    const over = this.#over(used);
    if (over && !this.#refusal) this.#begin(used);
    else if (!over && this.#refusal) this.#end(used);
  }

  /**
   * Freed memory goes back to the system late or never, and is used again first. Between the limits, a process that
   * has less than half of it in use cannot be helped by refusing, and would refuse for ever.
   */
  #over(used: number): boolean {
    const { soft, hard } = this.#limits;
    return used > hard || (used > soft && this.#memory.live() > soft / 2);
  }

  #begin(used: number): void {
    const { id, signal, clock, logger, memory } = this.#settings;
    const { soft, hard } = this.#limits;
    const reason = `${id}: the process uses ${toMib(used)} MiB of memory, more than ${toMib(soft)} MiB`;
    this.#refusal = retryable(reason, Math.max(1000, this.#intervalMs));
    this.#since = clock.monotonic();
    this.#refusedItems = 0;
    logger.warn(`refusing ${signal ?? 'data'}, senders are asked to retry: too much memory in use`, {
      used_mib: toMib(used),
      refuse_above_mib: toMib(soft),
      hard_limit_mib: toMib(hard),
      live_mib: toMib(this.#memory.live()),
      held_telemetry_mib: toMib(memory.used),
    });
  }

  #end(used: number): void {
    this.#refusal = undefined;
    this.#settings.logger.info(`taking ${this.#settings.signal ?? 'data'} again: memory in use is below the limit`, {
      used_mib: toMib(used),
      refuse_above_mib: toMib(this.#limits.soft),
      refused_items: this.#refusedItems,
      seconds: Math.round((this.#settings.clock.monotonic() - this.#since) / 1000),
    });
  }
}

function toMib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
