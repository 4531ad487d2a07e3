import { encodeField, plainOf, writeValue } from '../../internal/otlp/attributes/encode.ts';
import type { EncodedField } from '../../internal/otlp/attributes/list.ts';
import type { Plain } from '../../internal/otlp/view/value.ts';
import { Writer } from '../../internal/otlp/writer.ts';

/** Why there are no facts. */
export type Gap = 'absent' | 'miss' | 'failed' | 'late';
export type Answer = Facts | Gap;

/** What one entry of a source has to say, encoded once. */
export interface Facts {
  readonly list: readonly Fact[];
  /** About the bytes they take, before they are encoded. */
  readonly bytes: number;
}

/** Encoded when it is first written: of a large catalogue most entries never are. */
export class Fact {
  readonly key: Uint8Array;
  readonly #value: Plain;
  readonly #maker: FactMaker;
  /** For one field number, and for others: spans, resources and each kind of points have their attributes in different ones. */
  #number = 0;
  #field: EncodedField | undefined;
  #others: Map<number, EncodedField> | undefined;

  constructor(key: Uint8Array, value: Plain, maker: FactMaker) {
    this.key = key;
    this.#value = value;
    this.#maker = maker;
  }

  as(field: number): EncodedField {
    if (this.#number === field) return this.#field!;
    return this.#others?.get(field) ?? this.#keep(field);
  }

  #keep(field: number): EncodedField {
    const encoded = this.named(this.key, field);
    this.#maker.encodedBytes += encodedSize + encoded.bytes.length;
    if (this.#number === 0) {
      this.#number = field;
      this.#field = encoded;
    } else (this.#others ??= new Map()).set(field, encoded);
    return encoded;
  }

  /** The same value under another name. */
  named(key: Uint8Array, field: number): EncodedField {
    return this.#maker.encode(field, key, this.#value);
  }

  /** About what it takes, before it is encoded. */
  get bytes(): number {
    return 80 + sizeOf(this.#value);
  }
}

/** Makes facts; of one maker those with one name share it. */
export class FactMaker {
  readonly #keys = new Map<string, Uint8Array>();
  /** A buffer of its own for each value would cost more than the value. */
  readonly #out = new Writer(64);
  /** About what the facts that are encoded take besides. */
  encodedBytes = 0;

  fact(name: string, value: Plain): Fact {
    let key = this.#keys.get(name);
    if (!key) this.#keys.set(name, (key = Buffer.from(name)));
    return new Fact(key, value, this);
  }

  encode(field: number, key: Uint8Array, value: Plain): EncodedField {
    const out = this.#out;
    out.clear();
    writeValue(out, value);
    return encodeField(field, key, out.buffer, 0, out.length);
  }
}

/** What encoded bytes take besides, as measured. */
export const encodedSize = 300;

function sizeOf(value: Plain): number {
  if (typeof value === 'string') return 24 + value.length;
  if (value instanceof Uint8Array) return 200 + value.length;
  if (typeof value !== 'object') return 24;
  const parts = Array.isArray(value) ? value : value.pairs.flat();
  return parts.reduce<number>((sum, part) => sum + sizeOf(part), 64);
}

export type Write = Readonly<Record<string, string>> | undefined;

const maxDepth = 8;

/** @param write field to attribute name; none: every field by its own name @throws Error where values nest too deep */
export function factsOf(record: object, write: Write, except?: string, maker?: FactMaker): Facts {
  const pairs = write
    ? Object.entries(write).map(([path, name]) => [name, valueAt(record, path)] as const)
    : Object.entries(record).filter(([name]) => name !== except);
  const known = pairs.filter(([, value]) => value !== undefined && value !== null);
  return factsFrom(
    known.map(([name, value]) => [name, plainFact(value)]),
    maker,
  );
}

/** @throws Error where the value nests too deep */
export function plainFact(value: unknown): Plain {
  if (value instanceof Uint8Array) return value;
  checkDepth(value, maxDepth);
  return plainOf(value);
}

/** @param pairs attribute names and values */
export function factsFrom(pairs: readonly (readonly [string, Plain])[], maker = new FactMaker()): Facts {
  const list = pairs.map(([name, value]) => maker.fact(name, value));
  return { list, bytes: list.reduce((sum, fact) => sum + fact.bytes, 80) };
}

/** A field by its name, else by a path with dots. */
export function valueAt(record: object, path: string): unknown {
  if (Object.hasOwn(record, path)) return (record as Record<string, unknown>)[path];
  let at: unknown = record;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

function checkDepth(value: unknown, left: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (left === 0) throw new Error(`values nest deeper than ${maxDepth} levels`);
  for (const each of Object.values(value)) checkDepth(each, left - 1);
}

/** JSON whose whole numbers keep all their digits. @throws SyntaxError */
export function parseJson(text: string): unknown {
  type Context = { readonly source?: string };
  return JSON.parse(text, (_key, value, context?: Context) => {
    const source = context?.source;
    if (typeof value !== 'number' || Number.isSafeInteger(value) || !source || !/^-?\d+$/.test(source)) return value;
    const whole = BigInt(source);
    return BigInt.asIntN(64, whole) === whole ? whole : value;
  });
}
