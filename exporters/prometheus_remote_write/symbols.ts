import { hashOf } from '../../internal/prometheus/bytes.ts';
import { BytesOut } from './bytes_out.ts';

/** Request.symbols */
const SYMBOLS = 0x22;

/** The strings of a version 2 request, each once; the first one is empty. Written as they come. */
export class Symbols {
  readonly out = new BytesOut();
  #count = 0;
  readonly #hash: number[] = [];
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  /** Open addressing: index of a symbol and 1; 0: free. */
  #slots = new Int32Array(1024);

  constructor() {
    this.clear();
  }

  clear(): void {
    this.out.pos = 0;
    this.#count = 0;
    this.#slots.fill(0);
    this.of(new Uint8Array(0), 0, 0, hashOf(new Uint8Array(0), 0, 0));
  }

  /** The reference of the string in the range, given its hash. */
  of(buf: Uint8Array, from: number, to: number, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const index = this.#slots[at]! - 1;
      if (index < 0) return this.#add(at, buf, from, to, hash);
      if (this.#hash[index] === hash && this.#equals(index, buf, from, to)) return index;
    }
  }

  all(bytes: Uint8Array): number {
    return this.of(bytes, 0, bytes.length, hashOf(bytes, 0, bytes.length));
  }

  text(text: string): number {
    return text === '' ? 0 : this.all(Buffer.from(text));
  }

  #equals(index: number, buf: Uint8Array, from: number, to: number): boolean {
    const start = this.#from[index]!;
    if (this.#to[index]! - start !== to - from) return false;
    const own = this.out.buf;
    for (let i = from, k = start; i < to; i++, k++) if (own[k] !== buf[i]) return false;
    return true;
  }

  #add(slot: number, buf: Uint8Array, from: number, to: number, hash: number): number {
    const index = this.#count++;
    const { out } = this;
    out.reserve(to - from + 6);
    out.byte(SYMBOLS);
    out.varint(to - from);
    this.#hash[index] = hash;
    this.#from[index] = out.pos;
    out.copy(buf, from, to);
    this.#to[index] = out.pos;
    this.#slots[slot] = index + 1;
    if (this.#count * 2 > this.#slots.length) this.#grow();
    return index;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let index = 0; index < this.#count; index++) {
      let at = this.#hash[index]! & mask;
      while (slots[at] !== 0) at = (at + 1) & mask;
      slots[at] = index + 1;
    }
    this.#slots = slots;
  }
}
