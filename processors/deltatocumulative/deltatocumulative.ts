import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { Conversion } from '../../internal/temporality/conversion.ts';
import { Adding } from './adding.ts';
import type { DeltatocumulativeConfig } from './config.ts';
import { Metrics } from './metrics.ts';

export class DeltaToCumulative implements Component, Consumer {
  readonly #conversion: Conversion;
  readonly #metrics: Metrics;

  constructor(settings: Settings, config: DeltatocumulativeConfig, next: Consumer) {
    const { max_streams = Number.POSITIVE_INFINITY, max_bytes, max_stale } = config;
    const limits = { maxStreams: max_streams, maxBytes: max_bytes, maxStaleMs: max_stale };
    this.#metrics = new Metrics(settings, limits, {
      streams: () => this.#conversion.streams,
      bytes: () => this.#conversion.bytes,
    });
    this.#conversion = new Conversion(settings, next, new Adding(this.#metrics), limits);
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    return this.#conversion.consume(batch, ctx);
  }

  handOver(successor: Component): boolean {
    return successor instanceof DeltaToCumulative && this.#conversion.handOver(successor.#conversion);
  }

  async shutdown(): Promise<void> {
    this.#metrics.end();
    this.#conversion.shutdown();
  }
}
