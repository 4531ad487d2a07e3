/** What found no place: services, operations and combinations share it. */
export const OVERFLOW = 0;

const nothing = new Uint8Array(0);
const other: Uint8Array = Buffer.from('(other)');

/** Longer texts are told apart by so many bytes of their beginning: nobody can fill the memory with names. */
const LONGEST = 128;

/**
 * Numbers for pieces of text under a parent number, found by their bytes: no string is made. Bounded: what finds no
 * place gets `OVERFLOW`. Numbers are used again once their text was not asked for in a long time.
 */
export class Keys {
  /** Lookups that found no place. */
  overflows = 0;
  readonly #capacity: number;
  readonly #texts: (Uint8Array | undefined)[];
  readonly #parents: Int32Array;
  readonly #hashes: Int32Array;
  readonly #asked: Float64Array;
  readonly #slots: Int32Array;
  readonly #free: number[] = [];
  #made = 1;

  /** @param capacity numbers, `OVERFLOW` included: 0 to capacity - 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#texts = new Array(capacity).fill(undefined);
    this.#parents = new Int32Array(capacity);
    this.#hashes = new Int32Array(capacity);
    this.#asked = new Float64Array(capacity);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2)));
  }

  /** Numbers in use, without `OVERFLOW`. */
  get size(): number {
    return this.#made - 1 - this.#free.length;
  }

  /** The number of the text, a new one if need be. @param now monotonic milliseconds */
  numberOf(parent: number, buf: Uint8Array, from: number, end: number, now: number): number {
    const to = Math.min(end, from + LONGEST);
    const hash = hashOf(parent, buf, from, to);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let key = this.#slots[slot]!; key !== 0; key = this.#slots[slot]!) {
      if (this.#hashes[key] === hash && this.#is(key, parent, buf, from, to)) {
        this.#asked[key] = now;
        return key;
      }
      slot = (slot + 1) & mask;
    }
    const key = this.#free.pop() ?? (this.#made < this.#capacity ? this.#made++ : OVERFLOW);
    if (key === OVERFLOW) {
      this.overflows++;
      return OVERFLOW;
    }
    this.#slots[slot] = key;
    this.#texts[key] = buf.slice(from, to);
    this.#parents[key] = parent;
    this.#hashes[key] = hash;
    this.#asked[key] = now;
    return key;
  }

  textOf(key: number): string {
    return Buffer.from((key === OVERFLOW ? other : this.#texts[key]) ?? nothing).toString();
  }

  /** Writes the text's first `most` bytes. @returns how many there were */
  write(key: number, into: Uint8Array, at: number, most: number): number {
    const text = (key === OVERFLOW ? other : this.#texts[key]) ?? nothing;
    const size = Math.min(most, text.length);
    for (let i = 0; i < size; i++) into[at + i] = text[i]!;
    return size;
  }

  parentOf(key: number): number {
    return this.#parents[key]!;
  }

  /** All numbers in use but `OVERFLOW`. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let key = 1; key < this.#made; key++) if (this.#texts[key] !== undefined) yield key;
  }

  /** Frees the numbers that `goes` names. */
  removeIf(goes: (key: number, idleSince: number) => boolean): void {
    const gone: number[] = [];
    for (const key of this) if (goes(key, this.#asked[key]!)) gone.push(key);
    if (gone.length === 0) return;
    for (const key of gone) {
      this.#texts[key] = undefined;
      this.#free.push(key);
    }
    this.#slots.fill(0);
    const mask = this.#slots.length - 1;
    for (const key of this) {
      let slot = this.#hashes[key]! & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = key;
    }
  }

  #is(key: number, parent: number, buf: Uint8Array, from: number, to: number): boolean {
    const text = this.#texts[key]!;
    if (this.#parents[key] !== parent || text.length !== to - from) return false;
    for (let i = 0; i < text.length; i++) if (text[i] !== buf[from + i]) return false;
    return true;
  }
}

/** FNV-1a, and a last stir: its low bits alone would do badly as slots. */
function hashOf(parent: number, buf: Uint8Array, from: number, to: number): number {
  let hash = 0x811c_9dc5 ^ Math.imul(parent, 0x9e37_79b1);
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ buf[i]!, 0x0100_0193);
  return hash ^ (hash >>> 15);
}
