/**
 * FNV-1a with 64 bits over a salt and a trace id, in two halves of 32 bits: a bigint for each trace would cost more than all else.
 * Source: http://www.isthe.com/chongo/tech/comp/fnv/
 */
export class TraceHash {
  high = 0;
  low = 0;
  readonly #saltHigh: number;
  readonly #saltLow: number;

  constructor(salt: string) {
    const bytes = Buffer.from(salt);
    this.#add(0xcbf29ce4, 0x84222325, bytes, 0, bytes.length);
    this.#saltHigh = this.high;
    this.#saltLow = this.low;
  }

  /** Leaves the hash of the 16 bytes at `at` in `high` and `low`. */
  of(traceIds: Uint8Array, at: number): this {
    this.#add(this.#saltHigh, this.#saltLow, traceIds, at, at + 16);
    return this;
  }

  /** The prime is 2^40 + 0x1b3; the product of the low half stays below 2^53. */
  #add(high: number, low: number, bytes: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const mixed = (low ^ bytes[i]!) >>> 0;
      const product = mixed * 0x1b3;
      low = product >>> 0;
      high = Math.imul(high, 0x1b3) + (mixed << 8) + Math.floor(product / 2 ** 32);
    }
    this.high = high >>> 0;
    this.low = low;
  }
}

/** A hash up to this one is sampled. */
export interface HashLimit {
  readonly high: number;
  readonly low: number;
}

const max = 2n ** 64n - 1n;

/**
 * The share of 2^64 - 1 that a percentage is, worked out as Go's big.Float does: the product has 64 binary digits, the
 * last one rounded to even, and what is behind the point is cut.
 */
export function hashLimit(percentage: number): HashLimit {
  const limit = share(percentage / 100);
  return { high: Number(limit >> 32n), low: Number(limit & 0xffff_ffffn) };
}

function share(ratio: number): bigint {
  if (!(ratio > 0)) return 0n;
  if (ratio >= 1) return max;
  const { mantissa, exponent } = parts(ratio);
  let product = mantissa * max;
  let shift = exponent;
  const extra = BigInt(product.toString(2).length - 64);
  if (extra > 0n) {
    const half = 1n << (extra - 1n);
    const rest = product & ((half << 1n) - 1n);
    product >>= extra;
    if (rest > half || (rest === half && (product & 1n) === 1n)) product++;
    shift += extra;
  }
  return shift >= 0n ? product << shift : product >> -shift;
}

/** `ratio` = mantissa * 2^exponent. */
function parts(ratio: number): { mantissa: bigint; exponent: bigint } {
  const [bits] = new BigUint64Array(new Float64Array([ratio]).buffer);
  const exponent = bits! >> 52n;
  const fraction = bits! & (2n ** 52n - 1n);
  return exponent === 0n
    ? { mantissa: fraction, exponent: -1074n }
    : { mantissa: fraction | (1n << 52n), exponent: exponent - 1075n };
}
