import { expect, test } from 'vitest';
import { textOf } from '../otlp/view/raw.ts';
import { regexOf, sieveOf } from './regex.ts';

/** Of the kinds that patterns are made of: literals, case, classes, places, repetitions, alternatives, and what configurations have. */
const patterns = String.raw`
  a ab abc abcd k s1 a/b @ - é aé éa aéb 漢字 😀 a😀b \x{212A} \x{FFFD} \x41\x{1F600}\101 \Qa.b\E+
  (?i)a (?i)ab (?i)k (?i)s (?i)aks (?i)kab (?i)abk1 (?i)é (?i)aéb (?i:a)b (?i)a(?-i)b (?i)\x{212A} (?i)ſ (?i)[a-k]1 (?i)[^k]
  (?i)[^a-z]b (?i)\w1 (?i)straße|K (?i)k{2} (?i:a|k)b (?i:k)a(?i:s) (?i)\p{Lu}b (?i)bearer\x20[a-z0-9]+ (?i)(a|b)k=[^\x20]+
  [ab] [a-c][0-9] [^a] [^a][^b] [^\x00-\x7f] [é] [aé]b [a-é]1 \d \D1 \w\w \W \s \S\s []a]+ [a-]+ [\x00-\x{10FFFF}] [^\x00-\x{10FFFF}]
  [[:alpha:]]+[[:^digit:]] [[:^alpha:]]a [^\D5]+ \p{Greek}+\PL \pN \PNa \p{Any} \P{Any} \P{Any}|a
  . .a a.c a. (?s). (?s)a.c .. .{3}a (?s).* .*a .+b .*.*.*=.*
  ^ $ ^a a$ ^b (?m)^b$ (?m)a$ \Aa\z \bab\B \ba \Bb a\bb ^$ a^b (?m)a\n^b ^(?:a|b) ^a|b$ (^|/)a (?:^|a)b (a$|b) \bfoo\B
  a* a+ a? a{0} a{0,2}b a{1} a{2} a{3} a{4} a{2,}b a{2,3}? (?U)a+ a+b ab+c ab*c ab?c a{,2} k{2} é{2} (aé){2}b (éa)+1
  (ab)+ (ab){2} (ab){2,}c (a+b)+ (a+b){2}c (a*b)+ (a*)+ (a?){2}b ((a|b)+1){2} (a{2}){2} ((ab)?c){2} (^a)+ \b{2}a (?:\b)+a (?:){3}a
  a(?:b{1,2}c){1,2}1 4[0-9]{12}(?:[0-9]{3})? 1[0-9]{2}a (a?){5}a{5}b (x+x+)+y (a+)+$ ^(([a-z])+.)+[A-Z]([a-z])+$
  a|b a| |a | (|a)b (a|)b (a|bc)1 (a|bc|)1 ab|ba abc|b a|bc|1ab (ab|c)(1|/a) (a|é)b é|a (?:a|k|é)+1 (a)|(b) (a|ab)(c|bcd)(d*)
  (?:(a)|(b))* a|b|c|d|e|f|g|h|i|k ab|bc|ca|1a|2b|/c|ka|sb|-a|@b abc|b|cc|1a|2b|/c|ka|sb|-a|@b (?:a|b|1|2|/|-|@|k|s)c
  a(b|c|^) (a|(b|(c|1)))2 ((a|b)|(c|))1 (a|ab|abc)(1|2c) (?:ab|a)(?:b|bc)
  /[0-9]+ [a-c0-9.]+@[a-c0-9]+\.(a|bc) ^/api/v[0-9]+/(users|orders)$ (?P<year>\d{4})-(?<month>\d\d) ^(a|b)+/[0-9]{1,3}$
  \b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b
`
  .split(/\s+/)
  .slice(1);

/** What they are made of, what comes near it, and bytes that are no UTF-8. */
const pieces = [...'abcksABKS124/-@.= \néÉ漢字😀\u212aſγ½\ufffd'];
const broken = [[0x80], [0xc3], [0xe6, 0xbc], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98], [0xff], [0xef, 0xbb, 0xbf]];

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % below;
  };
}

/** Few different pieces in a text, so that there are matches. */
function texts(count: number, random: (below: number) => number): Buffer[] {
  return Array.from({ length: count }, () => {
    const own = Array.from({ length: 1 + random(5) }, () => pieces[random(pieces.length)]!);
    const parts = Array.from({ length: random(10) }, () => {
      return random(20) === 0 ? Buffer.from(broken[random(broken.length)]!) : Buffer.from(own[random(own.length)]!);
    });
    return Buffer.concat(parts);
  });
}

