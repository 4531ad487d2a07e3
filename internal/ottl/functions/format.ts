import { floatText, jsonOf } from '../text.ts';
import { rfc3339 } from '../time_text.ts';
import { Duration, Id, Opaque, Time, type Value, ValueMap } from '../values.ts';
import { durationText } from './duration.ts';

/** Go's fmt.Sprintf for the values OTTL knows: %v %s %q %d %x %X %o %b %c %t %f %e %g with flags, width and precision. */
export function formatText(format: string, values: readonly Value[]): string {
  let next = 0;
  const text = format.replace(
    /%([-+# 0]*)(\d*)(?:\.(\d*))?([\s\S]?)/gu,
    (_, flags: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      if (verb === '') return '%!(NOVERB)';
      if (next >= values.length) return `%!${verb}(MISSING)`;
      const value = values[next++];
      const digits = precision === undefined ? undefined : Number(precision || '0');
      const said = one(verb, value, flags, digits) ?? misfit(verb, value);
      return pad(said, flags, Number(width || '0'), typeof value === 'bigint' || typeof value === 'number');
    },
  );
  if (next >= values.length) return text;
  const extra = values.slice(next).map((value) => (value === undefined ? '<nil>' : `${goType(value)}=${plain(value)}`));
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

/** What Go writes for a value that the verb does not fit. */
function misfit(verb: string, value: Value): string {
  return value === undefined ? `%!${verb}(<nil>)` : `%!${verb}(${goType(value)}=${plain(value)})`;
}

function one(verb: string, value: Value, flags: string, precision: number | undefined): string | undefined {
  if (verb === 'v') return plain(value);
  if (typeof value === 'bigint') return ofInt(verb, value, flags);
  if (typeof value === 'number') return ofFloat(verb, value, flags, precision);
  if (typeof value === 'boolean') return verb === 't' ? String(value) : undefined;
  if (typeof value === 'string') return ofText(verb, value, precision);
  if (value instanceof Uint8Array) return ofText(verb, Buffer.from(value).toString('utf8'), precision);
  return verb === 's' && value !== undefined ? plain(value) : undefined;
}

function ofText(verb: string, value: string, precision: number | undefined): string | undefined {
  const cut = precision === undefined ? value : [...value].slice(0, precision).join('');
  if (verb === 's') return cut;
  if (verb === 'q') return JSON.stringify(cut);
  if (verb === 'x' || verb === 'X') {
    const digits = Buffer.from(cut).toString('hex');
    return verb === 'x' ? digits : digits.toUpperCase();
  }
  return undefined;
}

const bases: Readonly<Record<string, number>> = { d: 10, x: 16, X: 16, o: 8, b: 2 };

function ofInt(verb: string, value: bigint, flags: string): string | undefined {
  if (verb === 'c' || verb === 'q') {
    const character = String.fromCodePoint(Number(BigInt.asUintN(20, value)));
    return verb === 'c' ? character : `'${character}'`;
  }
  const base = bases[verb];
  if (base === undefined) return undefined;
  const digits = (value < 0n ? -value : value).toString(base);
  const sign = value < 0n ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const prefix = flags.includes('#') && base === 16 ? '0x' : '';
  return sign + prefix + (verb === 'X' ? digits.toUpperCase() : digits);
}

function ofFloat(verb: string, value: number, flags: string, precision: number | undefined): string | undefined {
  let said: string;
  if (!Number.isFinite(value) && 'fFeEgGxX'.includes(verb)) return special(value, flags);
  if (verb === 'x' || verb === 'X') said = hexadecimal(value);
  else if (verb === 'f' || verb === 'F') said = value.toFixed(precision ?? 6);
  else if (verb === 'e' || verb === 'E') said = twoDigits(value.toExponential(precision ?? 6));
  else if (verb === 'g' || verb === 'G')
    said = precision === undefined ? general(value) : twoDigits(String(Number(value.toPrecision(precision || 1))));
  else return undefined;
  if ('EGX'.includes(verb)) said = said.toUpperCase();
  return flags.includes('+') && value >= 0 ? `+${said}` : said;
}

/** Go always gives infinities their sign. */
function special(value: number, flags: string): string {
  const said = floatText(value);
  return Number.isNaN(value) && /[+]/.test(flags) ? `+${said}` : said;
}

/** 1.5 is 0x1.8p+00. */
function hexadecimal(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (value === 0) return `${sign}0x0p+00`;
  let exponent = Math.floor(Math.log2(Math.abs(value)));
  let mantissa = scaled(Math.abs(value), -exponent);
  for (; mantissa >= 2; mantissa /= 2) exponent++;
  for (; mantissa < 1; mantissa *= 2) exponent--;
  const power = String(Math.abs(exponent)).padStart(2, '0');
  return `${sign}0x${mantissa.toString(16)}p${exponent < 0 ? '-' : '+'}${power}`;
}

/** Times a power of two, in steps that do not overflow. */
function scaled(value: number, power: number): number {
  const half = Math.trunc(power / 2);
  return value * 2 ** half * 2 ** (power - half);
}

function twoDigits(said: string): string {
  return said.replace(/e([+-])(\d)$/, 'e$10$2');
}

/** %v and %g of a float64: an exponent below 1e-4 and from 1e21 on. */
function general(value: number): string {
  if (!Number.isFinite(value)) return floatText(value);
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e21)) return twoDigits(value.toExponential());
  return Object.is(value, -0) ? '-0' : String(value);
}

function plain(value: Value): string {
  if (value === undefined) return '<nil>';
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return general(value);
  if (value instanceof Uint8Array) return `[${[...value].join(' ')}]`;
  if (value instanceof Id) return value.hex;
  if (value instanceof Time) return rfc3339(value);
  if (value instanceof Duration) return durationText(value.nanos);
  if (value instanceof Opaque) return value.type;
  if (value instanceof ValueMap) return jsonOf(value);
  return `[${(value as readonly Value[]).map(plain).join(' ')}]`;
}

function goType(value: Value): string {
  if (typeof value === 'bigint') return 'int64';
  if (typeof value === 'number') return 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (value instanceof Uint8Array) return '[]uint8';
  return Array.isArray(value) ? '[]interface {}' : 'pcommon.Map';
}

function pad(said: string, flags: string, width: number, isNumber: boolean): string {
  // Wider than any screen is a mistake or an attack.
  const missing = Math.min(width, 1000) - [...said].length;
  if (missing <= 0) return said;
  if (flags.includes('-')) return said + ' '.repeat(missing);
  if (!flags.includes('0') || !isNumber) return ' '.repeat(missing) + said;
  const sign = /^[-+ ]/.exec(said)?.[0] ?? '';
  return sign + '0'.repeat(missing) + said.slice(sign.length);
}
