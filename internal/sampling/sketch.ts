/**
 * Quantiles of durations for many keys, with a bounded relative error: counts in buckets whose bounds grow by a factor,
 * as in DDSketch (https://arxiv.org/abs/1908.10693), that forget exponentially.
 *
 *     bucket(v) = 0 for v < 10 us, else min(1 + floor(ln(v / 10 us) / ln 1.1), 223)
 *
 * A quantile is the upper bound of its bucket: at most 10% above the true one, never below it. Old values lose weight
 * by half in each half-life. Instead of shrinking all counts, new ones weigh more and more.
 */

const LEAST_NANOS = 10_000;
const GROWTH = 1.1;
const BUCKETS = 224;
const PER_LOG = 1 / Math.log(GROWTH);
const LOG_LEAST = Math.log(LEAST_NANOS);
/** Beyond it, all counts are brought back to weights about 1: float32 counts stay exact enough. */
const HEAVY = 2 ** 20;
const KEYS_PER_SLAB = 64;

export class Sketches {
  readonly #quantile: number;
  readonly #minSamples: number;
  readonly #halfLifeMs: number;
  /** Counts of 64 keys each, made when the first of them is used. */
  readonly #slabs: (Float32Array | undefined)[] = [];
  readonly #totals: Float64Array;
  /** The quantile's bucket; -1 while too few values are known. */
  readonly #limits: Int16Array;
  readonly #changed: Uint8Array;
  #since: number;
  #weight = 1;

  /**
   * @param keys numbers 0 to keys - 1
   * @param quantile 0 to 1
   * @param minSamples before a key has so many values it has no quantile
   * @param now monotonic milliseconds
   */
  constructor(keys: number, quantile: number, minSamples: number, halfLifeMs: number, now: number) {
    this.#quantile = quantile;
    this.#minSamples = minSamples;
    this.#halfLifeMs = halfLifeMs;
    this.#totals = new Float64Array(keys);
    this.#limits = new Int16Array(keys).fill(-1);
    this.#changed = new Uint8Array(keys);
    this.#since = now;
  }

  /** Takes a value in, and says whether it is above the quantile of those before. Durations below 0 are nobody's. */
  add(key: number, nanos: number): boolean {
    if (!(nanos >= 0)) return false;
    const bucket = bucketOf(nanos);
    this.#slabOf(key)[(key % KEYS_PER_SLAB) * BUCKETS + bucket]! += this.#weight;
    this.#totals[key]! += this.#weight;
    this.#changed[key] = 1;
    const limit = this.#limits[key]!;
    return limit >= 0 && bucket > limit;
  }

  /** Nanoseconds; undefined while too few values are known. As of the last `refresh`. */
  quantileOf(key: number): number | undefined {
    const limit = this.#limits[key]!;
    return limit < 0 ? undefined : LEAST_NANOS * GROWTH ** limit;
  }

  /** Values known, the old ones at the weight they still have. */
  samplesOf(key: number): number {
    return this.#totals[key]! / this.#weight;
  }

  /** Works out the quantiles anew of all keys that got values, and lets time pass. */
  refresh(now: number): void {
    this.#weight = 2 ** ((now - this.#since) / this.#halfLifeMs);
    if (this.#weight > HEAVY) this.#lighten(now);
    for (let key = 0; key < this.#totals.length; key++) {
      if (this.#changed[key] === 0) continue;
      this.#changed[key] = 0;
      this.#limits[key] = this.samplesOf(key) < this.#minSamples ? -1 : this.#limitOf(key);
    }
  }

  /** The key will stand for something else. */
  forget(key: number): void {
    this.#countsOf(key)?.fill(0);
    this.#totals[key] = 0;
    this.#limits[key] = -1;
    this.#changed[key] = 0;
  }

  /** The counts at today's weights, to be kept over a restart; undefined for a key without any. */
  save(key: number): Float32Array | undefined {
    return this.#totals[key] === 0 ? undefined : this.#countsOf(key)?.map((count) => count / this.#weight);
  }

  /** @returns false where these are no counts that `save` gave */
  load(key: number, counts: Float32Array): boolean {
    if (counts.length !== BUCKETS || !counts.every((count) => count >= 0 && count < 1e12)) return false;
    const { buffer, byteOffset } = this.#slabOf(key);
    const own = new Float32Array(buffer, byteOffset + (key % KEYS_PER_SLAB) * BUCKETS * 4, BUCKETS);
    this.#totals[key] = 0;
    for (let i = 0; i < BUCKETS; i++) this.#totals[key]! += own[i] = counts[i]! * this.#weight;
    this.#changed[key] = 1;
    return true;
  }

  #limitOf(key: number): number {
    const counts = this.#countsOf(key)!;
    const wanted = this.#totals[key]! * this.#quantile;
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      below += counts[bucket]!;
      if (below >= wanted) return bucket;
    }
    return BUCKETS - 1;
  }

  #lighten(now: number): void {
    const factor = 1 / this.#weight;
    for (const slab of this.#slabs) {
      if (slab) for (let i = 0; i < slab.length; i++) slab[i]! *= factor;
    }
    for (let key = 0; key < this.#totals.length; key++) this.#totals[key]! *= factor;
    this.#weight = 1;
    this.#since = now;
  }

  #countsOf(key: number): Float32Array | undefined {
    const from = (key % KEYS_PER_SLAB) * BUCKETS;
    return this.#slabs[Math.floor(key / KEYS_PER_SLAB)]?.subarray(from, from + BUCKETS);
  }

  #slabOf(key: number): Float32Array {
    const at = Math.floor(key / KEYS_PER_SLAB);
    let slab = this.#slabs[at];
    if (!slab) this.#slabs[at] = slab = new Float32Array(KEYS_PER_SLAB * BUCKETS);
    return slab;
  }
}

function bucketOf(nanos: number): number {
  if (nanos < LEAST_NANOS) return 0;
  return Math.min(BUCKETS - 1, 1 + Math.floor((Math.log(nanos) - LOG_LEAST) * PER_LOG));
}
