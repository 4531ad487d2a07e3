import type { Count } from '../../internal/otlp/counts.ts';
import { varintSize, writeVarint } from '../../internal/otlp/wire.ts';
import { copyBytes } from '../../internal/prometheus/bytes.ts';
import { staleHigh, staleLow } from '../../internal/prometheus/series.ts';

/** A buffer that grows and is written over again: protobuf, field by field. */
export class BytesOut {
  buf: Buffer;
  pos = 0;

  constructor(capacity = 64 * 1024) {
    this.buf = Buffer.allocUnsafeSlow(capacity);
  }

  /** To be called before each run of writes, with the most that they can take. */
  reserve(bytes: number): void {
    if (this.pos + bytes <= this.buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buf.length * 2, this.pos + bytes));
    this.buf.copy(grown, 0, 0, this.pos);
    this.buf = grown;
  }

  byte(value: number): void {
    this.buf[this.pos++] = value;
  }

  varint(value: number): void {
    this.pos = writeVarint(this.buf, this.pos, value);
  }

  /** A whole number of either sign below 2^53, or a bigint of 64 bits. */
  varint64(value: Count): void {
    if (typeof value === 'number' && value >= 0 && value <= 0xffff_ffff) {
      this.varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0xffff_ffffn) {
      this.buf[this.pos++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.varint(Number(rest));
  }

  sint64(value: Count): void {
    if (typeof value === 'number' && Math.abs(value) < 0x4000_0000) this.varint(((value << 1) ^ (value >> 31)) >>> 0);
    else {
      const big = BigInt(value);
      this.varint64(BigInt.asUintN(64, (big << 1n) ^ (big >> 63n)));
    }
  }

  /** Milliseconds since 1970, of either sign. */
  time(value: number): void {
    if (value < 0) {
      this.varint64(value);
      return;
    }
    let rest = value;
    while (rest > 0x7f) {
      this.buf[this.pos++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.buf[this.pos++] = rest;
  }

  double(value: number): void {
    this.pos = this.buf.writeDoubleLE(value, this.pos);
  }

  /** The one NaN that means "ended". */
  staleDouble(): void {
    this.pos = this.buf.writeUInt32LE(staleLow, this.pos);
    this.pos = this.buf.writeUInt32LE(staleHigh, this.pos);
  }

  copy(from: Uint8Array, start: number, end: number): void {
    this.pos = copyBytes(this.buf, this.pos, from, start, end);
  }

  all(from: Uint8Array): void {
    this.copy(from, 0, from.length);
  }

  /** Repeats what was written before. */
  again(start: number, end: number): void {
    const { buf } = this;
    if (end - start > 24) {
      buf.copyWithin(this.pos, start, end);
      this.pos += end - start;
    } else for (let i = start; i < end; i++) buf[this.pos++] = buf[i]!;
  }

  /** Room for the length of what is written next; give the result to `close`. @param width bytes that the length is likely to take */
  open(width: 1 | 2 = 2): number {
    this.pos += width;
    return this.pos;
  }

  /** Writes the length in front. @returns whether what came since `open` had to move, for a length that takes more or less room */
  close(start: number, width: 1 | 2 = 2): boolean {
    const size = this.pos - start;
    if (width === 2 && size >= 0x80 && size < 0x4000) {
      this.buf[start - 2] = (size & 0x7f) | 0x80;
      this.buf[start - 1] = size >>> 7;
      return false;
    }
    if (width === 1 && size < 0x80) {
      this.buf[start - 1] = size;
      return false;
    }
    const needed = varintSize(size);
    this.reserve(4);
    this.buf.copyWithin(start - width + needed, start, this.pos);
    this.pos += needed - width;
    writeVarint(this.buf, start - width, size);
    return true;
  }
}
