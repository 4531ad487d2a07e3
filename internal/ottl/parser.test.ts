import { expect, test } from 'vitest';
import { parseCondition, parseStatement } from './parser.ts';

/** The tree in short: positions left out. */
function short(node: unknown): unknown {
  if (typeof node === 'bigint') return `${node}n`;
  if (node instanceof Uint8Array) return Buffer.from(node).toString('hex');
  if (Array.isArray(node)) return node.map(short);
  if (node === null || typeof node !== 'object') return node;
  const { kind, ...rest } = node as Record<string, unknown>;
  if (kind === 'path') {
    const segments = rest.segments as { name: string; keys: unknown[] }[];
    return segments.map(({ name, keys }) => name + keys.map((key) => JSON.stringify([short(key)])).join('')).join('.');
  }
  if (kind === 'call') return { [String(rest.name)]: short(rest.args), ...indexed(rest.keys as unknown[]) };
  if (kind === 'compare' || kind === 'math') return [short(rest.left), rest.operator, short(rest.right)];
  if (kind === 'and' || kind === 'or') return { [kind]: short(rest.operands) };
  if (kind === 'not' || kind === 'negate') return { [kind]: short(rest.operand) };
  if (kind === 'test') return short(rest.call);
  if (kind === 'name') return `name ${rest.name}`;
  if (kind === 'nil') return null;
  if (kind === 'list') return { list: short(rest.values) };
  if (kind === 'map') return { map: short(rest.items) };
  if (kind === undefined && 'value' in rest) {
    const name = rest.name ?? rest.key;
    return name === undefined ? short(rest.value) : { [String(name)]: short(rest.value) };
  }
  return short(rest.value);
}

function indexed(keys: unknown[]): object {
  return keys.length > 0 ? { keys: short(keys) } : {};
}

const conditions: [string, unknown][] = [
  ['true', true],
  ['not false', { not: false }],
  ['name == "a"', ['name', '==', 'a']],
  ['span.status.code >= 2', ['span.status.code', '>=', '2n']],
  ['attributes["a"][0]["b"] != nil', ['attributes["a"]["0n"]["b"]', '!=', null]],
  ['kind == SPAN_KIND_SERVER', ['kind', '==', 'name SPAN_KIND_SERVER']],
  ['trace_id == 0x00ff', ['trace_id', '==', '00ff']],
  [
    'a == 1 or b == 2 and c == 3',
    {
      or: [
        ['a', '==', '1n'],
        {
          and: [
            ['b', '==', '2n'],
            ['c', '==', '3n'],
          ],
        },
      ],
    },
  ],
  [
    '(a == 1 or b == 2) and c == 3',
    {
      and: [
        {
          or: [
            ['a', '==', '1n'],
            ['b', '==', '2n'],
          ],
        },
        ['c', '==', '3n'],
      ],
    },
  ],
  ['(a + b) * 2 > -3', [[['a', '+', 'b'], '*', '2n'], '>', '-3n']],
  ['((((a == 1))))', ['a', '==', '1n']],
  ['a - b - 1 == -.5', [[['a', '-', 'b'], '-', '1n'], '==', -0.5]],
  ['-a < +1.5e3', [{ negate: 'a' }, '<', 1500]],
  ['a == -9223372036854775808', ['a', '==', '-9223372036854775808n']],
  ['IsMatch(body, "a\\\\d") and IsRootSpan()', { and: [{ IsMatch: ['body', 'a\\d'] }, { IsRootSpan: [] }] }],
  ['Split(a, ",")[1] == "x"', [{ Split: ['a', ','], keys: ['1n'] }, '==', 'x']],
  [
    'attributes[Concat(["a", "b"], "")] == {"k": [1, {}], "l": nil,}',
    [
      'attributes[{"Concat":[{"list":["a","b"]},""]}]',
      '==',
      { map: [{ k: { list: ['1n', { map: [] }] } }, { l: null }] },
    ],
  ],
  ['attributes[1 + 1] == true', ['attributes[["1n","+","1n"]]', '==', true]],
  ['"\\u00e9\\x41\\101\\xc3\\xa9\\"" == "é"', ['éAAé"', '==', 'é']],
  ['F(x, name = "v")', { F: ['x', { name: 'v' }] }],
];
test.each(conditions)('%s', (text, want) => {
  const parsed = parseCondition(text);
  expect(parsed.ok ? short(parsed.ast) : parsed.problem).toEqual(want);
});

