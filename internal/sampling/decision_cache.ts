import { IdTable, writeId } from './id_table.ts';
import type { TraceId } from './trace_hash.ts';

/* What is remembered of a decision, in words, behind the id and its hash. */
const ENTRY = 9;
const POLICY = 5;
const THRESHOLD = 6;
/** Monotonic time of the decision in tenths of a second, and whether a late span has asked since it was last looked at. */
const WHEN = 8;
const ASKED = 0x8000_0000;

/** With the table, which has two to four slots for each entry. */
const bytesPerEntry = ENTRY * 4 + 16;

/**
 * Decisions by trace id, newest win. When it is full the oldest goes, except that one that late spans have asked for gets
 * another round (the CLOCK algorithm), which comes close to forgetting the least recently used.
 */
export class DecisionCache {
  readonly capacity: number;
  /** Whole from the beginning: what was not touched yet takes no memory, and nothing ever has to be copied or entered anew. */
  readonly #entries: Uint32Array;
  readonly #table: IdTable;
  /** The entry to be looked at next when room is needed. */
  #hand = 0;

  /** @param capacity entries; 0: remembers nothing */
  constructor(capacity: number) {
    this.capacity = capacity;
    this.#entries = new Uint32Array(capacity * ENTRY);
    this.#table = new IdTable(ENTRY, this.#entries, capacity);
  }

  /** How many entries of all take `bytes` at most. */
  static entriesIn(bytes: number): number {
    return Math.floor(bytes / bytesPerEntry);
  }

  get bytes(): number {
    return this.size * ENTRY * 4 + this.#table.bytes;
  }
  get size(): number {
    return this.#table.size;
  }

  /** @returns the entry, good until the next `put`, or -1 */
  find(id: TraceId): number {
    const entry = this.#table.find(id);
    if (entry >= 0) this.#entries[entry * ENTRY + WHEN]! |= ASKED;
    return entry;
  }

  policyOf(entry: number): number {
    return this.#entries[entry * ENTRY + POLICY]!;
  }
  thresholdLow(entry: number): number {
    return this.#entries[entry * ENTRY + THRESHOLD]!;
  }
  thresholdHigh(entry: number): number {
    return this.#entries[entry * ENTRY + THRESHOLD + 1]!;
  }
  /** Monotonic milliseconds, to a tenth of a second. */
  decidedAt(entry: number): number {
    return (this.#entries[entry * ENTRY + WHEN]! & ~ASKED) * 100;
  }

  put(id: TraceId, policy: number, thresholdLow: number, thresholdHigh: number, decidedAt: number): void {
    let entry = this.#table.find(id);
    const known = entry >= 0;
    if (!known) entry = this.size < this.capacity ? this.size : this.#oldest();
    const at = entry * ENTRY;
    const entries = this.#entries;
    writeId(entries, at, id);
    entries[at + POLICY] = policy;
    entries[at + THRESHOLD] = thresholdLow;
    entries[at + THRESHOLD + 1] = thresholdHigh;
    entries[at + WHEN] = (decidedAt / 100) & ~ASKED;
    if (!known) this.#table.add(entry);
  }

  /** The same with another capacity: the newest stay. @param id to work with */
  resized(capacity: number, id: TraceId): DecisionCache {
    if (capacity === this.capacity) return this;
    const resized = new DecisionCache(capacity);
    const { size } = this;
    const entries = this.#entries;
    for (let i = Math.max(0, size - capacity); i < size; i++) {
      const at = ((size === this.capacity ? this.#hand + i : i) % size) * ENTRY;
      id.set(entries[at]!, entries[at + 1]!, entries[at + 2]!, entries[at + 3]!);
      const when = (entries[at + WHEN]! & ~ASKED) * 100;
      resized.put(id, entries[at + POLICY]!, entries[at + THRESHOLD]!, entries[at + THRESHOLD + 1]!, when);
    }
    return resized;
  }

  #oldest(): number {
    const entries = this.#entries;
    for (;;) {
      const entry = this.#hand;
      this.#hand = (entry + 1) % this.size;
      const when = entry * ENTRY + WHEN;
      if ((entries[when]! & ASKED) === 0) {
        this.#table.remove(entry);
        return entry;
      }
      entries[when]! &= ~ASKED;
    }
  }
}
