/**
 * The protobuf wire format, without state and without throwing: a function that cannot go on returns -1.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

/** Input that is not what it claims to be. A value, so that no parser throws. */
export interface Malformed {
  /** What is wrong, and where in the message. */
  readonly malformed: string;
  /** Byte offset of the field at fault. */
  readonly offset: number;
}

export function isMalformed(x: object | undefined): x is Malformed {
  return x !== undefined && 'malformed' in x;
}

export const VARINT = 0;
export const FIXED64 = 1;
export const LEN = 2;
const GROUP = 3;
const GROUP_END = 4;
export const FIXED32 = 5;

/** Groups inside groups that are skipped; protobuf's own limit for nesting is 100. */
const MAX_GROUP_DEPTH = 32;

/** Where the varint at `pos` ends; -1 if it runs past `end`, is longer than ten bytes or overflows 64 bits. */
export function varintEnd(buf: Uint8Array, pos: number, end: number): number {
  const last = pos + 9;
  while (pos < end) {
    const byte = buf[pos++]!;
    if (byte < 0x80) return pos > last && byte > 1 ? -1 : pos;
    if (pos > last) return -1;
  }
  return -1;
}

/**
 * Where the tag or length at `pos` ends; -1 if it runs past `end` or overflows 32 bits.
 * Longer paddings than five bytes are refused because the C++ reader refuses them.
 */
export function shortVarintEnd(buf: Uint8Array, pos: number, end: number): number {
  const last = pos + 4;
  while (pos < end) {
    const byte = buf[pos++]!;
    if (byte < 0x80) return pos > last && byte > 0x0f ? -1 : pos;
    if (pos > last) return -1;
  }
  return -1;
}

/** The low 32 bits of a well-formed varint, unsigned. */
export function uint32At(buf: Uint8Array, pos: number): number {
  let byte = buf[pos]!;
  if (byte < 0x80) return byte;
  let value = byte & 0x7f;
  for (let shift = 7; shift < 35; shift += 7) {
    byte = buf[++pos]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value >>> 0;
}

/** A well-formed varint, unsigned. */
export function uint64At(buf: Uint8Array, pos: number): bigint {
  let low = 0;
  let high = 0;
  for (let i = 0; i < 10; i++) {
    const byte = buf[pos++]!;
    const bits = byte & 0x7f;
    if (i < 4) low |= bits << (7 * i);
    else if (i === 4) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (7 * i - 32);
    if (byte < 0x80) break;
  }
  return join(low, high);
}

export function int64At(buf: Uint8Array, pos: number): bigint {
  return BigInt.asIntN(64, uint64At(buf, pos));
}

/** bool: any bit of the varint counts, also beyond the 32nd. */
export function boolAt(buf: Uint8Array, pos: number): boolean {
  for (let i = 0; i < 10; i++) {
    const byte = buf[pos++]!;
    if ((byte & 0x7f) !== 0) return true;
    if (byte < 0x80) break;
  }
  return false;
}

export function sint32At(buf: Uint8Array, pos: number): number {
  const zigzag = uint32At(buf, pos);
  return (zigzag >>> 1) ^ -(zigzag & 1);
}

/** Little-endian, unsigned. */
export function fixed32At(buf: Uint8Array, pos: number): number {
  return (buf[pos]! | (buf[pos + 1]! << 8) | (buf[pos + 2]! << 16) | (buf[pos + 3]! << 24)) >>> 0;
}

export function fixed64At(buf: Uint8Array, pos: number): bigint {
  return join(fixed32At(buf, pos), fixed32At(buf, pos + 4));
}

export function sfixed64At(buf: Uint8Array, pos: number): bigint {
  return BigInt.asIntN(64, fixed64At(buf, pos));
}

/** A fixed64 as a number: exact up to 2^53, rounded above. Nanoseconds since 1970 come out to within 256 ns. */
export function fixed64NumberAt(buf: Uint8Array, pos: number): number {
  return fixed32At(buf, pos + 4) * 0x1_0000_0000 + fixed32At(buf, pos);
}

export function doubleAt(buf: Uint8Array, pos: number): number {
  for (let i = 0; i < 8; i++) scratchBytes[i] = buf[pos + i]!;
  return scratchDouble[0]!;
}

// Reinterprets bits; holds nothing from one call to the next.
const scratch = new ArrayBuffer(8);
const scratchBytes = new Uint8Array(scratch);
const scratchWords = new Uint32Array(scratch);
const scratchDouble = new Float64Array(scratch);
const scratchBigint = new BigUint64Array(scratch);

function join(low: number, high: number): bigint {
  scratchWords[0] = low;
  scratchWords[1] = high;
  return scratchBigint[0]!;
}

/** Where the value at `pos` ends, given its tag; -1 if it is not well-formed or runs past `end`. */
export function skipValue(buf: Uint8Array, pos: number, end: number, tag: number): number {
  switch (tag & 7) {
    case VARINT:
      return varintEnd(buf, pos, end);
    case FIXED64:
      return pos + 8 <= end ? pos + 8 : -1;
    case LEN: {
      const start = shortVarintEnd(buf, pos, end);
      if (start < 0) return -1;
      const stop = start + uint32At(buf, pos);
      return stop <= end ? stop : -1;
    }
    case GROUP:
      return skipGroup(buf, pos, end, tag >>> 3);
    case FIXED32:
      return pos + 4 <= end ? pos + 4 : -1;
    default:
      return -1;
  }
}

function skipGroup(buf: Uint8Array, pos: number, end: number, field: number): number {
  const open = [field];
  while (pos < end) {
    const start = shortVarintEnd(buf, pos, end);
    if (start < 0) return -1;
    const tag = uint32At(buf, pos);
    pos = start;
    if (tag >>> 3 === 0) return -1;
    if ((tag & 7) === GROUP) {
      if (open.length >= MAX_GROUP_DEPTH) return -1;
      open.push(tag >>> 3);
    } else if ((tag & 7) === GROUP_END) {
      if (open.pop() !== tag >>> 3) return -1;
      if (open.length === 0) return pos;
    } else {
      pos = skipValue(buf, pos, end, tag);
      if (pos < 0) return -1;
    }
  }
  return -1;
}

/** Bytes that `value` takes as a varint; `value` below 2^32. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** Writes `value`, below 2^32, and returns the position behind it. */
export function writeVarint(buf: Uint8Array, pos: number, value: number): number {
  while (value > 0x7f) {
    buf[pos++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  buf[pos++] = value;
  return pos;
}
