import type { Span } from '../../internal/otlp/view/span.ts';
import { randomnessOfTraceId, thresholdOf } from '../../internal/sampling/consistent.ts';
import { TraceState } from '../../internal/sampling/consistent_tracestate.ts';
import type { BufferedTrace, Facts } from '../../internal/sampling/decider.ts';
import { type Ballot, NOT_SAMPLED, SAMPLED } from './ballot.ts';
import type { Chance } from './chance.ts';
import { type Bit, type Gatherer, isSet, type Layout } from './facts.ts';
import type { Notes, Told } from './notes.ts';
import { type Policy, round } from './policy.ts';

const rv = Buffer.from('rv:');

/** The randomness R of a trace: `ot=rv` of the first span that has one, else the last 56 bits of the trace id. */
export class RandomnessFacts implements Gatherer {
  readonly #explicit: Bit;
  readonly #words: number;

  constructor(layout: Layout) {
    this.#explicit = layout.bit();
    this.#words = layout.words(2);
  }

  gather({ raw }: Span, { bits, bitsAt }: Facts): void {
    const { word, mask } = this.#explicit;
    if (!raw.has(3) || (bits[bitsAt + word]! & mask) !== 0) return;
    const from = raw.valueStart(3);
    const text = Buffer.from(raw.buf.buffer, raw.buf.byteOffset + from, raw.valueEnd(3) - from);
    if (!text.includes(rv)) return;
    const randomness = TraceState.parse(text.toString('latin1'))?.randomness;
    if (randomness === undefined) return;
    bits[bitsAt + word]! |= mask;
    bits[bitsAt + this.#words] = Number(randomness >> 32n);
    bits[bitsAt + this.#words + 1] = Number(randomness & 0xffff_ffffn);
  }

  of(trace: BufferedTrace): bigint {
    if (!isSet(trace, this.#explicit)) return randomnessOfTraceId(trace.traceIds, trace.traceIdAt);
    const { bits, bitsAt } = trace.facts;
    const at = bitsAt + this.#words;
    return (BigInt(bits[at]!) << 32n) | BigInt(bits[at + 1]!);
  }
}

/** Keeps a share of the traces by consistent probability sampling, as every sampler that goes by `ot=th` would. */
export class ConsistentPolicy implements Policy {
  readonly #notes: Notes;
  readonly #place: number;
  readonly #randomness: RandomnessFacts;
  readonly #threshold: bigint;
  readonly #percentage: number;
  readonly #chance: Chance;

  constructor(notes: Notes, randomness: RandomnessFacts, percentage: number) {
    this.#notes = notes;
    this.#place = notes.valueSlot();
    this.#randomness = randomness;
    this.#percentage = Math.min(100, Math.max(0, percentage));
    this.#threshold = thresholdOf(this.#percentage / 100);
    this.#chance = { salt: 'ot', from: 0, to: this.#percentage / 100 };
  }

  vote(trace: BufferedTrace): Ballot {
    const randomness = this.#randomness.of(trace);
    this.#notes.note(this.#place, 1 - Number(randomness) / 2 ** 56);
    return randomness >= this.#threshold ? SAMPLED : NOT_SAMPLED;
  }
  chance(): Chance {
    return this.#chance;
  }
  tell(told: Told): string {
    return `randomness of the trace at ${round(told.value(this.#place) * 100, 4)} %, sampled up to ${this.#percentage} %`;
  }
}
