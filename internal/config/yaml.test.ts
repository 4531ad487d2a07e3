import { expect, test } from 'vitest';
import { around, check, load, right } from './fixture.ts';
import { formatIssue } from './issues.ts';
import { plain } from './tree.ts';
import { parseYaml } from './yaml.ts';

const wrongYaml: [string, string, string[]][] = [
  [
    'a duplicate key',
    'a: 1\na: 2\n',
    ['2:1 expected each key once, got a duplicate: merge the two parts, or name one type/name'],
  ],
  ['a tab', 'receivers:\n\totlp:\n', ['2:1 expected spaces, got a tab as indentation: YAML forbids tabs there']],
  ['bad indentation', 'a:\n    b: 1\n   c: 2\n', ['3:1 expected the same indentation as the lines around it']],
  [
    'text with a colon',
    'a: b: c\n',
    ['1:4 expected one value after the colon: put quotes around text that has ": " in it'],
  ],
  ['an open quote', 'a: "x\n', ['2:1 expected valid YAML: Missing closing "quote']],
  [
    'two documents',
    'a: 1\n---\nb: 2\n',
    ['2:1 expected one YAML document, got a second one: give each its own --config'],
  ],
  ['an unknown alias', 'a: *b\n', ['1:4 a: expected an anchor &b before this alias']],
  [
    'an alias to itself',
    'a: &a [*a]\n',
    ['1:7 a[0]: expected a tree, got an alias to a part that it stands in itself'],
  ],
  ['a list', '- a\n', ['1:1 expected a map with receivers, exporters and service']],
  ['a map as a key', '{ {a: b}: c }\n', ['1:3 expected text as a key']],
  ['a merge of text', 'a:\n  <<: text\n', ['2:7 a["<<"]: expected a map or a list of maps to merge']],
];
test.each(wrongYaml)('YAML with %s is an issue with its place', (_name, text, want) => check(text, want));

test('aliases that multiply, and nesting without end, are stopped early', async () => {
  const bomb = Array.from(
    'bcdefgh',
    (name, index) => `${name}: &${name} [${Array(10).fill(`*${String.fromCharCode(97 + index)}`)}]`,
  );
  const wide = await load({ 'c.yaml': `a: &a [x]\n${bomb.join('\n')}` });
  expect(wide.ok ? [] : wide.issues.map((issue) => issue.message)).toEqual([
    'expected at most 100000 values, aliases counted, got more',
  ]);
  const deep = await load({ 'c.yaml': `a: ${'['.repeat(900)}${']'.repeat(900)}` });
  expect(deep.ok ? [] : deep.issues.map((issue) => issue.message)).toEqual(['expected at most 200 levels, got more']);
});

test('an anchor may be set anew, and many aliases are read in linear time', async () => {
  const text = `a: &x 1\nb: *x\nc: &x 2\nd: [${Array(20_000).fill('*x').join(', ')}]\n`;
  const parsed = parseYaml({ name: 'c.yaml', text, lines: true });
  const value = 'node' in parsed ? (plain(parsed.node) as Record<string, unknown>) : {};
  expect([value.b, (value.d as unknown[]).length, new Set(value.d as unknown[])]).toEqual([1, 20_000, new Set([2])]);
});

test('anchors and merge keys work', async () => {
  const loaded = await load({
    'c.yaml': around(
      `${right}
x-none: &none {}`.replace(
        'x-none: &none {}',
        'processors:\n  batch: &slow { timeout: 3s, send_batch_size: 7 }\n  batch/b: { <<: *slow, timeout: 4s }\n  batch/c: *slow',
      ),
    ),
  });
  if (!loaded.ok) throw new Error(loaded.issues.map(formatIssue).join('\n'));
  expect(loaded.config.processors.get('batch/b')?.config).toMatchObject({ timeout: 4000, send_batch_size: 7 });
  expect(loaded.config.processors.get('batch/c')?.config).toMatchObject({ timeout: 3000, send_batch_size: 7 });
});

test('underscores between digits are no part of a number', async () => {
  const parsed = parseYaml({ name: 'a.yaml', lines: true, text: 'a: 100_000\nb: -1_0\nc: "1_0"\nd: _1\ne: 1_a' });
  if (!('node' in parsed)) throw new Error('it was refused');
  expect(plain(parsed.node)).toEqual({ a: 100_000, b: -10, c: '1_0', d: '_1', e: '1_a' });
});
