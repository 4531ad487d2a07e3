import { KIND_INVALID, KIND_MISTYPED, KIND_UNKNOWN, kinds, type MessageName, messageNamed, TAGS } from '../schema.ts';
import {
  boolAt,
  doubleAt,
  FIXED32,
  FIXED64,
  fixed32At,
  fixed64At,
  fixed64NumberAt,
  int64At,
  LEN,
  sfixed64At,
  shortVarintEnd,
  sint32At,
  skipValue,
  uint32At,
  uint64At,
  VARINT,
  varintEnd,
} from '../wire.ts';
import type { Cursor, Messages } from './cursor.ts';
import { Fields } from './fields.ts';

/** The highest field number of any OTLP message is 16. */
const FIELDS = 17;

const nothing: Uint8Array = new Uint8Array(0);
const none: number[] = [];

/** Where a value lies. */
export interface Found {
  buf: Uint8Array;
  start: number;
  end: number;
}

/**
 * Where the fields of one message lie, and their decoding. All views have one of these, of one and the same class:
 * that keeps the engine's property look-ups fast, however many kinds of messages there are.
 */
export class Raw {
  buf = nothing;
  start = 0;
  end = 0;
  readonly #row: number;
  /** Whether the message was scanned: only when the first field is asked for. */
  #scanned = true;
  /** Whether one text was asked for already: the second time a scan is worth it. */
  #glanced = false;
  /** Bit n: field n is there. */
  #present = 0;
  /** By field number: how often it is there, its first tag, and the last value. Made when first needed. */
  #times = none;
  #first = none;
  #from = none;
  #to = none;
  readonly #found: Found = { buf: nothing, start: 0, end: 0 };

  constructor(type: MessageName) {
    this.#row = messageNamed(type).index * TAGS;
  }

  reset(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf;
    this.start = start;
    this.end = end;
    this.#scanned = false;
    this.#glanced = false;
  }

