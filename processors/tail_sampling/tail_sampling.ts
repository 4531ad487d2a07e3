import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import type { Explanation } from '../../internal/core/explain.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { bufferOptions } from '../../internal/sampling/buffer_options.ts';
import { TailEngine } from '../../internal/sampling/engine.ts';
import type { TailOptions } from '../../internal/sampling/engine_types.ts';
import type { TailSamplingConfig } from './config.ts';
import { PolicyDecider } from './decider.ts';
import { TailSamplingMetrics } from './metrics.ts';
import { remarks } from './remarks.ts';

const mib = 2 ** 20;

/** Waits until a trace is complete, and keeps it if the policies say so. */
export class TailSampling implements Component, Consumer {
  readonly #settings: Settings;
  readonly #config: TailSamplingConfig;
  readonly #options: TailOptions;
  readonly #metrics: TailSamplingMetrics;
  readonly #engine: TailEngine;

  constructor(settings: Settings, config: TailSamplingConfig, next: Consumer) {
    this.#settings = settings;
    this.#config = config;
    this.#options = optionsOf(config);
    this.#metrics = new TailSamplingMetrics(settings, () => this.#engine);
    const decider = new PolicyDecider(config, settings, this.#metrics);
    this.#metrics.name(decider.policies.map(({ name }) => name));
    this.#engine = new TailEngine(settings, this.#options, decider, next, this.#metrics);
  }

  async start(): Promise<void> {
    const { logger } = this.#settings;
    const { maxBufferBytes, sampledCacheSize, nonSampledCacheSize, numTraces } = this.#options;
    logger.info('tail sampling holds traces in memory, within these bounds', {
      max_buffer_mib: Math.floor(maxBufferBytes / mib),
      num_traces: numTraces,
      sampled_cache_size: sampledCacheSize,
      non_sampled_cache_size: nonSampledCacheSize,
    });
    for (const remark of remarks(this.#config)) logger.warn(remark);
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    return this.#engine.consume(batch, ctx);
  }

  async shutdown(abort: AbortSignal): Promise<void> {
    await this.#engine.shutdown(abort);
    this.#metrics.end();
  }

  handOver(successor: Component): boolean {
    return successor instanceof TailSampling && this.#engine.handOver(successor.#engine);
  }

  explain(traceId: string): Explanation | undefined {
    return this.#engine.explain(traceId);
  }

  explainsSince(): number | undefined {
    return this.#engine.explainsSince();
  }
}

function optionsOf(config: TailSamplingConfig): TailOptions {
  return {
    ...bufferOptions(config),
    dropTraceBytes: config.maximum_trace_size_bytes,
    blockOnOverflow: config.block_on_overflow,
    dropPendingOnShutdown: config.drop_pending_traces_on_shutdown,
    multiplyThresholds: !config.consistent_probability,
    spanIngest: config.sampling_strategy === 'span-ingest',
  };
}
