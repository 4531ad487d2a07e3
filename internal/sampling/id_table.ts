import type { TraceId } from './trace_hash.ts';

/** Where an item's hash stands, behind the four words of its trace id. */
export const HASH = 4;

/**
 * Finds items by trace id: an open-addressing table over `words`, in which item n begins at n * `stride` with its id and the
 * hash of it. At most half of the slots are in use.
 */
export class IdTable {
  words: Uint32Array;
  /** Items in it. */
  size = 0;
  readonly #stride: number;
  #slots = new Int32Array(1).fill(-1);
  #mask = 0;

  constructor(stride: number, words: Uint32Array) {
    this.#stride = stride;
    this.words = words;
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }

  /** Bytes of a table for so many items. */
  static bytesFor(items: number): number {
    return 4 * 2 ** Math.ceil(Math.log2(Math.max(1, items) * 2));
  }

  /** Makes the table large enough for `items`; it never gets smaller. */
  reserve(items: number): void {
    const length = IdTable.bytesFor(items) / 4;
    if (length <= this.#slots.length) return;
    const old = this.#slots;
    this.#slots = new Int32Array(length).fill(-1);
    this.#mask = length - 1;
    for (const item of old) if (item >= 0) this.#enter(item);
  }

  /** The item of this id, or -1. */
  find(id: TraceId): number {
    const slots = this.#slots;
    const mask = this.#mask;
    const stride = this.#stride;
    const { words } = this;
    for (let slot = id.hash & mask; ; slot = (slot + 1) & mask) {
      const item = slots[slot]!;
      if (item < 0) return -1;
      const at = item * stride;
      if (words[at] !== id.a || words[at + 1] !== id.b) continue;
      if (words[at + 2] === id.c && words[at + 3] === id.d) return item;
    }
  }

  /** No other item may have its id. */
  add(item: number): void {
    this.size++;
    this.#enter(item);
  }

  /** The item must be in it. */
  remove(item: number): void {
    this.size--;
    const slots = this.#slots;
    const mask = this.#mask;
    let hole = this.#home(item);
    while (slots[hole] !== item) hole = (hole + 1) & mask;
    // What comes behind in the same run moves up if it may, so that no gap cuts it off from where it is looked for.
    for (let slot = (hole + 1) & mask; slots[slot]! >= 0; slot = (slot + 1) & mask) {
      if (((slot - this.#home(slots[slot]!)) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = slots[slot]!;
      hole = slot;
    }
    slots[hole] = -1;
  }

  #home(item: number): number {
    return this.words[item * this.#stride + HASH]! & this.#mask;
  }

  #enter(item: number): void {
    let slot = this.#home(item);
    while (this.#slots[slot]! >= 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = item;
  }
}

/** Writes an id and its hash to where an item begins. */
export function writeId(words: Uint32Array, at: number, id: TraceId): void {
  words[at] = id.a;
  words[at + 1] = id.b;
  words[at + 2] = id.c;
  words[at + 3] = id.d;
  words[at + HASH] = id.hash;
}
