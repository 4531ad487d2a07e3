import { asString, jsonOf } from './text.ts';
import { rfc3339 } from './time_text.ts';
import { Duration, fail, Id, Opaque, Time, typeName, type Value, ValueMap } from './values.ts';

/** Upstream's StringLikeGetter: nil stays nil, bytes become hexadecimal, maps and lists JSON. */
export function asText(value: Value): string | undefined {
  if (typeof value === 'string' || value === undefined) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  // Upstream has an array of bytes here, and writes it as JSON: .string is what one wants.
  if (value instanceof Id) return `[${value.bytes.join(',')}]`;
  if (value instanceof Time) return `"${rfc3339(value)}"`;
  if (value instanceof Duration) return String(value.nanos);
  if (value instanceof Opaque) fail(`cannot write ${value.type} as a string`);
  return value instanceof ValueMap || typeof value === 'number' || Array.isArray(value)
    ? jsonOf(value)
    : asString(value);
}

const MIN = -0x8000_0000_0000_0000n;
const MAX = 0x7fff_ffff_ffff_ffffn;

/** Upstream's IntLikeGetter: nil for text that is no int. */
export function asInt(value: Value): bigint | undefined {
  if (typeof value === 'bigint' || value === undefined) return value;
  if (typeof value === 'string') return parseInt64(value);
  if (typeof value === 'number') return truncated(value);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  fail(`cannot make an int64 of ${typeName(value)}`);
}

/** Decimal digits of an int64; undefined for anything else. */
export function parseInt64(text: string): bigint | undefined {
  if (!/^[-+]?\d+$/.test(text) || text.length > 64) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value < MIN || value > MAX ? undefined : value;
}

/** As Go does on amd64: what does not fit becomes the least int64. */
export function truncated(value: number): bigint {
  if (!Number.isFinite(value) || value >= 2 ** 63 || value < -(2 ** 63)) return MIN;
  return BigInt(Math.trunc(value));
}

/** Upstream's FloatLikeGetter. */
export function asDouble(value: Value): number | undefined {
  if (typeof value === 'number' || value === undefined) return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string') return parseDouble(value);
  fail(`cannot make a float64 of ${typeName(value)}`);
}

function parseDouble(text: string): number {
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text)) {
    const value = Number(text);
    if (!Number.isFinite(value)) fail(`${JSON.stringify(text)} is out of range for a float64`);
    return value;
  }
  const special = /^([-+]?)(inf|infinity|nan)$/i.exec(text);
  if (!special) fail(`${JSON.stringify(text.slice(0, 64))} is no number`);
  if (special[2]!.toLowerCase() === 'nan') return Number.NaN;
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

const truths: Readonly<Record<string, boolean>> = {
  1: true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  0: false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
};

/** Upstream's BoolLikeGetter. */
export function asBool(value: Value): boolean | undefined {
  if (typeof value === 'boolean' || value === undefined) return value;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'number') return value !== 0;
  if (typeof value !== 'string') fail(`cannot make a bool of ${typeName(value)}`);
  const truth = Object.hasOwn(truths, value) ? truths[value] : undefined;
  return truth ?? fail(`${JSON.stringify(value.slice(0, 64))} is no bool`);
}

/** Upstream's ByteSliceLikeGetter: numbers as eight bytes, the highest first. */
export function asBytes(value: Value): Uint8Array | undefined {
  if (value instanceof Uint8Array || value === undefined) return value;
  if (typeof value === 'string') return Buffer.from(value);
  if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0);
  if (typeof value !== 'bigint' && typeof value !== 'number') fail(`cannot make bytes of ${typeName(value)}`);
  const bytes = Buffer.alloc(8);
  if (typeof value === 'bigint') bytes.writeBigInt64BE(value);
  else bytes.writeDoubleBE(value);
  return bytes;
}
