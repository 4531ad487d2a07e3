import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import type { Explanation } from '../../internal/core/explain.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { bufferOptions } from '../../internal/sampling/buffer_options.ts';
import { TailEngine } from '../../internal/sampling/engine.ts';
import { TailMetrics } from '../../internal/sampling/tail_metrics.ts';
import type { ErrorBiasedConfig } from './config.ts';
import { ErrorBiasedDecider } from './decider.ts';
import { Memory } from './memory.ts';
import { Metrics } from './metrics.ts';
import { Model } from './model.ts';

/** Holds traces until they are complete, and decides on each as a whole. */
export class Tail implements Component, Consumer {
  readonly #metrics: Metrics;
  readonly #buffer: TailMetrics;
  readonly #memory: Memory;
  readonly #engine: TailEngine;

  constructor(settings: Settings, config: ErrorBiasedConfig, next: Consumer) {
    this.#metrics = new Metrics(settings);
    const model = new Model(settings, config, (service) => this.#metrics.forget(service));
    this.#metrics.watch(model);
    this.#memory = new Memory(settings, config, model);
    this.#buffer = new TailMetrics(settings, () => this.#engine);
    const decider = new ErrorBiasedDecider(settings, config, model, this.#metrics);
    this.#engine = new TailEngine(settings, bufferOptions(config), decider, next, this.#buffer);
  }

  start(): Promise<void> {
    return this.#memory.start();
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    return this.#engine.consume(batch, ctx);
  }

  async shutdown(abort: AbortSignal): Promise<void> {
    await this.#engine.shutdown(abort);
    await this.#memory.stop();
    this.#metrics.end();
    this.#buffer.end();
  }

  handOver(successor: Component): boolean {
    if (!(successor instanceof Tail)) return false;
    this.#memory.handOver(successor.#memory);
    return this.#engine.handOver(successor.#engine);
  }

  explain(traceId: string): Explanation | undefined {
    return this.#engine.explain(traceId);
  }

  explainsSince(): number | undefined {
    return this.#engine.explainsSince();
  }
}
