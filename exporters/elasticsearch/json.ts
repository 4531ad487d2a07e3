import { doubleAt, fixed32At, uint64At } from '../../internal/otlp/wire.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const HEX = Buffer.from('0123456789abcdef');
const NULL = Buffer.from('null');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');

/** What follows a backslash for a byte below 0x20, or 0 where it takes `u00XX`. */
const SHORT = new Uint8Array(0x20);
SHORT[0x08] = 0x62;
SHORT[0x09] = 0x74;
SHORT[0x0a] = 0x6e;
SHORT[0x0c] = 0x66;
SHORT[0x0d] = 0x72;

/** 1 for bytes that stand in a string as they are. */
const AS_IT_IS = new Uint8Array(256).fill(1, 0x20, 0x80);
AS_IT_IS[QUOTE] = 0;
AS_IT_IS[BACKSLASH] = 0;

/** The two digits of each number below 100. */
const PAIRS = Buffer.from(Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0')).join(''));

/** 2^32 nanoseconds are 4294 whole milliseconds and so many nanoseconds. */
const WORD_MS = 4294;
const WORD_REST = 967_296;

/** Writes JSON into one growing buffer, text byte by byte from the request to the document. */
export class JsonBytes {
  buf: Buffer<ArrayBuffer>;
  pos = 0;
  /** The calendar second that was written last, and its text. */
  #second = Number.NaN;
  #secondText = Buffer.alloc(0);

  constructor(capacity: number) {
    this.buf = Buffer.allocUnsafeSlow(capacity);
  }

  /** Room for `size` more bytes. */
  reserve(size: number): void {
    if (this.pos + size <= this.buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buf.length * 2, this.pos + size));
    grown.set(this.buf.subarray(0, this.pos));
    this.buf = grown;
  }

  byte(byte: number): void {
    if (this.pos === this.buf.length) this.reserve(1);
    this.buf[this.pos++] = byte;
  }

  /** Bytes that are JSON already. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.reserve(length);
    if (length > 48) this.buf.set(bytes, this.pos);
    else {
      const { buf, pos } = this;
      for (let i = 0; i < length; i++) buf[pos + i] = bytes[i]!;
    }
    this.pos += length;
  }

  /** A part of what was written elsewhere. */
  range(from: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.reserve(length);
    const { buf, pos } = this;
    if (length > 64) buf.set(from.subarray(start, end), pos);
    else for (let i = 0; i < length; i++) buf[pos + i] = from[start + i]!;
    this.pos = pos + length;
  }

  /** A copy of what was written between two positions. */
  cut(from: number, to: number): Buffer {
    return Buffer.from(this.buf.subarray(from, to));
  }

  /** ASCII without anything to escape. */
  ascii(text: string): void {
    const { length } = text;
    this.reserve(length);
    const { buf, pos } = this;
    for (let i = 0; i < length; i++) buf[pos + i] = text.charCodeAt(i);
    this.pos += length;
  }

  /** A string of ours, in quotes: for cold paths. */
  string(text: string): void {
    const json = Buffer.from(JSON.stringify(text.toWellFormed()));
    this.raw(json);
  }

  /** UTF-8 in quotes, escaped; what is no UTF-8 becomes U+FFFD. */
  text(from: Uint8Array, start: number, end: number): void {
    this.reserve((end - start) * 6 + 2);
    const out = this.buf;
    let pos = this.pos;
    out[pos++] = QUOTE;
    for (let i = start; i < end; i++) {
      const byte = from[i]!;
      if (AS_IT_IS[byte] === 1) {
        out[pos++] = byte;
        continue;
      }
      const length = byte < 0x80 ? -1 : sequenceLength(from, i, end);
      if (length < 0) pos = escaped(out, pos, byte);
      else if (length === 0) {
        out[pos++] = 0xef;
        out[pos++] = 0xbf;
        out[pos++] = 0xbd;
      } else {
        out[pos++] = byte;
        for (let rest = 1; rest < length; rest++) out[pos++] = from[++i]!;
      }
    }
    out[pos++] = QUOTE;
    this.pos = pos;
  }

  /** The same with a colon behind it. The server takes no empty or blank name: `_` stands for it. */
  key(from: Uint8Array, start: number, end: number): void {
    if (isBlank(from, start, end)) this.ascii('"_"');
    else this.text(from, start, end);
    this.byte(COLON);
  }

  hex(from: Uint8Array, start: number, end: number): void {
    this.reserve((end - start) * 2 + 2);
    const out = this.buf;
    let pos = this.pos;
    out[pos++] = QUOTE;
    for (let i = start; i < end; i++) {
      out[pos++] = HEX[from[i]! >>> 4]!;
      out[pos++] = HEX[from[i]! & 15]!;
    }
    out[pos++] = QUOTE;
    this.pos = pos;
  }

  base64(from: Uint8Array, start: number, end: number): void {
    this.reserve(Math.ceil((end - start) / 3) * 4 + 2);
    this.byte(QUOTE);
    const text = Buffer.from(from.buffer, from.byteOffset + start, end - start).toString('base64');
    this.pos += this.buf.write(text, this.pos, 'latin1');
    this.byte(QUOTE);
  }

  null(): void {
    this.raw(NULL);
  }

  bool(value: boolean): void {
    this.raw(value ? TRUE : FALSE);
  }

  /** A whole number up to 2^53. */
  int(value: number): void {
    if (value < 0) {
      this.byte(0x2d);
      value = -value;
    }
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    this.reserve(digits);
    this.#digits(value, digits);
  }

  big(value: bigint): void {
    this.ascii(value.toString());
  }

  /** The varint of an int64, exact. */
  int64(from: Uint8Array, pos: number): void {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 7; i++) {
      const byte = from[pos + i]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.int(value);
        return;
      }
      scale *= 128;
    }
    this.big(BigInt.asIntN(64, uint64At(from, pos)));
  }

  doubleAt(from: Uint8Array, pos: number): void {
    this.double(doubleAt(from, pos));
  }

  /** With a point also where the value is whole, so that the server does not take the field for a whole number. */
  double(value: number): void {
    if (!Number.isFinite(value)) this.null();
    else {
      const text = Object.is(value, -0) ? '-0' : String(value);
      this.ascii(text);
      if (Number.isInteger(value) && !text.includes('e')) this.ascii('.0');
    }
  }

  /** A fixed64 of nanoseconds as milliseconds since 1970 with a fraction, in quotes. */
  epochMillis(from: Uint8Array, pos: number): void {
    const high = fixed32At(from, pos + 4);
    const rest = high * WORD_REST + fixed32At(from, pos);
    const whole = Math.floor(rest / 1e6);
    const beyond = rest - whole * 1e6;
    this.byte(QUOTE);
    this.int(high * WORD_MS + whole);
    this.byte(0x2e);
    if (beyond === 0) this.byte(0x30);
    else {
      this.reserve(6);
      this.#digits(beyond, 6);
    }
    this.byte(QUOTE);
  }

  /** A fixed64 of nanoseconds as `2006-01-02T15:04:05.000000000Z`, in quotes. */
  isoNanos(from: Uint8Array, pos: number): void {
    const high = fixed32At(from, pos + 4);
    const rest = high * WORD_REST + fixed32At(from, pos);
    const whole = Math.floor(rest / 1e6);
    const ms = high * WORD_MS + whole;
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = Buffer.from(`"${new Date(second * 1000).toISOString().slice(0, 20)}`);
    }
    this.raw(this.#secondText);
    this.reserve(11);
    this.#digits((ms - second * 1000) * 1e6 + (rest - whole * 1e6), 9);
    this.buf[this.pos++] = 0x5a;
    this.buf[this.pos++] = QUOTE;
  }

  /** There must be room. In parts below 10^8, since small integers divide more cheaply. */
  #digits(value: number, digits: number): void {
    const { buf } = this;
    const first = this.pos;
    let end = first + digits;
    this.pos = end;
    while (value >= 1e8) {
      const high = Math.floor(value / 1e8);
      end = smallDigits(buf, end, end - 8, value - high * 1e8);
      value = high;
    }
    smallDigits(buf, end, first, value);
  }
}

