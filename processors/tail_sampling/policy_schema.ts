import { z } from 'zod';
import { enumeration, integer, object, percentage, section } from '../../internal/config/fields.ts';
import { policyProblems } from './policy_problems.ts';

/*
 * The policies of
 * https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/processor/tailsamplingprocessor/v0.155.0/processor/tailsamplingprocessor/config.go
 * A policy may carry the sections of other types: only the one of its type counts. One that is missing has its defaults.
 */

const count = () => integer().min(0).default(0);

const sections = {
  latency: object({
    threshold_ms: integer()
      .default(0)
      .describe('Sampled from this duration on, earliest start to latest end; with upper_threshold_ms: above it.'),
    upper_threshold_ms: count().describe('Sampled up to this duration; 0: no limit.'),
  }),
  numeric_attribute: object({
    key: z.string().default('').describe('Attribute of a span or resource.'),
    min_value: integer().default(0).describe('Least value that matches; 0: no limit.'),
    max_value: integer().default(0).describe('Greatest value that matches; 0: no limit.'),
    invert_match: z.boolean().default(false).describe('Sampled where no span and no resource matches.'),
  }),
  probabilistic: object({
    sampling_percentage: z
      .number()
      .default(0)
      .describe('Share of the traces to sample, by a hash of the trace id. Unit: %.'),
    hash_salt: z.string().default('').describe('Put before the trace id; as upstream, empty: `default-hash-seed`.'),
  }),
  status_code: object({
    status_codes: z
      .array(enumeration(['OK', 'ERROR', 'UNSET']))
      .default([])
      .describe('Sampled where a span has one of them.'),
  }),
  string_attribute: object({
    key: z.string().default('').describe('Attribute of a span or resource.'),
    values: z.array(z.string()).default([]).describe('Values that match; with enabled_regex_matching: expressions.'),
    enabled_regex_matching: z
      .boolean()
      .default(false)
      .describe('`values` are RE2 regular expressions, found anywhere in the value.'),
    cache_max_size: count().describe('Values whose match is remembered; 0: 128.'),
    invert_match: z.boolean().default(false).describe('Sampled where no span and no resource matches.'),
  }),
  boolean_attribute: object({
    key: z.string().default('').describe('Attribute of a span or resource.'),
    value: z.boolean().default(false).describe('The value that matches.'),
    invert_match: z.boolean().default(false).describe('Sampled where no span and no resource matches.'),
  }),
  rate_limiting: object({
    spans_per_second: count().describe('Spans sampled in a second, a whole trace at a time (token bucket).'),
    burst_capacity: count().describe('Most spans at once, and of one trace; 0: twice spans_per_second.'),
  }),
  bytes_limiting: object({
    bytes_per_second: count().describe(
      'Bytes of protobuf sampled in a second, a whole trace at a time (token bucket).',
    ),
    burst_capacity: count().describe('Most bytes at once, and of one trace; 0: twice bytes_per_second.'),
  }),
  span_count: object({
    min_spans: count().describe('Sampled from this many spans on.'),
    max_spans: count().describe('Sampled up to this many spans; 0: no limit.'),
  }),
  trace_state: object({
    key: z.string().default('').describe('Key in the tracestate of a span.'),
    values: z.array(z.string()).default([]).describe('Its values that match.'),
  }),
  ottl_condition: object({
    error_mode: z
      .string()
      .default('')
      .transform((mode) => mode.toLowerCase())
      .pipe(enumeration(['', 'ignore', 'silent', 'propagate']))
      .describe('A condition that fails: `propagate` makes the policy fail, else it is false.'),
    span: z.array(z.string()).default([]).describe('OTTL conditions of a span: sampled where one is true of one span.'),
    spanevent: z.array(z.string()).default([]).describe('OTTL conditions of a span event.'),
  }),
};

const ownTypes = [
  'always_sample',
  'latency',
  'numeric_attribute',
  'probabilistic',
  'status_code',
  'string_attribute',
  'boolean_attribute',
  'rate_limiting',
  'bytes_limiting',
  'span_count',
  'trace_state',
  'trace_flags',
  'ottl_condition',
] as const;

/** The fields that every policy may have, with those types that may stand there. */
function policy<const T extends readonly [string, ...string[]]>(types: T) {
  return {
    name: z.string().default('').describe('Told in metrics, logs and explanations.'),
    type: enumeration(types).describe('What it goes by; the section of the same name says how.'),
    latency: section(sections.latency),
    numeric_attribute: section(sections.numeric_attribute),
    probabilistic: section(sections.probabilistic),
    status_code: section(sections.status_code),
    string_attribute: section(sections.string_attribute),
    boolean_attribute: section(sections.boolean_attribute),
    rate_limiting: section(sections.rate_limiting),
    bytes_limiting: section(sections.bytes_limiting),
    span_count: section(sections.span_count),
    trace_state: section(sections.trace_state),
    ottl_condition: section(sections.ottl_condition),
  };
}

const like = (also: string) => ({ sameAs: `Fields as in \`policies[]\`${also}.` });

const notSub = object(policy(ownTypes)).superRefine(policyProblems);
const not = object({ not_sub_policy: notSub.describe('Its opposite is taken.').meta(like(' without sub-policies')) });
const andSub = object({ ...policy([...ownTypes, 'not']), not: section(not) }).superRefine(policyProblems);
const and = object({
  and_sub_policy: z
    .array(andSub)
    .default([])
    .describe('Sampled where all of them sample.')
    .meta(like(' without sub-policies, and `not`')),
});
const drop = object({
  drop_sub_policy: z
    .array(andSub)
    .default([])
    .describe('Dropped, whatever others say, where all of them sample.')
    .meta(like(' without sub-policies, and `not`')),
});
const compositeSub = object({ ...policy([...ownTypes, 'and']), and: section(and) }).superRefine(policyProblems);
const composite = object({
  max_total_spans_per_second: count().describe('What the shares of rate_allocation are shares of.'),
  policy_order: z
    .array(z.string())
    .default([])
    .describe('Without effect, as upstream: the order of composite_sub_policy is the one that counts.'),
  composite_sub_policy: z
    .array(compositeSub)
    .default([])
    .describe('The first that samples is charged for the spans of the trace.')
    .meta(like(' without sub-policies, and `and`')),
  rate_allocation: z
    .array(
      object({
        policy: z.string().default('').describe('Name of a sub-policy.'),
        percent: percentage().int().default(0).describe('Its share; 0: an equal share.'),
      }),
    )
    .default([])
    .describe('Spans a second for each sub-policy; one that is not named gets none.'),
});

export const policySchema = object({
  ...policy([...ownTypes, 'and', 'not', 'drop', 'composite']),
  and: section(and),
  not: section(not),
  drop: section(drop),
  composite: section(composite),
}).superRefine(policyProblems);

/** A policy as configured, at any depth. */
export type PolicyConfig =
  | z.output<typeof policySchema>
  | z.output<typeof andSub>
  | z.output<typeof compositeSub>
  | z.output<typeof notSub>;

type Sections = typeof sections;

/** The section of a policy, with its defaults where it was left away. */
export function sectionOf<K extends keyof Sections>(config: PolicyConfig, key: K): z.output<Sections[K]> {
  return (config[key] ?? sections[key].parse({})) as z.output<Sections[K]>;
}
