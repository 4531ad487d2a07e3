import { type Args, define, type FunctionTable } from '../args.ts';
import { compare } from '../compare.ts';
import { asText } from '../convert.ts';
import { compileRegex, type Regex } from '../regex.ts';
import type { Scene } from '../scene.ts';
import { fail, typeName, type Value } from '../values.ts';
import { camelCase, lowerCase, snakeCase, upperCase } from './case.ts';
import { formatText } from './format.ts';

/** Converters from text to text, and tests of it. */
export const stringConverters: FunctionTable = {
  IsMatch: define('target, pattern', (args) => {
    const target = args.textLike('target');
    const pattern = regexFrom(args, 'pattern');
    // What to look for in the bytes is found out once: not for a pattern that may be another one each time.
    const textRange = args.literal('pattern') && args.accessor('target')?.textRange;
    return (scene) => {
      const range = textRange?.(scene);
      if (range) return pattern(scene).testBytes(range.buf, range.start, range.end);
      const regex = pattern(scene);
      const text = target(scene);
      return text !== undefined && regex.test(text);
    };
  }),
  HasPrefix: define('target, prefix', (args) => {
    const target = args.text('target');
    const prefix = args.text('prefix');
    return (scene) => target(scene).startsWith(prefix(scene));
  }),
  HasSuffix: define('target, suffix', (args) => {
    const target = args.text('target');
    const suffix = args.text('suffix');
    return (scene) => target(scene).endsWith(suffix(scene));
  }),
  Concat: define('vals, delimiter', (args) => {
    const values = args.listOf('vals', asTextOrNil);
    const delimiter = args.text('delimiter');
    return (scene) => {
      const between = delimiter(scene);
      return values.map((get) => get(scene)).join(between);
    };
  }),
  Split: define('target, delimiter', (args) => {
    const target = args.text('target');
    const delimiter = args.text('delimiter');
    return (scene) => {
      const text = target(scene);
      const between = delimiter(scene);
      return between === '' ? [...text] : text.split(between);
    };
  }),
  Substring: define('target, start, length, utf8_safe?', (args) => {
    const target = args.text('target');
    const start = args.int('start');
    const length = args.int('length');
    const safe = args.literalBool('utf8_safe') ?? false;
    return (scene) => substring(target(scene), start(scene), length(scene), safe);
  }),
  Index: define('target, value', (args) => {
    const target = args.any('target');
    const value = args.any('value');
    return (scene) => indexOf(target(scene), value(scene));
  }),
  ToLowerCase: text(lowerCase),
  ToUpperCase: text(upperCase),
  ToSnakeCase: text(snakeCase),
  ToCamelCase: text(camelCase),
  ConvertCase: define('target, to_case', (args) => {
    const target = args.text('target');
    const wanted = args.literalText('to_case')!;
    const convert = Object.hasOwn(cases, wanted) ? cases[wanted] : undefined;
    if (convert === undefined)
      return args.refuse('to_case', `unknown case ${wanted}: expected ${Object.keys(cases).join(', ')}`);
    return (scene) => convert(target(scene));
  }),
  Trim: define('target, replacement?', (args) => {
    const target = args.text('target');
    const set = new Set(args.literalText('replacement') ?? ' ');
    return (scene) => trim([...target(scene)], set);
  }),
  TrimPrefix: define('target, prefix', (args) => {
    const target = args.text('target');
    const prefix = args.text('prefix');
    return (scene) => {
      const value = target(scene);
      const cut = prefix(scene);
      return value.startsWith(cut) ? value.slice(cut.length) : value;
    };
  }),
  TrimSuffix: define('target, suffix', (args) => {
    const target = args.text('target');
    const suffix = args.text('suffix');
    return (scene) => {
      const value = target(scene);
      const cut = suffix(scene);
      return value.endsWith(cut) ? value.slice(0, value.length - cut.length) : value;
    };
  }),
  Format: define('format, vals', (args) => {
    const format = args.literalText('format')!;
    const values = args.listOf('vals', (value) => value);
    return (scene) =>
      formatText(
        format,
        values.map((get) => get(scene)),
      );
  }),
};

function text(convert: (value: string) => string) {
  return define('target', (args) => {
    const target = args.text('target');
    return (scene) => convert(target(scene));
  });
}

function asTextOrNil(value: Value): string {
  return value === undefined ? '<nil>' : (asText(value) as string);
}

/** Patterns that are computed are kept, up to this many. */
const MAX_PATTERNS = 100;

/** A regular expression, compiled once where it is written out. */
export function regexFrom(args: Args, name: string): (scene: Scene) => Regex {
  const source = args.text(name);
  const literal = args.literal(name);
  if (literal) {
    const regex = compileRegex(literal.value as string);
    if (!regex.ok)
      args.refuse(name, `${JSON.stringify(literal.value)} is no regular expression: ${regex.problem.message}`);
    return () => regex;
  }
  const compiled = new Map<string, Regex>();
  return (scene) => {
    const wanted = source(scene);
    const known = compiled.get(wanted);
    if (known) return known;
    const regex = compileRegex(wanted);
    if (!regex.ok) fail(`${JSON.stringify(wanted.slice(0, 64))} is no regular expression: ${regex.problem.message}`);
    if (compiled.size >= MAX_PATTERNS) compiled.clear();
    compiled.set(wanted, regex);
    return regex;
  };
}

/** By bytes of UTF-8, as Go slices strings. @param safe moves the ends to whole characters */
function substring(text: string, start: bigint, length: bigint, safe: boolean): string {
  if (start < 0n) fail(`start is ${start}: expected 0 or more`);
  if (length <= 0n) fail(`length is ${length}: expected 1 or more`);
  const bytes = Buffer.from(text);
  if (start + length > bytes.length)
    fail(`start ${start} and length ${length} run past the ${bytes.length} bytes of the text`);
  let from = Number(start);
  let to = Number(start + length);
  const inside = (at: number) => at < bytes.length && (bytes[at]! & 0xc0) === 0x80;
  if (safe) {
    while (inside(from)) from++;
    while (from < to && inside(to)) to--;
  }
  return bytes.toString('utf8', from, Math.max(from, to));
}

function indexOf(target: Value, wanted: Value): bigint {
  if (typeof target === 'string') {
    if (typeof wanted !== 'string') fail(`expected string, got ${typeName(wanted)}`);
    const at = target.indexOf(wanted);
    return BigInt(at <= 0 ? at : Buffer.byteLength(target.slice(0, at)));
  }
  if (!Array.isArray(target)) fail(`expected string or list, got ${typeName(target)}`);
  return BigInt(target.findIndex((value) => compare('==', value, wanted)));
}

function trim(characters: string[], cut: ReadonlySet<string>): string {
  let from = 0;
  let to = characters.length;
  while (from < to && cut.has(characters[from]!)) from++;
  while (to > from && cut.has(characters[to - 1]!)) to--;
  return characters.slice(from, to).join('');
}

const cases: Readonly<Record<string, (text: string) => string>> = {
  lower: lowerCase,
  upper: upperCase,
  snake: snakeCase,
  camel: camelCase,
};
