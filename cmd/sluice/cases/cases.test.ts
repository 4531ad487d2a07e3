import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { formatIssue } from '../../../internal/config/issues.ts';
import { readCases } from './file.ts';
import { report } from './report.ts';
import { type Result, resultOf } from './result.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-cases-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

/** Failures of each case, or the issues of the file. */
async function run(text: string, name = `case${files++}.yaml`): Promise<{ results: Result[]; issues: string[] }> {
  const path = join(folder, name);
  writeFileSync(path, text);
  const read = await readCases(path);
  if ('issues' in read) return { results: [], issues: read.issues.map(formatIssue) };
  const results: Result[] = [];
  const issues: string[] = [];
  for (const one of read.cases) {
    const result = await resultOf(one);
    if ('issues' in result) issues.push(...result.issues.map(formatIssue));
    else results.push(result);
  }
  return { results, issues };
}

async function titles(text: string): Promise<string[]> {
  const { results, issues } = await run(text);
  expect(issues).toEqual([]);
  return results.flatMap(({ failures }) => failures.map(({ title }) => title));
}

/** Drops span b, and every log record. */
const sieve = `
config:
  processors:
    filter: { error_mode: propagate, traces: { span: ['name == "b"'] }, logs: { log_record: ['true'] }, metrics: { datapoint: ['value_int == 2'] } }
cases:
  - input:
      - { spans: [{ name: a, trace: ta }, { name: b, trace: tb }], logs: [{ body: x }], metrics: [{ name: m, points: [{ value: 1 }, { value: 2 }] }] }
    expect: `;

test.each([
  ['{ counts: { spans: 1, logs: 0, metrics: 1, points: 1, traces: 1 }, dropped: 3 }', []],
  ['{ counts: { spans: { min: 1, max: 2 }, points: { min: 1 } }, dropped: { max: 3 } }', []],
  ['{ counts: { spans: 2, points: { min: 2 } } }', ['spans: expected 2, got 1', 'points: expected at least 2, got 1']],
  ['{ dropped: 1 }', ['dropped items: expected 1, got 3']],
  ['{ sampled: [ta], not_sampled: [tb] }', []],
  [
    '{ sampled: [tb], not_sampled: [ta] }',
    ['trace tb: expected to be sampled, was not', 'trace ta: expected not to be sampled, was'],
  ],
  ['{ rate: 0.5 }', []],
  [
    '{ rate: { of: spans, is: 0.4, tolerance: 0.09 } }',
    ['rate of spans: expected 0.4 within 0.09, got 0.5000 (1 of 2)'],
  ],
  ['{ has: [{ span: { name: a } }], none: [{ span: { name: b } }, { log: {} }] }', []],
  ['{ has: [{ span: { name: b } }] }', ['has: no span of 1 is like this']],
  ['{ none: [{ span: { name: { $matches: "^a" } } }] }', ['none: 1 came that are like { name: { $matches: "^a" } }']],
  ['{ spans: [{ name: a }], logs: [], metrics: [{ points: [{ value: 1 }] }] }', []],
  ['{ match: exact, spans: [{ name: a, trace: ta }], metrics: [{ name: m, points: [{ value: 1 }] }] }', []],
  ['{ match: exact, spans: [{ name: a }] }', []],
  ['{ match: exact, spans: [{ name: a, kind: server }] }', ['spans[0] "a"']],
  ['{ spans: [{ name: a, attributes: { x: { $absent: true } }, kind: { $any: true } }] }', []],
  ['{ spans: [{ name: a, attributes: { x: { $any: true } } }] }', ['spans[0] "a"']],
  ['{ spans: [] }', ['a span came that was not expected']],
  ['[{ counts: { spans: 1 } }, { exporter: nop, counts: { spans: 0 } }]', ['spans: expected 0, got 1']],
])('expect: %s', async (expectation, failures) => {
  expect(await titles(sieve + expectation)).toEqual(failures);
});

test('exact is exact: one attribute too many is a failure, and so is another type', async () => {
  const text = (attributes: string, match: string) => `
config: { processors: { attributes: { actions: [{ key: n, value: 1, action: insert }] } } }
cases: [{ input: { spans: [{ name: a, attributes: { x: y } }] }, expect: { match: ${match}, spans: [{ name: a, attributes: ${attributes} }] } }]`;
  expect(await titles(text('{ n: 1 }', 'subset'))).toEqual([]);
  expect(await titles(text('{ n: 1 }', 'exact'))).toEqual(['spans[0] "a"']);
  expect(await titles(text('{ n: 1, x: y }', 'exact'))).toEqual([]);
  expect(await titles(text('{ n: 1.0, x: y }', 'exact'))).toEqual(['spans[0] "a"']);
  expect(await titles(text('{ n: "1", x: y }', 'subset'))).toEqual(['spans[0] "a"']);
});

const whole = `
config:
  receivers: { otlp: { protocols: { grpc: {} } } }
  processors:
    tail_sampling:
      decision_wait: 30s
      policies: [{ name: errors, type: status_code, status_code: { status_codes: [ERROR] } }]
    attributes/in: { actions: [{ key: by, value: "\${env:TIER}", action: insert }] }
    attributes/out: { actions: [{ key: out, value: yes, action: insert }] }
  connectors: { forward: {} }
  exporters: { nop: {}, nop/archive: {}, otlp_grpc: { endpoint: "nowhere.invalid:1" } }
  service:
    pipelines:
      traces/in: { receivers: [otlp], processors: [tail_sampling, attributes/in], exporters: [forward, nop/archive] }
      traces/out: { receivers: [forward], processors: [attributes/out], exporters: [otlp_grpc, nop] }
      logs: { receivers: [otlp], exporters: [nop] }
`;

