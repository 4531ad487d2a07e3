import type { Settings } from '../../internal/core/component.ts';
import { Notice } from '../../internal/core/notice.ts';
import type { Counter } from '../../internal/core/telemetry.ts';
import type { Policy, Verdict } from './verdict.ts';

/** Decisions of the batch at hand under one policy. */
export interface Count {
  kept: number;
  left: number;
}

/** Counts decisions, batch by batch, and tells now and then what could not be judged. */
export class Tally {
  readonly #settings: Settings;
  readonly #failClosed: boolean;
  /** The attribute that is hashed, which upstream makes the policy's name. */
  readonly #attribute: string;
  readonly #counts = new Map<Policy, Count>();
  readonly #counters = new Map<Policy, readonly [kept: Counter, left: Counter]>();
  readonly #problems: Notice;

  constructor(settings: Settings, failClosed: boolean, attribute: string) {
    this.#settings = settings;
    this.#failClosed = failClosed;
    this.#attribute = attribute;
    this.#problems = new Notice(settings.clock);
  }

  of(policy: Policy): Count {
    let count = this.#counts.get(policy);
    if (!count) this.#counts.set(policy, (count = { kept: 0, left: 0 }));
    return count;
  }

  add({ policy, kept, problem }: Verdict): void {
    if (kept) this.of(policy).kept++;
    else this.of(policy).left++;
    if (problem !== undefined) this.#problem(problem);
  }

  /** The batch is done. */
  flush(): void {
    for (const [policy, count] of this.#counts) {
      if (count.kept + count.left === 0) continue;
      const [kept, left] = this.#countersOf(policy);
      kept.add(count.kept);
      left.add(count.left);
      count.kept = 0;
      count.left = 0;
    }
  }

  #problem(problem: string): void {
    this.#problems.event((leftOut) => {
      const done = this.#failClosed ? 'left out (fail_closed: true)' : 'kept (fail_closed: false)';
      this.#settings.logger.info(`an item could not be judged and was ${done}`, { problem, left_out_before: leftOut });
    });
  }

  #countersOf(policy: Policy): readonly [Counter, Counter] {
    let pair = this.#counters.get(policy);
    if (!pair) this.#counters.set(policy, (pair = [this.#series(policy, true), this.#series(policy, false)]));
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
