import type { RunningComponent } from '../../../internal/core/component.ts';
import type { Explanation } from '../../../internal/core/explain.ts';
import { Names } from './book.ts';
import type { TraceTable } from './traces.ts';

/** Decisions of one sampler, by the policy that settled them. */
export interface PolicyCounts {
  /** Absent where no policy settled it. */
  readonly policy: string | undefined;
  readonly type: string | undefined;
  kept: number;
  leftOut: number;
  /** How often it said so itself, whatever was decided. */
  votesFor: number;
  votesAgainst: number;
}

export interface SamplerCounts {
  readonly component: string;
  readonly pipeline: string;
  readonly policies: readonly PolicyCounts[];
  readonly triggers: Readonly<Record<string, number>>;
  /** Traces it knew nothing of when it was asked: they never reached it, or its log had no more room for them. */
  readonly unknown: number;
}

/** Policies of all samplers that a trace table can name. */
const maxPolicies = 60_000;

/** Asks samplers for their decisions as the replay goes on, while their logs still know them. */
export class Verdicts {
  /** By their number in the trace table. */
  readonly names = new Names(maxPolicies);
  readonly #traces: TraceTable;
  readonly #samplers: Sampler[];

  constructor(components: readonly RunningComponent[], traces: TraceTable) {
    this.#traces = traces;
    this.names.index('');
    this.#samplers = components.filter(({ component }) => component.explain).map((one) => new Sampler(one));
  }

  /** New traces, by their rows. */
  began(from: number, to: number): void {
    for (const sampler of this.#samplers) for (let row = from; row < to; row++) sampler.waiting.push(row);
  }

  /** Takes down what was decided since. @param last ask for all that is left */
  collect(last: boolean): void {
    for (const sampler of this.#samplers) this.#collect(sampler, last);
  }

  counts(): SamplerCounts[] {
    return this.#samplers.map((sampler) => sampler.counts());
  }

  /**
   * From the oldest on, up to one that is still pending: decisions fall in about the order in which traces began. One that nobody knows is asked for
   * a second time, since it may be on its way through a batch.
   */
  #collect(sampler: Sampler, last: boolean): void {
    const { waiting, slow, seconds } = sampler;
    for (let left = slow.length; left > 0; left--) {
      const row = slow.shift();
      const state = this.#settle(sampler, row);
      if (state === 'pending' && !last) slow.push(row);
      else if (state !== 'done') sampler.unknown += 1;
    }
    while (waiting.length > 0) {
      const state = this.#settle(sampler, waiting.at(0));
      if (state === 'pending' && !last) {
        // Where others that began later are decided, it waits for a root that they have: it must not hold them up until they are forgotten.
        if (slow.length >= maxSlow || !this.#isDecided(sampler, waiting.at(waiting.length >> 1))) break;
        slow.push(waiting.shift());
        continue;
      }
      const row = waiting.shift();
      if (state === 'unknown' && !last) seconds.push(row);
      else if (state !== 'done') sampler.unknown += 1;
    }
    for (let left = last ? seconds.length : seconds.length - maxSeconds; left > 0; left--) {
      if (this.#settle(sampler, seconds.shift()) !== 'done') sampler.unknown += 1;
    }
  }

  #isDecided(sampler: Sampler, row: number): boolean {
    const decision = sampler.explain(this.#traces.id(row))?.decision;
    return decision !== undefined && decision !== 'pending';
  }

  #settle(sampler: Sampler, row: number): 'done' | 'pending' | 'unknown' {
    const explanation = sampler.explain(this.#traces.id(row));
    if (!explanation) return 'unknown';
    const { decision, policy } = explanation;
    if (decision === 'pending') return 'pending';
    sampler.add(explanation);
    this.#traces.setPolicy(row, this.names.index(policy ?? `(${decision.replace('_', ' ')})`));
    return 'done';
  }
}

/** Traces that may be on their way to a sampler. */
const maxSeconds = 100_000;
/** Traces that wait longer than others: all are asked for each time. */
const maxSlow = 20_000;

class Sampler {
  readonly waiting = new Rows();
  readonly slow = new Rows();
  readonly seconds = new Rows();
  unknown = 0;
  readonly #running: RunningComponent;
  readonly #policies = new Map<string | undefined, PolicyCounts>();
  readonly #triggers = new Map<string, number>();

  constructor(running: RunningComponent) {
    this.#running = running;
  }

  explain(traceId: string): Explanation | undefined {
    return this.#running.component.explain?.(traceId);
  }

  add({ decision, policy, trigger, votes }: Explanation): void {
    for (const { policy: name, type, vote } of votes) {
      const counts = this.#of(name, type);
      if (vote === 'sampled' || vote === 'inverted_sampled') counts.votesFor += 1;
      else if (vote === 'not_sampled' || vote === 'inverted_not_sampled' || vote === 'dropped')
        counts.votesAgainst += 1;
    }
    const settled = this.#of(policy, undefined);
    if (decision === 'sampled') settled.kept += 1;
    else settled.leftOut += 1;
    if (trigger !== undefined) this.#triggers.set(trigger, (this.#triggers.get(trigger) ?? 0) + 1);
  }

  #of(policy: string | undefined, type: string | undefined): PolicyCounts {
    let counts = this.#policies.get(policy);
    if (!counts) {
      counts = { policy, type, kept: 0, leftOut: 0, votesFor: 0, votesAgainst: 0 };
      this.#policies.set(policy, counts);
    }
    return counts;
  }

  counts(): SamplerCounts {
    const { id, pipelines } = this.#running;
    const policies = [...this.#policies.values()];
    // What no policy settled comes last.
    policies.sort((a, b) => Number(a.policy === undefined) - Number(b.policy === undefined));
    const triggers = Object.fromEntries([...this.#triggers].sort(([a], [b]) => (a < b ? -1 : 1)));
    return { component: id, pipeline: pipelines[0] ?? '', policies, triggers, unknown: this.unknown };
  }
}

/** A queue of numbers. */
class Rows {
  #rows = new Uint32Array(1024);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }
  at(index: number): number {
    return this.#rows[(this.#head + index) & (this.#rows.length - 1)]!;
  }
  push(row: number): void {
    if (this.#length === this.#rows.length) this.#grow();
    this.#rows[(this.#head + this.#length++) & (this.#rows.length - 1)] = row;
  }
  shift(): number {
    const row = this.#rows[this.#head]!;
    this.#head = (this.#head + 1) & (this.#rows.length - 1);
    this.#length -= 1;
    return row;
  }
  #grow(): void {
    const rows = new Uint32Array(this.#rows.length * 2);
    for (let i = 0; i < this.#length; i++) rows[i] = this.#rows[(this.#head + i) & (this.#rows.length - 1)]!;
    this.#rows = rows;
    this.#head = 0;
  }
}