test('a pipeline runs with those that its connectors feed, a processor alone, everything without either', async () => {
  const input =
    'input: { spans: [{ name: a, trace: bad, status: error }, { name: b, trace: good }], logs: [{ body: x }] }';
  const text = `${whole}
env: { TIER: gold }
cases:
  - { pipeline: traces/in, ${input}, expect: [{ exporter: otlp_grpc, match: exact, spans: [{ name: a, trace: bad, status: error, attributes: { by: gold, out: yes } }] }, { exporter: nop/archive, spans: [{ name: a, attributes: { out: { $absent: true } } }] }, { counts: { logs: 0 } }] }
  - { pipeline: traces/out, ${input}, expect: { counts: { spans: 2 }, none: [{ span: { attributes: { by: { $any: true } } } }] } }
  - { processor: attributes/in, env: { TIER: tin }, input: { logs: [{ body: x }] }, expect: { logs: [{ attributes: { by: tin } }] } }
  - { ${input}, expect: { exporter: nop, counts: { logs: 1, spans: 1 } } }
`;
  expect(await titles(text)).toEqual([]);
});

test('what is wrong with a target is told at its word', async () => {
  const issues = async (rest: string) =>
    (await run(`${whole}\nenv: { TIER: x }\ncases: [{ input: { logs: [{ body: x }] }, ${rest} }]`)).issues.join();
  expect(await issues('pipeline: traces/on, expect: {}')).toMatch(
    /:\d+:\d+ pipeline: the configuration has no pipeline "traces\/on"; did you mean "traces\/in"\?/,
  );
  expect(await issues('processor: attributes, expect: {}')).toContain('did you mean "attributes/in"?');
  expect(await issues('processor: tail_sampling, expect: {}')).toContain(
    'tail_sampling does not take logs: give it traces',
  );
  expect(await issues('expect: { exporter: nope }')).toContain('there is no exporter "nope"');
  expect(await issues('pipeline: logs, processor: attributes/in, expect: {}')).toContain('got both');
});

test('the same cases give the same report, and what came late on the virtual clock is waited for', async () => {
  const text = `${whole}
env: { TIER: gold }
cases:
  - { name: late, pipeline: traces/in, input: [{ spans: [{ name: a, trace: t }] }, { at: 20s, spans: [{ name: b, trace: t, status: error }] }, { at: 90s, spans: [{ name: c, trace: t }] }], expect: { exporter: nop/archive, spans: [{ name: a }, { name: b }, { name: c }] } }
  - { name: thousand, pipeline: traces/in, input: { repeat: 1000, spans: [{ status: error }] }, expect: { rate: 1 } }`;
  const once = await run(text, 'same.yaml');
  const again = await run(text, 'same.yaml');
  expect(once.issues).toEqual([]);
  expect(report(once.results, 'json', false)).toBe(report(again.results, 'json', false));
  expect(report(once.results, 'text', false)).toBe('ok   late\nok   thousand\n2 passed\n');
});

test('a batch that is refused fails the case unless it is expected', async () => {
  const text = (expectation: string) => `
config: { processors: { transform: { error_mode: propagate, trace_statements: ['set(span.attributes["n"], Int(span.events))'] } } }
cases: [{ input: { spans: [{ name: a }] }, expect: ${expectation} }]`;
  expect(await titles(text('{ refused: 1 }'))).toEqual([]);
  expect((await titles(text('{ counts: { spans: 0 } }'))).join()).toMatch(
    /^refused batches: expected 0, got 1: .*Int\(span.events\)/,
  );
});

test.each([
  ['cases: 3', 'cases: expected a list of cases, got 3'],
  ['{}', 'expected cases: with a list'],
  ['cases: []\nconfg: x', 'confg: unknown key; did you mean "config"?'],
  ['cases: [{ name: x }]', 'cases[0]: expected input: with the telemetry that goes in'],
  ['cases: [{ input: {}, expect: {} }]', 'expected config: with a path or a configuration'],
  ['config: nowhere.yaml\ncases: [{ input: {}, expect: {} }]', 'there is no such file'],
  [
    'config: x\ncases: [{ input: {}, expect: { counts: { span: 1 } } }]',
    'cases[0].expect.counts.span: unknown key; did you mean "spans"?',
  ],
  ['config: x\ncases: [{ input: {}, expect: { counts: { spans: -1 } } }]', 'expected a whole number'],
  ['config: x\ncases: [{ input: {}, expect: { rate: 2 } }]', 'expected a share from 0 to 1'],
  ['config: x\ncases: [{ input: {}, expect: { match: all } }]', 'expected exact or subset'],
  ['config: x\ncases: [{ input: {}, expect: { spans: [{ name: { $matches: "(" } }] } }]', 'Invalid regular expression'],
  ['config: x\nstart: today\ncases: [{ input: {}, expect: {} }]', 'expected a time such as 2024'],
  [`config: x\ncases: ${'['.repeat(500)}${']'.repeat(500)}`, 'expected at most 200 levels'],
  ['config: x\ncases: [{ input: {}, expect: {} }', 'expected valid YAML'],
])('%j is told: %s', async (text, message) => {
  const { issues } = await run(text);
  expect(issues.join('\n')).toContain(message);
  expect(issues.join('\n')).toMatch(/yaml(:\d+:\d+)? /);
});

test('JUnit says what failed, and keeps what XML cannot say out', async () => {
  const { results } = await run(`${sieve}{ has: [{ span: { name: "<&\\u0001" } }] }`);
  const xml = report(results, 'junit', false);
  expect(xml).toContain('<testsuites tests="1" failures="1">');
  expect(xml).toContain('&lt;&amp;');
  expect(xml).not.toContain('\u0001');
});
