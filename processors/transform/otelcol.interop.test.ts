import { expect, test } from 'vitest';
import { differencesFromOtelcol } from '../../bench/peers/beside_otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import type { ProcessorFactory } from '../../internal/core/component.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { seededRandom } from '../../internal/otlp/sample.ts';
import { isPlain, keysDiffer } from '../../internal/testkit/canonical.ts';
import { generateRequest, randomRequest } from '../../internal/testkit/generate.ts';
import { loadOracle, type Oracle } from '../../internal/testkit/oracle.ts';
import filter from '../filter/index.ts';
import transform from './index.ts';
import { conditions, records, statements } from './test/statements.ts';

/*
 * Statements and conditions beside the Go collector's: the same requests through both. What comes out must be equal but
 * for the order of attributes, which a map does not have. Skipped where that collector can neither be found nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const signals = ['traces', 'logs', 'metrics'] as const;
const field = { traces: 'trace', logs: 'log', metrics: 'metric' } as const;

interop.each(signals)('transform: each statement changes %s as the Go collector does', async (signal) => {
  const configs = statements[signal].map(([context, ...list]) => ({
    [`${field[signal]}_statements`]: context === '' ? list : [{ context, statements: list }],
  }));
  await compare(signal, transform as ProcessorFactory, configs);
});

interop.each(signals)('filter: each condition leaves out of %s what the Go collector leaves out', async (signal) => {
  const configs = conditions[signal].map(([context, ...list]) => ({
    [`${field[signal]}_conditions`]: context === '' ? list : [{ context, conditions: list }],
  }));
  await compare(signal, filter as ProcessorFactory, configs);
});

interop.each(signals)('transform: %s of every shape come out as from the Go collector', async (signal) => {
  const oracle = await loadOracle();
  const shaped = Array.from({ length: 4000 }, (_, i) => randomRequest(signal, i + 1));
  const sent = shaped.filter((bytes) => isComparable(oracle.read(signal, bytes))).slice(0, 150);
  expect(sent.length).toBeGreaterThan(50);
  const configs = onAnything[signal].map((list) => ({ [`${field[signal]}_statements`]: list }));
  await compare(signal, transform as ProcessorFactory, configs, sent);
});

interop('regular expressions find, capture and replace what Go finds', async () => {
  const oracle = await loadOracle();
  const random = seededRandom(11);
  const texts = Array.from({ length: 40 }, () =>
    Array.from({ length: Math.floor(random() * 9) }, () => pick(random, [...'abcAé1 \n'])).join(''),
  );
  const attributes = texts.map((stringValue, i) => ({ key: `k${i}`, value: { stringValue } }));
  const request = oracle.request('logs');
  const own = request
    .encode(request.fromObject({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes }] }] }] }))
    .finish();
  const configs = Array.from({ length: 160 }, () => {
    const pattern = JSON.stringify(randomPattern(random, 0));
    return { log_statements: [`replace_all_patterns(log.attributes, "value", ${pattern}, "<\${0}|\${1}|$2>")`] };
  });
  await compare('logs', transform as ProcessorFactory, configs, [own]);
});

function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

function randomPattern(random: () => number, depth: number): string {
  const inner = () => randomPattern(random, depth + 1);
  const kinds = [
    () => pick(random, ['a', 'b', 'c', 'A', '1', 'é', '\\n']),
    () => pick(random, ['[ab]', '.', '[^a]', '\\w', '\\d', '\\s', '[[:alpha:]]', '\\pL', '[^\\W1]']),
    () => pick(random, ['^', '$', '\\b', '\\B', '(?i)', '(?s)', '(?m)']),
    () => `(${inner()})`,
    () => `(?:${inner()}|${inner()})`,
    () => `(?:${inner()})${pick(random, ['?', '*', '+', '{2}', '{1,2}', '*?', '+?', '??'])}`,
    () => inner() + inner(),
    () => inner() + inner(),
  ];
  return kinds[Math.floor(random() * (depth > 3 ? 3 : kinds.length))]!();
}

/** What fits records of every shape: keys and values of random requests. */
const anywhere = (context: string): string[][] => [
  [`set(${context}.attributes["new"], ${context}.attributes["a"])`, `delete_key(${context}.attributes, "a")`],
  [
    `set(${context}.attributes["a"], "x") where ${context}.attributes["a"] != nil`,
    `set(${context}.attributes["b"], 5)`,
  ],
  [`delete_matching_keys(${context}.attributes, "[aeiou]")`],
  [`stringify_all(${context}.attributes)`],
  [`flatten(${context}.attributes)`],
  [`truncate_all(${context}.attributes, 1)`],
  [`replace_all_patterns(${context}.attributes, "key", "[a-c]", "z$0")`, `limit(${context}.attributes, 2, [])`],
  [`set(resource.attributes["n"], Len(${context}.attributes))`, `set(${context}.attributes["r"], resource.attributes)`],
  [`set(scope.attributes["s"], Concat([scope.name, scope.version], "/"))`, `set(resource.schema_url, "u")`],
];

const onAnything: Readonly<Record<Signal, string[][]>> = {
  traces: [
    ...anywhere('span'),
    ...anywhere('spanevent'),
    ['set(span.name, Concat([span.name, span.status.message, span.kind.string], "-"))', 'set(span.status.code, 1)'],
    ['set(span.end_time, span.start_time)', 'set(span.trace_state, "a=b")', 'set(span.parent_span_id, span.span_id)'],
  ],
  logs: [
    ...anywhere('log'),
    ['set(log.attributes["body"], log.body)', 'set(log.body, log.severity_text)', 'set(log.severity_number, 9)'],
  ],
  metrics: [
    ...anywhere('datapoint'),
    ['set(metric.description, metric.name)', 'set(metric.unit, "1")', 'set(metric.name, "n")'],
    ['scale_metric(2.0) where metric.type != METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM'],
    ['set(datapoint.flags, 0)', 'set(datapoint.time_unix_nano, 5)', 'set(datapoint.sum, 2.5)'],
  ],
};

/** No key twice in a list, since Go reorders such a list when it deletes; nothing of the profiles' own. */
const isComparable = (read: unknown) => keysDiffer(read) && isPlain(read);

/** Requests of an SDK, and one with every type of value. */
function usual(signal: Signal, oracle: Oracle): Uint8Array[] {
  const request = oracle.request(signal);
  const own = request.encode(request.fromObject(records[signal])).finish();
  return [own, ...[1, 2, 3].map((seed) => generateRequest(signal, { items: 30, resources: 3, seed }))];
}

async function compare(
  signal: Signal,
  factory: ProcessorFactory,
  configs: object[],
  requests?: readonly Uint8Array[],
): Promise<void> {
  const oracle = await loadOracle();
  const sent = requests ?? usual(signal, oracle);
  expect(await differencesFromOtelcol(oracle, signal, factory, configs, sent)).toBe('');
}
