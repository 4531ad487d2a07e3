import { encodeField, encodeValue, plainOf } from '../../internal/attributes/encode.ts';
import type { EncodedField } from '../../internal/attributes/list.ts';
import type { Plain } from '../../internal/otlp/view/value.ts';

/** Why there are no facts. */
export type Gap = 'absent' | 'miss' | 'failed' | 'late';
export type Answer = Facts | Gap;

/** What one entry of a source has to say, encoded once. */
export interface Facts {
  readonly list: readonly Fact[];
  /** About the bytes they take. */
  readonly bytes: number;
}

export class Fact {
  readonly key: Uint8Array;
  readonly #value: Uint8Array;
  /** By field number, since spans, points and resources have their attributes in different ones. */
  readonly #fields: (EncodedField | undefined)[] = [];

  constructor(key: string, value: Uint8Array) {
    this.key = Buffer.from(key);
    this.#value = value;
  }

  as(field: number): EncodedField {
    return (this.#fields[field] ??= encodeField(field, this.key, this.#value));
  }

  /** The same value under another name. */
  named(key: Uint8Array, field: number): EncodedField {
    return encodeField(field, key, this.#value);
  }

  get bytes(): number {
    return 64 + 2 * (this.key.length + this.#value.length);
  }
}

export type Write = Readonly<Record<string, string>> | undefined;

const maxDepth = 8;

/** @param write field to attribute name; none: every field by its own name @throws Error where values nest too deep */
export function factsOf(record: object, write: Write, except?: string): Facts {
  const pairs = write
    ? Object.entries(write).map(([path, name]) => [name, valueAt(record, path)] as const)
    : Object.entries(record).filter(([name]) => name !== except);
  const known = pairs.filter(([, value]) => value !== undefined && value !== null);
  return factsFrom(known.map(([name, value]) => [name, plainFact(value)]));
}

/** @throws Error where the value nests too deep */
export function plainFact(value: unknown): Plain {
  if (value instanceof Uint8Array) return value;
  checkDepth(value, maxDepth);
  return plainOf(value);
}

/** @param pairs attribute names and values */
export function factsFrom(pairs: readonly (readonly [string, Plain])[]): Facts {
  const list = pairs.map(([name, value]) => new Fact(name, encodeValue(value)));
  return { list, bytes: list.reduce((sum, fact) => sum + fact.bytes, 64) };
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
