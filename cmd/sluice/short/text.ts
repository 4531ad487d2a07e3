import { printable } from '../printable.ts';
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
