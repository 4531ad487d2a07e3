import { Allowance } from './bucket.ts';
import type { LimitConfig, RateLimiterConfig } from './config.ts';

/** How many of the keys that were quiet longest are looked at to make room for a new one. */
const looks = 8;

/** Of a key besides its characters: an allowance with one bucket and a place in the map, more or less. */
const entryBytes = 200;

/** What a key is called that found no room. */
export const overflowKey = '(overflow)';

/**
 * An allowance for each key, no more than `max_keys` of them. A key that owes nothing can be forgotten, since it would
 * come back with the same full allowance; while all keys owe something, new ones share one allowance.
 */
export class Allowances {
  readonly #limit: LimitConfig;
  readonly #limits: readonly (readonly [key: string, limit: LimitConfig])[];
  readonly #max: number;
  /** Keys that the configuration names: always there. */
  readonly #named = new Map<string, Allowance>();
  /** The others, longest quiet first. */
  readonly #known = new Map<string, Allowance>();
  #overflow: Allowance;
  /** Characters of the keys that are known. */
  #characters = 0;
  /** Lookups that found no room. */
  overflows = 0;

  constructor(config: RateLimiterConfig, now: number) {
    this.#limit = config;
    this.#max = config.max_keys;
    this.#limits = Object.entries(config.overrides);
    for (const [key, limit] of this.#limits) this.#named.set(key, new Allowance(limit, now));
    this.#overflow = new Allowance(config, now);
  }

  get size(): number {
    return this.#named.size + this.#known.size;
  }

  /** Of memory, more or less. */
  get bytes(): number {
    return this.size * entryBytes + this.#characters;
  }

  /**
   * Goes on with the allowances of others, under its own limits. They are the same objects from then on, so that what a batch under way
   * gives back is not lost.
   */
  adopt(others: Allowances, now: number): void {
    for (const [key, allowance] of others.#named) if (!this.#named.has(key)) this.#know(key, allowance, now);
    // The last ones are those that sent last.
    let tooMany = others.#known.size + this.#known.size - this.#max;
    for (const [key, allowance] of others.#known) {
      if (this.#named.has(key)) continue;
      if (tooMany-- <= 0) this.#know(key, allowance, now);
    }
    for (const [key, limit] of this.#limits) {
      const allowance = others.#named.get(key) ?? others.#known.get(key);
      if (allowance) this.#named.set(key, allowance.change(limit, now));
    }
    this.#overflow = others.#overflow.change(this.#limit, now);
    this.overflows = others.overflows;
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
    if (allowance) {
      this.#known.delete(key);
    } else {
      if (this.#known.size >= this.#max && !this.#makeRoom(now)) return this.#overflow;
      allowance = new Allowance(this.#limit, now);
      this.#characters += key.length;
    }
    this.#known.set(key, allowance);
    return allowance;
  }

  #know(key: string, allowance: Allowance, now: number): void {
    this.#known.set(key, allowance.change(this.#limit, now));
    this.#characters += key.length;
  }

  #makeRoom(now: number): boolean {
    let looked = 0;
    for (const [key, allowance] of this.#known) {
      // The batch at hand has not paid yet, and would meet the key again as a stranger.
      if (allowance.usedAt === now) break;
      allowance.fill(now);
      if (allowance.full) {
        this.#characters -= key.length;
        return this.#known.delete(key);
      }
      if (++looked === looks) break;
    }
    return false;
  }
}
