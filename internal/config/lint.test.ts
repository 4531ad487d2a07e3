import { expect, test } from 'vitest';
import { z } from 'zod';
import type { ComponentEntry, Kind } from '../core/component.ts';
import { duration, object } from './fields.ts';
import { components as fixture } from './fixture.ts';
import { formatIssue } from './issues.ts';
import { loadConfig } from './load.ts';

/** Samplers and connectors with what rules read of them, so that these tests need no component's code. */
const sizes = { num_traces: z.int().default(50_000), decision_wait: duration('30s') };
const tail = z.looseObject({
  ...sizes,
  policies: z
    .array(z.any())
    .default([{ name: 'all', type: 'probabilistic', probabilistic: { sampling_percentage: 5 } }]),
});
const probabilistic = z.looseObject({ sampling_percentage: z.number().default(0), mode: z.string().default('') });
const components: readonly ComponentEntry[] = [
  ...fixture.filter(({ type }) => type !== 'spanmetrics'),
  row('processor', 'tail_sampling', tail),
  row('processor', 'probabilistic_sampler', probabilistic),
  row('processor', 'error_biased_sampler', z.looseObject({ mode: z.string().default('tail') })),
  row('processor', 'servicegraph', object({})),
  row('connector', 'spanmetrics', object({}), { outputs: { traces: ['metrics'] } }),
];

function row(kind: Kind, type: string, schema: z.ZodType, more: object = {}): ComponentEntry {
  const factory = {
    kind,
    type,
    schema,
    signals: ['traces', 'metrics', 'logs'],
    stability: 'beta',
    summary: '',
    ...more,
  };
  return { kind, type, aliases: [], load: async () => ({ ...factory, create: () => ({}) }) as never };
}

/** @param want `line:column path: beginning of the message`, in order */
async function check(yaml: string, want: readonly string[], memoryBytes?: number) {
  const loaded = await loadConfig(['collector.yaml'], components, {
    env: {},
    cwd: '/work',
    readFile: async () => yaml,
    ...(memoryBytes !== undefined && { memoryBytes }),
  });
  expect(loaded.ok ? [] : loaded.issues.map(formatIssue)).toEqual([]);
  const got = loaded.warnings.map(formatIssue);
  expect(got).toEqual(want.map((text) => expect.stringContaining(`collector.yaml:${text}`)));
}

/** Pipelines from line 3 on, processors from line 9 on. */
const yaml = (processors: string, order: string, more = '') => `receivers: { otlp: { protocols: { grpc: } } }
exporters: { debug: }
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [${order}]
      exporters: [debug${more}]
processors:
${processors}
`;
const tailOf = (policies: string, more = '') => `  tail_sampling:
    policies:
${policies
  .trim()
  .split('\n')
  .map((line) => `      - ${line.trim()}`)
  .join('\n')}
${more}`;
const some = '{ name: some, type: probabilistic, probabilistic: { sampling_percentage: 5 } }';
const errors = '{ name: errors, type: status_code, status_code: { status_codes: [ERROR] } }';

test('a configuration with nothing odd about it gets no warning', async () => {
  const processors = `${tailOf(`${errors}\n${some}`)}  batch:\n  memory_limiter:`;
  await check(yaml(processors, 'memory_limiter, tail_sampling, batch'), [], 2 ** 30);
});

test('memory_limiter stands first', async () => {
  await check(yaml('  batch:\n  memory_limiter:', 'batch, memory_limiter'), [
    '7:27 service.pipelines.traces.processors[1]: works best as the first processor',
  ]);
});

test('batch stands behind what holds whole traces', async () => {
  await check(yaml(`${tailOf(some)}  batch:`, 'batch, tail_sampling'), [
    '7:20 service.pipelines.traces.processors[0]: works best behind tail_sampling',
  ]);
  await check(yaml('  error_biased_sampler: { mode: head }\n  batch:', 'batch, error_biased_sampler'), []);
});

test('a head sampler in front of a tail sampler takes errors away from it', async () => {
  const processors = `${tailOf(some)}  probabilistic_sampler: { sampling_percentage: 10 }`;
  await check(yaml(processors, 'probabilistic_sampler, tail_sampling'), [
    '7:20 service.pipelines.traces.processors[0]: leaves traces out before tail_sampling sees them, those with errors too',
  ]);
});

