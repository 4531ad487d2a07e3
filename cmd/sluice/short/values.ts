/** A value of the short form: an attribute's, with its OTLP type (bigint: int, number: double), or a record's field. */
export type Value = string | boolean | bigint | number | null | Uint8Array | Matcher | readonly Value[] | Fields;

/** A map or a record, in the order in which it was written. */
export type Fields = ReadonlyMap<string, Value>;

/** What may stand for a value in an expectation. */
export class Matcher {
  readonly kind: 'any' | 'absent' | 'matches';
  readonly pattern: RegExp | undefined;

  constructor(kind: Matcher['kind'], pattern?: RegExp) {
    this.kind = kind;
    this.pattern = pattern;
  }

  test(value: Value | undefined): boolean {
    if (this.kind === 'absent') return value === undefined;
    if (this.kind === 'any') return value !== undefined;
    return typeof value === 'string' && this.pattern!.test(value);
  }
}

export function isFields(value: Value | undefined): value is Fields {
  return value instanceof Map;
}

/** Equal in type and content; keys of maps in any order. */
export function equal(a: Value | undefined, b: Value | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (isFields(a) && isFields(b)) {
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)));
  }
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => equal(one, b[i]));
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return Object.is(a, b);
}

/** On one line, as YAML would write it: text in quotes, a double with its point. */
export function textOf(value: Value): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return doubleText(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array) return `{ $bytes: ${Buffer.from(value).toString('base64')} }`;
  if (value instanceof Matcher) {
    return value.pattern ? `{ $matches: ${JSON.stringify(value.pattern.source)} }` : `{ $${value.kind}: true }`;
  }
  if (isFields(value)) {
    const pairs = [...value].map(([key, one]) => `${keyText(key)}: ${textOf(one)}`);
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
  }
  return `[${(value as readonly Value[]).map(textOf).join(', ')}]`;
}

function doubleText(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

export function keyText(key: string): string {
  return /^[\w./-]+$/.test(key) ? key : JSON.stringify(key);
}
