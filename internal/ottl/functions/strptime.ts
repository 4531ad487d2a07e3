import { civilOf, offsetOf, offsetText, signedOffset, two } from '../time_text.ts';
import { fail, Time } from '../values.ts';

/** A format that cannot work; caught where the statement is compiled. */
export class TimeFormatError extends Error {}

const SECOND = 1_000_000_000n;
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** Directives that stand for others. */
const short: Readonly<Record<string, string>> = {
  h: '%b',
  D: '%m/%d/%Y',
  x: '%m/%d/%Y',
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  X: '%H:%M:%S',
  r: '%I:%M:%S %P',
  R: '%H:%M',
  c: '%a %b %d %H:%M:%S %Y',
};

/** Letters of directives, other text as it is. */
export type TimeFormat = readonly (readonly ['directive' | 'text', string])[];

/** Takes a strptime format apart, as upstream's ctimefmt knows it. */
export function timeFormat(format: string): TimeFormat {
  if (format === '') throw new TimeFormatError('expected a format such as %Y-%m-%d');
  if (/\d/.test(format)) throw new TimeFormatError('a format has directives such as %Y, no digits');
  const fraction = /[^.,]%[Lfs]/.exec(format);
  if (fraction) throw new TimeFormatError(`${fraction[0].slice(1)} stands behind "." or "," only`);
  const parts: ['directive' | 'text', string][] = [];
  for (const [piece, letter] of format.matchAll(/%([\s\S])|[^%]+|%$/g)) {
    if (letter === undefined) parts.push(['text', piece]);
    else if (Object.hasOwn(short, letter)) parts.push(...(timeFormat(short[letter]!) as typeof parts));
    else if (letter === 'n' || letter === 't' || letter === '%')
      parts.push(['text', { n: '\n', t: '\t', '%': '%' }[letter]]);
    else if (Object.hasOwn(writers, letter)) parts.push(['directive', letter]);
    else throw new TimeFormatError(`unknown directive %${letter}`);
  }
  return parts;
}

interface Written {
  readonly at: ReturnType<typeof civilOf>;
  readonly zone: string;
}

const spaced = (value: number) => String(value).padStart(2);
const fraction = (nanosecond: number, digits: number) =>
  String(nanosecond).padStart(9, '0').slice(0, digits).replace(/0+$/, '');
const half = (hour: number) => hour % 12 || 12;

const writers: Readonly<Record<string, (time: Written) => string>> = {
  Y: ({ at }) => String(at.year).padStart(4, '0'),
  y: ({ at }) => two(at.year % 100),
  m: ({ at }) => two(at.month),
  o: ({ at }) => spaced(at.month),
  q: ({ at }) => String(at.month),
  b: ({ at }) => months[at.month - 1]!.slice(0, 3),
  B: ({ at }) => months[at.month - 1]!,
  d: ({ at }) => two(at.day),
  e: ({ at }) => spaced(at.day),
  g: ({ at }) => String(at.day),
  a: ({ at }) => days[at.weekday]!.slice(0, 3),
  A: ({ at }) => days[at.weekday]!,
  H: ({ at }) => two(at.hour),
  I: ({ at }) => two(half(at.hour)),
  l: ({ at }) => String(half(at.hour)),
  p: ({ at }) => (at.hour < 12 ? 'AM' : 'PM'),
  P: ({ at }) => (at.hour < 12 ? 'am' : 'pm'),
  M: ({ at }) => two(at.minute),
  S: ({ at }) => two(at.second),
  L: ({ at }) => fraction(at.nanosecond, 3),
  f: ({ at }) => fraction(at.nanosecond, 6),
  s: ({ at }) => fraction(at.nanosecond, 9),
  Z: ({ zone }) => zone,
  z: ({ at }) => offsetText(at.offset, ''),
  w: ({ at }) => `${signedOffset(at.offset, '')}00`,
  i: ({ at }) => signedOffset(at.offset, '').slice(0, 3),
  j: ({ at }) => signedOffset(at.offset, ':'),
  k: ({ at }) => `${signedOffset(at.offset, ':')}:00`,
};

export function formatTime(format: TimeFormat, time: Time): string {
  const written = { at: civilOf(time), zone: time.zone };
  let out = '';
  for (const [kind, piece] of format) {
    if (kind === 'text') out += piece;
    else {
      const said = writers[piece]!(written);
      // A fraction of nothing goes with the point before it.
      out = said === '' && /[Lfs]/.test(piece) ? out.slice(0, -1) : out + said;
    }
  }
  return out;
}

interface Fields {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  afternoon: boolean | undefined;
  zone: string | undefined;
}

