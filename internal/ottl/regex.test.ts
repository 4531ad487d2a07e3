import { expect, test } from 'vitest';
import { safeLength } from './re2_cost.ts';
import { LinearMatcher } from './re2_linear.ts';
import { parseRe2 } from './re2_parser.ts';
import { compileRegex, expandTemplate, type Regex } from './regex.ts';

function regex(source: string): Regex {
  const compiled = compileRegex(source);
  if (!compiled.ok) throw new Error(compiled.problem.message);
  return compiled;
}

/** The same by the linear matcher, whatever the length. */
function linear(source: string, text: string): (string | undefined)[] | undefined {
  const { root, names } = parseRe2(source);
  const ends = new LinearMatcher(root, names.length).match(text, 0, false);
  return ends && names.map((_, i) => (ends[2 * i + 1]! < 0 ? undefined : text.slice(ends[2 * i], ends[2 * i + 1])));
}

// The third column is what Go's regexp.FindStringSubmatch answers, '' for a group that took no part.
const matches: [string, string, string[] | undefined][] = [
  ['abc', 'xabcx', ['abc']],
  ['a.c', 'a\nc', undefined],
  ['(?s)a.c', 'a\nc', ['a\nc']],
  ['^b', 'a\nb', undefined],
  ['(?m)^b$', 'a\nb\nc', ['b']],
  ['a$', 'a\n', undefined],
  ['\\Aa\\z', 'a', ['a']],
  ['(?i)straße|K', 'STRASSE', undefined],
  ['(?i)k', '\u212a', ['\u212a']],
  ['(?i:A)b', 'ab', ['ab']],
  ['(?i)a(?-i)b', 'AB', undefined],
  ['\\d+\\s\\w', '٣ 12 é', undefined],
  ['\\s', '\v', undefined],
  ['[[:alpha:]]+[[:^digit:]]', 'ab1c-', ['ab']],
  ['[^\\D5]+', 'x456', ['4']],
  ['\\p{Greek}+\\PL', 'abγδ!', ['γδ!']],
  ['\\pN', 'x½', ['½']],
  ['a{2,3}?', 'aaaa', ['aa']],
  ['(?U)a+', 'aaa', ['a']],
  ['a{,2}', 'a{,2}', ['a{,2}']],
  ['[]a]+', ']a', [']a']],
  ['[a-]+', '-a', ['-a']],
  ['\\Qa.b\\E+', 'a.bb', ['a.bb']],
  ['\\x41\\x{1F600}\\101', 'A😀A', ['A😀A']],
  ['(a)|(b)', 'b', ['b', '', 'b']],
  ['(a|ab)(c|bcd)(d*)', 'abcd', ['abcd', 'a', 'bcd', '']],
  // A group keeps what it matched in an earlier turn.
  ['(?:(a)|(b))*', 'ba', ['ba', 'a', 'b']],
  ['(?P<year>\\d{4})-(?<month>\\d\\d)', 'on 2024-05', ['2024-05', '2024', '05']],
  ['.', '😀', ['😀']],
  ['\\bfoo\\B', 'foo food', ['foo']],
];
test.each(matches)('%s in %j', (source, text, want) => {
  const compiled = regex(source);
  expect(compiled.exec(text)?.groups.map((group) => group ?? '')).toEqual(want);
  expect(compiled.test(text)).toBe(want !== undefined);
  expect(linear(source, text)?.map((group) => group ?? '')).toEqual(want);
});

const refused: [string, string, string][] = [
  ['a(?=b)', '(?=', 'no look-around'],
  ['(?<!a)', '(?<!', 'no look-around'],
  ['(a)\\1', '\\1', 'no back references'],
  ['a**', '*', 'repetition is repeated'],
  ['*a', '*', 'nothing to repeat'],
  ['a{1001}', '{1001}', 'up to 1000'],
  ['a{3,2}', '{3,2}', 'the lower one first'],
  ['(a{1000}){1000}', '(a{1000}){1000}', 'too large'],
  ['[z-a]', 'z-a', 'runs backwards'],
  ['[a', '[a', 'not closed'],
  ['(a', '(', 'not closed'],
  ['a)', ')', 'nothing to close'],
  ['\\Z', '\\Z', 'unknown escape'],
  ['\\p{Nope}', '\\p{Nope}', 'unknown Unicode class'],
  ['[[:nope:]]', '[:nope:]', 'unknown character class'],
  ['a\\', '\\', 'backslash'],
  ['(?<n>a)(?<n>b)', '(?<n>', 'two groups'],
  ['('.repeat(1000), '', 'nested too deep'],
];
test.each(refused)('%s is refused', (source, place, message) => {
  const compiled = compileRegex(source);
  if (compiled.ok) throw new Error('accepted');
  const { problem } = compiled;
  expect(problem.message).toContain(message);
  if (place !== '') expect(source.slice(problem.at, problem.at + problem.length)).toBe(place);
});

test('replacing finds what Go finds and expands as Go expands', () => {
  const replaced = (source: string, text: string, by: string) => {
    const compiled = regex(source);
    return compiled.replaceAll(text, (match) => expandTemplate(by, match, compiled.groupNames));
  };
  expect(replaced('a*', 'baaac', 'x')).toBe('xbxcx');
  expect(replaced('', 'aé😀', '-')).toBe('-a-é-😀-');
  expect(replaced('(\\w)(\\w)', 'abcd', '$2x$1')).toBe('ac');
  expect(replaced('(\\w)(\\w)', 'abcd', '${2}${1}')).toBe('badc');
  expect(replaced('(?P<n>b)', 'abc', '[$n$$$9]')).toBe('a[b$]c');
  expect(replaced('x', 'abc', 'y')).toBe('abc');
});

test('patterns that can explode end, on any text', () => {
  const evil = 'a'.repeat(50_000);
  for (const source of [
    '(a+)+$',
    '(a|a)*b',
    '(a|ab|b)*c',
    '(.*)*x',
    '(x+x+)+y',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '(a?){50}a{50}b',
    '.*.*.*=.*',
  ]) {
    expect(regex(source).test(`${evil}!`)).toBe(false);
  }
  expect(safeLength(parseRe2('(a+)+$').root)).toBe(0);
  expect(safeLength(parseRe2('(a|a){40}').root)).toBe(0);
  expect(safeLength(parseRe2('^/api/v[0-9]+/(users|orders)$').root)).toBeGreaterThan(1000);
});

test('both engines agree on random patterns and texts', () => {
  let seed = 42;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 16) % below;
  };
  const pattern = (depth: number): string => {
    const kinds = depth > 3 ? 3 : 9;
    switch (random(kinds)) {
      case 0:
      case 1:
        return 'ab'[random(2)]!;
      case 2:
        return ['[ab]', '.', '[^a]', '\\b', '^', '$'][random(6)]!;
      case 3:
        return `(${pattern(depth + 1)})`;
      case 4:
        return `(?:${pattern(depth + 1)}|${pattern(depth + 1)})`;
      case 5:
        return `(?:${pattern(depth + 1)})${['?', '*', '+', '{2}', '{1,2}', '*?', '+?'][random(7)]}`;
      default:
        return pattern(depth + 1) + pattern(depth + 1);
    }
  };
  let native = 0;
  for (let i = 0; i < 3000; i++) {
    const source = pattern(0);
    const text = Array.from({ length: random(8) }, () => 'abc'[random(3)]).join('');
    const fast = regex(source).exec(text);
    if (safeLength(parseRe2(source).root) > 0) native++;
    expect([source, text, fast?.groups]).toEqual([source, text, linear(source, text)]);
  }
  expect(native).toBeGreaterThan(1000);
});
