import type { Plain } from '../otlp/view/value.ts';
import { valueText } from '../otlp/view/value_text.ts';
import { fail, type Value, ValueMap } from './values.ts';

/** Without the white space around it, which for Go is what Unicode says: not quite JavaScript's. */
export function trimSpace(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isSpace(text[start]!)) start++;
  while (start < end && isSpace(text[end - 1]!)) end--;
  return text.slice(start, end);
}

const isSpace = (letter: string) => letter !== '\uFEFF' && /[\s\x85]/.test(letter);

/** A float64 as the JSON of upstream's StringLikeGetter has it: exponents of two digits, below 1e-6 and from 1e21 on. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return Object.is(value, -0) ? '-0' : String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** JSON as upstream's StringLikeGetter has it: keys sorted, HTML characters escaped. */
export function jsonOf(value: Value): string {
  if (value === undefined) return 'null';
  if (typeof value === 'string') return jsonText(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number')
    return Number.isFinite(value) ? floatText(value) : fail(`JSON has no ${floatText(value)}`);
  if (value instanceof Uint8Array) return value.length === 0 ? 'null' : jsonText(Buffer.from(value).toString('base64'));
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
  return valueText(plainOf(value));
}

function plainOf(value: Value): Plain {
  if (value instanceof ValueMap) return { pairs: value.pairs.map((pair) => [pair.key, plainOf(pair.value)] as const) };
  if (Array.isArray(value)) return value.map(plainOf);
  return value as Plain;
}
