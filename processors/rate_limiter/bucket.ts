import type { LimitConfig } from './config.ts';

/** Of a token: what adding up fractions may be wrong by. */
const tolerance = 1e-6;

/**
 * Tokens that come back at a steady rate, up to a burst. What is more than a whole burst passes when the bucket is full,
 * and is paid off afterwards: it could never pass otherwise, and the rate is kept over time.
 */
class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #level: number;
  #at: number;

  /** @param now monotonic milliseconds, as in all methods */
  constructor(perSecond: number, burst: number | undefined, now: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst ?? Math.max(1, perSecond);
    this.#level = this.#burst;
    this.#at = now;
  }

  fill(now: number): void {
    if (now <= this.#at) return;
    this.#level = Math.min(this.#burst, this.#level + (now - this.#at) * this.#perMs);
    this.#at = now;
  }

  get full(): boolean {
    return this.#level + tolerance >= this.#burst;
  }

  /** Whether `amount` may pass without a debt. */
  covers(amount: number): boolean {
    return this.#level + tolerance >= amount;
  }

  /** Milliseconds until `amount` may pass; 0: now. */
  wait(amount: number): number {
    const lacking = Math.min(amount, this.#burst) - this.#level;
    return lacking <= tolerance ? 0 : Math.max(1, Math.ceil(lacking / this.#perMs - tolerance));
  }

  take(amount: number): void {
    this.#level -= amount;
  }

  giveBack(amount: number): void {
    this.#level = Math.min(this.#burst, this.#level + amount);
  }
}

/** What one key may send: items and bytes, each if it is limited. */
export class Allowance {
  #usedAt = Number.NEGATIVE_INFINITY;
  readonly #items: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;

  constructor(limit: LimitConfig, now: number) {
    const { items_per_second, items_burst, bytes_per_second, bytes_burst } = limit;
    this.#items = items_per_second === undefined ? undefined : new TokenBucket(items_per_second, items_burst, now);
    this.#bytes = bytes_per_second === undefined ? undefined : new TokenBucket(bytes_per_second, bytes_burst, now);
  }

  /** When a batch last asked for it. */
  get usedAt(): number {
    return this.#usedAt;
  }

  use(now: number): void {
    this.#usedAt = now;
    this.fill(now);
  }

  fill(now: number): void {
    this.#items?.fill(now);
    this.#bytes?.fill(now);
  }

  /** Nothing is owed: a new allowance would be the same. */
  get full(): boolean {
    return (this.#items?.full ?? true) && (this.#bytes?.full ?? true);
  }

  covers(items: number, bytes: number): boolean {
    return (this.#items?.covers(items) ?? true) && (this.#bytes?.covers(bytes) ?? true);
  }

  wait(items: number, bytes: number): number {
    return Math.max(this.#items?.wait(items) ?? 0, this.#bytes?.wait(bytes) ?? 0);
  }

  take(items: number, bytes: number): void {
    this.#items?.take(items);
    this.#bytes?.take(bytes);
  }

  giveBack(items: number, bytes: number): void {
    this.#items?.giveBack(items);
    this.#bytes?.giveBack(bytes);
  }
}
