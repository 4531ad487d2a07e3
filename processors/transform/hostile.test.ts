import { expect, test } from 'vitest';
import { Payload } from '../../internal/otlp/payload.ts';
import { seededRandom } from '../../internal/otlp/sample.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { type CompiledStatement, type Context, compileStatement, OttlError, Pass } from '../../internal/ottl/index.ts';
import { statements } from './test/statements.ts';

/*
 * Statements that are broken, too deep or too long: each is refused at a place inside its text, or does what it says.
 * That nothing takes for ever is said by the tests coming to an end.
 */

const contexts: Record<string, Context> = { traces: 'span', logs: 'log', metrics: 'metric' };

/** Every statement that is held against the Go collector's, in its context. */
const valid = Object.entries(statements).flatMap(([signal, rows]) =>
  rows.flatMap(([context, ...texts]) => texts.map((text) => [context || contexts[signal]!, text] as const)),
);

const tokensOf = (text: string) => text.match(/"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|\d[\w.]*|[=!<>]=|\s+|\S/g)!;

test('a statement broken at any token is a statement still, or is refused at a place inside it', () => {
  const random = seededRandom(7);
  const texts = [...new Map(valid.map(([context, text]) => [text, context]))].filter((_, i) => i % 2 === 0);
  const pool = [...new Set(texts.flatMap(([text]) => tokensOf(text)))];
  const some = spanWith([['s', Buffer.from('Hello')]]);
  let refusals = 0;
  for (const [text, context] of texts) {
    const tokens = tokensOf(text);
    for (let at = 0; at < tokens.length; at++) {
      const other = pool[Math.floor(random() * pool.length)]!;
      for (const instead of [[], [tokens[at]!, tokens[at]!], [other]]) {
        const damaged = tokens.toSpliced(at, 1, ...instead).join('');
        const compiled = compileStatement(damaged, context as Context);
        if (compiled.ok) {
          if (context === 'span') run(compiled, 'span', some);
          continue;
        }
        refusals++;
        const { problem } = compiled;
        const inside = problem.at >= 0 && problem.length >= 0 && problem.at + problem.length <= damaged.length;
        if (!inside || problem.message === '') throw new Error(`${damaged}: ${JSON.stringify(problem)}`);
      }
    }
  }
  expect(texts.length).toBeGreaterThan(200);
  expect(refusals).toBeGreaterThan(5000);
});

const n = 20_000;
const deep: [string, string][] = [
  ['parentheses', `set(name, "x") where ${'('.repeat(n)}true${')'.repeat(n)}`],
  ['negations', `set(name, "x") where ${'not ('.repeat(n)}true${')'.repeat(n)}`],
  ['lists', `set(name, ${'['.repeat(n)}${']'.repeat(n)})`],
  ['maps', `set(name, ${'{"a": '.repeat(n)}1${'}'.repeat(n)})`],
  ['calls', `set(name, ${'Concat(['.repeat(n)}"x"${'], "")'.repeat(n)})`],
  ['signs', `set(name, ${'-'.repeat(n)}1)`],
  ['keys', `set(attributes${'["a"]'.repeat(n)}, 1)`],
  ['segments', `set(${'a.'.repeat(n)}a, 1)`],
  ['openings', `set(name, ${'([{'.repeat(n)}`],
];
test.each(deep)('a depth of 20,000 %s is refused', (_, text) => {
  const compiled = compileStatement(text, 'span');
  expect(compiled.ok).toBe(false);
});

test('a megabyte is refused, whatever it says', () => {
  for (const text of [`set(name, "${'x'.repeat(1 << 20)}")`, '"'.repeat(1 << 20), '('.repeat(1 << 20)]) {
    const compiled = compileStatement(text, 'span');
    expect(!compiled.ok && compiled.problem.message).toContain('expected at most');
  }
});

/** As long as a statement may be. */
const size = 65_000;
const repeated = (part: string) => part.repeat(size / part.length - 20);
const long: [string, string, boolean][] = [
  ['a text', `set(name, "${repeated('x')}")`, true],
  ['a sum', `set(attributes["a"], 1${repeated(' + 1')})`, false],
  ['a difference of paths', `set(attributes["a"], 1${repeated(' - attributes["a"]')})`, false],
  ['and', `set(name, "x") where true${repeated(' and true')}`, true],
  ['or', `set(name, "x") where name == "a"${repeated(' or name == "a"')}`, true],
  ['a list', `set(attributes["a"], [1${repeated(', 1')}])`, true],
  ['a map', `set(attributes["a"], {"a": 1${repeated(', "a": 1')}})`, true],
  ['arguments', `set(name${repeated(', name')})`, false],
  ['quotes', repeated('"'), false],
  ['backslashes', `set(name, "${repeated('\\')}x")`, true],
  ['spaces', `set(name,${repeated(' ')}"x")`, true],
  ['a name', `${repeated('a')}(name)`, false],
  ['digits', `set(attributes["a"], ${repeated('9')})`, false],
  ['a hexadecimal number', `set(attributes["a"], 0x${repeated('ab')})`, true],
  ['a pattern', `replace_pattern(name, "${repeated('a?')}", "x")`, false],
  ['characters of no word', repeated('\u0000'), false],
];
test.each(long)('65,000 characters of %s', (_, text, isValid) => {
  const compiled = compileStatement(text, 'span');
  expect(compiled.ok ? 'accepted' : compiled.problem.message).toEqual(
    isValid ? 'accepted' : expect.not.stringMatching(/^accepted$/),
  );
  if (compiled.ok) run(compiled, 'span', spanWith([['a', Buffer.from('b')]]));
});

/** A span with these attributes of text; keys and texts need not be UTF-8. */
function spanWith(attributes: readonly (readonly [key: string | Uint8Array, text: Uint8Array])[]): Payload {
  const out = new Writer(1 << 16);
  const open = [1, 2, 2].map((field) => out.open(field));
  out.bytes(5, Buffer.from([0x6e, 0xff]));
  for (const [key, text] of attributes) {
    const pair = out.open(9);
    out.bytes(1, Buffer.from(key));
    const value = out.open(2);
    out.bytes(1, text);
    out.close(value);
    out.close(pair);
  }
  while (open.length > 0) out.close(open.pop()!);
  const bytes = out.finish();
  return new Payload('traces', [bytes], 1, bytes.length);
}

/** What comes out; or the error that the statement fails with, and no other. */
function run(compiled: CompiledStatement, context: Context, payload: Payload): Payload | OttlError {
  const pass = new Pass(payload.signal, { ...compiled, context, run: (scene) => void compiled.run(scene) });
  try {
    return pass.run(payload);
  } catch (thrown) {
    if (thrown instanceof OttlError) return thrown;
    throw thrown;
  }
}

function attributesOf(payload: Payload): string[] {
  const walk = walkSpans(payload);
  expect(walk.nextResource() && walk.nextScope() && walk.nextRecord()).toBe(true);
  const keys: string[] = [];
  const list = walk.record.attributes;
  for (let pair = list.next(); pair; pair = list.next()) keys.push(pair.key);
  return keys;
}

const huge = 100_000;
const onHuge: [string, number][] = [
  ['set(attributes["new"], Len(attributes))', huge + 1],
  ['delete_key(attributes, "key99999")', huge - 1],
  ['delete_matching_keys(attributes, "[13579]$")', huge / 2],
  ['keep_keys(attributes, ["key1", "key99999"])', 2],
  ['limit(attributes, 50000, ["key99999"])', huge / 2],
  ['truncate_all(attributes, 1)', huge],
  ['flatten(attributes, resolve_conflicts = true)', huge],
  ['flatten(attributes)', huge],
  ['replace_all_patterns(attributes, "key", "key", "k")', huge],
  ['replace_all_matches(attributes, "t*", "k")', huge],
  ['merge_maps(attributes, attributes, "upsert")', huge],
  ['merge_maps(attributes, ParseJSON(attributes["json"]), "insert")', 2 * huge],
  ['set(attributes["n"], Len(Sort(Keys(attributes))))', huge + 1],
  ['set(attributes["n"], ToKeyValueString(attributes))', huge + 1],
  ['set(attributes["n"], ParseKeyValue(attributes["pairs"]))', huge + 1],
  ['set(attributes["n"], String(attributes))', huge + 1],
];
let made: Payload | undefined;
function hugeSpan(): Payload {
  if (made) return made;
  const attributes = Array.from({ length: huge - 2 }, (_, i) => [`key${i + 2}`, Buffer.from('text')] as const);
  const json = Object.fromEntries(attributes.map(([key], i) => [`${key}x`, i]));
  const pairs = attributes.map(([key]) => `${key}=1`).join(' ');
  made = spanWith([...attributes, ['json', Buffer.from(JSON.stringify(json))], ['pairs', Buffer.from(pairs)]]);
  return made;
}

test.each(onHuge)('100,000 attributes: %s', (statement, left) => {
  const compiled = compileStatement(statement, 'span');
  if (!compiled.ok) throw new Error(compiled.problem.message);
  const out = run(compiled, 'span', hugeSpan());
  if (out instanceof OttlError) throw out;
  expect(attributesOf(out).length).toBeGreaterThanOrEqual(left - 3);
});

test('keys and texts that are not UTF-8 fail no statement but by its own words, and those of others stay', () => {
  const broken = Buffer.from([0xff, 0xfe, 0x61]);
  const other = Buffer.concat([Buffer.from([0x0a, 3]), Buffer.from([0xc3, 0x28, 0x7a])]);
  const payload = spanWith([
    ['s', broken],
    [broken, broken],
    ['i', broken],
    [Buffer.from([0xc3, 0x28, 0x7a]), Buffer.from('whole')],
    ['json', broken],
  ]);
  const rows = (statements.traces as readonly (readonly string[])[])
    .filter(([context]) => context === 'span')
    .flatMap(([context, ...texts]) => texts.map((text) => [context!, text] as const));
  let unharmed = 0;
  for (const [context, text] of rows) {
    const compiled = compileStatement(text, context as Context);
    if (!compiled.ok) throw new Error(`${text}: ${compiled.problem.message}`);
    const out = run(compiled, context as Context, payload);
    if (out instanceof OttlError) continue;
    attributesOf(out);
    if (Buffer.concat(out.chunks).includes(other)) unharmed++;
  }
  expect(rows.length).toBeGreaterThan(300);
  expect(unharmed).toBeGreaterThan(200);
});
