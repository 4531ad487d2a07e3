import type { BufferedTrace } from '../../internal/sampling/decider.ts';
import { type Ballot, NOT_ASKED } from './ballot.ts';

/** Duration and spans: 8 + 4. */
const header = 12;

/** What an explanation is made of: read back from the notes, or straight from the last decision. */
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
  #ballots = new Uint8Array(0);
  #values = new Float32Array(0);
  readonly #view = new DataView(new ArrayBuffer(header));

  /** @returns the place of one more ballot */
  ballotSlot(): number {
    this.#ballots = new Uint8Array(this.#ballots.length + 1);
    return this.#ballots.length - 1;
  }

  /** @returns the place of one more value */
  valueSlot(): number {
    this.#values = new Float32Array(this.#values.length + 1);
    return this.#values.length - 1;
  }

  get length(): number {
    return header + this.#ballots.length + 4 * this.#values.length;
  }

  begin({ durationNanos, spanCount }: BufferedTrace): void {
    this.#ballots.fill(NOT_ASKED);
    this.#values.fill(0);
    this.#view.setFloat64(0, durationNanos);
    this.#view.setUint32(8, spanCount);
  }

  vote(slot: number, ballot: Ballot): Ballot {
    this.#ballots[slot] = ballot;
    return ballot;
  }

  /** Of the decision under way. */
  ballot(slot: number): Ballot {
    return (this.#ballots[slot] ?? NOT_ASKED) as Ballot;
  }

  note(slot: number, value: number): void {
    this.#values[slot] = value;
  }

  write(into: Uint8Array, at: number): number {
    into.set(new Uint8Array(this.#view.buffer), at);
    into.set(this.#ballots, at + header);
    into.set(new Uint8Array(this.#values.buffer), at + header + this.#ballots.length);
    return this.length;
  }

  read(notes: Uint8Array): Told {
    const bytes = notes.slice();
    const view = new DataView(bytes.buffer);
    const values = header + this.#ballots.length;
    return {
      durationNanos: view.getFloat64(0),
      spans: view.getUint32(8),
      ballot: (slot) => (bytes[header + slot] ?? NOT_ASKED) as Ballot,
      value: (slot) => view.getFloat32(values + 4 * slot, true),
    };
  }
}
