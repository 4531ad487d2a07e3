import type { Clock } from '../../internal/core/clock.ts';
import type { BufferedTrace } from '../../internal/sampling/decider.ts';
import {
  type Ballot,
  ballotText,
  type DROPPED,
  FAILED,
  INVERTED_NOT_SAMPLED,
  INVERTED_SAMPLED,
  NOT_ASKED,
  NOT_SAMPLED,
  SAMPLED,
} from './ballot.ts';
import { both, type Chance, certain, failed, independent, opposite, probability } from './chance.ts';
import { KeepRatio } from './limiter.ts';
import type { Notes, Told } from './notes.ts';
import { type Policy, round } from './policy.ts';

/** A policy with its name, and its place in the notes. */
export interface Seat {
  readonly name: string;
  readonly type: string;
  readonly policy: Policy;
  /** Of its ballot in the notes. */
  readonly slot: number;
}

function ask({ policy, slot }: Seat, notes: Notes, trace: BufferedTrace): Ballot {
  return notes.vote(slot, policy.vote(trace));
}

function tellAll(subs: readonly Seat[], told: Told): string {
  if (subs.length === 0) return 'there are no sub-policies';
  return subs
    .map(({ name, type, policy, slot }) => {
      const ballot = told.ballot(slot);
      return `${name || type}: ${ballot === NOT_ASKED ? 'not asked' : `${policy.tell(told, ballot)} (${ballotText(ballot)})`}`;
    })
    .join('; ');
}

/** `and`, and with another word for yes `drop`: all sub-policies, in order, up to the first that does not sample. */
export class AllPolicy implements Policy {
  readonly #notes: Notes;
  readonly #subs: readonly Seat[];
  readonly #yes: typeof SAMPLED | typeof DROPPED;

  constructor(notes: Notes, subs: readonly Seat[], yes: typeof SAMPLED | typeof DROPPED) {
    this.#notes = notes;
    this.#subs = subs;
    this.#yes = yes;
  }

  vote(trace: BufferedTrace): Ballot {
    for (const sub of this.#subs) {
      const ballot = ask(sub, this.#notes, trace);
      if (ballot === FAILED) return FAILED;
      if (ballot === NOT_SAMPLED || ballot === INVERTED_NOT_SAMPLED) return NOT_SAMPLED;
    }
    return this.#yes;
  }

  chance(trace: BufferedTrace): Chance {
    let all = certain;
    for (const { policy } of this.#subs) {
      const chance = policy.chance(trace);
      if (chance === failed) return failed;
      all = both(all, chance);
    }
    return all;
  }

  tell(told: Told): string {
    return tellAll(this.#subs, told);
  }
}

export class NotPolicy implements Policy {
  readonly #notes: Notes;
  readonly #sub: Seat;

  constructor(notes: Notes, sub: Seat) {
    this.#notes = notes;
    this.#sub = sub;
  }

  vote(trace: BufferedTrace): Ballot {
    const ballot = ask(this.#sub, this.#notes, trace);
    if (ballot === SAMPLED) return NOT_SAMPLED;
    return ballot === NOT_SAMPLED ? SAMPLED : ballot;
  }
  chance(trace: BufferedTrace): Chance {
    return opposite(this.#sub.policy.chance(trace));
  }
  tell(told: Told): string {
    return tellAll([this.#sub], told);
  }
}

export interface Share {
  readonly sub: Seat;
  /** Spans a second. */
  readonly spans: number;
}

interface Spent {
  used: number;
  readonly ratio: KeepRatio;
  readonly slot: number;
}

/** The first sub-policy that samples pays for the spans of the trace out of its share of the second. */
export class CompositePolicy implements Policy {
  /** The sub-policy that sampled in the last vote; -1: none. */
  sampledBy = -1;
  readonly subs: readonly Seat[];
  readonly #notes: Notes;
  readonly #shares: readonly Share[];
  readonly #spent: readonly Spent[];
  readonly #maxSpans: number;
  readonly #clock: Clock;
  #second = Number.NEGATIVE_INFINITY;

  constructor(notes: Notes, shares: readonly Share[], maxSpans: number, clock: Clock) {
    this.subs = shares.map(({ sub }) => sub);
    this.#notes = notes;
    this.#shares = shares;
    this.#spent = shares.map(() => ({ used: 0, ratio: new KeepRatio(), slot: notes.valueSlot() }));
    this.#maxSpans = maxSpans;
    this.#clock = clock;
  }

  vote(trace: BufferedTrace): Ballot {
    this.sampledBy = -1;
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) for (const spent of this.#spent) spent.used = 0;
    this.#second = second;
    for (let i = 0; i < this.#shares.length; i++) {
      const { sub, spans } = this.#shares[i]!;
      const ballot = ask(sub, this.#notes, trace);
      if (ballot === FAILED) return FAILED;
      if (ballot !== SAMPLED && ballot !== INVERTED_SAMPLED) continue;
      const spent = this.#spent[i]!;
      this.#notes.note(spent.slot, spent.used);
      const used = spent.used + trace.spanCount;
      const fits = used <= spans && used <= this.#maxSpans;
      spent.ratio.count(this.#clock.monotonic(), trace.spanCount, fits);
      if (!fits) return NOT_SAMPLED;
      spent.used = used;
      this.sampledBy = i;
      return SAMPLED;
    }
    return NOT_SAMPLED;
  }

  /** Over the sub-policies: that it is the first to sample, times the share of spans that it could pay for lately. */
  chance(trace: BufferedTrace): Chance {
    let reached = certain;
    let sum = 0;
    for (let i = 0; i < this.#shares.length; i++) {
      const chance = this.#shares[i]!.sub.policy.chance(trace);
      if (chance === failed) break;
      sum += probability(both(reached, chance)) * this.#spent[i]!.ratio.value;
      reached = both(reached, opposite(chance));
    }
    return independent(sum);
  }

  tell(told: Told): string {
    const payer = this.subs.findIndex(({ slot }) => {
      const ballot = told.ballot(slot);
      return ballot === SAMPLED || ballot === INVERTED_SAMPLED;
    });
    const all = tellAll(this.subs, told);
    if (payer < 0) return all;
    const used = round(told.value(this.#spent[payer]!.slot));
    return `${all}; ${used} of ${this.#shares[payer]!.spans} spans/s used by others, ${told.spans} wanted`;
  }
}
