/** FNV-1a, 32 bits. */
function hashOf(buf: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ buf[i]!, 0x01000193);
  return hash >>> 0;
}

function equals(bytes: Uint8Array, buf: Uint8Array, from: number, to: number): boolean {
  if (bytes.length !== to - from) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buf[from + i]) return false;
  return true;
}

/** A set of texts that is asked with bytes, so that no string is made. */
export class ByteSet {
  readonly #byHash = new Map<number, Uint8Array[]>();
  #longest = 0;

  constructor(texts: Iterable<string>) {
    for (const text of texts) {
      const bytes = Buffer.from(text);
      const hash = hashOf(bytes, 0, bytes.length);
      const same = this.#byHash.get(hash) ?? [];
      same.push(bytes);
      this.#byHash.set(hash, same);
      this.#longest = Math.max(this.#longest, bytes.length);
    }
  }

  has(buf: Uint8Array, from: number, to: number): boolean {
    if (to - from > this.#longest) return false;
    const same = this.#byHash.get(hashOf(buf, from, to));
    if (same === undefined) return false;
    for (const bytes of same) if (equals(bytes, buf, from, to)) return true;
    return false;
  }
}

/** Longer values are worked out each time. */
const maxCached = 1024;

/** Remembers what a slow test said of the values seen lately: each value has one place, which the next to fall there takes over. */
export class ByteCache {
  readonly #keys: (Uint8Array | undefined)[];
  readonly #answers: Uint8Array;
  readonly #mask: number;

  /** @param size values to remember, rounded up to a power of two */
  constructor(size: number) {
    const places = 2 ** Math.ceil(Math.log2(Math.max(1, size)));
    this.#keys = new Array(places).fill(undefined);
    this.#answers = new Uint8Array(places);
    this.#mask = places - 1;
  }

  ask(
    buf: Uint8Array,
    from: number,
    to: number,
    test: (buf: Uint8Array, from: number, to: number) => boolean,
  ): boolean {
    if (to - from > maxCached) return test(buf, from, to);
    const place = hashOf(buf, from, to) & this.#mask;
    const key = this.#keys[place];
    if (key !== undefined && equals(key, buf, from, to)) return this.#answers[place] === 1;
    const answer = test(buf, from, to);
    this.#keys[place] = buf.slice(from, to);
    this.#answers[place] = answer ? 1 : 0;
    return answer;
  }
}
