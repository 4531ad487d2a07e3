import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { handOnKept } from '../../internal/core/hand_on.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { ErrorBiasedConfig } from './config.ts';
import { Errors } from './errors.ts';
import { LogKind } from './head_logs.ts';
import { SpanKind } from './head_spans.ts';
import { Memory } from './memory.ts';
import { Metrics } from './metrics.ts';
import { Model } from './model.ts';
import { Pass } from './pass.ts';

/** Judges spans or log records as they pass. Holds nothing but what it learnt: the sender gets the next component's answer. */
export class Head implements Component, Consumer {
  readonly #settings: Settings;
  readonly #config: ErrorBiasedConfig;
  readonly #next: Consumer;
  readonly #model: Model;
  readonly #metrics: Metrics;
  readonly #memory: Memory;
  readonly #sample: (batch: Payload, now: number) => Payload;

  constructor(settings: Settings, config: ErrorBiasedConfig, next: Consumer) {
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    this.#metrics = new Metrics(settings);
    this.#model = new Model(settings, config, (service) => this.#metrics.forget(service));
    this.#metrics.watch(this.#model);
    this.#memory = new Memory(settings, config, this.#model);
    const errors = new Errors(config.errors);
    const { random } = settings;
    const companions = config.same_batch.max_budget_percentage > 0;
    if (settings.signal === 'logs') {
      const pass = new Pass(new LogKind(this.#model, errors), this.#model, this.#metrics, random, companions);
      this.#sample = (batch, now) => pass.sample(batch, now);
    } else {
      const pass = new Pass(new SpanKind(this.#model, errors), this.#model, this.#metrics, random, companions);
      this.#sample = (batch, now) => pass.sample(batch, now);
    }
  }

  async start(): Promise<void> {
    const { id, signal } = this.#settings;
    if (signal === 'logs' && this.#config.target_traces_per_second !== undefined) {
      const advice = 'give it a sampler of its own, with target_spans_per_second (log records) or sampling_percentage';
      throw new Error(`${id}: target_traces_per_second is no budget for a logs pipeline: ${advice}`);
    }
    await this.#memory.start();
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const { account, clock } = this.#settings;
    const now = clock.monotonic();
    this.#model.tick(now);
    return handOnKept(this.#next, account, batch, this.#sample(batch, now), ctx);
  }

  async shutdown(): Promise<void> {
    this.#metrics.end();
    await this.#memory.stop();
  }

  /** Gives what was learnt; there is nothing else to give. */
  handOver(successor: Component): boolean {
    if (successor instanceof Head) this.#memory.handOver(successor.#memory);
    return false;
  }
}
