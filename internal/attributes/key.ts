import type { AnyValue, Attributes, KeyValue } from '../otlp/view/value.ts';
import { LEN, varintEnd } from '../otlp/wire.ts';

const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;
const STRING = (1 << 3) | LEN;
const BOOL = 2 << 3;
const INT = 3 << 3;
const DOUBLE = (4 << 3) | 1;

/**
 * Text that is equal for equal lists of attributes, and only for those: the order of the list, and of a kvlist in it, does
 * not count, nor the way in which a value is encoded; 1, 1.0 and "1" are three values.
 */
export function attributesKey(attributes: Attributes): string {
  const pairs: string[] = [];
  for (let pair = attributes.next(); pair; pair = attributes.next()) pairs.push(pairKey(pair));
  attributes.rewind();
  return pairs.length > 1 ? pairs.sort().join('') : (pairs[0] ?? '');
}

/** The bytes of the KeyValue as SDKs write it, which tell by themselves where they end; else a text that begins with no tag. */
function pairKey(pair: KeyValue): string {
  const { buf, start, end } = pair;
  if (isUsual(buf, start, end)) return latin1(buf, start, end);
  const rest = `${pair.keyStrindex || ''}`;
  return `{${sized(pair.key)}${valueKey(pair.value)}${rest}}`;
}

function valueKey(value: AnyValue): string {
  const { kind } = value;
  switch (kind) {
    case 'array': {
      let key = '[';
      for (let list = value.arrayValue, each = list.next(); each; each = list.next()) key += valueKey(each);
      return `${key}]`;
    }
    case 'kvlist': {
      const pairs: string[] = [];
      for (let list = value.kvlistValue, each = list.next(); each; each = list.next()) pairs.push(pairKey(each));
      return `(${pairs.sort().join('')})`;
    }
    case 'string':
      return `s${sized(value.stringValue)}`;
    case 'bytes':
      return `b${sized(latin1(value.bytesValue, 0, value.bytesValue.length))}`;
    case 'double':
      return `d${latin1(value.raw.bytes(4), 0, 8)}`;
    default:
      return `${kind}${value.plain()};`;
  }
}

/** Tells by itself where it ends. */
function sized(text: string): string {
  return `${text.length}:${text}`;
}

/** Key and value once each, the value a string, bool, int or double, and every length as short as it can be. */
function isUsual(buf: Uint8Array, start: number, end: number): boolean {
  if (start + 4 > end || buf[start] !== KEY || buf[start + 1]! >= 0x80) return false;
  const at = start + 2 + buf[start + 1]!;
  if (at + 4 > end || buf[at] !== VALUE || buf[at + 1]! >= 0x80 || at + 2 + buf[at + 1]! !== end) return false;
  const value = at + 3;
  switch (buf[at + 2]) {
    case STRING:
      return buf[value]! < 0x80 && value + 1 + buf[value]! === end;
    case BOOL:
      return value + 1 === end && buf[value]! < 2;
    case INT:
      return varintEnd(buf, value, end) === end && (buf[end - 1] !== 0 || value + 1 === end);
    case DOUBLE:
      return value + 8 === end;
    default:
      return false;
  }
}

/** A string with a character for each byte. */
export function latin1(buf: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(buf, start, end);
}

type Slice = (this: Uint8Array, start: number, end: number) => string;
// Works on every Uint8Array, without a Buffer around it.
const latin1Slice = (Buffer.prototype as unknown as { latin1Slice: Slice }).latin1Slice;
