/**
 * A keyed hash of trace ids, so that nobody who chooses ids can aim collisions: HalfSipHash with 1 and 3 rounds, as Linux
 * uses it for its hash tables. The length is fixed, so that the closing block is left out.
 * Source: https://github.com/veorq/SipHash, https://docs.kernel.org/security/siphash.html
 */
export class TraceHash {
  readonly #k0: number;
  readonly #k1: number;

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.#k0 = (random() * 0x1_0000_0000) | 0;
    this.#k1 = (random() * 0x1_0000_0000) | 0;
  }

  /** 32 bits of an id's four words. */
  of(a: number, b: number, c: number, d: number): number {
    let v0 = this.#k0;
    let v1 = this.#k1;
    let v2 = this.#k0 ^ 0x6c796765;
    let v3 = this.#k1 ^ 0x74656462;
    for (let round = 0; round < 7; round++) {
      const word = round === 0 ? a : round === 1 ? b : round === 2 ? c : round === 3 ? d : 0;
      if (round === 4) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return (v1 ^ v3) >>> 0;
  }
}

/** A trace id as four words, little-endian, in a place of its own: one object serves all. */
export class TraceId {
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  hash: number;
  readonly #hash: TraceHash;

  constructor(hash: TraceHash) {
    this.#hash = hash;
    this.hash = hash.of(0, 0, 0, 0);
  }

  get isZero(): boolean {
    return (this.a | this.b | this.c | this.d) === 0;
  }

  /** @returns whether it is another id than before */
  set(a: number, b: number, c: number, d: number): boolean {
    if (a === this.a && b === this.b && c === this.c && d === this.d) return false;
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    this.hash = this.#hash.of(a, b, c, d);
    return true;
  }

  copy({ a, b, c, d, hash }: TraceId): void {
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    this.hash = hash;
  }

  /** An id that stands with its hash at `at`, as `writeId` puts it there. */
  load(words: Uint32Array, at: number): this {
    this.a = words[at]!;
    this.b = words[at + 1]!;
    this.c = words[at + 2]!;
    this.d = words[at + 3]!;
    this.hash = words[at + 4]!;
    return this;
  }

  /** The 16 bytes at `at`. */
  read(buf: Uint8Array, at: number): boolean {
    return this.set(wordAt(buf, at), wordAt(buf, at + 4), wordAt(buf, at + 8), wordAt(buf, at + 12));
  }
}

function wordAt(buf: Uint8Array, at: number): number {
  return (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0;
}
