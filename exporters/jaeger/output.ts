import type { Slabs } from '../../internal/net/slabs.ts';
import { varintSize, writeVarint } from '../../internal/otlp/wire.ts';
import type { Written } from './sink.ts';

/** Copied by hand up to here: a call into the engine costs more. */
const shortCopy = 24;

/** The bytes of one message after the other, in slabs that are used again. */
export class Output {
  pos = 0;
  readonly #slabs: Slabs;
  #buf: Buffer = Buffer.alloc(0);

  constructor(slabs: Slabs) {
    this.#slabs = slabs;
  }

  /** @param bytes that the message will probably take */
  begin(bytes: number): void {
    this.#buf = this.#slabs.take(bytes);
    this.pos = 0;
  }

  /** What lies from `from` on; the slab is the caller's from now on. */
  end(from: number): Written {
    const slab = this.#buf;
    this.#buf = Buffer.alloc(0);
    return { bytes: slab.subarray(from, this.pos), slab };
  }

  reserve(bytes: number): void {
    if (this.pos + bytes > this.#buf.length) this.#grow(bytes);
  }

  byte(value: number): void {
    this.#buf[this.pos++] = value;
  }

  /** Below 2^32. */
  varint(value: number): void {
    this.pos = writeVarint(this.#buf, this.pos, value);
  }

  int32(value: number): void {
    this.pos = this.#buf.writeInt32BE(value, this.pos);
  }

  int64(value: bigint): void {
    this.pos = this.#buf.writeBigInt64BE(value, this.pos);
  }

  copy(from: Uint8Array, start: number, end: number): void {
    const buf = this.#buf;
    let { pos } = this;
    if (end - start <= shortCopy) for (let i = start; i < end; i++) buf[pos++] = from[i]!;
    else {
      buf.set(from.subarray(start, end), pos);
      pos += end - start;
    }
    this.pos = pos;
  }

  /** Eight bytes in the opposite order. */
  copyReversed(from: Uint8Array, at: number): void {
    for (let i = 7; i >= 0; i--) this.#buf[this.pos++] = from[at + i]!;
  }

  zeros(count: number): void {
    this.#buf.fill(0, this.pos, this.pos + count);
    this.pos += count;
  }

  writeInt32At(pos: number, value: number): void {
    this.#buf.writeInt32BE(value, pos);
  }

  writeVarintAt(pos: number, value: number): void {
    writeVarint(this.#buf, pos, value);
  }

  /** Writes the length of what follows `start` in front of it, where `room` bytes were left for it. */
  closeLength(start: number, room: number): void {
    const size = this.pos - start;
    const needed = varintSize(size);
    if (needed !== room) {
      this.reserve(needed);
      this.#buf.copyWithin(start + needed - room, start, this.pos);
      this.pos += needed - room;
    }
    writeVarint(this.#buf, start - room, size);
  }

  #grow(bytes: number): void {
    const larger = this.#slabs.take(Math.max(this.#buf.length * 2, this.pos + bytes));
    this.#buf.copy(larger, 0, 0, this.pos);
    this.#slabs.give(this.#buf);
    this.#buf = larger;
  }
}
