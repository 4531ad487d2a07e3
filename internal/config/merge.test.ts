import { expect, test } from 'vitest';
import { formatIssue, type Issue, issueAt } from './issues.ts';
import { merge, spreadKeys } from './merge.ts';
import { type Node, placeOf, plain } from './tree.ts';
import { parseYaml } from './yaml.ts';

function tree(text: string, name = 'c.yaml', issues: Issue[] = []): Node {
  const parsed = parseYaml({ name, text, lines: true });
  if (!('node' in parsed)) throw new Error(parsed.issues.map(formatIssue).join('\n'));
  return parsed.node.kind === 'map' ? spreadKeys(parsed.node, issues) : parsed.node;
}

const merges: [string, string, string, unknown][] = [
  ['maps merge', 'a: { b: 1, c: 2 }', 'a: { c: 3, d: 4 }', { a: { b: 1, c: 3, d: 4 } }],
  ['lists replace', 'a: [1, 2]', 'a: [3]', { a: [3] }],
  ['empty replaces', 'a: { b: 1 }', 'a:', { a: null }],
  ['a map replaces a value', 'a: 1', 'a: { b: 1 }', { a: { b: 1 } }],
  ['key paths merge', 'a: { b: { c: 1 } }', 'a::b::d: 2\na::e: 3', { a: { b: { c: 1, d: 2 }, e: 3 } }],
];
test.each(merges)('%s', (_name, base, over, want) => {
  expect(plain(merge(tree(base), tree(over)))).toEqual(want);
});

test('each value keeps the place it was written at', () => {
  const merged = merge(tree('a:\n  b: 1\n  c: 2', 'base.yaml'), tree('\n\na:\n  c: 3', 'over.yaml'));
  const at = (key: string) => formatIssue(issueAt(placeOf(merged, ['a', key]), [], 'x'));
  expect(at('b')).toBe('base.yaml:2:6 x');
  expect(at('c')).toBe('over.yaml:4:6 x');
});

test('a key path with an empty part is told', () => {
  const issues: Issue[] = [];
  tree('a: 1\nb::::c: 2', 'c.yaml', issues);
  expect(issues.map(formatIssue)).toEqual(['c.yaml:2:1 ["b::::c"]: expected a name on each side of "::"']);
});
