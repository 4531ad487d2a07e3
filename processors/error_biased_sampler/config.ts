import { z } from 'zod';
import {
  defaulted,
  duration,
  enumeration,
  integer,
  mebibytes,
  object,
  percentage,
} from '../../internal/config/fields.ts';
import type { Signal } from '../../internal/otlp/payload.ts';

const perSecond = () => z.number().positive();
const count = () => integer().min(0);

const errors = object({
  status: z.boolean().default(true).describe('Spans of status ERROR.'),
  exception_events: z
    .boolean()
    .default(true)
    .describe('Spans with an event `exception`, log records with an attribute `exception.type`.'),
  http_status_code_min: integer()
    .min(0)
    .max(999)
    .default(500)
    .describe('`http.response.status_code` or `http.status_code` from here on; 0: off.'),
  grpc_status_codes: z
    .array(integer().min(0).max(16))
    .default([2, 4, 12, 13, 14, 15])
    .describe('Values of `rpc.grpc.status_code`; by default those that are the server’s fault.'),
  min_severity_number: integer()
    .min(0)
    .max(24)
    .default(17)
    .describe('Log records from this severity on; 17 is ERROR, 0: off.'),
});

const slow = object({
  quantile: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.99)
    .describe('What takes longer than this part of its operation’s others.'),
  min_samples: integer().min(1).default(200).describe('Nothing of an operation is slow before so many were seen.'),
  min_duration: duration('0s').describe('What is shorter is never slow.'),
  half_life: duration('5m').describe('After this time, what was seen weighs half.'),
  max_budget_percentage: percentage().default(20).describe('Of the budget, for slow ones; they are thinned beyond.'),
});

const rare = object({
  max_per_minute: z
    .number()
    .min(0)
    .default(1)
    .describe('A combination of service, operation and status that comes less often is kept; 0: off.'),
  max_budget_percentage: percentage().default(10).describe('Of the budget, for rare ones; they are thinned beyond.'),
});

const sameBatch = object({
  max_budget_percentage: percentage()
    .default(50)
    .describe('Of the budget, for these; they are thinned beyond, whole traces at a time. 0: off.'),
});

const fairShare = object({
  floor_traces_per_second: z.number().min(0).optional().describe('A service’s share is at least this; default 0.01.'),
  ceiling_traces_per_second: perSecond().optional().describe('A service keeps at most this; its errors stay.'),
  floor_spans_per_second: z.number().min(0).optional().describe('The same where the budget counts spans.'),
  ceiling_spans_per_second: perSecond().optional().describe('The same where the budget counts spans.'),
});

/** Ours: no upstream has it. */
export const schema = object({
  mode: enumeration(['head', 'tail'])
    .default('tail')
    .describe(
      '`tail`: traces are held until they are complete. `head`: spans are judged as they pass, nothing is held. Log records are always judged as they pass.',
    ),
  target_traces_per_second: perSecond().optional().describe('The budget. Tail mode only.'),
  target_spans_per_second: perSecond().optional().describe('The budget, in spans or log records.'),
  sampling_percentage: percentage()
    .gt(0)
    .optional()
    .describe('The budget, of what comes: of traces in tail mode, of spans or log records else.'),
  adjustment_interval: duration('5s').describe('From one plan of the budget to the next.'),
  initial_sampling_percentage: percentage()
    .default(10)
    .describe('Of ordinary traces, until the first plan: about a second after the first decision.'),
  errors: defaulted(errors),
  over_budget_errors: enumeration(['thin', 'keep'])
    .default('thin')
    .describe(
      '`thin`: errors beyond over_budget_factor times the budget are thinned, evenly over services, and their adjusted count says so. `keep`: the budget yields.',
    ),
  over_budget_factor: z.number().min(0.1).default(2).describe('How many budgets errors may take.'),
  slow: defaulted(slow),
  rare: defaulted(rare),
  same_batch: defaulted(sameBatch).describe(
    'Head mode, and log records: what a batch brings of a trace of which it brings something kept for its own sake.',
  ),
  fair_share: defaulted(fairShare),
  max_keys: integer()
    .min(16)
    .max(20_000)
    .default(5000)
    .describe('Services, operations, and combinations of them with a status: each of the three. Others share one.'),
  key_ttl: duration('10m').describe('What was not seen for so long makes room for new ones.'),
  storage_directory: z
    .string()
    .optional()
    .describe('Where what was learnt is kept over a restart; absent: it is learnt anew.'),
  decision_wait: duration('30s').describe('Tail mode: from the first span of a trace to its decision.'),
  decision_wait_after_root_received: duration('0s').describe('Tail mode: from its first root, if earlier; 0: off.'),
  num_traces: count().min(1).default(50_000).describe('Tail mode: traces held at the same time.'),
  max_buffer_mib: mebibytes()
    .min(1)
    .optional()
    .describe('Tail mode: memory for all that is held; absent: a quarter of what the process may use, at most 1024.'),
  max_trace_spans: count().default(100_000).describe('Tail mode: a trace that reaches it is decided at once; 0: off.'),
  decision_cache: defaulted(
    object({
      sampled_cache_size: count().optional().describe('Sampled trace ids remembered; absent: 10 times num_traces.'),
      non_sampled_cache_size: count().optional().describe('The same for those not sampled.'),
    }),
  ),
  explain: defaulted(
    object({
      log_mib: mebibytes().default(16).describe('Tail mode: memory for the log behind `sluice explain`; 0: off.'),
      attributes: z.boolean().default(false).describe('Tail mode: kept root spans say why they were kept.'),
    }),
  ),
}).superRefine((config, ctx) => {
  const refuse = (path: string[], message: string) => ctx.issues.push({ code: 'custom', path, message, input: config });
  const budgets = ['target_traces_per_second', 'target_spans_per_second', 'sampling_percentage'] as const;
  const given = budgets.filter((name) => config[name] !== undefined);
  if (given.length === 0) refuse([], `expected a budget: one of ${budgets.join(', ')}`);
  for (const name of given.slice(1)) refuse([name], `${given[0]} is the budget already: keep one of them`);
  if (config.mode === 'head' && config.target_traces_per_second !== undefined) {
    refuse(
      ['target_traces_per_second'],
      'head mode sees spans, not traces: use target_spans_per_second or sampling_percentage, or mode: tail',
    );
  }
  if (config.adjustment_interval < 100) refuse(['adjustment_interval'], 'expected at least 100ms');
  if (config.slow.half_life < 1000) refuse(['slow', 'half_life'], 'expected at least 1s');
  const other = countsTraces(config) ? 'spans' : 'traces';
  for (const end of ['floor', 'ceiling'] as const) {
    const name = `${end}_${other}_per_second` as const;
    if (config.fair_share[name] === undefined) continue;
    const unit = countsTraces(config) ? 'traces' : 'spans';
    refuse(['fair_share', name], `the budget counts ${unit}: use ${end}_${unit}_per_second`);
  }
});

export type ErrorBiasedConfig = z.output<typeof schema>;

/** Whether an item of the budget is a trace, else a span. */
function countsTraces(config: { mode: string; target_spans_per_second?: number | undefined }): boolean {
  return config.mode === 'tail' && config.target_spans_per_second === undefined;
}

/** How the sampler works for a signal: log records are always judged as they pass. */
export interface Manner {
  readonly buffered: boolean;
  readonly countsTraces: boolean;
}

export function mannerOf(config: ErrorBiasedConfig, signal: Signal | undefined): Manner {
  const buffered = config.mode === 'tail' && signal !== 'logs';
  return { buffered, countsTraces: buffered && countsTraces(config) };
}
