import type { Plain } from './value.ts';

/**
 * A value as text, as pdata's Value.AsString has it: text as it is, numbers as ECMAScript writes them (Go follows it),
 * bytes in base64, lists and maps as JSON with sorted keys. What is empty is no text.
 */
export function valueText(value: Plain): string {
  if (typeof value === 'string') return value;
  if (value === undefined) return '';
  if (value instanceof Uint8Array) return base64(value);
  return typeof value === 'object' ? valueJson(value) : numberText(value);
}

/** A number as Go's FormatFloat has it with 'f': no exponent, the fewest digits that tell it, and zeros. */
export function withoutExponent(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : `${value < 0 ? '-' : '+'}Inf`;
  const [digits, exponent] = numberText(value).split('e');
  if (exponent === undefined) return digits!;
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)\.?(\d*)$/.exec(digits!)!;
  const point = whole!.length + Number(exponent);
  const all = whole + fraction;
  return `${sign}${point > 0 ? all.padEnd(point, '0') : `0.${all.padStart(all.length - point, '0')}`}`;
}

/** The same as JSON. JSON has no NaN and no infinities: they are written as text. */
export function valueJson(value: Plain): string {
  if (value === undefined) return 'null';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`;
  if (typeof value !== 'object') return numberText(value);
  // Of no bytes Go makes a nil slice, and of that null.
  if (value instanceof Uint8Array) return value.length === 0 ? 'null' : `"${base64(value)}"`;
  if (Array.isArray(value)) return `[${value.map(valueJson).join(',')}]`;
  // Of several pairs with one key a Go map keeps the last.
  const pairs = [...new Map(value.pairs)].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${pairs.map(([key, each]) => `${quoted(key)}:${valueJson(each)}`).join(',')}}`;
}

function numberText(value: number | bigint | boolean): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Line separators are escaped as Go's encoder does, so that the text is a script literal too. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}
