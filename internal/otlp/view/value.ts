import { FIXED64, LEN, shortVarintEnd, skipValue, uint32At } from '../wire.ts';
import { Cursor, Messages } from './cursor.ts';
import { rangeEquals } from './raw.ts';

/**
 *   message KeyValue { string key = 1; AnyValue value = 2; int32 key_strindex = 3; }
 *
 * Source: opentelemetry/proto/common/v1/common.proto
 */
export class KeyValue extends Cursor {
  #value: AnyValue | undefined;

  constructor() {
    super('KeyValue');
  }

  get key(): string {
    return this.raw.text(1);
  }
  /** Whether the key is this one, given in UTF-8; decodes nothing. */
  keyIs(key: Uint8Array): boolean {
    return this.raw.bytesEqual(1, key);
  }
  get value(): AnyValue {
    return this.raw.nested(2, (this.#value ??= new AnyValue()));
  }
  /** Profiles only. */
  get keyStrindex(): number {
    return this.raw.int32(3);
  }
}

/** Tag of AnyValue.string_value. */
const STRING = (1 << 3) | LEN;

/** Where the text begins in an AnyValue from `start` to `end` that is plainly one of less than 16 KiB, and nothing else; -1 for any other. */
export function plainTextStart(buf: Uint8Array, start: number, end: number): number {
  if (start === end || buf[start] !== STRING) return -1;
  const size = buf[start + 1]!;
  const more = size < 0x80 ? 0 : buf[start + 2]!;
  const text = start + (size < 0x80 ? 2 : 3);
  return more < 0x80 && text + ((size & 0x7f) | (more << 7)) === end ? text : -1;
}

const members = [1, 2, 3, 4, 5, 6, 7, 8];
const valueKinds = ['empty', 'string', 'bool', 'int', 'double', 'array', 'kvlist', 'bytes', 'strindex'] as const;
export type ValueKind = (typeof valueKinds)[number];

/** What an AnyValue says, as JavaScript has it. An int is a bigint, a kvlist its pairs in order. */
export type Plain = undefined | string | boolean | bigint | number | Uint8Array | Plain[] | PlainPairs;
export interface PlainPairs {
  readonly pairs: readonly (readonly [key: string, value: Plain])[];
}

/**
 *   message AnyValue {
 *     oneof value {
 *       string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
 *       ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7;
 *       int32 string_value_strindex = 8;
 *     }
 *   }
 *   message ArrayValue { repeated AnyValue values = 1; }
 *   message KeyValueList { repeated KeyValue values = 1; }
 *
 * Source: opentelemetry/proto/common/v1/common.proto
 */
export class AnyValue extends Cursor {
  #array: List<AnyValue> | undefined;
  #kvlist: List<KeyValue> | undefined;

  constructor() {
    super('AnyValue');
  }

  get kind(): ValueKind {
    return valueKinds[this.raw.winner(members)]!;
  }
  get stringValue(): string {
    return this.raw.text(1);
  }
  /** Whether this is a string with these UTF-8 bytes; decodes nothing. */
  stringIs(value: Uint8Array): boolean {
    return this.raw.winner(members) === 1 && this.raw.bytesEqual(1, value);
  }
  get boolValue(): boolean {
    return this.raw.bool(2);
  }
  get intValue(): bigint {
    return this.raw.int64(3);
  }
  get doubleValue(): number {
    return this.raw.double(4);
  }
  get arrayValue(): Messages<AnyValue> {
    return this.raw.member(5, members, (this.#array ??= new List('ArrayValue', new AnyValue()))).values;
  }
  get kvlistValue(): Messages<KeyValue> {
    return this.raw.member(6, members, (this.#kvlist ??= new List('KeyValueList', new KeyValue()))).values;
  }
  get bytesValue(): Uint8Array {
    return this.raw.bytes(7);
  }
  /** Profiles only. */
  get stringValueStrindex(): number {
    return this.raw.int32(8);
  }

  /** Decodes all of it: for cold paths. */
  plain(): Plain {
    switch (this.kind) {
      case 'empty':
        return undefined;
      case 'string':
        return this.stringValue;
      case 'bool':
        return this.boolValue;
      case 'int':
        return this.intValue;
      case 'double':
        return this.doubleValue;
      case 'bytes':
        return this.bytesValue;
      case 'strindex':
        return this.stringValueStrindex;
      case 'array': {
        const values: Plain[] = [];
        for (let list = this.arrayValue, value: AnyValue | undefined; (value = list.next()); ) {
          values.push(value.plain());
        }
        return values;
      }
      case 'kvlist': {
        const pairs: (readonly [string, Plain])[] = [];
        for (let list = this.kvlistValue, pair: KeyValue | undefined; (pair = list.next()); ) {
          pairs.push([pair.key, pair.value.plain()]);
        }
        return { pairs };
      }
    }
  }
}

class List<C extends Cursor> extends Cursor {
  readonly #values: Messages<C>;

  constructor(type: 'ArrayValue' | 'KeyValueList', cursor: C) {
    super(type);
    this.#values = new Messages(cursor);
  }

  get values(): Messages<C> {
    return this.raw.list(1, this.#values);
  }
}

/** The attributes of a resource, scope or record. */
export class Attributes extends Messages<KeyValue> {
  constructor() {
    super(new KeyValue());
  }

  /**
   * The first attribute with this key, given in UTF-8, read by comparing bytes. Leaves the list at its beginning.
   * Its field runs from `at` to `current.end`.
   */
  find(key: Uint8Array): KeyValue | undefined {
    const { buf, end, tag } = this;
    this.rewind();
    let pos = this.begin;
    while (pos < end) {
      const at = pos;
      if (buf[pos] === tag && pos + 1 < end && buf[pos + 1]! < 0x80) {
        pos += 2;
        const stop = pos + buf[pos - 1]!;
        if (stop > end) return undefined;
        const found = keyIs(buf, pos, stop, key);
        if (found) return this.#found(at, pos, stop);
        pos = stop;
      } else if ((buf[pos]! & 0x87) === FIXED64) pos += 9;
      else if ((buf[pos]! & 0x87) === LEN && buf[pos] !== tag && pos + 1 < end && buf[pos + 1]! < 0x80) {
        pos += 2 + buf[pos + 1]!;
      } else {
        const value = shortVarintEnd(buf, pos, end);
        if (value < 0) return undefined;
        const other = uint32At(buf, pos);
        pos = skipValue(buf, value, end, other);
        if (pos < 0) return undefined;
        if (other !== tag) continue;
        const start = shortVarintEnd(buf, value, end);
        if (keyIs(buf, start, pos, key)) return this.#found(at, start, pos);
      }
    }
    return undefined;
  }

  #found(at: number, start: number, end: number): KeyValue {
    this.at = at;
    return this.current.reset(this.buf, start, end);
  }
}

/** Whether a KeyValue has this key. Every SDK writes the key first and once; another order takes longer. */
function keyIs(buf: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  const value = start + 4 <= end ? start + 2 + buf[start + 1]! : end;
  if (buf[start] === KEY && buf[start + 1]! < 0x80 && value + 2 <= end && buf[value] === VALUE) {
    if (buf[value + 1]! < 0x80 && value + 2 + buf[value + 1]! === end) {
      if (value - start - 2 !== key.length) return false;
      // The last byte first: keys share their beginnings more than their ends.
      for (let i = value - 1, k = key.length - 1; k >= 0; i--, k--) if (buf[i] !== key[k]) return false;
      return true;
    }
  }
  return keyIsSlow(buf, start, end, key);
}

const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;

function keyIsSlow(buf: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  let from = start;
  let to = start;
  for (let pos = start; pos < end; ) {
    const value = shortVarintEnd(buf, pos, end);
    if (value < 0) break;
    const tag = uint32At(buf, pos);
    pos = skipValue(buf, value, end, tag);
    if (pos < 0) break;
    if (tag !== KEY) continue;
    from = shortVarintEnd(buf, value, end);
    to = pos;
  }
  return rangeEquals(buf, from, to, key);
}
