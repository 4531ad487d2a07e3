import type { Plain } from './value.ts';

/**
 * A value as plain JSON, the way lists and maps are shown where only text is known: integers with all their digits, bytes in
 * base64, an empty value as null, numbers that JSON has not as text.
 */
export function plainJson(value: Plain): string {
  if (value === undefined) return 'null';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`;
  if (typeof value !== 'object') return JSON.stringify(value);
  if (value instanceof Uint8Array) {
    return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`;
  }
  if (Array.isArray(value)) return `[${value.map(plainJson).join(',')}]`;
  return `{${value.pairs.map(([key, it]) => `${JSON.stringify(key)}:${plainJson(it)}`).join(',')}}`;
}
