import { createHash } from 'node:crypto';

const longestKept = 64;
/** Of an entry besides its characters: the string's and the set's own, more or less. */
const entryBytes = 48;

interface Held {
  readonly values: Set<string>;
  until: number;
  bytes: number;
}

/** The first so many different values of an interval. */
export class Distinct {
  readonly #limit: number;
  readonly #intervalMs: number;
  #held: Held;

  /** @param now monotonic milliseconds, as in all methods */
  constructor(limit: number, intervalMs: number, now: number) {
    this.#limit = limit;
    this.#intervalMs = intervalMs;
    this.#held = { values: new Set(), until: now + intervalMs, bytes: 0 };
  }

  get size(): number {
    return this.#held.values.size;
  }

  /** Of memory, more or less. */
  get bytes(): number {
    return this.#held.bytes;
  }

  /** Goes on with the values and the interval of another one of the same limits; both know from now on what either learns. */
  adopt(other: Distinct): void {
    this.#held = other.#held;
  }

  /** @returns false for a value that comes on top of the limit */
  admits(value: string, now: number): boolean {
    const held = this.#held;
    if (now >= held.until) {
      held.values.clear();
      held.bytes = 0;
      held.until = now + this.#intervalMs;
    }
    const key = value.length <= longestKept ? value : createHash('sha256').update(value).digest('latin1');
    if (held.values.has(key)) return true;
    if (held.values.size >= this.#limit) return false;
    held.values.add(key);
    held.bytes += entryBytes + key.length;
    return true;
  }
}
