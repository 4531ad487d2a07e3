/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's syntax, not JavaScript's */
import { expect, test } from 'vitest';
import { formatIssue, type Issue } from './issues.ts';
import { substitute } from './substitute.ts';
import { type Node, plain } from './tree.ts';
import { parseYaml } from './yaml.ts';

const env = {
  HOST: 'example.org',
  PORT: '4317',
  OCTAL: '0123',
  HEX: '0xdeadbeef',
  QUOTED: '"0123"',
  TRUE: 'true',
  EMPTY: '',
  LIST: '[a, b]',
  MAP: 'a: 1\nb: ${env:PORT}',
  NESTED: '${env:HOST}:${env:PORT}',
  NAME: 'HOST',
  DOLLARS: 'pa$$word',
  DOLLAR: 'pa$word',
  LOOP: '${env:LOOP}',
  TWICE: '${env:TWICE}${env:TWICE}',
  BROKEN: '[a',
  COLON: 'a: b: c',
};
const files: Record<string, string> = {
  '/etc/token': 's3cret\n',
  '/etc/part.yaml': 'endpoint: ${env:HOST}\nother: ${file:sub/more.yaml}\n',
  '/etc/sub/more.yaml': '- 1\n- ${env:NONE}\n',
  '/etc/broken.yaml': 'a: [b\n',
};

async function run(text: string): Promise<{ node: Node; issues: Issue[] }> {
  const parsed = parseYaml({ name: 'c.yaml', text, lines: true });
  if (!('node' in parsed)) throw new Error(parsed.issues.map(formatIssue).join('\n'));
  const issues: Issue[] = [];
  const readFile = async (path: string) =>
    files[path] ?? Promise.reject(Object.assign(new Error(path), { code: 'ENOENT' }));
  return { node: await substitute(parsed.node, { env, cwd: '/etc', readFile }, issues), issues };
}

const values: [string, string, unknown][] = [
  ['text', '${env:HOST}', 'example.org'],
  ['without scheme', '${HOST}', 'example.org'],
  ['a number', '${env:PORT}', 4317],
  ['a number in quotes is still a number, as upstream', '"${env:PORT}"', 4317],
  ['true', '${env:TRUE}', true],
  ['a list', '${env:LIST}', ['a', 'b']],
  ['a map, with references in it', '${env:MAP}', { a: 1, b: 4317 }],
  ['within text', 'http://${env:HOST}:${PORT}/', 'http://example.org:4317/'],
  ['two in a row are text', '${PORT}${PORT}', '43174317'],
  ['a list within text, as text', 'x${env:LIST}', 'x[a, b]'],
  ['the text of a number, unchanged, within text', 'x${env:OCTAL}', 'x0123'],
  ['in what a variable holds', '${env:NESTED}', 'example.org:4317'],
  ['within a reference', '${env:${env:NAME}}', 'example.org'],
  ['a default that is not needed', '${env:HOST:-other}', 'example.org'],
  ['a default', '${env:NONE:-5s}', '5s'],
  ['a typed default', '${NONE:-5}', 5],
  ['a default with a reference', '${env:NONE:-${env:HOST}}', 'example.org'],
  ['a default with a URL', '${env:NONE:-http://x:1/}', 'http://x:1/'],
  ['an empty default', '"a${env:NONE:-}b"', 'ab'],
  ['a set but empty variable keeps clear of the default', '"a${env:EMPTY:-x}b"', 'ab'],
  ['an escaped dollar', 'a$$b', 'a$b'],
  ['an escaped reference', '$${env:HOST}', '${env:HOST}'],
  ['a dollar before a reference', '$$${env:HOST}', '$example.org'],
  ['a lone dollar, and a name without braces', '^a$ $NOHOST', '^a$ $NOHOST'],
  ['an open brace', 'a${env:HOST', 'a${env:HOST'],
  ['an escaped dollar in a variable, as upstream', '${env:DOLLARS}', 'pa$word'],
  ['a dollar in a variable', '${env:DOLLAR}', 'pa$word'],
  ['what is no YAML stays text', '${env:BROKEN}', '[a'],
  ['what YAML cannot read stays text', '${env:COLON}', 'a: b: c'],
  ['a file, its last line break aside', '${file:token}', 's3cret'],
  ['a file by its whole path', '${file:/etc/token}', 's3cret'],
  ['YAML in line', '${yaml:[1, 2]}', [1, 2]],
];
test.each(values)('%s', async (_name, written, want) => {
  const { node, issues } = await run(`a: ${written}`);
  expect(issues.map(formatIssue)).toEqual([]);
  expect(plain(node)).toEqual({ a: want });
});

