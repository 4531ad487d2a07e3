import type { MetricLevel } from '../core/telemetry.ts';
import { type CatalogueEntry, entry } from './catalogue_entry.ts';

function upstream(
  type: CatalogueEntry['type'],
  name: string,
  labels: readonly string[],
  help: string,
  level: MetricLevel = 'basic',
): CatalogueEntry {
  return entry(type, `otelcol_processor_tail_sampling_${name}`, labels, help, level);
}

function ours(type: CatalogueEntry['type'], name: string, labels: readonly string[], help: string): CatalogueEntry {
  return entry(type, `sluice_tail_sampling_${name}`, ['processor', 'pipeline', ...labels], help);
}

const vote = ['policy', 'sampled', 'decision'];

/** Tail sampling: upstream's metrics, then those of every trace buffer. */
export const tailEntries: readonly CatalogueEntry[] = [
  upstream('counter', 'count_traces_sampled', vote, 'Traces by what a policy said.'),
  upstream('counter', 'count_spans_sampled', vote, 'Their spans.', 'detailed'),
  upstream('counter', 'count_bytes_sampled', vote, 'Their bytes.', 'detailed'),
  upstream(
    'counter',
    'global_count_traces_sampled',
    ['sampled', 'decision'],
    'Traces decided, by what all policies together said.',
  ),
  upstream('counter', 'early_releases_from_cache_decision', ['sampled'], 'Late spans that followed a decision cache.'),
  upstream('counter', 'new_trace_id_received', [], 'Traces that began.'),
  upstream('counter', 'sampling_policy_evaluation_error', [], 'Policies that failed on a trace.'),
  upstream('counter', 'sampling_policy_execution_count', ['policy'], 'Traces that a policy was asked about.'),
  upstream(
    'counter',
    'sampling_policy_execution_time_sum',
    ['policy'],
    'Microseconds that a policy took; measured on one decision in 64.',
  ),
  upstream(
    'histogram',
    'sampling_decision_latency',
    ['policy'],
    'Microseconds that a policy took on a trace; one decision in 64.',
    'detailed',
  ),
  upstream('histogram', 'sampling_decision_timer_latency', [], 'Milliseconds that a row of decisions took.'),
  upstream('histogram', 'sampling_late_span_age', [], 'Seconds from a decision to spans that came after it.'),
  upstream(
    'histogram',
    'sampling_trace_removal_age',
    [],
    'Seconds from the first span of a trace until it left the buffer.',
  ),
  upstream(
    'counter',
    'sampling_trace_dropped_too_early',
    [],
    'Traces decided before their time for want of room; upstream drops such traces, here they are decided.',
  ),
  upstream('counter', 'traces_dropped_too_large', [], 'Traces above maximum_trace_size_bytes.'),
  upstream('gauge', 'sampling_traces_on_memory', [], 'Traces that wait for their decision.'),

  ours('counter', 'decisions_total', ['trigger'], 'Decisions on traces by what made them due.'),
  ours('counter', 'evictions_total', ['reason'], 'Traces decided before their time for want of room.'),
  ours(
    'counter',
    'late_spans_total',
    ['decision', 'known_from'],
    'Spans that came after their trace’s decision and followed it.',
  ),
  ours('histogram', 'decision_lag_milliseconds', [], 'Time from the moment a decision fell due until it was made.'),
  ours('counter', 'spans_without_trace_id_total', [], 'Spans without a trace id, which are treated as one trace.'),
  ours('gauge', 'buffer_bytes', [], 'Bytes that the trace buffer takes.'),
  ours('gauge', 'buffer_capacity_bytes', [], 'Bytes that it may take.'),
  ours('gauge', 'buffer_spans', [], 'Spans in the trace buffer.'),
];
