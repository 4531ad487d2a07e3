import type { BufferedTrace } from '../../internal/sampling/decider.ts';
import { type Ballot, NOT_ASKED } from './ballot.ts';

/** Duration, 8 bytes; spans, 4; then the values of 4 bytes each, then the ballots of one. */
const header = 12;

/** What an explanation is made of. */
export interface Told {
  readonly durationNanos: number;
  readonly spans: number;
  ballot(slot: number): Ballot;
  value(slot: number): number;
}

/**
 * Ballots and compared values of the decision under way. Each policy, sub-policies too, has its place, so that the notes
 * of a trace are these few bytes and nothing else.
 */
export class Notes {
  #ballotSlots = 0;
  #valueSlots = 0;
  /** All of one buffer, made once the slots are given out. */
  #bytes = new Uint8Array(0);
  #durations = new Float64Array(0);
  #words = new Uint32Array(0);
  #values = new Float32Array(0);

  /** @returns the place of one more ballot */
  ballotSlot(): number {
    return this.#ballotSlots++;
  }

  /** @returns the place of one more value */
  valueSlot(): number {
    return this.#valueSlots++;
  }

  get length(): number {
    return this.#ballotsAt + this.#ballotSlots;
  }

  begin({ durationNanos, spanCount }: BufferedTrace): void {
    if (this.#bytes.length === 0) this.#prepare();
    this.#bytes.fill(0);
    this.#durations[0] = durationNanos;
    this.#words[2] = spanCount;
  }

  vote(slot: number, ballot: Ballot): Ballot {
    this.#bytes[this.#ballotsAt + slot] = ballot;
    return ballot;
  }

  /** Of the decision under way. */
  ballot(slot: number): Ballot {
    return (this.#bytes[this.#ballotsAt + slot] ?? NOT_ASKED) as Ballot;
  }

  note(slot: number, value: number): void {
    this.#values[header / 4 + slot] = value;
  }

  write(into: Uint8Array, at: number): number {
    const bytes = this.#bytes;
    const { length } = this;
    for (let i = 0; i < length; i++) into[at + i] = bytes[i]!;
    return length;
  }

  read(notes: Uint8Array): Told {
    // A copy, which begins where arrays of larger elements may begin.
    const { buffer } = new Uint8Array(notes);
    const values = new Float32Array(buffer, header, this.#valueSlots);
    const ballots = new Uint8Array(buffer, this.#ballotsAt);
    return {
      durationNanos: new Float64Array(buffer, 0, 1)[0]!,
      spans: new Uint32Array(buffer, 8, 1)[0]!,
      ballot: (slot) => (ballots[slot] ?? NOT_ASKED) as Ballot,
      value: (slot) => values[slot] ?? 0,
    };
  }

  get #ballotsAt(): number {
    return header + 4 * this.#valueSlots;
  }

  #prepare(): void {
    const buffer = new ArrayBuffer(Math.ceil(this.length / 8) * 8);
    this.#bytes = new Uint8Array(buffer);
    this.#durations = new Float64Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#values = new Float32Array(buffer);
  }
}