test('a statement has an editor and says when', () => {
  const parsed = parseStatement('replace_pattern(name, "a", "b", SHA256, "%s") where not (kind == 1)');
  if (!parsed.ok) throw new Error(parsed.problem.message);
  expect(short(parsed.ast.editor)).toEqual({ replace_pattern: ['name', 'a', 'b', 'name SHA256', '%s'] });
  expect(short(parsed.ast.where)).toEqual({ not: ['kind', '==', '1n'] });
});

test('every node knows where it stands', () => {
  const text = 'set(attributes["a"], 1 + 2) where body == nil';
  const parsed = parseStatement(text);
  if (!parsed.ok) throw new Error(parsed.problem.message);
  const cut = (node: { at: number; length: number }) => text.slice(node.at, node.at + node.length);
  expect(cut(parsed.ast)).toBe(text);
  expect(cut(parsed.ast.editor)).toBe('set(attributes["a"], 1 + 2)');
  expect(parsed.ast.editor.args.map(cut)).toEqual(['attributes["a"]', '1 + 2']);
  expect(cut(parsed.ast.where!)).toBe('body == nil');
});

const refused: [string, string, string][] = [
  ['', '', 'expected a value, the text ends here'],
  ['name', '', 'expected a comparison: one of == != < <= > >=, the text ends here'],
  ['name = "a"', '=', 'expected a comparison such as ==, got ='],
  ['name == "a', '"a', 'a string is not closed'],
  ["name == 'a'", "'", 'strings stand in double quotes'],
  ['name == "\\d"', '\\d', 'a backslash is written \\\\'],
  ['name == "a" && true', '&', 'unexpected "&"'],
  ['name == "a" kind == 1', 'kind', 'expected "and", "or" or the end of the condition, got kind'],
  ['(name == "a"', '', 'expected ")"'],
  ['(name == ) and true', ')', 'expected a value, got )'],
  ['not not true', 'not', 'once'],
  ['isMatch(a, "b")', 'isMatch', 'converters begin with an upper-case letter'],
  ['a == 0xabc', '0xabc', 'half a byte'],
  ['a == 9223372036854775808', '9223372036854775808', 'does not fit into 64 bits'],
  ['F(a = 1, 2)', '2', 'stands after one with a name'],
  ['F(1 2)', '2', 'expected "," or ")", got 2'],
  ['a[] == 1', ']', 'expected a key'],
  ['a == {k: 1}', 'k', 'expected a key in double quotes'],
  ['Filter(a, (x) => x == 1)', '=>', 'lambda'],
  ['a == "\\xff"', '\\xff', 'no UTF-8'],
];
test.each(refused)('%s is refused where it goes wrong', (text, place, message) => {
  const parsed = parseCondition(text);
  if (parsed.ok) throw new Error('accepted');
  expect(parsed.problem.message).toContain(message);
  expect(text.slice(parsed.problem.at, parsed.problem.at + parsed.problem.length)).toBe(place);
});

test('deep nesting is refused, not followed', () => {
  for (const [open, close] of [
    ['(', ')'],
    ['[', ']'],
    ['{"a":', '}'],
    ['F(', ')'],
  ] as const) {
    const parsed = parseCondition(`${open.repeat(5000)}1${close.repeat(5000)} == 1`);
    expect(!parsed.ok && parsed.problem.message).toContain('nested too deep');
  }
  expect(parseCondition(`${'('.repeat(60)}a == 1${')'.repeat(60)}`).ok).toBe(true);
});

test('a statement broken at any of its tokens is refused at a place inside it', () => {
  const text =
    'set(attributes["a"], Concat([name, "x"], sep = ",")[0]) where (kind == 1 or -a + 2 > .5) and not IsMatch(b, "c")';
  const tokens = text.match(/"[^"]*"|[A-Za-z_]+|[\d.]+|==|\S/g)!;
  let refusals = 0;
  for (let broken = 0; broken < tokens.length; broken++) {
    for (const instead of ['', '?', ')', ']', '==', 'nil', '"s"']) {
      const damaged = tokens.with(broken, instead).join(' ');
      const parsed = parseStatement(damaged);
      if (parsed.ok) continue;
      refusals++;
      expect(parsed.problem.at).toBeGreaterThanOrEqual(0);
      expect(parsed.problem.at + parsed.problem.length).toBeLessThanOrEqual(damaged.length);
      expect(parsed.problem.message).not.toBe('');
    }
  }
  expect(refusals).toBeGreaterThan(tokens.length * 5);
});
