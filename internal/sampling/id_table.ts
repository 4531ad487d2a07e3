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
  /** An item's number and one; 0: empty, so that a table costs nothing where it was not touched. */
  #slots: Uint32Array;
  #mask: number;

  /** @param items for which it is to be large enough */
  constructor(stride: number, words: Uint32Array, items: number) {
    this.#stride = stride;
    this.words = words;
    this.#slots = new Uint32Array(IdTable.bytesFor(items) / 4);
    this.#mask = this.#slots.length - 1;
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
    this.#slots = new Uint32Array(length);
    this.#mask = length - 1;
    for (const slot of old) if (slot > 0) this.#enter(slot - 1);
  }

  /** The item of this id, or -1. */
  find(id: TraceId): number {
    const slots = this.#slots;
    const mask = this.#mask;
    const stride = this.#stride;
    const { words } = this;
    for (let slot = id.hash & mask; ; slot = (slot + 1) & mask) {
      const item = slots[slot]! - 1;
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
    while (slots[hole] !== item + 1) hole = (hole + 1) & mask;
    // What comes behind in the same run moves up if it may, so that no gap cuts it off from where it is looked for.
    for (let slot = (hole + 1) & mask; slots[slot]! > 0; slot = (slot + 1) & mask) {
      if (((slot - this.#home(slots[slot]! - 1)) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = slots[slot]!;
      hole = slot;
    }
    slots[hole] = 0;
  }

  #home(item: number): number {
    return this.words[item * this.#stride + HASH]! & this.#mask;
  }

  #enter(item: number): void {
    let slot = this.#home(item);
    while (this.#slots[slot]! > 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = item + 1;
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
