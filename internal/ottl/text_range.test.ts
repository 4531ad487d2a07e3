import { expect, test } from 'vitest';
import { Payload } from '../otlp/payload.ts';
import { Writer } from '../otlp/writer.ts';
import { compileStatement, OttlError, Pass } from './index.ts';

/** What an attribute's value, or a name, is written as, one field behind the other: the last counts. A number is an int. */
const written: (string | number)[][] = [
  ...['', 'a', 'b', 'ba', '1b', 'é', '😀', 'xa1b'].map((said) => [said]),
  ...['a', 'b'].flatMap((end) => [`${'x'.repeat(200)}${end}`, `${'x'.repeat(20_000)}${end}`]).map((said) => [said]),
  ...[['a', 'b'], ['b', 'a'], ['x'.repeat(200), 'b'], ['b', 1], [1, 'b'], [1, 'a'], ['', 'b', 1, 'a'], [1], []],
];

function spans(): Payload {
  const out = new Writer();
  const group = out.open(1);
  const scope = out.open(2);
  for (const fields of written) {
    const span = out.open(2);
    out.fixed64(7, 1n);
    for (const said of fields) if (typeof said === 'string') out.string(5, said);
    const pair = out.open(9);
    out.string(1, 'v');
    const value = out.open(2);
    for (const said of fields) typeof said === 'string' ? out.string(1, said) : out.varint64(3, BigInt(said));
    out.close(value);
    out.close(pair);
    out.close(span);
  }
  out.close(scope);
  out.close(group);
  const bytes = out.finish();
  return new Payload('traces', [bytes], written.length, bytes.length);
}

/** All of them in one pass, so that the later ones see what the earlier ones have not written yet. */
function apply(statements: readonly string[]): string {
  const all = statements.map((statement) => {
    const compiled = compileStatement(statement, 'span');
    if (!compiled.ok) throw new Error(`${statement}: ${compiled.problem.message}`);
    return compiled;
  });
  const run: Pass = new Pass('traces', {
    context: 'span',
    writes: new Set(['span']),
    usesCache: false,
    run: (scene) => {
      for (const compiled of all) compiled.run(scene);
    },
  });
  return Buffer.concat(run.run(spans()).chunks).toString('latin1');
}

const patterns = ['b', 'b$', '^a', '1b', 'é', '[^x]b', '(?i)B', 'xb', '^$', '', '7|1', 'q'];
const uses: ((path: string, pattern: string) => string[])[] = [
  (path, pattern) => [`set(status.message, "hit") where IsMatch(${path}, ${pattern})`],
  (path, pattern) => [`set(status.message, "miss") where not IsMatch(${path}, ${pattern})`],
  (path, pattern) => [`replace_pattern(${path}, ${pattern}, "<$0>")`],
  (path, pattern) => [`set(${path}, "1b")`, `replace_pattern(${path}, ${pattern}, "")`],
  (path, pattern) => [`replace_pattern(${path}, "[ax]", "b")`, `replace_pattern(${path}, ${pattern}, "a", MD5)`],
  (path, pattern) => [
    `set(attributes["w"], "b") where IsMatch(${path}, "a")`,
    `delete_key(attributes, "v") where IsMatch(attributes["w"], ${pattern})`,
    `set(status.message, "hit") where IsMatch(${path}, ${pattern})`,
  ],
];

test.each(['name', 'attributes["v"]'])(
  'a pattern that is written out finds in %s what one that is computed finds',
  (path) => {
    const found = new Set<string>();
    for (const use of uses) {
      for (const pattern of patterns) {
        // Only of one that is known beforehand the bytes are looked for.
        const after = apply(use(path, JSON.stringify(pattern)));
        expect(after === apply(use(path, `Concat([${JSON.stringify(pattern)}], "")`)), `${use(path, pattern)}`).toBe(
          true,
        );
        found.add(after);
      }
    }
    expect(found.size).toBeGreaterThan(30);
  },
);

test('a replacement that cannot be computed fails without a match, too', () => {
  expect(() => apply(['replace_pattern(name, "q", attributes["nothing"])'])).toThrow(OttlError);
});