/** What a directive accepts, and what it sets. */
const readers: Readonly<Record<string, readonly [RegExp, (fields: Fields, text: string) => void]>> = {
  Y: [/\d{4}/y, (f, text) => void (f.year = Number(text))],
  y: [/\d\d/y, (f, text) => void (f.year = Number(text) + (Number(text) >= 69 ? 1900 : 2000))],
  m: [/\s*\d\d?/y, (f, text) => void (f.month = Number(text))],
  d: [/\s*\d\d?/y, (f, text) => void (f.day = Number(text))],
  H: [/\s*\d\d?/y, (f, text) => void (f.hour = Number(text))],
  M: [/\s*\d\d?/y, (f, text) => void (f.minute = Number(text))],
  S: [/\s*\d\d?(?:[.,]\d+)?/y, setSeconds],
  fraction: [/\d+/y, (f, text) => void (f.nanosecond = Number(text.slice(0, 9).padEnd(9, '0')))],
  B: [/[A-Za-z]+/y, (f, text) => void (f.month = indexIn(months, text, false) + 1)],
  b: [/[A-Za-z]{3}/y, (f, text) => void (f.month = indexIn(months, text, true) + 1)],
  A: [/[A-Za-z]+/y, (_, text) => void indexIn(days, text, false)],
  a: [/[A-Za-z]{3}/y, (_, text) => void indexIn(days, text, true)],
  p: [/AM|PM/iy, (f, text) => void (f.afternoon = text.toUpperCase() === 'PM')],
  Z: [/[A-Z]{3,4}|[-+]\d\d/y, (f, text) => void (f.zone = zoneNamed(text))],
  z: [/Z|[-+]\d\d(?::?\d\d(?::?\d\d)?)?/y, (f, text) => void (f.zone = fixedZone(text))],
};

const same: Readonly<Record<string, string>> = {
  o: 'm',
  q: 'm',
  e: 'd',
  g: 'd',
  I: 'H',
  l: 'H',
  L: 'fraction',
  f: 'fraction',
  s: 'fraction',
  P: 'p',
  w: 'z',
  i: 'z',
  j: 'z',
  k: 'z',
};

function setSeconds(fields: Fields, text: string): void {
  const [whole, part = ''] = text.split(/[.,]/);
  fields.second = Number(whole);
  if (part !== '') fields.nanosecond = Number(part.slice(0, 9).padEnd(9, '0'));
}

function indexIn(names: readonly string[], text: string, abbreviated: boolean): number {
  const wanted = text.toLowerCase();
  const index = names.findIndex((name) => (abbreviated ? name.slice(0, 3) : name).toLowerCase() === wanted);
  return index < 0 ? fail(`${JSON.stringify(text)} is no name of a day or month`) : index;
}

function fixedZone(text: string): string {
  if (text === 'Z') return 'UTC';
  const digits = text.replaceAll(':', '').padEnd(5, '0');
  return `${digits.slice(0, 3)}:${digits.slice(3, 5)}`;
}

function zoneNamed(text: string): string {
  if (/^[-+]/.test(text)) return fixedZone(text);
  try {
    offsetOf(text, 0);
    return text;
  } catch {
    fail(`unknown time zone ${text}`);
  }
}

/** Reads a time. Where it names no zone, it is in `zone`. */
export function parseTime(format: TimeFormat, text: string, zone: string): Time {
  const fields: Fields = {
    year: 0,
    month: 1,
    day: 1,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    afternoon: undefined,
    zone: undefined,
  };
  let pos = 0;
  for (const [index, [kind, piece]] of format.entries()) {
    if (kind === 'text') {
      if (!text.startsWith(piece, pos)) wrong(text, pos, JSON.stringify(piece));
      pos += piece.length;
      continue;
    }
    const [pattern, put] = readers[same[piece] ?? piece]!;
    // Seconds take a fraction along, unless a directive of its own follows.
    const fractionNext = format[index + 1]?.[0] === 'text' && /^[.,]$/.test(format[index + 1]![1]);
    const reader = piece === 'S' && fractionNext ? /\s*\d\d?/y : pattern;
    reader.lastIndex = pos;
    const found = reader.exec(text);
    if (!found) wrong(text, pos, `%${piece}`);
    put(fields, found[0].trim());
    pos = reader.lastIndex;
  }
  if (pos < text.length) wrong(text, pos, 'the end');
  return timeOf(fields, text, zone);
}

function wrong(text: string, pos: number, expected: string): never {
  fail(`cannot read the time ${JSON.stringify(text.slice(0, 64))}: expected ${expected} at ${pos}`);
}

function timeOf(fields: Fields, text: string, zone: string): Time {
  const { year, month, day, minute, second, nanosecond, afternoon } = fields;
  let { hour } = fields;
  if (afternoon !== undefined) hour = (hour % 12) + (afternoon ? 12 : 0);
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second);
  const valid =
    local.getUTCMonth() === month - 1 && local.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!valid) fail(`${JSON.stringify(text.slice(0, 64))} is no time of the calendar`);
  const where = fields.zone ?? zone;
  const seconds = local.getTime() / 1000;
  // The offset at that local time: the guess may lie on the other side of a change.
  const guess = offsetOf(where, seconds - offsetOf(where, seconds));
  return new Time(BigInt(seconds - guess) * SECOND + BigInt(nanosecond), where);
}