const some = texts(4000, randomFrom(1));

/** How many of the texts match, and how many are kept back: none of those. */
function sifted(source: string, texts: readonly Buffer[]): [matched: number, keptBack: number] {
  const regex = regexOf(source);
  let matched = 0;
  let keptBack = 0;
  for (const text of texts) {
    // Not from the start of the bytes, and not to their end: what lies around does not count.
    const bytes = Buffer.concat([Buffer.from('1a'), text, Buffer.from('b1')]);
    const matches = regex.test(textOf(bytes, 2, bytes.length - 2));
    const may = regex.mayMatch(bytes, 2, bytes.length - 2);
    if (matches && !may) expect.fail(`${source} matches ${JSON.stringify(text.toString())}, ${text.toString('hex')}`);
    matched += matches ? 1 : 0;
    keptBack += may ? 0 : 1;
  }
  return [matched, keptBack];
}

test('no text that matches is kept back', () => {
  const all = patterns.map((source) => sifted(source, some));
  expect(patterns.length).toBeGreaterThan(150);
  expect(all.reduce((sum, [matched]) => sum + matched, 0)).toBeGreaterThan(50_000);
  expect(all.reduce((sum, [, keptBack]) => sum + keptBack, 0)).toBeGreaterThan(200_000);
});

test('nor by a random pattern', () => {
  const random = randomFrom(7);
  const atoms = String.raw`a b c k 1 / é 😀 [ab] [^a] [aé] [a-k] . \w \D \b ^ $ (?i:k) (?i:[sb])`.split(' ');
  const pattern = (depth: number): string => {
    switch (random(depth > 3 ? 3 : 9)) {
      case 3:
        return `(${pattern(depth + 1)})`;
      case 4:
        return `(?:${pattern(depth + 1)}|${pattern(depth + 1)})`;
      case 5:
        return `(?:${pattern(depth + 1)})${['?', '*', '+', '{2}', '{1,2}', '{3,}', '+?'][random(7)]}`;
      case 6:
      case 7:
      case 8:
        return pattern(depth + 1) + pattern(depth + 1);
      default:
        return atoms[random(atoms.length)]!;
    }
  };
  let matched = 0;
  let keptBack = 0;
  for (let i = 0; i < 1500; i++) {
    const [more, fewer] = sifted(pattern(0), some.slice(i, i + 150));
    matched += more;
    keptBack += fewer;
  }
  expect(matched).toBeGreaterThan(20_000);
  expect(keptBack).toBeGreaterThan(20_000);
});

test.each([
  ['/[0-9]+', 'GET /users/{id}', 'GET /users/17'],
  ['[a-z0-9.]+@[a-z0-9]+\\.(com|org)', 'ask me', 'ask me@example.org'],
  ['(?i)bearer [a-z0-9]+', 'barer x', 'BEARER x'],
  ['4[0-9]{12}(?:[0-9]{3})?', 'order 4-11', '4111111111111'],
  ['^/(health|ready)', '/checkout', '/ready'],
  ['é', 'e', 'É'],
  ['(?i)k\\.', 'k', '\u212a.'],
  ['a{3}', 'aabaa', 'aaa'],
  ['\\d', '', '0'],
])('%s keeps back %j, not %j', (source, no, maybe) => {
  const regex = regexOf(source);
  const says = (text: string) => regex.mayMatch(Buffer.from(text), 0, Buffer.byteLength(text));
  expect([says(no), says(maybe)]).toEqual([false, true]);
});

test.each(['', 'a*', 'a|', '^', '\\b', '.', '[^a]', 'x?y?', '(?s).*x?'])('%j keeps nothing back', (source) => {
  expect(sifted(source, some)[1]).toBe(0);
  expect(sieveOf([regexOf('a'), regexOf(source)])).toBeUndefined();
});

test.each([0, 1, 3, 12, 40])('%d patterns at once keep back nothing that one of them does not', (count) => {
  const known = patterns.map(regexOf).filter((regex) => sieveOf([regex]));
  const random = randomFrom(count);
  let keptBack = 0;
  for (let turn = 0; turn < 20; turn++) {
    const own = Array.from({ length: count }, () => known[random(known.length)]!);
    const sieve = sieveOf(own)!;
    for (const text of some.slice(0, 300)) {
      if (sieve.mayMatch(text, 0, text.length)) continue;
      keptBack++;
      expect(own.some((regex) => regex.mayMatch(text, 0, text.length))).toBe(false);
    }
  }
  expect(keptBack).toBeGreaterThan(500);
});
