import type { Fields } from '../core/telemetry.ts';

/**
 * Fields of a log line as plain JSON values: bounded in depth, width and length, and without secrets.
 * Whoever logs a header or a part of the configuration need not think of it.
 */
export function plainFields(fields: Fields): Record<string, unknown> {
  return plainObject(fields, 0);
}

const maxDepth = 4;
const maxEntries = 50;
const maxText = 4096;
const redacted = '[REDACTED]';

/** Names whose values are never written, wherever they stand: compared without case, `-`, `_` and `.`. */
const secretName =
  /^(proxy)?authorization$|^(set)?cookie$|password|passwd|secret|apikey|^x?(auth|access|bearer|refresh|id|security)?tokens?$|^htpasswd$|^credentials?$|privatekey|keypem/;

function isSecret(name: string): boolean {
  return secretName.test(name.toLowerCase().replace(/[-_.\s]/g, ''));
}

function plainObject(source: object, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  let left = maxEntries;
  for (const [name, value] of source instanceof Map ? source : Object.entries(source)) {
    if (value === undefined) continue;
    if (left-- === 0) {
      result['…'] = 'more';
      break;
    }
    const key = String(name);
    result[key] = isSecret(key) ? redacted : plain(value, depth + 1);
  }
  return result;
}

function plain(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return plainText(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'bigint':
      return String(value);
    case 'object':
      break;
    default:
      return `[${typeof value}]`;
  }
  if (value === null) return null;
  if (value instanceof Error) return errorText(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= maxDepth) return Array.isArray(value) ? '[…]' : '{…}';
  if (Array.isArray(value) || value instanceof Set) {
    const items = Array.isArray(value) ? value : [...value];
    const first = items.slice(0, maxEntries).map((item) => plain(item, depth + 1));
    if (items.length > maxEntries) first.push('…');
    return first;
  }
  return plainObject(value, depth);
}

/** Text without credentials (a URL's password, an Authorization header's value), cut to a readable length. */
export function plainText(text: string): string {
  const short = text.length > maxText ? `${text.slice(0, maxText)}… (${text.length} characters)` : text;
  return short
    .replace(/(:\/\/[^\s/:@]{0,256}):[^\s/@]{1,256}@/g, `$1:${redacted}@`)
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${redacted}`);
}

/** An error with its causes in one line; where it is a bug, also the place. */
function errorText(error: Error): string {
  let text = `${error.name === 'Error' ? '' : `${error.name}: `}${error.message}`;
  let cause = error.cause;
  for (let depth = 0; cause !== undefined && depth < maxDepth; depth += 1) {
    text += `: ${cause instanceof Error ? cause.message : String(cause)}`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return plainText(text + (isBug(error) ? placeOf(error) : ''));
}

/** What the language itself throws is never an expected failure. */
function isBug(error: Error): boolean {
  return (
    [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind) && !('code' in error)
  );
}

function placeOf(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return frames
    .slice(0, 3)
    .map((frame) => `; ${frame.trim()}`)
    .join('');
}
