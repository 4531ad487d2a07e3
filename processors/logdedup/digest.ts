/**
 * 64 bits that tell byte strings apart, in two halves, from a seed of this process: two different ones come out the same
 * once in 2^64. The mixing is MurmurHash3's for 32 bits, with constants of its own for each half.
 * Source: https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
 */
export class Digest {
  readonly #seedA: number;
  readonly #seedB: number;
  a = 0;
  b = 0;

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.#seedA = (random() * 0x1_0000_0000) | 0;
    this.#seedB = (random() * 0x1_0000_0000) | 0;
  }

  /** `a` and `b` of these bytes. @param salt tells the same bytes in different places apart */
  of(buf: Uint8Array, start: number, end: number, salt = 0): this {
    let a = this.#seedA ^ salt;
    let b = this.#seedB ^ salt;
    let pos = start;
    for (; pos < end; pos += 4) {
      // Behind the end nothing counts, nor what lies there.
      const word =
        pos + 4 <= end
          ? buf[pos]! | (buf[pos + 1]! << 8) | (buf[pos + 2]! << 16) | (buf[pos + 3]! << 24)
          : tail(buf, pos, end);
      a ^= Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
      a = (Math.imul(rotate(a, 13), 5) + 0xe6546b64) | 0;
      b ^= Math.imul(rotate(Math.imul(word, 0x239b961b), 16), 0xab0e9789);
      b = (Math.imul(rotate(b, 17), 5) + 0x561ccd1b) | 0;
    }
    this.a = finish(a ^ (end - start)) >>> 0;
    this.b = finish(b + (end - start) + this.a) >>> 0;
    return this;
  }
}

/** The most that a number holds exactly of both halves: 53 bits. */
export function keyOf(a: number, b: number): number {
  return (a >>> 0) * 0x20_0000 + (b >>> 11);
}

function tail(buf: Uint8Array, pos: number, end: number): number {
  let word = 0;
  for (let i = end - 1; i >= pos; i--) word = (word << 8) | buf[i]!;
  return word;
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function finish(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
