import { type Args, define, type FunctionTable } from '../args.ts';
import { trimSpace } from '../text.ts';
import { fail, type Value, ValueMap } from '../values.ts';
import { delimiters, mapFrom } from './collections.ts';
import { parseCsvRow } from './csv.ts';
import { severityFrom } from './severity.ts';
import { regexFrom } from './strings.ts';

/** Converters that read structure out of text. */
export const parsers: FunctionTable = {
  ParseJSON: define('target', (args) => {
    const target = args.text('target');
    return (scene) => parseJson(target(scene));
  }),
  ParseKeyValue: define('target, delimiter?, pair_delimiter?', (args) => {
    const target = args.text('target');
    const [delimiter, between] = delimiters(
      args.literalText('delimiter'),
      args.literalText('pair_delimiter'),
      (name, why) => args.refuse(name, why),
    );
    return (scene) => parseKeyValue(target(scene), delimiter, between);
  }),
  ParseCSV: define('target, header, delimiter?, header_delimiter?, mode?', parseCsv),
  ParseInt: define('target, base', (args) => {
    const target = args.text('target');
    const base = args.int('base');
    return (scene) => parseInteger(target(scene), Number(base(scene)));
  }),
  ParseSeverity: define('target, mapping', severityFrom),
  ExtractPatterns: define('target, pattern', (args) => {
    const target = args.text('target');
    const pattern = regexFrom(args, 'pattern');
    const literal = args.literal('pattern');
    if (literal && pattern(undefined as never).groupNames.every((name) => name === undefined)) {
      args.refuse('pattern', 'expected at least one named group, such as (?P<name>.*)');
    }
    return (scene) => {
      const regex = pattern(scene);
      if (regex.groupNames.every((name) => name === undefined)) fail('the pattern has no named group');
      const found = regex.exec(target(scene));
      if (!found) return new ValueMap([]);
      const named = regex.groupNames.flatMap((name, index) =>
        name === undefined ? [] : [[name, found.groups[index] ?? ''] as const],
      );
      return mapFrom(named);
    };
  }),
  Log: define('target', (args) => {
    const target = args.doubleLike('target');
    return (scene) => {
      const value = target(scene);
      if (value === undefined || value <= 0) fail(`expected a number above 0, got ${value ?? 'nil'}`);
      return Math.log(value);
    };
  }),
  IsValidLuhn: define('target', (args) => {
    const target = args.textLike('target');
    return (scene) => isValidLuhn(target(scene) ?? fail('expected digits, got nil'));
  }),
};

/** Objects and lists; every number becomes a float64, as upstream. */
function parseJson(text: string): Value {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (thrown) {
    fail(`no JSON: ${(thrown as Error).message}`);
  }
  if (parsed === null || typeof parsed !== 'object')
    fail(`expected a JSON object or list, got ${parsed === null ? 'null' : typeof parsed}`);
  return fromJson(parsed, 0);
}

/** Objects and lists inside one another: a reader of protobuf follows about as many. */
const MAX_JSON_DEPTH = 64;

function fromJson(parsed: unknown, depth: number): Value {
  if (depth > MAX_JSON_DEPTH) fail(`the JSON is nested deeper than ${MAX_JSON_DEPTH} levels`);
  if (Array.isArray(parsed)) return parsed.map((value) => fromJson(value, depth + 1));
  if (parsed === null) return undefined;
  if (typeof parsed !== 'object') return parsed as string | number | boolean;
  return ValueMap.of(Object.entries(parsed).map(([key, value]) => [key, fromJson(value, depth + 1)] as const));
}

function parseKeyValue(text: string, delimiter: string, between: string): ValueMap {
  if (text === '') fail('an empty text has no pairs');
  return mapFrom(
    splitOutsideQuotes(text, between).map((pair) => {
      const at = pair.indexOf(delimiter);
      if (at < 0) fail(`${JSON.stringify(pair.slice(0, 64))} has no ${JSON.stringify(delimiter)} in it`);
      return [trimSpace(pair.slice(0, at)), trimSpace(pair.slice(at + delimiter.length))] as const;
    }),
  );
}

