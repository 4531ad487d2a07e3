/**
 * A token bucket: full at the start, refilled steadily, and what it cannot give whole it does not give.
 * Equal to rate.Limiter.AllowN of https://pkg.go.dev/golang.org/x/time/rate.
 */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #capacity: number;
  #tokens: number;
  #at: number;

  /** @param now monotonic milliseconds */
  constructor(perSecond: number, capacity: number, now: number) {
    this.#perSecond = perSecond;
    this.#capacity = capacity;
    this.#tokens = capacity;
    this.#at = now;
  }

  /** What it could give now. */
  available(now: number): number {
    const elapsed = Math.max(0, now - this.#at) / 1000;
    return Math.min(this.#capacity, this.#tokens + elapsed * this.#perSecond);
  }

  take(now: number, wanted: number): boolean {
    if (wanted > this.#capacity) return false;
    const left = this.available(now) - wanted;
    // Go cuts the time to wait to whole nanoseconds.
    if (left < 0 && !(this.#perSecond > 0 && (-left / this.#perSecond) * 1e9 < 1)) return false;
    this.#tokens = left;
    this.#at = Math.max(now, this.#at);
    return true;
  }
}

const windowMs = 10_000;

/** The share of spans that a limit let through lately: over the last whole window of 10 s and the one that runs. */
export class KeepRatio {
  #asked = 0;
  #kept = 0;
  #askedBefore = 0;
  #keptBefore = 0;
  #since = Number.NEGATIVE_INFINITY;

  count(now: number, spans: number, kept: boolean): void {
    const age = now - this.#since;
    if (age >= windowMs) {
      const recent = age < 2 * windowMs;
      this.#askedBefore = recent ? this.#asked : 0;
      this.#keptBefore = recent ? this.#kept : 0;
      this.#asked = 0;
      this.#kept = 0;
      this.#since = now;
    }
    this.#asked += spans;
    if (kept) this.#kept += spans;
  }

  /** 1 before anything was asked. */
  get value(): number {
    const asked = this.#asked + this.#askedBefore;
    return asked === 0 ? 1 : (this.#kept + this.#keptBefore) / asked;
  }
}
