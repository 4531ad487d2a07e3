import { z } from 'zod';
import {
  defaulted,
  duration,
  enumeration,
  integer,
  mebibytes,
  object,
  unsupported,
} from '../../internal/config/fields.ts';
import { type PolicyConfig, policySchema } from './policy_schema.ts';

const count = () => integer().min(0);

/**
 * https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/processor/tailsamplingprocessor/v0.155.0/processor/tailsamplingprocessor/README.md
 * and, from `max_buffer_mib` on, what only Sluice has.
 */
export const schema = object({
  policies: z
    .array(policySchema)
    .min(1, 'a policy must be there, or no trace would be sampled')
    .describe('All are asked in order, `drop` first; the strongest answer counts.'),
  decision_wait: duration('30s').describe('From the first span of a trace to its decision.'),
  decision_wait_after_root_received: duration('0s').describe('From its first root span, if that is earlier; 0: off.'),
  num_traces: count().min(1).default(50_000).describe('Traces that wait for their decision at the same time.'),
  expected_new_traces_per_sec: count().default(0).describe('Without effect: room is made as it is needed.'),
  decision_cache: defaulted(
    object({
      sampled_cache_size: count()
        .optional()
        .describe('Sampled trace ids remembered; absent: 10 times num_traces; 0: off.'),
      non_sampled_cache_size: count().optional().describe('The same for those not sampled.'),
    }),
  ).describe('Late spans follow the decision on their trace as long as it is remembered.'),
  sample_on_first_match: z.boolean().default(false).describe('Ask no further policy once one samples.'),
  sampling_strategy: enumeration(['trace-complete', 'span-ingest'])
    .default('trace-complete')
    .describe(
      '`span-ingest`: what one resource of a request brings of a trace is decided on by itself; what no policy has sampled in time is not sampled.',
    ),
  drop_pending_traces_on_shutdown: z
    .boolean()
    .default(false)
    .describe('Drop undecided traces at the end, in place of deciding on what is there.'),
  maximum_trace_size_bytes: count().default(0).describe('A larger trace is not sampled, unasked; 0: off.'),
  block_on_overflow: z
    .boolean()
    .default(false)
    .describe('Senders wait while num_traces are held, in place of the oldest being decided early.'),
  num_shards: count()
    .min(1)
    .max(256)
    .default(1)
    .describe('Without effect: one thread decides, and limits hold for all of it.'),
  tail_storage: unsupported('traces are held in memory, bounded by max_buffer_mib: remove it'),
  max_buffer_mib: mebibytes()
    .min(1)
    .optional()
    .describe('Memory for all that is held; absent: a quarter of what the process may use, at most 1024.'),
  max_trace_spans: count().default(100_000).describe('A trace that reaches it is decided with what is there; 0: off.'),
  explain: defaulted(
    object({
      log_mib: mebibytes().default(16).describe('Memory for the log behind `sluice explain`; 0: off.'),
      attributes: z
        .boolean()
        .default(false)
        .describe('Kept root spans say in `sluice.sampling.*` attributes why they were kept.'),
    }),
  ),
  consistent_probability: z
    .boolean()
    .default(false)
    .describe(
      '`probabilistic` goes by the randomness of the trace, `ot=rv` or the last 56 bits of its id, as other consistent samplers do, in place of a hash; hash_salt is without effect then.',
    ),
  stamp_threshold: z
    .union([z.boolean(), enumeration(['chance'])])
    .default('chance')
    .describe(
      'Kept spans carry the probability with which they were kept, `ot=th` in their tracestate. chance: only where it is less than 1, so that what a policy keeps for what it is stays byte for byte; true: `th:0` for the others too. Without effect with invert_decisions.',
    ),
  record_policy: z
    .boolean()
    .default(false)
    .describe(
      'Upstream’s gate `recordpolicy`: scopes of kept spans carry `tailsampling.policy` and `tailsampling.composite_policy`.',
    ),
  invert_decisions: z
    .boolean()
    .default(false)
    .describe(
      'As upstream before its gate `disableinvertdecisions`: an `invert_match` that does not match only samples where no policy objects, and one that matches outweighs those that sample.',
    ),
}).superRefine((config, ctx) => {
  const refuse = (path: (string | number)[], message: string) =>
    ctx.issues.push({ code: 'custom', path, message, input: config });
  const names = new Set<string>();
  config.policies.forEach((policy, i) => {
    const { name } = policy;
    if (name === '') refuse(['policies', i, 'name'], 'a policy must have a name');
    else if (names.has(name)) refuse(['policies', i, 'name'], `two policies are called ${JSON.stringify(name)}`);
    names.add(name);
    if (config.sampling_strategy === 'span-ingest' && isStateful(policy)) {
      const advice = 'span-ingest decides on parts of a trace: it takes no limits on rates and no upper limits';
      refuse(['policies', i], `${advice}; remove it, or use sampling_strategy trace-complete`);
    }
  });
  if (config.stamp_threshold === true && config.invert_decisions) {
    refuse(['stamp_threshold'], 'has no answer with invert_decisions: use drop or not policies in its place');
  }
});

export type TailSamplingConfig = z.output<typeof schema>;

/** Whether what a policy says of a part of a trace may change with the rest of it, or with time. */
export function isStateful(config: PolicyConfig): boolean {
  switch (config.type) {
    case 'rate_limiting':
    case 'bytes_limiting':
      return true;
    case 'latency':
      return (config.latency?.upper_threshold_ms ?? 0) > 0;
    case 'span_count':
      return (config.span_count?.max_spans ?? 0) > 0;
    default:
      return subPolicies(config).some(isStateful);
  }
}

/** Those that the policy's type looks at. */
export function subPolicies(config: PolicyConfig): readonly PolicyConfig[] {
  if (config.type === 'and' && 'and' in config) return config.and?.and_sub_policy ?? [];
  if (config.type === 'drop' && 'drop' in config) return config.drop?.drop_sub_policy ?? [];
  if (config.type === 'composite' && 'composite' in config) return config.composite?.composite_sub_policy ?? [];
  if (config.type === 'not' && 'not' in config && config.not) return [config.not.not_sub_policy];
  return [];
}