/** Quotes, single or double, protect delimiters and go; a backslash protects a quote and stays. */
function splitOutsideQuotes(text: string, delimiter: string): string[] {
  const parts: string[] = [];
  let current = '';
  let quote = '';
  let escaped = false;
  for (let i = 0; i < text.length; i++) {
    if (quote === '' && text.startsWith(delimiter, i)) {
      if (current !== '') parts.push(current);
      current = '';
      i += delimiter.length - 1;
      continue;
    }
    const letter = text[i]!;
    if (!escaped) {
      if (quote === '' && (letter === '"' || letter === "'")) {
        quote = letter;
        continue;
      }
      // Upstream knows no quote by 0: such a character goes too.
      if (letter === (quote || '\0')) {
        quote = '';
        continue;
      }
      escaped = letter === '\\';
    } else escaped = false;
    current += letter;
  }
  if (quote !== '') fail('a quoted value is not closed');
  if (current !== '') parts.push(current);
  return parts;
}

const csvModes = ['strict', 'lazyQuotes', 'ignoreQuotes'];

function parseCsv(args: Args) {
  const target = args.text('target');
  const header = args.text('header');
  const delimiter = [...(args.literalText('delimiter') ?? ',')];
  if (args.has('delimiter') && delimiter.length !== 1) args.refuse('delimiter', 'expected one character');
  const comma = delimiter[0]!;
  const headerDelimiter = args.literalText('header_delimiter') ?? comma;
  if (headerDelimiter.length !== 1) args.refuse('header_delimiter', 'expected one character');
  const mode = args.literalText('mode') ?? 'strict';
  if (!csvModes.includes(mode)) args.refuse('mode', `unknown mode ${mode}: expected ${csvModes.join(', ')}`);
  return (scene: Parameters<typeof target>[0]) => {
    const text = target(scene);
    const names = header(scene);
    if (names === '') fail('the header is empty');
    const headers = names.split(headerDelimiter);
    const fields = mode === 'ignoreQuotes' ? text.split(comma) : parseCsvRow(text, comma, mode === 'lazyQuotes');
    if (fields.length !== headers.length) fail(`the header has ${headers.length} fields, the text ${fields.length}`);
    return mapFrom(headers.map((name, index) => [name, fields[index]!] as const));
  };
}

/** Go's strconv.ParseInt: base 0 goes by the prefix. */
function parseInteger(text: string, base: number): bigint {
  const wrong = () => fail(`${JSON.stringify(text.slice(0, 64))} is no integer of base ${base}`);
  if (text === '') fail('an empty text is no integer');
  if (base < 0 || base === 1 || base > 36) fail(`base ${base}: expected 0 or 2 to 36`);
  const [, sign, unsigned] = /^([-+]?)(.+)$/s.exec(text) ?? wrong();
  let digits = unsigned!.toLowerCase();
  let radix = base;
  if (base === 0) {
    const prefix = /^0([xbo])(?=.)/.exec(digits)?.[1];
    radix = prefix === 'x' ? 16 : prefix === 'b' ? 2 : prefix === 'o' ? 8 : /^0./.test(digits) ? 8 : 10;
    digits = (prefix ? digits.slice(2) : digits).replaceAll('_', '');
  }
  if (digits.length > 128) wrong();
  let value = 0n;
  for (const letter of digits) {
    const digit = /[0-9a-z]/.test(letter) ? Number.parseInt(letter, 36) : Number.NaN;
    if (!(digit < radix)) wrong();
    value = value * BigInt(radix) + BigInt(digit);
  }
  const signed = sign === '-' ? -value : value;
  return BigInt.asIntN(64, signed) === signed ? signed : wrong();
}

/** Source: ISO/IEC 7812-1, annex B. */
function isValidLuhn(text: string): boolean {
  const digits = text.replaceAll(' ', '');
  if (digits === '') return false;
  if (!/^\d+$/.test(digits)) fail(`${JSON.stringify(digits.slice(0, 64))} is not made of digits`);
  let sum = 0;
  for (let i = digits.length - 1, double = false; i >= 0; i--, double = !double) {
    const digit = Number(digits[i]) * (double ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0;
}
