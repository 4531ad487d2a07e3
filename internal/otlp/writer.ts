import { FIXED32, FIXED64, LEN, VARINT, varintSize, writeVarint } from './wire.ts';

/** Writes protobuf fields into one growing buffer. Nested messages are opened, filled and closed. */
export class Writer {
  #buf: Buffer<ArrayBuffer>;
  #pos = 0;

  /** @param capacity bytes to begin with */
  constructor(capacity = 1024) {
    this.#buf = Buffer.allocUnsafeSlow(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#pos;
  }

  /** What was written so far, from 0 to `length`; good until more is written. */
  get buffer(): Uint8Array {
    return this.#buf;
  }

  /** Begins anew, in the same buffer. */
  clear(): void {
    this.#pos = 0;
  }

  varint(field: number, value: number): void {
    this.#reserve(10);
    this.#tag(field, VARINT);
    this.#pos = writeVarint(this.#buf, this.#pos, value);
  }

  /** int64 and uint64, and negative int32, which take ten bytes. */
  varint64(field: number, value: bigint): void {
    this.#reserve(15);
    this.#tag(field, VARINT);
    this.packedVarint64(value);
  }

  /** A varint without a tag: a value of a packed field. A number is one of at least 0 and at most 2^53. */
  packedVarint64(value: bigint | number): void {
    this.#reserve(10);
    if (typeof value === 'number' && value <= 0xffff_ffff) {
      this.#pos = writeVarint(this.#buf, this.#pos, value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0xffff_ffffn) {
      this.#buf[this.#pos++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#pos = writeVarint(this.#buf, this.#pos, Number(rest));
  }

  fixed32(field: number, value: number): void {
    this.#reserve(9);
    this.#tag(field, FIXED32);
    this.#pos = this.#buf.writeUInt32LE(value >>> 0, this.#pos);
  }

  /** fixed64 and sfixed64. */
  fixed64(field: number, value: bigint): void {
    this.#reserve(5);
    this.#tag(field, FIXED64);
    this.packedFixed64(value);
  }

  /** @param value a number is one of at least 0 and at most 2^53 */
  packedFixed64(value: bigint | number): void {
    this.#reserve(8);
    if (typeof value === 'bigint') {
      this.#pos = this.#buf.writeBigUInt64LE(BigInt.asUintN(64, value), this.#pos);
      return;
    }
    this.#word(value >>> 0);
    this.#word((value / 0x1_0000_0000) >>> 0);
  }

  double(field: number, value: number): void {
    this.#reserve(5);
    this.#tag(field, FIXED64);
    this.packedDouble(value);
  }

  packedDouble(value: number): void {
    this.#reserve(8);
    this.#pos = this.#buf.writeDoubleLE(value, this.#pos);
  }

  string(field: number, value: string): void {
    if (value.length < 0x80 && this.#ascii(field, value)) return;
    const size = Buffer.byteLength(value);
    this.#reserve(10 + size);
    this.#tag(field, LEN);
    this.#pos = writeVarint(this.#buf, this.#pos, size);
    this.#pos += this.#buf.write(value, this.#pos, 'utf8');
  }

  /** Most texts are short and plain: written by a loop in less time than it takes to ask for their length. */
  #ascii(field: number, value: string): boolean {
    this.#reserve(10 + value.length);
    const before = this.#pos;
    this.#tag(field, LEN);
    const buf = this.#buf;
    let pos = this.#pos;
    buf[pos++] = value.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#pos = before;
        return false;
      }
      buf[pos++] = code;
    }
    this.#pos = pos;
    return true;
  }

  bytes(field: number, value: Uint8Array): void {
    this.#reserve(10 + value.length);
    this.#tag(field, LEN);
    this.#pos = writeVarint(this.#buf, this.#pos, value.length);
    this.raw(value);
  }

  /** Bytes as they are: whole fields that were written elsewhere. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buf.set(value, this.#pos);
    this.#pos += value.length;
  }

  /** `buf` from `start` to `end`, as it is. */
  range(buf: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    if (end - start > SHORT) this.#pos += copyBytes.call(buf as Buffer, this.#buf, this.#pos, start, end);
    else while (start < end) this.#buf[this.#pos++] = buf[start++]!;
  }

  /** Puts what `insert` wrote, or nothing, in the place of what was written from `start` to `end`. */
  splice(start: number, end: number, insert: Writer | undefined): void {
    const size = insert ? insert.length : 0;
    const grown = size - (end - start);
    if (grown > 0) this.#reserve(grown);
    if (grown !== 0) this.#buf.copyWithin(start + size, end, this.#pos);
    if (insert) copyBytes.call(insert.#buf, this.#buf, start, 0, size);
    this.#pos += grown;
  }

  /** Begins a nested message or a packed field; give the result to `close`. */
  open(field: number): number {
    this.#reserve(6);
    this.#tag(field, LEN);
    this.#pos++;
    return this.#pos;
  }

  close(start: number): void {
    const size = this.#pos - start;
    const extra = varintSize(size) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#buf.copyWithin(start + extra, start, this.#pos);
      this.#pos += extra;
    }
    writeVarint(this.#buf, start - 1, size);
  }

  /** The bytes written, in a buffer of their own. */
  finish(): Uint8Array {
    return this.#pos === this.#buf.length ? this.#buf : Buffer.from(this.#buf.subarray(0, this.#pos));
  }

  /** 32 bits, little-endian: by hand, since Buffer's own checks its arguments. */
  #word(value: number): void {
    const buf = this.#buf;
    buf[this.#pos++] = value;
    buf[this.#pos++] = value >>> 8;
    buf[this.#pos++] = value >>> 16;
    buf[this.#pos++] = value >>> 24;
  }

  #tag(field: number, wire: number): void {
    this.#pos = writeVarint(this.#buf, this.#pos, ((field << 3) | wire) >>> 0);
  }

  #reserve(size: number): void {
    if (this.#pos + size <= this.#buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buf.length * 2, this.#pos + size));
    this.#buf.copy(grown, 0, 0, this.#pos);
    this.#buf = grown;
  }
}

/** Up to this a loop beats the call. */
const SHORT = 24;
// Works on every Uint8Array, and needs no window object for the range.
const copyBytes = Buffer.prototype.copy;
