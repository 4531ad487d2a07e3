import type { Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { handOnKept, whenAnswered } from '../../internal/core/hand_on.ts';
import { type Outcome, permanent } from '../../internal/core/outcome.ts';
import type { Counter } from '../../internal/core/telemetry.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { isLarge, Tools } from '../../internal/otlp/rewrite.ts';
import { Scene } from '../../internal/ottl/index.ts';
import type { FilterConfig } from './config.ts';
import { ConditionFailed, type Round, roundsOf } from './judges.ts';
import { sieve } from './sieve.ts';

const metrics = {
  traces: ['otelcol_processor_filter_spans_filtered', 'Spans left out.'],
  metrics: ['otelcol_processor_filter_datapoints_filtered', 'Data points left out.'],
  logs: ['otelcol_processor_filter_logs_filtered', 'Log records left out.'],
} as const;

/** Holds nothing: what is kept travels on within the call, and the sender gets the next component's answer. */
export class Filter implements Consumer {
  readonly #settings: Settings;
  readonly #next: Consumer;
  readonly #rounds: readonly { readonly round: Round; readonly tools: Tools }[];
  readonly #filtered: Counter;
  readonly #scene = new Scene();

  constructor(settings: Settings, config: FilterConfig, next: Consumer) {
    const signal = settings.signal ?? 'traces';
    const [name, help] = metrics[signal];
    this.#settings = settings;
    this.#next = next;
    this.#rounds = roundsOf(signal, config, settings).map((round) => ({ round, tools: new Tools() }));
    this.#filtered = settings.meter.counter({ name, help, labels: { filter: settings.id } });
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const scene = isLarge(batch) ? new Scene() : this.#scene;
    let kept = batch;
    try {
      for (const { round, tools } of this.#rounds) kept = sieve(kept, round, tools, scene);
    } catch (thrown) {
      if (thrown instanceof ConditionFailed) return Promise.resolve(permanent('rejected', thrown.message));
      throw thrown;
    }
    const answer = handOnKept(this.#next, this.#settings.account, batch, kept, ctx);
    return whenAnswered(answer, () => this.#filtered.add(batch.itemCount - kept.itemCount));
  }
}
