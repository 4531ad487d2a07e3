import type { z } from 'zod';
import type { Path } from './issues.ts';
import { knownKeys, metaAt } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { type Node, nodeAt, plain } from './tree.ts';

type ZodIssue = z.core.$ZodIssue;

interface Explained {
  readonly path: Path;
  readonly message: string;
  /** Show the key and not its value. */
  readonly atKey: boolean;
}

/** zod's issues in our words: `expected …, got …`. `unsaid` marks a message that the schema did not give itself. */
export function explain(issues: readonly ZodIssue[], unsaid: string, schema: z.core.$ZodType, node: Node): Explained[] {
  return flatten(issues).flatMap((issue): Explained[] => {
    const path = issue.path as Path;
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(schema, path);
      return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, known), atKey: true }));
    }
    const found = nodeAt(node, path);
    let said = issue.message !== unsaid && issue.message !== 'Invalid input' ? issue.message : undefined;
    const isSecret = metaAt(schema, path).secret === true;
    if (said?.startsWith('expected') && !said.includes(', got ')) said += `, ${got(found, isSecret)}`;
    const message = said ?? `expected ${expectation(issue)}, ${got(found, isSecret)}${advice(issue, found)}`;
    return [{ path, message, atKey: false }];
  });
}

/** Where parsing failed, and whether text would have done. */
export function pathsOf(issues: readonly ZodIssue[]): { path: Path; wanted: 'text' | 'other' }[] {
  return flatten(issues).map((issue) => ({ path: issue.path as Path, wanted: wantsText(issue) ? 'text' : 'other' }));
}

function wantsText(issue: ZodIssue): boolean {
  if (issue.code === 'invalid_type') return issue.expected === 'string';
  if (issue.code === 'invalid_value') return issue.values.some((value) => typeof value === 'string');
  return (
    issue.code === 'invalid_union' && issue.errors.flat().some((inner) => inner.path.length === 0 && wantsText(inner))
  );
}

/** Of a union's branches, the issues of the one that came furthest; a union that fails at its very value stays one issue. */
function flatten(issues: readonly ZodIssue[], prefix: Path = []): ZodIssue[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...(issue.path as Path)];
    if (issue.code === 'invalid_union') {
      const deep = issue.errors
        .map((errors) => flatten(errors, path))
        .filter((errors) =>
          errors.every((inner) => inner.path.length > path.length || inner.code === 'unrecognized_keys'),
        )
        .sort((a, b) => a.length - b.length)[0];
      if (deep && deep.length > 0) return deep;
    }
    if (issue.code === 'invalid_key' || issue.code === 'invalid_element') {
      const inner = flatten(issue.issues, path);
      if (issue.code === 'invalid_key') return inner.map((one) => ofKey(one, String(path.at(-1))));
      if (inner.length > 0) return inner;
    }
    return [{ ...issue, path: path as PropertyKey[] }];
  });
}

/** What is wrong is the name of the entry and not its value. */
function ofKey(issue: ZodIssue, key: string): ZodIssue {
  return issue.message.startsWith('expected')
    ? { ...issue, message: `${issue.message}, got ${JSON.stringify(key)}` }
    : issue;
}

function unknownKey(key: string, known: readonly string[]): string {
  const list = known.length > 12 ? [...known.slice(0, 12), '…'] : known;
  const advice =
    didYouMean(key, known) || (known.length === 0 ? '; none is known here' : `; known are ${list.join(', ')}`);
  return `expected a known field, got ${JSON.stringify(key)}${advice}`;
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'null',
};

function expectation(issue: ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeNames[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'too_small':
      return sized(issue.origin, issue.inclusive === false ? 'more than' : 'at least', Number(issue.minimum));
    case 'too_big':
      return sized(issue.origin, issue.inclusive === false ? 'less than' : 'at most', Number(issue.maximum));
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return issue.format === 'regex' ? `text like ${issue.pattern}` : `text that is a valid ${issue.format}`;
    case 'invalid_union':
      return anyOf(issue.errors);
    default:
      return 'a valid value';
  }
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? show(values[0]) : `one of ${values.map((value) => String(value) || '""').join(', ')}`;
}

/** What the branches of a union want of the value itself. */
function anyOf(branches: readonly (readonly ZodIssue[])[]): string {
  const wanted = branches.flatMap((issues) => issues.filter((issue) => issue.path.length === 0).map(expectation));
  return [...new Set(wanted)].join(' or ') || 'another value';
}

function sized(origin: string, relation: 'at least' | 'more than' | 'at most' | 'less than', bound: number): string {
  if (origin === 'string' && bound === 1 && relation === 'at least') return 'text that is not empty';
  if (origin === 'string') return `text of ${relation} ${bound} characters`;
  if (origin === 'array') return `a list of ${relation} ${bound} ${bound === 1 ? 'entry' : 'entries'}`;
  return `a number of ${relation} ${bound}`;
}

/** @returns `got "abc"`; a secret is not shown. */
function got(node: Node | undefined, isSecret: boolean): string {
  if (!node || (node.kind === 'scalar' && node.value === null)) return 'got nothing';
  if (isSecret) return 'got something else (a secret, not shown)';
  if (node.kind === 'map') return 'got a map';
  if (node.kind === 'list') return 'got a list';
  return `got ${show(plain(node))}`;
}

function advice(issue: ZodIssue, node: Node | undefined): string {
  if (!node) return ': this field is required';
  if (node.kind !== 'scalar') return '';
  const isText = typeof node.value === 'string';
  if (!isText && node.value !== null && wantsText(issue)) return ': put it in quotes';
  if (issue.code === 'invalid_value' && isText) {
    return didYouMean(
      String(node.value),
      issue.values.filter((value) => typeof value === 'string'),
    );
  }
  return '';
}

/** @returns JSON of a value, cut to a length that fits a line. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
