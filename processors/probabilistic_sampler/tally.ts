import type { Settings } from '../../internal/core/component.ts';
import { Notice } from '../../internal/core/notice.ts';
import type { Counter } from '../../internal/core/telemetry.ts';
import type { Policy } from './verdict.ts';

/** Counts decisions, and tells now and then what could not be judged. */
export class Tally {
  readonly #settings: Settings;
  readonly #failClosed: boolean;
  /** The attribute that is hashed, which upstream makes the policy's name. */
  readonly #attribute: string;
  readonly #counters = new Map<Policy, readonly [left: Counter, kept: Counter]>();
  readonly #problems: Notice;

  constructor(settings: Settings, failClosed: boolean, attribute: string) {
    this.#settings = settings;
    this.#failClosed = failClosed;
    this.#attribute = attribute;
    this.#problems = new Notice(settings.clock);
  }

  add(policy: Policy, kept: boolean, items = 1): void {
    if (items > 0) this.#counter(policy)[kept ? 1 : 0].add(items);
  }

  problem(problem: string): void {
    this.#problems.event((leftOut) => {
      const done = this.#failClosed ? 'left out (fail_closed: true)' : 'kept (fail_closed: false)';
      this.#settings.logger.info(`an item could not be judged and was ${done}`, { problem, left_out_before: leftOut });
    });
  }

  #counter(policy: Policy): readonly [Counter, Counter] {
    let pair = this.#counters.get(policy);
    if (!pair) this.#counters.set(policy, (pair = [this.#series(policy, false), this.#series(policy, true)]));
    return pair;
  }

  #series(policy: Policy, sampled: boolean): Counter {
    const { meter, signal } = this.#settings;
    const labels = { policy: policy === 'attribute' ? this.#attribute : policy, sampled: String(sampled) };
    if (signal === 'logs') {
      const name = 'otelcol_processor_probabilistic_sampler_count_logs_sampled';
      return meter.counter({ name, help: 'Log records judged, kept or not.', labels });
    }
    const name = 'otelcol_processor_probabilistic_sampler_count_traces_sampled';
    return meter.counter({ name, help: 'Spans judged, kept or not.', labels });
  }
}
