import type { Clock } from '../../internal/core/clock.ts';
import type { BufferedTrace } from '../../internal/sampling/decider.ts';
import { type Ballot, FAILED, INVERTED_NOT_SAMPLED, INVERTED_SAMPLED, NOT_SAMPLED, SAMPLED } from './ballot.ts';
import { type Chance, certain, failed, independent, never } from './chance.ts';
import { type Bit, isSet } from './facts.ts';
import { KeepRatio, type TokenBucket } from './limiter.ts';
import type { Notes, Told } from './notes.ts';
import type { HashLimit, TraceHash } from './trace_hash.ts';

/** A policy of the configuration, at any depth. */
export interface Policy {
  /** Asked at most once for each decision: a rate is used up by it. Leaves what it compared in the notes. */
  vote(trace: BufferedTrace): Ballot;
  /** Changes nothing; does not depend on what was asked before. */
  chance(trace: BufferedTrace): Chance;
  /** The values that the vote compared, in words. */
  tell(told: Told, ballot: Ballot): string;
  /** Set in a trace that the policy picks out for what it is: such a one is evicted last. */
  readonly picks?: Bit | undefined;
}

export const always: Policy = {
  vote: () => SAMPLED,
  chance: () => certain,
  tell: () => 'samples every trace',
};

/** How a fact is told: `yes` where it holds, `no` where it does not. */
export interface FactWords {
  readonly yes: (told: Told) => string;
  readonly no: (told: Told) => string;
}

interface FactOptions {
  /** `plain`: the opposite; `ranked`: the opposite, with a rank of its own. */
  readonly inverted?: 'plain' | 'ranked' | undefined;
  /** Set where the fact could not be worked out. */
  readonly failedBit?: Bit | undefined;
  /** The fact holds for most traces, so that it makes none precious. */
  readonly common?: boolean | undefined;
}

/** Goes by one bit of the trace. */
export class FactPolicy implements Policy {
  readonly picks: Bit | undefined;
  readonly #bit: Bit;
  readonly #failedBit: Bit | undefined;
  readonly #holds: Ballot;
  readonly #holdsNot: Ballot;
  readonly #words: FactWords;

  constructor(bit: Bit, words: FactWords, { inverted, failedBit, common }: FactOptions = {}) {
    this.#bit = bit;
    this.#words = words;
    this.#failedBit = failedBit;
    this.#holds = inverted === 'ranked' ? INVERTED_NOT_SAMPLED : inverted ? NOT_SAMPLED : SAMPLED;
    this.#holdsNot = inverted === 'ranked' ? INVERTED_SAMPLED : inverted ? SAMPLED : NOT_SAMPLED;
    this.picks = inverted || common ? undefined : bit;
  }

  vote(trace: BufferedTrace): Ballot {
    if (this.#failedBit && isSet(trace, this.#failedBit)) return FAILED;
    return isSet(trace, this.#bit) ? this.#holds : this.#holdsNot;
  }

  chance(trace: BufferedTrace): Chance {
    const ballot = this.vote(trace);
    if (ballot === FAILED) return failed;
    return ballot === SAMPLED || ballot === INVERTED_SAMPLED ? certain : never;
  }

  tell(told: Told, ballot: Ballot): string {
    if (ballot === FAILED) return 'a condition could not be worked out';
    return ballot === this.#holds ? this.#words.yes(told) : this.#words.no(told);
  }
}

export class SpanCountPolicy implements Policy {
  readonly #min: number;
  readonly #max: number;

  /** @param max 0: none */
  constructor(min: number, max: number) {
    this.#min = min;
    this.#max = max;
  }

  vote(trace: BufferedTrace): Ballot {
    return this.#holds(trace) ? SAMPLED : NOT_SAMPLED;
  }
  chance(trace: BufferedTrace): Chance {
    return this.#holds(trace) ? certain : never;
  }
  tell({ spans }: Told): string {
    return `${spans} spans, at least ${this.#min} wanted${this.#max === 0 ? '' : ` and at most ${this.#max}`}`;
  }

  #holds({ spanCount }: BufferedTrace): boolean {
    return spanCount >= this.#min && (this.#max === 0 || spanCount <= this.#max);
  }
}

/** Goes by a hash of the trace id, which is the same on every instance and has nothing to do with `ot=rv`. */
export class ProbabilisticPolicy implements Policy {
  readonly #notes: Notes;
  readonly #place: number;
  readonly #hash: TraceHash;
  readonly #limit: HashLimit;
  readonly #percentage: number;
  readonly #chance: Chance;

  constructor(notes: Notes, hash: TraceHash, limit: HashLimit, salt: string, percentage: number) {
    this.#notes = notes;
    this.#place = notes.valueSlot();
    this.#hash = hash;
    this.#limit = limit;
    this.#percentage = Math.min(100, Math.max(0, percentage));
    this.#chance = this.#percentage === 100 ? certain : { salt, from: 0, to: this.#percentage / 100 };
  }

  vote({ traceIds, traceIdAt }: BufferedTrace): Ballot {
    const { high, low } = this.#hash.of(traceIds, traceIdAt);
    this.#notes.note(this.#place, high / 2 ** 32);
    const limit = this.#limit;
    const sampled = high < limit.high || (high === limit.high && low <= limit.low);
    return sampled ? SAMPLED : NOT_SAMPLED;
  }
  chance(): Chance {
    return this.#chance;
  }
  tell(told: Told): string {
    return `hash of the trace id at ${round(told.value(this.#place) * 100, 4)} %, sampled up to ${this.#percentage} %`;
  }
}

/** What a limit of so much a second is counted in. */
export interface Measure {
  readonly unit: 'spans' | 'bytes';
  of(trace: BufferedTrace): number;
}

export class LimitPolicy implements Policy {
  readonly #notes: Notes;
  readonly #wanted: number;
  readonly #available: number;
  readonly #bucket: TokenBucket;
  readonly #measure: Measure;
  readonly #perSecond: number;
  readonly #clock: Clock;
  readonly #ratio = new KeepRatio();

  constructor(notes: Notes, bucket: TokenBucket, perSecond: number, measure: Measure, clock: Clock) {
    this.#notes = notes;
    this.#wanted = notes.valueSlot();
    this.#available = notes.valueSlot();
    this.#bucket = bucket;
    this.#perSecond = perSecond;
    this.#measure = measure;
    this.#clock = clock;
  }

  vote(trace: BufferedTrace): Ballot {
    const now = this.#clock.monotonic();
    const wanted = this.#measure.of(trace);
    this.#notes.note(this.#wanted, wanted);
    this.#notes.note(this.#available, this.#bucket.available(now));
    const sampled = this.#bucket.take(now, wanted);
    this.#ratio.count(now, trace.spanCount, sampled);
    return sampled ? SAMPLED : NOT_SAMPLED;
  }
  /** As measured lately: how full the bucket is says nothing about the trace. */
  chance(): Chance {
    return independent(this.#ratio.value);
  }
  tell(told: Told, ballot: Ballot): string {
    const { unit } = this.#measure;
    const spent = ballot === SAMPLED ? 'left' : 'left, used up';
    return `${round(told.value(this.#wanted))} ${unit} wanted, ${round(told.value(this.#available))} of ${this.#perSecond} ${unit}/s ${spent}`;
  }
}

export function round(value: number, digits = 0): number {
  return Number(value.toFixed(digits));
}
