import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { Conversion } from '../../internal/temporality/conversion.ts';
import type { CumulativetodeltaConfig } from './config.ts';
import { Differences } from './differences.ts';
import { Metrics } from './metrics.ts';

export class CumulativeToDelta implements Component, Consumer {
  readonly #conversion: Conversion;
  readonly #differences: Differences;
  readonly #metrics: Metrics;

  constructor(settings: Settings, config: CumulativetodeltaConfig, next: Consumer) {
    this.#metrics = new Metrics(settings, {
      streams: () => this.#conversion.streams,
      bytes: () => this.#conversion.bytes,
    });
    this.#differences = new Differences(config, settings.clock.now(), this.#metrics);
    this.#conversion = new Conversion(settings, next, this.#differences, {
      maxStreams: Number.POSITIVE_INFINITY,
      maxBytes: config.max_bytes,
      maxStaleMs: config.max_staleness || Number.POSITIVE_INFINITY,
    });
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    return this.#conversion.consume(batch, ctx);
  }

  handOver(successor: Component): boolean {
    if (!(successor instanceof CumulativeToDelta)) return false;
    if (!this.#conversion.handOver(successor.#conversion)) return false;
    successor.#differences.since = this.#differences.since;
    return true;
  }

  async shutdown(): Promise<void> {
    this.#metrics.end();
    this.#conversion.shutdown();
  }
}