/** Writes `value`, a small integer, so that it ends before `end`, with zeros from `from`. @returns `from` */
function smallDigits(buf: Uint8Array, end: number, from: number, value: number): number {
  let rest = value | 0;
  let pos = end;
  while (pos - from >= 2) {
    const next = (rest / 100) | 0;
    const pair = (rest - next * 100) << 1;
    buf[--pos] = PAIRS[pair + 1]!;
    buf[--pos] = PAIRS[pair]!;
    rest = next;
  }
  if (pos > from) buf[from] = 0x30 + (rest % 10);
  return from;
}

/** Whether a name would be none to the server. */
export function isBlank(from: Uint8Array, start: number, end: number): boolean {
  while (start < end && from[start]! <= 0x20) start++;
  return start === end;
}

function escaped(out: Uint8Array, pos: number, byte: number): number {
  out[pos++] = BACKSLASH;
  if (byte >= 0x20) out[pos++] = byte;
  else if (SHORT[byte] !== 0) out[pos++] = SHORT[byte]!;
  else {
    out[pos++] = 0x75;
    out[pos++] = 0x30;
    out[pos++] = 0x30;
    out[pos++] = HEX[byte >>> 4]!;
    out[pos++] = HEX[byte & 15]!;
  }
  return pos;
}

/** Bytes of the well-formed UTF-8 sequence at `i`, which begins with a byte from 0x80; 0 where there is none. */
function sequenceLength(from: Uint8Array, i: number, end: number): number {
  const first = from[i]!;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (i + length > end) return 0;
  const second = from[i + 1]!;
  // No overlong forms, no surrogates, nothing beyond U+10FFFF: table 3-7 of the Unicode standard.
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let rest = 2; rest < length; rest++) if ((from[i + rest]! & 0xc0) !== 0x80) return 0;
  return length;
}
