import { printable } from '../printable.ts';
import { compare, pathText } from './compare.ts';
import { worthShowing } from './record.ts';
import type { Kind } from './specs.ts';
import { type Fields, isFields, keyText, textOf, type Value } from './values.ts';

/** A record in lines of YAML, without what goes without saying. */
export function recordLines({ spec }: Kind, record: Fields): string[] {
  return [...worthShowing(spec, record)].flatMap(([key, value]) => entryLines(key, value));
}

/** Up to here a value stands on one line. */
const width = 100;

function entryLines(key: string, value: Value): string[] {
  const flat = printable(`${keyText(key)}: ${textOf(value)}`);
  if (flat.length <= width) return [flat];
  if (isFields(value))
    return [`${keyText(key)}:`, ...[...value].flatMap(([k, v]) => entryLines(k, v)).map((line) => `  ${line}`)];
  if (Array.isArray(value)) return [`${keyText(key)}:`, ...value.map((one: Value) => `  - ${printable(textOf(one))}`)];
  return [flat];
}

/** What a record is called: its name, or the beginning of its body. */
export function titleOf(record: Fields): string {
  const name = record.get('name') ?? record.get('body') ?? '';
  const text = printable(textOf(name));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

export interface Line {
  /** `-` was expected or was there before, `+` came. */
  readonly sign: '-' | '+' | ' ';
  readonly text: string;
}

/** What is not as expected, or what a change changed. @param exact nothing may come that was not expected */
export function differenceLines({ spec }: Kind, expected: Fields, came: Fields, exact: boolean): Line[] {
  return compare(expected, came, exact).flatMap(({ path, expected, came }): Line[] => {
    const lean = (value: Value) => (path.length === 1 ? (spec[String(path[0])]?.codec.lean?.(value) ?? value) : value);
    const where = printable(pathText(path));
    const line = (sign: '-' | '+', value: Value | undefined): Line[] =>
      value === undefined ? [] : [{ sign, text: `${where}: ${printable(textOf(lean(value)))}` }];
    const absent: Line[] = came === undefined ? [{ sign: '+', text: `${where} is absent` }] : [];
    return [...line('-', expected), ...line('+', came), ...absent];
  });
}
