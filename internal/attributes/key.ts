import { encodeField, encodeValue } from '../otlp/attributes/encode.ts';
import type { AnyValue, Attributes, KeyValue } from '../otlp/view/value.ts';
import { LEN, shortVarintEnd, uint32At, varintEnd } from '../otlp/wire.ts';

const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;
const STRING = (1 << 3) | LEN;
const BOOL = 2 << 3;
const INT = 3 << 3;
const DOUBLE = (4 << 3) | 1;
const plainKinds: ReadonlySet<string> = new Set(['empty', 'string', 'bool', 'int', 'double']);

/**
 * Text that is equal for equal lists of attributes, and only for those: the order of the list, and of a kvlist in it, does
 * not count, nor the way in which a value is encoded; 1, 1.0 and "1" are three values.
 */
export function attributesKey(attributes: Attributes): string {
  const pairs: string[] = [];
  let inOrder = true;
  for (let pair = attributes.next(); pair; pair = attributes.next()) {
    const key = pairKey(pair);
    inOrder &&= pairs.length === 0 || pairs[pairs.length - 1]! <= key;
    pairs.push(key);
  }
  attributes.rewind();
  if (!inOrder) putInOrder(pairs);
  return pairs.length === 1 ? pairs[0]! : pairs.join('');
}

/** For the few that there mostly are this is faster than the engine's sort. */
function putInOrder(pairs: string[]): void {
  if (pairs.length > 16) {
    pairs.sort();
    return;
  }
  for (let i = 1; i < pairs.length; i++) {
    const pair = pairs[i]!;
    let at = i;
    for (; at > 0 && pairs[at - 1]! > pair; at--) pairs[at] = pairs[at - 1]!;
    pairs[at] = pair;
  }
}

/** A plain value: the bytes of the KeyValue as SDKs write it, which tell by themselves where they end. Else a text that begins with no tag. */
function pairKey(pair: KeyValue): string {
  const { buf, start, end } = pair;
  if (isUsual(buf, start, end)) return latin1(buf, start, end);
  const { value, keyStrindex } = pair;
  if (plainKinds.has(value.kind) && keyStrindex === 0) {
    const { bytes, contentFrom } = encodeField(1, Buffer.from(pair.key), encodeValue(value.plain()));
    return latin1(bytes, contentFrom, bytes.length);
  }
  return `{${sized(pair.key)}${valueKey(value)}${keyStrindex || ''}}`;
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

/** Key and value once each, the value nothing, a string, bool, int or double, and every length as short as it can be. */
function isUsual(buf: Uint8Array, start: number, end: number): boolean {
  const key = lengthEnd(buf, start, end, KEY);
  if (key < 0) return false;
  const at = key + uint32At(buf, start + 1);
  const value = lengthEnd(buf, at, end, VALUE);
  return value >= 0 && value + uint32At(buf, at + 1) === end && isUsualValue(buf, value, end);
}

function isUsualValue(buf: Uint8Array, start: number, end: number): boolean {
  if (start === end) return true;
  const from = start + 1;
  switch (buf[start]) {
    case STRING: {
      const text = lengthEnd(buf, start, end, STRING);
      return text >= 0 && text + uint32At(buf, from) === end;
    }
    case BOOL:
      return from + 1 === end && buf[from]! < 2;
    case INT:
      return varintEnd(buf, from, end) === end && (buf[end - 1] !== 0 || from + 1 === end);
    case DOUBLE:
      return from + 8 === end;
    default:
      return false;
  }
}

/** Where the length behind this tag ends; -1 where there is another tag, or a longer length than there need be. */
function lengthEnd(buf: Uint8Array, at: number, end: number, tag: number): number {
  if (at >= end || buf[at] !== tag) return -1;
  const to = shortVarintEnd(buf, at + 1, end);
  return to > at + 2 && buf[to - 1] === 0 ? -1 : to;
}

/** A string with a character for each byte. */
export function latin1(buf: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(buf, start, end);
}

type Slice = (this: Uint8Array, start: number, end: number) => string;
// Works on every Uint8Array, without a Buffer around it.
const latin1Slice = (Buffer.prototype as unknown as { latin1Slice: Slice }).latin1Slice;