test('samplers one behind the other multiply, also through a connector, unless the second one equalizes', async () => {
  const both = (mode: string) => `${tailOf(some)}  probabilistic_sampler: { sampling_percentage: 10, mode: "${mode}" }`;
  await check(yaml(both('proportional'), 'tail_sampling, probabilistic_sampler'), [
    '7:35 service.pipelines.traces.processors[1]: samples what tail_sampling has left over, so that their rates multiply',
  ]);
  await check(yaml(both('equalizing'), 'tail_sampling, probabilistic_sampler'), []);
  const joined = `receivers: { otlp: { protocols: { grpc: } } }
exporters: { debug: }
connectors: { forward: }
processors:
  probabilistic_sampler: { sampling_percentage: 10 }
service:
  pipelines:
    traces/in: { receivers: [otlp], processors: [probabilistic_sampler], exporters: [forward] }
    traces/out: { receivers: [forward], processors: [probabilistic_sampler], exporters: [debug] }`;
  await check(joined, ['9:54 service.pipelines.traces/out.processors[0]: samples what probabilistic_sampler has left']);
});

test('what counts spans stands in front of a sampler', async () => {
  const metrics = '\nconnectors: { spanmetrics: }';
  const text = yaml(tailOf(some), 'tail_sampling', ', spanmetrics').replace(
    'processors:\n  tail',
    '    metrics: { receivers: [spanmetrics], exporters: [debug] }\nprocessors:\n  tail',
  );
  await check(text + metrics, [
    '8:26 service.pipelines.traces.exporters[1]: counts only what tail_sampling (traces) has kept: give it a pipeline',
  ]);
  await check(yaml(`${tailOf(some)}  servicegraph:`, 'tail_sampling, servicegraph'), [
    '7:35 service.pipelines.traces.processors[1]: counts only what tail_sampling (traces) has kept',
  ]);
  await check(yaml(`${tailOf(some)}  servicegraph:`, 'servicegraph, tail_sampling'), []);
});

test('a probabilistic sampler without a percentage keeps nothing', async () => {
  await check(yaml('  probabilistic_sampler:', 'probabilistic_sampler'), [
    '10:3 processors.probabilistic_sampler.sampling_percentage: is 0, which keeps nothing',
  ]);
  await check(yaml('  probabilistic_sampler: { sampling_priority: p }', 'probabilistic_sampler'), []);
});

test('decision caches hold at least num_traces', async () => {
  const caches = '    decision_cache: { sampled_cache_size: 0, non_sampled_cache_size: 1000 }';
  await check(yaml(tailOf(some, caches), 'tail_sampling'), [
    '13:43 processors.tail_sampling.decision_cache.sampled_cache_size: is off',
    '13:70 processors.tail_sampling.decision_cache.non_sampled_cache_size: is 1000, less than num_traces (50000)',
  ]);
  await check(yaml(tailOf(some, caches.replaceAll(/: (0|1000)/g, ': 50000')), 'tail_sampling'), []);
});

test('num_traces holds what comes in while traces wait', async () => {
  const rate = (traces: string) => `    expected_new_traces_per_sec: 2000\n${traces}`;
  await check(yaml(tailOf(some, rate('    num_traces: 59999')), 'tail_sampling'), [
    '14:17 processors.tail_sampling.num_traces: is 59999, less than the 60000 traces that 2000 a second make in a decision_wait of 30s',
  ]);
  await check(yaml(tailOf(some, rate('')), 'tail_sampling'), [
    '10:3 processors.tail_sampling.num_traces: is 50000, less than the 60000',
  ]);
  await check(yaml(tailOf(some, rate('    num_traces: 60000')), 'tail_sampling'), []);
});

test('buffers and the budget fit into the memory there is', async () => {
  const text = yaml(tailOf(some, '    max_buffer_mib: 800'), 'tail_sampling');
  await check(text, ['13:21 processors.tail_sampling.max_buffer_mib: makes 925 MiB'], 500 * 2 ** 20);
  await check(text, [], 2 ** 30);
  await check(text, []);
});

