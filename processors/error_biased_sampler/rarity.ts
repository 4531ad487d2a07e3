/** Rates are told from the last five minutes or so. */
const windowMinutes = 5;

/**
 * How often keys come, with exponential forgetting: count(t) = count(t0) * e^(-(t - t0) / 5 min) + 1, so that a key that
 * comes r times a minute has a count of about 5 r.
 */
export class Rarity {
  readonly #most: number;
  readonly #counts: Float32Array;
  readonly #at: Float64Array;

  /** @param maxPerMinute a key that comes less often is rare */
  constructor(keys: number, maxPerMinute: number) {
    this.#most = maxPerMinute * windowMinutes;
    this.#counts = new Float32Array(keys);
    this.#at = new Float64Array(keys);
  }

  /** The key comes once more. @returns whether it is rare. @param now monotonic milliseconds */
  add(key: number, now: number): boolean {
    const age = (now - this.#at[key]!) / 60_000;
    const count = this.#counts[key]! * Math.exp(-age / windowMinutes) + 1;
    this.#counts[key] = count;
    this.#at[key] = now;
    return count <= this.#most;
  }

  /** Times a minute, as of the last time it came. */
  perMinute(key: number): number {
    return this.#counts[key]! / windowMinutes;
  }

  set(key: number, perMinute: number, now: number): void {
    this.#counts[key] = perMinute * windowMinutes;
    this.#at[key] = now;
  }

  forget(key: number): void {
    this.#counts[key] = 0;
  }
}