  /**
   * The message was written anew at the beginning of `buf`, up to `end`. What lay from `cut` to `cutEnd`, a value of
   * `field` with its tag, or nothing, became `size` bytes: one value of that field, or none. Keeps what was noted of the
   * rest.
   */
  spliced(buf: Uint8Array, end: number, field: number, cut: number, cutEnd: number, size: number): void {
    // Where the first or last value goes, the next one must be looked for.
    const atEdge = size === 0 && (this.#first[field] === cut || this.#to[field] === cutEnd);
    if (!this.#scanned || atEdge) {
      this.reset(buf, 0, end);
      return;
    }
    const base = this.start;
    const grown = size - (cutEnd - cut);
    const wasLast = (this.#present & (1 << field)) !== 0 && this.#to[field]! <= cutEnd;
    for (let other = 1; other < FIELDS; other++) {
      if ((this.#present & (1 << other)) === 0) continue;
      const moved = (this.#to[other]! > cut ? grown : 0) - base;
      this.#first[other]! += (this.#first[other]! >= cutEnd ? grown : 0) - base;
      this.#from[other]! += moved;
      this.#to[other]! += moved;
    }
    this.buf = buf;
    this.start = 0;
    this.end = end;
    if (size === 0) {
      this.#times[field]!--;
      return;
    }
    const at = cut - base;
    const isNew = (this.#present & (1 << field)) === 0;
    if (isNew) {
      this.#present |= 1 << field;
      this.#first[field] = at;
      this.#times[field] = 0;
    }
    if (cut === cutEnd) this.#times[field]!++;
    if (!isNew && !wasLast) return;
    let value = at + (buf[at]! < 0x80 ? 1 : 2);
    if ((buf[at]! & 7) === LEN) while (buf[value++]! >= 0x80);
    this.#from[field] = value;
    this.#to[field] = at + size;
  }

  /**
   * The last text with this tag, for a message that may be asked for nothing else.
   *
   * @returns false where a look at all fields has to tell
   */
  #glance(tag: number, found: Found): boolean {
    const { buf, end } = this;
    let from = 0;
    let to = 0;
    for (let pos = this.start; pos < end; ) {
      const first = buf[pos]!;
      const next = buf[pos + 1]!;
      const kind = first & 0x87;
      if (kind === LEN && next < 0x80) {
        pos += 2 + next;
        if (first !== tag) continue;
        from = pos - next;
        to = pos;
      } else if (kind === FIXED64) pos += 9;
      else if (kind === VARINT && next < 0x80) pos += 2;
      else if (kind === (FIXED32 | 0x80) && next < 0x80) pos += 6;
      else return false;
      if (pos > end) return false;
    }
    found.start = from;
    found.end = to;
    return true;
  }

  #scan(): void {
    this.#scanned = true;
    if (this.#times === none) this.#prepare();
    let present = 0;
    const times = this.#times;
    const first = this.#first;
    const starts = this.#from;
    const ends = this.#to;
    const row = this.#row;
    const { buf, end } = this;
    let pos = this.start;
    while (pos < end) {
      const at = pos;
      let tag = buf[pos++]!;
      if (tag >= 0x80) {
        // Nearly always the last field of a span or log record, `fixed32 flags`.
        if (pos < end && buf[pos]! < 0x80) tag = (tag & 0x7f) | (buf[pos++]! << 7);
        else {
          pos = shortVarintEnd(buf, at, end);
          if (pos < 0) break;
          tag = uint32At(buf, at);
        }
      }
      let from = pos;
      let more = 1;
      const wire = tag & 7;
      if (wire === LEN && pos < end && buf[pos]! < 0x80) {
        from = pos + 1;
        pos = from + buf[pos]!;
        // Attributes come in rows, of which only the first and the last matter here. No tag of two bytes passes as one.
        while (buf[pos] === tag && tag < 0x80 && pos + 1 < end && buf[pos + 1]! < 0x80) {
          if (pos + 2 + buf[pos + 1]! > end) break;
          from = pos + 2;
          pos = from + buf[pos + 1]!;
          more++;
        }
      } else if (wire === FIXED64) pos += 8;
      else if (wire === VARINT && buf[pos]! < 0x80) pos++;
      else if (wire === FIXED32) pos += 4;
      else {
        pos = skipValue(buf, pos, end, tag);
        if (pos < 0) break;
        if (wire === LEN) from = shortVarintEnd(buf, from, end);
      }
      if (pos > end) break;
      if (tag >= TAGS) continue;
      const kind = kinds[row + tag]!;
      if (kind === KIND_UNKNOWN || kind === KIND_MISTYPED) continue;
      if (kind === KIND_INVALID) break;
      const field = tag >>> 3;
      if ((present & (1 << field)) === 0) {
        present |= 1 << field;
        times[field] = more;
        first[field] = at;
      } else times[field]! += more;
      starts[field] = from;
      ends[field] = pos;
    }
    this.#present = present;
  }

  /** Plain arrays: small typed arrays are much dearer to make, and views are made for each batch. */
  #prepare(): void {
    this.#times = new Array(FIELDS).fill(0);
    this.#first = new Array(FIELDS).fill(0);
    this.#from = new Array(FIELDS).fill(0);
    this.#to = new Array(FIELDS).fill(0);
  }

  /** Which fields are on the wire: bit n for field n. */
  get present(): number {
    if (!this.#scanned) this.#scan();
    return this.#present;
  }

  /** Whether the field is on the wire. */
  has(field: number): boolean {
    return (this.present & (1 << field)) !== 0;
  }

  /** Where the field's last value begins, behind tag and length; -1 where it is absent. */
  valueStart(field: number): number {
    return this.has(field) ? this.#from[field]! : -1;
  }

  valueEnd(field: number): number {
    return this.has(field) ? this.#to[field]! : -1;
  }

  /** Where the field's first tag lies; -1 where it is absent. */
  firstTag(field: number): number {
    return this.has(field) ? this.#first[field]! : -1;
  }

  /** The last of several bytes or string values equals `bytes`; an absent one equals the empty one. */
  bytesEqual(field: number, bytes: Uint8Array): boolean {
    const from = this.has(field) ? this.#from[field]! : 0;
    const to = this.has(field) ? this.#to[field]! : 0;
    return rangeEquals(this.buf, from, to, bytes);
  }

  text(field: number): string {
    this.find(field, this.#found);
    return textOf(this.buf, this.#found.start, this.#found.end);
  }

  /** Has `found` say where the value of a text lies: nowhere, with no length, where it is absent. */
  find(field: number, found: Found): void {
    found.buf = this.buf;
    if (!this.#scanned && !this.#glanced) {
      this.#glanced = true;
      if (this.#glance((field << 3) | LEN, found)) return;
    }
    const isThere = this.has(field);
    found.start = isThere ? this.#from[field]! : 0;
    found.end = isThere ? this.#to[field]! : 0;
  }

  /** A window on the request's bytes, not a copy. */
  bytes(field: number): Uint8Array {
    return this.has(field) ? this.buf.subarray(this.#from[field]!, this.#to[field]!) : nothing;
  }

  bool(field: number): boolean {
    return this.has(field) && boolAt(this.buf, this.#from[field]!);
  }

  uint32(field: number): number {
    return this.has(field) ? uint32At(this.buf, this.#from[field]!) : 0;
  }

  /** int32 and enums. */
  int32(field: number): number {
    return this.uint32(field) | 0;
  }

  sint32(field: number): number {
    return this.has(field) ? sint32At(this.buf, this.#from[field]!) : 0;
  }

  int64(field: number): bigint {
    return this.has(field) ? int64At(this.buf, this.#from[field]!) : 0n;
  }

  fixed32(field: number): number {
    return this.has(field) ? fixed32At(this.buf, this.#from[field]!) : 0;
  }

  fixed64(field: number): bigint {
    return this.has(field) ? fixed64At(this.buf, this.#from[field]!) : 0n;
  }

  /** A fixed64 as a number: exact up to 2^53, rounded above. */
  fixed64Number(field: number): number {
    return this.has(field) ? fixed64NumberAt(this.buf, this.#from[field]!) : 0;
  }

  sfixed64(field: number): bigint {
    return this.has(field) ? sfixed64At(this.buf, this.#from[field]!) : 0n;
  }

  double(field: number): number {
    return this.has(field) ? doubleAt(this.buf, this.#from[field]!) : 0;
  }

  /** Of a oneof's members, the one on the wire last; 0 for none. */
  winner(members: readonly number[]): number {
    let winner = 0;
    for (const member of members) {
      if (this.has(member) && (winner === 0 || this.#to[member]! > this.#to[winner]!)) winner = member;
    }
    return winner;
  }

  /** Points `cursor` at the message in `field`, merged if it is there more than once; empties it where it is absent. */
  nested<C extends Cursor>(field: number, cursor: C): C {
    if (!this.has(field)) return clear(cursor);
    if (this.#times[field] === 1) return cursor.reset(this.buf, this.#from[field]!, this.#to[field]!);
    return this.#merged(field, this.#first[field]!, cursor);
  }

  /** The same for a member of a oneof: what another member has overwritten is not merged in. */
  member<C extends Cursor>(field: number, members: readonly number[], cursor: C): C {
    if (!this.has(field) || this.#times[field] === 1) return this.nested(field, cursor);
    let since = this.#first[field]!;
    for (const other of members) if (other !== field && this.has(other)) since = Math.max(since, this.#to[other]!);
    return this.#merged(field, since, cursor);
  }

  /** Messages one after the other are one merged message, so merging is joining their bytes. */
  #merged<C extends Cursor>(field: number, since: number, cursor: C): C {
    const parts: Uint8Array[] = [];
    const fields = new Fields().reset(this.buf, since, this.#to[field]!);
    while (fields.next()) {
      if (fields.tag === ((field << 3) | LEN)) parts.push(this.buf.subarray(fields.from, fields.to));
    }
    const joined = Buffer.concat(parts);
    return cursor.reset(joined, 0, joined.length);
  }

  /** Points `list` at the messages in a repeated field. */
  list<C extends Cursor, L extends Messages<C>>(field: number, list: L): L {
    if (this.has(field)) list.over(this.buf, this.#first[field]!, this.#to[field]!, field);
    else list.over(nothing, 0, 0, field);
    return list;
  }

  /**
   * The same for lists in which mostly one message is looked for: where the rest of this message was not asked for yet, what lies before
   * the list is passed over by the search, which is less work than noting where all fields lie.
   */
  searched<C extends Cursor, L extends Messages<C>>(field: number, list: L): L {
    if (this.#scanned) return this.list<C, L>(field, list);
    list.over(this.buf, this.start, this.end, field);
    return list;
  }

  /** A repeated fixed64, packed or not. */
  fixed64s(field: number): bigint[] {
    return this.#numbers(field, FIXED64, 8, fixed64At);
  }

  doubles(field: number): number[] {
    return this.#numbers(field, FIXED64, 8, doubleAt);
  }

  uint64s(field: number): bigint[] {
    return this.#numbers(field, VARINT, 0, uint64At);
  }

  texts(field: number): string[] {
    const values: string[] = [];
    if (!this.has(field)) return values;
    const fields = new Fields().reset(this.buf, this.#first[field]!, this.#to[field]!);
    while (fields.next()) {
      if (fields.tag === ((field << 3) | LEN)) values.push(textOf(this.buf, fields.from, fields.to));
    }
    return values;
  }

  /** @param size bytes of a value, 0 for varints */
  #numbers<T>(field: number, wire: number, size: number, read: (buf: Uint8Array, pos: number) => T): T[] {
    const values: T[] = [];
    if (!this.has(field)) return values;
    const { buf } = this;
    const fields = new Fields().reset(buf, this.#first[field]!, this.#to[field]!);
    while (fields.next()) {
      if (fields.tag === ((field << 3) | wire)) values.push(read(buf, fields.from));
      if (fields.tag !== ((field << 3) | LEN)) continue;
      for (let pos = fields.from; pos >= 0 && pos + size <= fields.to && pos < fields.to; ) {
        const next = size === 0 ? varintEnd(buf, pos, fields.to) : pos + size;
        if (next > 0) values.push(read(buf, pos));
        pos = next;
      }
    }
    return values;
  }
}

function clear<C extends Cursor>(cursor: C): C {
  return cursor.reset(nothing, 0, 0);
}

type Slice = (this: Uint8Array, start: number, end: number) => string;
// Works on every Uint8Array, without a Buffer around it.
const utf8Slice = (Buffer.prototype as unknown as { utf8Slice: Slice }).utf8Slice;

/** UTF-8 as text; what is no UTF-8 becomes U+FFFD. */
export function textOf(buf: Uint8Array, start: number, end: number): string {
  return start === end ? '' : utf8Slice.call(buf, start, end);
}

/** Whether `buf` from `start` to `end` holds the same as `bytes`, or as what lies in them from `from` to `to`. */
export function rangeEquals(
  buf: Uint8Array,
  start: number,
  end: number,
  bytes: Uint8Array,
  from = 0,
  to = bytes.length,
): boolean {
  if (end - start !== to - from) return false;
  while (start < end) if (buf[start++] !== bytes[from++]) return false;
  return true;
}
