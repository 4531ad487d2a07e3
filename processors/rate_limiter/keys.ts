import { Allowance } from './bucket.ts';
import type { LimitConfig, RateLimiterConfig } from './config.ts';

/** How many of the keys that were quiet longest are looked at to make room for a new one. */
const looks = 8;

/** What a key is called that found no room. */
export const overflowKey = '(overflow)';

/**
 * An allowance for each key, no more than `max_keys` of them. A key that owes nothing can be forgotten, since it would
 * come back with the same full allowance; while all keys owe something, new ones share one allowance.
 */
export class Allowances {
  readonly #limit: LimitConfig;
  readonly #max: number;
  /** Keys that the configuration names: always there. */
  readonly #named = new Map<string, Allowance>();
  /** The others, longest quiet first. */
  readonly #known = new Map<string, Allowance>();
  readonly #overflow: Allowance;
  /** Lookups that found no room. */
  overflows = 0;

  constructor(config: RateLimiterConfig, now: number) {
    this.#limit = config;
    this.#max = config.max_keys;
    for (const [key, limit] of Object.entries(config.overrides)) this.#named.set(key, new Allowance(limit, now));
    this.#overflow = new Allowance(config, now);
  }

  get size(): number {
    return this.#named.size + this.#known.size;
  }

  isOverflow(allowance: Allowance): boolean {
    return allowance === this.#overflow;
  }

  /** Filled up to `now`. @param key undefined for one that is too long to be kept */
  of(key: string | undefined, now: number): Allowance {
    const allowance = key === undefined ? this.#overflow : (this.#named.get(key) ?? this.#lookUp(key, now));
    if (allowance === this.#overflow) this.overflows++;
    allowance.use(now);
    return allowance;
  }

  #lookUp(key: string, now: number): Allowance {
    let allowance = this.#known.get(key);
    if (allowance) this.#known.delete(key);
    else if (this.#known.size >= this.#max && !this.#makeRoom(now)) return this.#overflow;
    else allowance = new Allowance(this.#limit, now);
    this.#known.set(key, allowance);
    return allowance;
  }

  #makeRoom(now: number): boolean {
    let looked = 0;
    for (const [key, allowance] of this.#known) {
      // The batch at hand has not paid yet, and would meet the key again as a stranger.
      if (allowance.usedAt === now) break;
      allowance.fill(now);
      if (allowance.full) return this.#known.delete(key);
      if (++looked === looks) break;
    }
    return false;
  }
}
