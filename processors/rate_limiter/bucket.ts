import type { LimitConfig } from './config.ts';

/** Of a token: what adding up fractions may be wrong by. */
const tolerance = 1e-6;

/**
 * Tokens that come back at a steady rate, up to a burst. What is more than a whole burst passes when the bucket is full,
 * and is paid off afterwards: it could never pass otherwise, and the rate is kept over time.
 */
class TokenBucket {
  #perMs: number;
  #burst: number;
  #level: number;
  #at: number;

  /** @param now monotonic milliseconds, as in all methods */
  constructor(perSecond: number, burst: number | undefined, now: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burstOf(perSecond, burst);
    this.#level = this.#burst;
    this.#at = now;
  }

  /** Other limits from now on: what is in it stays, up to the new burst, and a full one is full. */
  change(perSecond: number, burst: number | undefined, now: number): this {
    this.fill(now);
    const full = this.full;
    this.#perMs = perSecond / 1000;
    this.#burst = burstOf(perSecond, burst);
    this.#level = full ? this.#burst : Math.min(this.#level, this.#burst);
    return this;
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

function burstOf(perSecond: number, burst: number | undefined): number {
  return burst ?? Math.max(1, perSecond);
}

function bucketOf(
  known: TokenBucket | undefined,
  perSecond: number | undefined,
  burst: number | undefined,
  now: number,
) {
  if (perSecond === undefined) return undefined;
  return known ? known.change(perSecond, burst, now) : new TokenBucket(perSecond, burst, now);
}

/** What one key may send: items and bytes, each if it is limited. */
export class Allowance {
  #usedAt = Number.NEGATIVE_INFINITY;
  #items: TokenBucket | undefined;
  #bytes: TokenBucket | undefined;

  constructor(limit: LimitConfig, now: number) {
    this.change(limit, now);
  }

  /** Other limits from now on: what it has stays, as far as it fits, and so does what it owes. */
  change({ items_per_second, items_burst, bytes_per_second, bytes_burst }: LimitConfig, now: number): this {
    this.#items = bucketOf(this.#items, items_per_second, items_burst, now);
    this.#bytes = bucketOf(this.#bytes, bytes_per_second, bytes_burst, now);
    return this;
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
