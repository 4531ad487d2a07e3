import { expect, test } from 'vitest';
import { isStateful, schema } from './config.ts';
import { remarks } from './remarks.ts';

const always = { name: 'all', type: 'always_sample' };
const withPolicy = (policy: object) => ({ policies: [{ name: 'p', ...policy }] });

/** `path: message` of each problem. */
function problems(config: object): string[] {
  const issues = schema.safeParse(config).error?.issues ?? [];
  return issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('the defaults are upstream’s, but for what bounds memory and remembers decisions', () => {
  expect(schema.parse({ policies: [always] })).toEqual({
    policies: [always],
    decision_wait: 30_000,
    decision_wait_after_root_received: 0,
    num_traces: 50_000,
    expected_new_traces_per_sec: 0,
    decision_cache: {},
    sample_on_first_match: false,
    sampling_strategy: 'trace-complete',
    drop_pending_traces_on_shutdown: false,
    maximum_trace_size_bytes: 0,
    block_on_overflow: false,
    num_shards: 1,
    max_trace_spans: 100_000,
    explain: { log_mib: 16, attributes: false },
    consistent_probability: false,
    stamp_threshold: 'chance',
    record_policy: false,
    invert_decisions: false,
  });
});

test.each([
  ['no policies', {}, 'policies: '],
  ['an empty list of policies', { policies: [] }, 'policies: a policy must be there'],
  ['a policy without a name', { policies: [{ type: 'always_sample' }] }, 'policies.0.name: a policy must have a name'],
  ['two of one name', { policies: [always, always] }, 'policies.1.name: two policies are called "all"'],
  ['an unknown type', withPolicy({ type: 'latencies' }), 'policies.0.type: '],
  ['an unknown strategy', { policies: [always], sampling_strategy: 'x' }, 'sampling_strategy: '],
  ['no status codes', withPolicy({ type: 'status_code' }), 'policies.0.status_code: status_codes must name'],
  [
    'an unknown status code',
    withPolicy({ type: 'status_code', status_code: { status_codes: ['error'] } }),
    'policies.0.status_code.status_codes.0: ',
  ],
  [
    'a numeric attribute without bounds',
    withPolicy({ type: 'numeric_attribute', numeric_attribute: { key: 'k', min_value: 0 } }),
    'policies.0.numeric_attribute: min_value or max_value must be set',
  ],
  ['not without a sub-policy', withPolicy({ type: 'not' }), 'policies.0.not: not_sub_policy must be set'],
  ['ottl_condition without conditions', withPolicy({ type: 'ottl_condition' }), 'policies.0.ottl_condition: '],
  [
    'a wrong regular expression, also of a sub-policy, with its place',
    withPolicy({
      type: 'and',
      and: {
        and_sub_policy: [
          {
            type: 'string_attribute',
            string_attribute: { key: 'k', values: ['ok', 'a(b'], enabled_regex_matching: true },
          },
        ],
      },
    }),
    'policies.0.and.and_sub_policy.0.string_attribute.values.1: "a(b" is no regular expression of Go',
  ],
  [
    'drop inside and',
    withPolicy({ type: 'and', and: { and_sub_policy: [{ type: 'drop' }] } }),
    'policies.0.and.and_sub_policy.0.type: ',
  ],
  [
    'a rate with span-ingest, however deep',
    {
      ...withPolicy({ type: 'and', and: { and_sub_policy: [{ type: 'rate_limiting' }] } }),
      sampling_strategy: 'span-ingest',
    },
    'policies.0: span-ingest decides on parts of a trace',
  ],
  [
    'thresholds beside inverted decisions',
    { policies: [always], stamp_threshold: true, invert_decisions: true },
    'stamp_threshold: ',
  ],
  ['too many shards', { policies: [always], num_shards: 257 }, 'num_shards: '],
])('%s is refused', (_what, config, want) => {
  expect(problems(config)[0]).toContain(want);
});

test('a regular expression or bound of a section that does not count is not looked at', () => {
  const unused = {
    string_attribute: { values: ['('], enabled_regex_matching: false },
    numeric_attribute: { key: 'x' },
  };
  expect(problems(withPolicy({ type: 'always_sample', ...unused }))).toEqual([]);
});

test('a decision cache of 0 is off, and one that is absent is not', () => {
  const { decision_cache } = schema.parse({ policies: [always], decision_cache: { sampled_cache_size: 0 } });
  expect(decision_cache).toEqual({ sampled_cache_size: 0 });
});

test.each([
  [{ type: 'latency', latency: { threshold_ms: 1 } }, false],
  [{ type: 'latency', latency: { threshold_ms: 1, upper_threshold_ms: 2 } }, true],
  [{ type: 'span_count', span_count: { min_spans: 1 } }, false],
  [{ type: 'span_count', span_count: { max_spans: 1 } }, true],
  [{ type: 'bytes_limiting' }, true],
  [{ type: 'composite', composite: { composite_sub_policy: [{ type: 'always_sample' }] } }, false],
  [{ type: 'not', not: { not_sub_policy: { type: 'rate_limiting' } } }, true],
  [
    { type: 'drop', drop: { drop_sub_policy: [{ type: 'not', not: { not_sub_policy: { type: 'bytes_limiting' } } }] } },
    true,
  ],
  [{ type: 'always_sample', not: { not_sub_policy: { type: 'rate_limiting' } } }, false],
])('%j depends on more than what a part of a trace shows: %s', (policy, want) => {
  expect(isStateful(schema.parse(withPolicy(policy)).policies[0]!)).toBe(want);
});

test('error_mode is read in any case, as in Go', () => {
  const { policies } = schema.parse(
    withPolicy({ type: 'ottl_condition', ottl_condition: { error_mode: 'Propagate', span: ['true'] } }),
  );
  expect(policies[0]?.ottl_condition?.error_mode).toBe('propagate');
});

test('what upstream takes without meaning it is remarked on', () => {
  const composite = {
    name: 'c',
    type: 'composite',
    composite: {
      policy_order: ['b', 'a'],
      composite_sub_policy: [
        { name: 'a', type: 'always_sample' },
        { name: 'b', type: 'always_sample' },
      ],
      rate_allocation: [{ policy: 'a', percent: 50 }],
    },
  };
  const config = schema.parse({ policies: [composite, { name: 'd', type: 'drop' }, always] });
  expect(remarks(config)).toEqual([
    'policy c: b has no rate_allocation, so it samples nothing: add one (percent: 0 is an equal share)',
    'policy c: policy_order has no effect, as in the Go collector: order composite_sub_policy',
    'policy d: drop without sub-policies drops every trace: add drop_sub_policy',
  ]);
});
