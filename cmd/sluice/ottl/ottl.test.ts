import { expect, test } from 'vitest';
import type { Issue } from '../../../internal/config/issues.ts';
import { parseYaml } from '../../../internal/config/yaml.ts';
import { Frame } from '../short/frame.ts';
import { readInput } from '../short/input.ts';
import { Reading } from '../short/reading.ts';
import { kindsBySignal } from '../short/specs.ts';
import { singles } from '../short/telemetry.ts';
import { play } from './play.ts';
import { compileLine, type Line } from './program.ts';
import { problemText, stepsText } from './text.ts';

async function shown(input: string, statements: readonly string[]): Promise<string[]> {
  const frame = new Frame();
  const parsed = parseYaml({ name: 'in.yaml', text: input, lines: true });
  if ('issues' in parsed) throw new Error('not YAML');
  const issues: Issue[] = [];
  const steps = await readInput(parsed.node, new Reading(frame, issues, 'input', []), '.');
  const records = steps.flatMap(({ batches }) => batches).flatMap(singles);
  return records.map((record) => {
    const lines = statements.map((text): Line => {
      const compiled = compileLine(text, record.signal, undefined);
      if (!compiled.ok) throw new Error(compiled.problem.message);
      return compiled.line;
    });
    return stepsText(kindsBySignal[record.signal], play(lines, record), frame);
  });
}

test('each statement shows its condition, the parts of it, and what it changed; the next one sees the change', async () => {
  const [text] = await shown('spans: [{ name: GET /a/17, kind: server, attributes: { code: 503, card: "1" } }]', [
    'set(span.status.code, STATUS_CODE_ERROR) where span.kind == SPAN_KIND_SERVER and span.attributes["code"] >= 500',
    'delete_key(span.attributes, "card") where span.status.code == STATUS_CODE_OK or span.name == "x"',
    'replace_pattern(span.name, "/[0-9]+", "/*") where span.status.code == STATUS_CODE_ERROR',
    'set(span.name, span.name)',
  ]);
  expect(text).toBe(`span "GET /a/17"
   name: "GET /a/17"
   kind: "server"
   attributes: { code: 503, card: "1" }
1. set(span.status.code, STATUS_CODE_ERROR) where span.kind == SPAN_KIND_SERVER and span.attributes["code"] >= 500
   where: true
     span.kind == SPAN_KIND_SERVER: true
     span.attributes["code"] >= 500: true
   - status.code: "unset"
   + status.code: "error"
2. delete_key(span.attributes, "card") where span.status.code == STATUS_CODE_OK or span.name == "x"
   where: false
     span.status.code == STATUS_CODE_OK: false
     span.name == "x": false
3. replace_pattern(span.name, "/[0-9]+", "/*") where span.status.code == STATUS_CODE_ERROR
   where: true
   - name: "GET /a/17"
   + name: "GET /a/*"
4. set(span.name, span.name)
   changed nothing
after
   name: "GET /a/*"
   kind: "server"
   status: { code: "error" }
   attributes: { code: 503, card: "1" }
`);
});

test('what fails is told and the rest goes on; events and points are counted; cache goes from one to the next', async () => {
  const [text] = await shown('spans: [{ name: a, events: [{ name: x }, { name: y }] }]', [
    'set(span.attributes["n"], Int(span.events))',
    'set(spanevent.name, "z") where spanevent.name == "y"',
    'set(span.cache["k"], span.name)',
    'set(span.attributes["k"], span.cache["k"])',
  ]);
  expect(text).toContain('   failed: cannot make an int64 of span events\n');
  expect(text).toContain('   where: true for 1 of 2\n   - events[1].name: "y"\n   + events[1].name: "z"\n');
  expect(text).toContain('   + attributes.k: "a"\n');
});

test('a condition alone is asked, also where it cannot be answered', async () => {
  const [log, metric] = await shown('logs: [{ body: { a: 1 } }]', [
    'IsMap(log.body)',
    'Int(log.body) > 1 or log.severity_number > 0',
  ]);
  expect(log).toContain('1. IsMap(log.body)\n   holds: true\n');
  expect(log).toMatch(/holds: failed: .*\n +Int\(log.body\) > 1: failed: .*\n +log.severity_number > 0: false\n/);
  expect(log).toContain('the log stays as it is');
  expect(metric).toBeUndefined();
});

test('a metric that a statement makes is shown, and a record without the context says so', async () => {
  const [made] = await shown('metrics: [{ name: m, type: sum, points: [{ value: 1 }] }]', [
    'copy_metric(name="n") where metric.name == "m"',
  ]);
  expect(made).toContain('+ a metric: "n"');
  const [none] = await shown('spans: [{ name: a }]', ['set(spanevent.name, "x")']);
  expect(none).toContain('there is no spanevent in this span');
});

const caret = (text: string) => {
  const compiled = compileLine(text, 'traces', undefined);
  return compiled.ok ? 'ok' : problemText(text, compiled.problem);
};

test('the caret stands under the place, in long statements and behind line breaks too', () => {
  expect(caret('set(span.nome, 1)')).toMatch(/did you mean name\?\n {2}set\(span\.nome, 1\)\n {11}\^\^\^\^\n$/);
  expect(caret('set(span.name,\n  span.nome)')).toMatch(/\n {4}span\.nome\)\n {9}\^\^\^\^\n$/);
  const long = `set(span.name, Concat(["${'x'.repeat(500)}", span.nome], ""))`;
  const [, line, under] = caret(long).split('\n');
  expect(line!.length).toBeLessThan(130);
  expect(line!.slice(under!.indexOf('^'), under!.lastIndexOf('^') + 1)).toBe('nome');
  expect(caret('set(span.name, "\u001b[31m", span.nome)')).not.toContain('\u001b');
});

test('cut off at every character a statement is refused with a place inside it, or right', () => {
  const whole =
    'set(span.attributes["a"], Concat(["x", span.name], "-")) where span.kind == SPAN_KIND_SERVER and not IsRootSpan()';
  for (let length = 1; length < whole.length; length++) {
    const text = whole.slice(0, length);
    const compiled = compileLine(text, 'traces', undefined);
    if (compiled.ok) continue;
    expect(compiled.problem.at, text).toBeLessThanOrEqual(length);
    expect(problemText(text, compiled.problem)).toContain('^');
  }
});