test('keys and lists: values in lists are replaced, keys are not', async () => {
  const { node } = await run('"${env:HOST}": [x, "${env:HOST}", { b: "${PORT}" }]');
  expect(plain(node)).toEqual({ '${env:HOST}': ['x', 'example.org', { b: 4317 }] });
});

const originals: [string, string, unknown][] = [
  ['${env:OCTAL}', '0123', 123],
  ['${env:HEX}', '0xdeadbeef', 0xdeadbeef],
  ['${env:QUOTED}', '"0123"', '"0123"'],
  ['${env:TRUE}', 'true', true],
  ['${env:LIST}', '[a, b]', ['a', 'b']],
  ['${env:EMPTY}', '', null],
];
test.each(originals)('%s keeps its text %s beside its value', async (written, text, value) => {
  const { node } = await run(written);
  expect(node.original).toBe(text);
  expect(plain(node)).toEqual(value);
});

const problems: [string, string, string[]][] = [
  [
    'an unset variable',
    'a:\n  b: ${env:NONE}',
    [
      'c.yaml:2:6 a.b: the environment variable NONE is not set, so it is empty here: set it, or give a default: ${env:NONE:-value}',
    ],
  ],
  [
    'an unset variable in the middle of quoted text',
    'a: "${env:HOST} and ${NONE}"',
    [
      'c.yaml:1:21 a: the environment variable NONE is not set, so it is empty here: set it, or give a default: ${env:NONE:-value}',
    ],
  ],
  [
    'an unset variable in a block of text',
    'a: |\n  one\n  two ${NONE}\n',
    [
      'c.yaml:3:7 a: the environment variable NONE is not set, so it is empty here: set it, or give a default: ${env:NONE:-value}',
    ],
  ],
  [
    'a variable without braces, if there is one of that name',
    'a: [$HOST, $NONE, $$HOST]',
    [
      "c.yaml:1:5 a[0]: $HOST is not replaced without braces: write ${env:HOST} for the variable's value, or $$HOST for the text",
    ],
  ],
  [
    "a regular expression's group",
    'a: [x, "${1}-b"]',
    [
      'c.yaml:1:9 a[1]: expected the name of an environment variable, got "1": write $${1} for the text itself, as in a regular expression\'s replacement',
    ],
  ],
  [
    'a variable that refers to itself',
    'a: ${env:LOOP}',
    ['c.yaml:1:4 a: expected an end of substitutions, got more than 20 levels: does one refer to itself?'],
  ],
  [
    'a variable that doubles itself',
    'a: ${env:TWICE}',
    ['c.yaml:1:4 a: expected an end of substitutions, got more than 20 levels: does one refer to itself?'],
  ],
  ['a missing file', 'a: ${file:none}', ['c.yaml:1:4 a: expected a readable file at /etc/none: there is no such file']],
  [
    'an unknown scheme',
    'a: b ${vault:x}',
    ['c.yaml:1:6 a: expected a location starting with env:, file:, http:, https:, yaml: or a path, got "vault:"'],
  ],
];
test.each(problems)('%s is told with its place', async (_name, text, want) => {
  const { issues } = await run(text);
  expect(issues.map(formatIssue)).toEqual(want);
});

test("an included file's values show their own lines, and includes others", async () => {
  const { node, issues } = await run('a: ${file:part.yaml}');
  expect(plain(node)).toEqual({ a: { endpoint: 'example.org', other: [1, null] } });
  expect(issues.map(formatIssue)).toEqual([
    'sub/more.yaml:2:3 a.other[1]: the environment variable NONE is not set, so it is empty here: set it, or give a default: ${env:NONE:-value}',
  ]);
});
