import type { Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { handOnKept } from '../../internal/core/hand_on.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { rewriteLogs, rewriteSpans, Tools } from '../../internal/otlp/rewrite.ts';
import type { ProbabilisticConfig } from './config.ts';
import { LogJudge } from './logs.ts';
import { modeOf } from './mode.ts';
import { SpanJudge } from './spans.ts';
import { Tally } from './tally.ts';

/** Holds nothing: what is kept travels on within the call, and the sender gets the next component's answer. */
export class Sampler implements Consumer {
  readonly #settings: Settings;
  readonly #next: Consumer;
  readonly #tally: Tally;
  readonly #rewrite: (batch: Payload) => Payload;

  constructor(settings: Settings, config: ProbabilisticConfig, next: Consumer) {
    this.#settings = settings;
    this.#next = next;
    const mode = modeOf(config);
    this.#tally = new Tally(settings, config.fail_closed, config.from_attribute);
    const options = { tools: new Tools() };
    if (settings.signal === 'logs') {
      const judge = new LogJudge(config, mode, this.#tally);
      this.#rewrite = (batch) => rewriteLogs(batch, judge, options);
    } else {
      const judge = new SpanJudge(config, mode, this.#tally);
      this.#rewrite = (batch) => rewriteSpans(batch, judge, options);
    }
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const kept = this.#rewrite(batch);
    this.#tally.flush();
    return handOnKept(this.#next, this.#settings.account, batch, kept, ctx);
  }
}
