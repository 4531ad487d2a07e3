/** Of both tables together: so many numbers are remembered, in half as many again as places, so that a search is short. */
const places = 2;

/**
 * Numbers that came within a window of time, in two tables outside the heap: the older one is emptied when the younger
 * one is full or the window is over. So a number is remembered for one window at least, if there is room, and two at most.
 */
export class Seen {
  readonly #windowMs: number;
  readonly #room: number;
  #young: Float64Array;
  #old: Float64Array;
  #youngCount = 0;
  #oldCount = 0;
  /** Monotonic time at which the young table becomes the old one. */
  #turn: number;

  /** @param max numbers remembered; @param now monotonic milliseconds, as in all methods */
  constructor(windowMs: number, max: number, now: number) {
    this.#windowMs = windowMs;
    this.#room = Math.ceil(max / 2);
    const size = 2 ** Math.ceil(Math.log2(this.#room * places));
    this.#young = new Float64Array(size);
    this.#old = new Float64Array(size);
    this.#turn = now + windowMs;
  }

  get bytes(): number {
    return this.#young.byteLength + this.#old.byteLength;
  }

  get size(): number {
    return this.#youngCount + this.#oldCount;
  }

  /** Ends the windows that are over. */
  tick(now: number): void {
    if (now < this.#turn) return;
    if (now >= this.#turn + this.#windowMs) this.#rotate(now);
    this.#rotate(now);
  }

  /** Remembers what another one does: with the same room and window, as if it had been there itself, else for one window from now on. */
  adopt(other: Seen, now: number): void {
    if (other.#windowMs === this.#windowMs && other.#room === this.#room) {
      this.#young = other.#young;
      this.#old = other.#old;
      this.#youngCount = other.#youngCount;
      this.#oldCount = other.#oldCount;
      this.#turn = other.#turn;
      return;
    }
    other.tick(now);
    for (const table of [other.#old, other.#young]) for (const key of table) if (key !== 0) this.add(key, now);
  }

  has(key: number): boolean {
    return this.#young[place(this.#young, key)] === key || this.#old[place(this.#old, key)] === key;
  }

  /** @param key not 0 @returns whether the window was cut short to make room */
  add(key: number, now: number): boolean {
    const at = place(this.#young, key);
    if (this.#young[at] === key) return false;
    const full = this.#youngCount === this.#room;
    if (full) this.#rotate(now);
    this.#young[full ? place(this.#young, key) : at] = key;
    this.#youngCount++;
    return full;
  }

  #rotate(now: number): void {
    const emptied = this.#old;
    if (this.#oldCount > 0) emptied.fill(0);
    this.#old = this.#young;
    this.#oldCount = this.#youngCount;
    this.#young = emptied;
    this.#youngCount = 0;
    this.#turn = now + this.#windowMs;
  }
}

/** Where the key is, or the empty place where it would be. */
function place(table: Float64Array, key: number): number {
  const mask = table.length - 1;
  let at = key & mask;
  while (table[at] !== 0 && table[at] !== key) at = (at + 1) & mask;
  return at;
}
