import type { AnyValue, KeyValue } from '../otlp/view/value.ts';

/** What an expression may come to. `undefined` is OTTL's nil, a bigint its int64, a number its float64. */
export type Value =
  | undefined
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | readonly Value[]
  | ValueMap
  | Time
  | Duration
  | Id
  | Opaque;

/** Evaluating failed: what `error_mode` decides about. Nothing else is thrown by a compiled condition or statement. */
export class OttlError {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

export function fail(message: string): never {
  throw new OttlError(message);
}

/** A moment, in nanoseconds since 1970, and the zone in which it is written: an IANA name or an offset such as `+02:00`. */
export class Time {
  readonly nanos: bigint;
  readonly zone: string;

  constructor(nanos: bigint, zone = 'UTC') {
    this.nanos = nanos;
    this.zone = zone;
  }
}

/** In nanoseconds. */
export class Duration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A trace or span id; not a byte slice in OTTL's eyes. */
export class Id {
  readonly kind: 'trace' | 'span' | 'profile';
  readonly bytes: Uint8Array;

  constructor(kind: Id['kind'], bytes: Uint8Array) {
    this.kind = kind;
    this.bytes = bytes;
  }

  get hex(): string {
    return Buffer.from(this.bytes).toString('hex');
  }
}

/** Something that can only be measured or handed on whole: a status, events, links, data points. */
export class Opaque {
  readonly type: string;
  /** Whole fields, tag and all, each message's number 0 for a message that is its own. */
  readonly messages: readonly Uint8Array[];

  constructor(type: string, messages: readonly Uint8Array[]) {
    this.type = type;
    this.messages = messages;
  }
}

/** A key with its value: as it lay on the wire, decoded when asked for, or made anew. */
export class Pair {
  readonly key: string;
  /** The KeyValue's content, where the pair is as it came. */
  readonly wire: Uint8Array | undefined;
  #decode: ((wire: Uint8Array) => Value) | undefined;
  #value: Value;

  constructor(key: string, value: Value, wire?: Uint8Array, decode?: (wire: Uint8Array) => Value) {
    this.key = key;
    this.#value = value;
    this.wire = wire;
    this.#decode = decode;
  }

  get value(): Value {
    if (this.#decode) {
      this.#value = this.#decode(this.wire!);
      this.#decode = undefined;
    }
    return this.#value;
  }
}

/** Keys and values in the order in which they came. Never changed: an edit makes another. */
export class ValueMap {
  readonly pairs: readonly Pair[];

  constructor(pairs: readonly Pair[]) {
    this.pairs = pairs;
  }

  static of(entries: Iterable<readonly [string, Value]>): ValueMap {
    return new ValueMap(Array.from(entries, ([key, value]) => new Pair(key, value)));
  }

  get(key: string): Value {
    return this.pairs.find((pair) => pair.key === key)?.value;
  }
  has(key: string): boolean {
    return this.pairs.some((pair) => pair.key === key);
  }
  /** With `key` set: in its place, or at the end. */
  with(key: string, value: Value): ValueMap {
    const at = this.pairs.findIndex((pair) => pair.key === key);
    const pair = new Pair(key, value);
    return new ValueMap(at < 0 ? [...this.pairs, pair] : this.pairs.with(at, pair));
  }
}

/** A map with these pairs. */
export function mapOf(entries: Iterable<readonly [string, Value]>): Value {
  return ValueMap.of(entries);
}

/** Decodes an AnyValue; nil for an empty one. Bytes are copied: the value may outlive what it was read from. */
export function decodeValue(any: AnyValue): Value {
  switch (any.kind) {
    case 'string':
      return any.stringValue;
    case 'bool':
      return any.boolValue;
    case 'int':
      return any.intValue;
    case 'double':
      return any.doubleValue;
    case 'bytes':
      return Buffer.from(any.bytesValue);
    case 'array': {
      const values: Value[] = [];
      for (let list = any.arrayValue, value: AnyValue | undefined; (value = list.next()); )
        values.push(decodeValue(value));
      return values;
    }
    case 'kvlist': {
      const pairs: Pair[] = [];
      for (let list = any.kvlistValue, pair: KeyValue | undefined; (pair = list.next()); ) {
        pairs.push(new Pair(pair.key, decodeValue(pair.value)));
      }
      return new ValueMap(pairs);
    }
    default:
      return undefined;
  }
}

/** What a value is called in a message. */
export function typeName(value: Value): string {
  if (value === undefined) return 'nil';
  if (typeof value === 'bigint') return 'int64';
  if (typeof value === 'number') return 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof ValueMap) return 'map';
  if (value instanceof Time) return 'time';
  if (value instanceof Duration) return 'duration';
  if (value instanceof Id) return `${value.kind} id`;
  if (value instanceof Opaque) return value.type;
  return 'list';
}
