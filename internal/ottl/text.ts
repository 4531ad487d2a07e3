import { type Value, ValueMap } from './values.ts';

/** A float64 as Go's %v and JSON write it: without exponent from 1e-6 to 1e21. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  // JavaScript switches to exponents at the same values; Go pads them to two digits only outside of JSON.
  return String(value)
    .replace(/e([+-])(\d)$/, 'e$1$2')
    .replace('e+', 'e+');
}

/** JSON as Go writes it: keys sorted, HTML characters escaped. @param raw what a value is written as when it is neither a map nor a list */
export function jsonOf(value: Value): string {
  if (value === undefined) return 'null';
  if (typeof value === 'string') return jsonText(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return floatText(value);
  if (value instanceof Uint8Array) return jsonText(Buffer.from(value).toString('base64'));
  if (value instanceof ValueMap) {
    const sorted = [...new Map(value.pairs.map((pair) => [pair.key, pair.value]))];
    sorted.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return `{${sorted.map(([key, one]) => `${jsonText(key)}:${jsonOf(one)}`).join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(',')}]`;
  return jsonText(String(value));
}

const escapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function jsonText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what JSON must escape
  const escaped = text.replace(/["\\\x00-\x1f<>&\u2028\u2029]/g, (character) => {
    return escapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

/** An attribute's value as text, pdata's Value.AsString: text as it is, bytes in base64, maps and lists as JSON. */
export function asString(value: Value): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return floatText(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return jsonOf(value);
}
