import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { handOnKept, whenAnswered } from '../../internal/core/hand_on.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { QualityReport } from '../../internal/core/quality.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { Judge } from '../../internal/quality/judge.ts';
import type { DataQualityConfig } from './config.ts';

/** Judges what passes within the call. Nothing is counted of a batch that the next component refuses: it may come again. */
export class DataQuality implements Component, Consumer {
  readonly #settings: Settings;
  readonly #next: Consumer;
  readonly #judge: Judge;

  constructor(settings: Settings, config: DataQualityConfig, next: Consumer) {
    this.#settings = settings;
    this.#next = next;
    this.#judge = new Judge(settings, config);
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const judgement = this.#judge.judge(batch);
    const answer = handOnKept(this.#next, this.#settings.account, batch, judgement.kept, ctx);
    return whenAnswered(answer, () => this.#judge.count(judgement));
  }

  quality(): QualityReport {
    return this.#judge.report();
  }

  handOver(successor: Component): boolean {
    if (!(successor instanceof DataQuality)) return false;
    this.#judge.handOver(successor.#judge);
    return true;
  }

  async shutdown(): Promise<void> {
    this.#judge.end();
  }
}
