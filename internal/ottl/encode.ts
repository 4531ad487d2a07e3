import { MAX_DEPTH } from '../otlp/check.ts';
import { type Attributes, KeyValue } from '../otlp/view/value.ts';
import type { Writer } from '../otlp/writer.ts';
import { Duration, decodeValue, fail, Id, Opaque, Pair, Time, typeName, type Value, ValueMap } from './values.ts';

/** Of MAX_DEPTH messages inside one another that a receiver follows, those that lie inside an attribute's value. */
const MAX_NESTING = MAX_DEPTH - 10;

/** Whether an attribute can hold the value: ids, times and durations must be made into something else first. */
export function isStorable(value: Value, depth = 0): boolean {
  // A map takes three messages inside one another, a list two.
  if (depth > MAX_NESTING) return false;
  if (value instanceof ValueMap) return value.pairs.every((pair) => isStorable(pair.value, depth + 3));
  if (Array.isArray(value)) return value.every((one) => isStorable(one, depth + 2));
  return !(value instanceof Id || value instanceof Time || value instanceof Duration || value instanceof Opaque);
}

export function refuseStoring(value: Value): never {
  const isNested = value instanceof ValueMap || Array.isArray(value);
  if (isNested)
    fail(`an attribute cannot hold this ${typeName(value)}: it is nested too deep, or has an id or time in it`);
  fail(`an attribute cannot hold ${typeName(value)}: convert it, with String() for instance`);
}

/** Writes `value` as an AnyValue into `field`; nil as an empty one. */
export function writeAny(out: Writer, field: number, value: Value): void {
  const start = out.open(field);
  if (typeof value === 'string') out.string(1, value);
  else if (typeof value === 'boolean') out.varint(2, value ? 1 : 0);
  else if (typeof value === 'bigint') out.varint64(3, value);
  else if (typeof value === 'number') out.double(4, value);
  else if (value instanceof Uint8Array) out.bytes(7, value);
  else if (value instanceof ValueMap) {
    const list = out.open(6);
    writePairs(out, 1, value);
    out.close(list);
  } else if (Array.isArray(value)) {
    const list = out.open(5);
    for (const one of value) writeAny(out, 1, one);
    out.close(list);
  } else if (value !== undefined) refuseStoring(value);
  out.close(start);
}

/** Writes each pair as a KeyValue into `field`; those that are as they came, byte for byte. */
export function writePairs(out: Writer, field: number, map: ValueMap): void {
  for (const pair of map.pairs) {
    if (pair.wire) out.bytes(field, pair.wire);
    else if (isStorable(pair.value)) writePair(out, field, pair.key, pair.value);
    else refuseStoring(pair.value);
  }
}

export function writePair(out: Writer, field: number, key: string, value: Value): void {
  const start = out.open(field);
  out.string(1, key);
  writeAny(out, 2, value);
  out.close(start);
}

/** All attributes. Their values are decoded when asked for, from bytes that stay as long as nobody edits the message. */
export function mapOf(list: Attributes): ValueMap {
  const pairs: Pair[] = [];
  list.rewind();
  for (let pair = list.next(); pair; pair = list.next()) {
    pairs.push(new Pair(pair.key, undefined, pair.buf.subarray(pair.start, pair.end), decodePair));
  }
  list.rewind();
  return new ValueMap(pairs);
}

function decodePair(wire: Uint8Array): Value {
  return decodeValue(new KeyValue().reset(wire, 0, wire.length).value);
}

/** The same with nothing left that lies in somebody's buffer. */
export function detached(value: Value): Value {
  if (value instanceof ValueMap) return ValueMap.of(value.pairs.map((pair) => [pair.key, detached(pair.value)]));
  return Array.isArray(value) ? value.map(detached) : value;
}