test('policies behind one that ends the evaluation are told', async () => {
  const always = '{ name: all, type: always_sample }';
  await check(yaml(tailOf(`${errors}\n${always}\n${some}`, '    sample_on_first_match: true'), 'tail_sampling'), [
    '14:17 processors.tail_sampling.policies[2].name: is never asked: all before it samples every trace',
  ]);
  await check(yaml(tailOf(`${errors}\n${always}`), 'tail_sampling'), [
    '13:17 processors.tail_sampling.policies[1].name: keeps every trace: of the other policies only a drop',
  ]);
  await check(yaml(tailOf(always), 'tail_sampling'), []);
  const drop = (sub: string) => `{ name: away, type: drop, drop: { drop_sub_policy: [${sub}] } }`;
  await check(yaml(tailOf(`${drop(always)}\n${some}`), 'tail_sampling'), [
    '12:17 processors.tail_sampling.policies[0].name: drops every trace',
  ]);
  await check(yaml(tailOf(`${drop(errors)}\n${always}`), 'tail_sampling'), []);
});

test('a policy that says what an earlier one says is told, but for limits, which count for themselves', async () => {
  const limit = (name: string) => `{ name: ${name}, type: rate_limiting, rate_limiting: { spans_per_second: 9 } }`;
  await check(yaml(tailOf(`${errors}\n${errors.replace('errors', 'again')}\n${some}`), 'tail_sampling'), [
    '13:17 processors.tail_sampling.policies[1].name: decides exactly as errors before it',
  ]);
  await check(yaml(tailOf(`${limit('a')}\n${limit('b')}`), 'tail_sampling'), []);
});

test.each([
  ['{ name: p, type: probabilistic }', 'sampling_percentage is 0'],
  ['{ name: l, type: latency, latency: { threshold_ms: 500, upper_threshold_ms: 400 } }', 'upper_threshold_ms'],
  ['{ name: s, type: span_count, span_count: { min_spans: 5, max_spans: 4 } }', 'max_spans is less'],
  ['{ name: n, type: numeric_attribute, numeric_attribute: { min_value: 5, max_value: 4 } }', 'max_value is less'],
  ['{ name: n, type: not, not: { not_sub_policy: { name: a, type: always_sample } } }', 'what it negates'],
  ['{ name: a, type: and, and: { and_sub_policy: [{ name: p, type: probabilistic }] } }', 'sampling_percentage is 0'],
])('%s never matches, and that is told', async (policy, why) => {
  await check(yaml(tailOf(`${policy}\n${some}`), 'tail_sampling'), [
    `12:17 processors.tail_sampling.policies[0].name: never matches a trace: ${why}`,
  ]);
});

test('policies that are all selective keep nothing ordinary', async () => {
  const slow = '{ name: slow, type: latency, latency: { threshold_ms: 500 } }';
  await check(yaml(tailOf(`${errors}\n${slow}`), 'tail_sampling'), [
    '12:7 processors.tail_sampling.policies: are all selective',
  ]);
  await check(yaml(tailOf(`{ name: d, type: drop, drop: { drop_sub_policy: [${errors}] } }`), 'tail_sampling'), [
    '12:7 processors.tail_sampling.policies: only drop, so that nothing is ever kept',
  ]);
});

test.each([
  '{ name: r, type: rate_limiting, rate_limiting: { spans_per_second: 5 } }',
  '{ name: s, type: string_attribute, string_attribute: { key: k, values: [v], invert_match: true } }',
  '{ name: u, type: status_code, status_code: { status_codes: [UNSET] } }',
  '{ name: n, type: not, not: { not_sub_policy: { name: e, type: latency, latency: { threshold_ms: 9 } } } }',
  `{ name: c, type: composite, composite: { composite_sub_policy: [${some}] } }`,
  `{ name: a, type: and, and: { and_sub_policy: [${some}] } }`,
])('beside %s something ordinary is kept', async (policy) => {
  await check(yaml(tailOf(`${errors}\n${policy}`), 'tail_sampling'), []);
});

test('what is defined and in no pipeline is not judged, and an error leaves advice away', async () => {
  await check(yaml('  probabilistic_sampler:\n  batch:', 'batch'), [
    '10:3 processors.probabilistic_sampler: is defined',
  ]);
  const loaded = await loadConfig(['collector.yaml'], components, {
    env: {},
    cwd: '/work',
    readFile: async () => yaml('  probabilistic_sampler:\n  batch: { timeout: x }', 'probabilistic_sampler, batch'),
  });
  expect(loaded.warnings).toEqual([]);
});
