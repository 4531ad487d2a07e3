import { createHash } from 'node:crypto';

const longestKept = 64;

/** The first so many different values of an interval. */
export class Distinct {
  readonly #limit: number;
  readonly #intervalMs: number;
  readonly #values = new Set<string>();
  #until: number;

  /** @param now monotonic milliseconds, as in all methods */
  constructor(limit: number, intervalMs: number, now: number) {
    this.#limit = limit;
    this.#intervalMs = intervalMs;
    this.#until = now + intervalMs;
  }

  /** @returns false for a value that comes on top of the limit */
  admits(value: string, now: number): boolean {
    if (now >= this.#until) {
      this.#values.clear();
      this.#until = now + this.#intervalMs;
    }
    const key = value.length <= longestKept ? value : createHash('sha256').update(value).digest('latin1');
    if (this.#values.has(key)) return true;
    if (this.#values.size >= this.#limit) return false;
    this.#values.add(key);
    return true;
  }
}
