import { detectionEntries } from './catalogue_detection.ts';
import { enrichmentEntries } from './catalogue_enrichment.ts';
import { type CatalogueEntry, entry } from './catalogue_entry.ts';
import { qualityEntries } from './catalogue_quality.ts';
import { reshapeEntries } from './catalogue_reshape.ts';
import { tailEntries } from './catalogue_tail.ts';
import { temporalityEntries } from './catalogue_temporality.ts';

const items = ['spans', 'metric_points', 'log_records'] as const;

/** A counter for each signal's items. */
function each(prefix: string, labels: readonly string[], help: string): CatalogueEntry[] {
  return items.map((unit) => ({ name: `${prefix}_${unit}`, type: 'counter', labels, level: 'basic', help }));
}

/** Counters of the remote write exporter. */
function remoteWrite(name: string, help: string): CatalogueEntry[] {
  return [entry('counter', `otelcol_exporter_prometheusremotewrite_${name}`, ['exporter', 'endpoint'], help)];
}

const receiver = ['receiver', 'transport'];
const queue = ['exporter', 'data_type'];
const branch = ['pipeline', 'exporter'];

/** What the elasticsearch exporter counts, by upstream's names. */
function elasticsearch(): CatalogueEntry[] {
  const request = ['exporter', 'outcome', 'http.response.status_code'];
  const named = (name: string, help: string, labels: readonly string[] = ['exporter']) =>
    entry('counter', `otelcol_elasticsearch_${name}`, labels, help);
  return [
    named('docs_received', 'Documents made of the items that came in.'),
    named('docs_processed', 'Documents by what became of them in each request.', [...request, 'error.type']),
    named('docs_retried', 'Documents sent again by themselves, whole requests not counted.'),
    named('bulk_requests_count', 'Bulk requests by their end.', request),
    entry('histogram', 'otelcol_elasticsearch_bulk_requests_latency', request, 'Seconds of a bulk request.'),
    named('flushed_bytes', 'Bytes of bulk requests, as they travelled.'),
    named('flushed_uncompressed_bytes', 'Bytes of bulk requests before compression.'),
    entry(
      'counter',
      'sluice_elasticsearch_points_without_value_total',
      ['exporter'],
      'Metric points that only end a series: there is nothing to store.',
    ),
  ];
}

export const catalogue: readonly CatalogueEntry[] = [
  ...detectionEntries,
  ...enrichmentEntries(),
  ...each('otelcol_receiver_accepted', receiver, 'Items taken into the pipeline.'),
  ...each('otelcol_receiver_refused', receiver, 'Items the pipeline did not take; the sender was told.'),
  ...each('otelcol_receiver_failed', receiver, 'Items lost to an error inside the receiver.'),
  entry('counter', 'otelcol_receiver_requests', [...receiver, 'outcome'], 'Requests: success, refused or failure.'),
  entry('gauge', 'sluice_receiver_connections', receiver, 'Open connections of a port, whatever they speak.'),
  entry(
    'counter',
    'sluice_receiver_connections_refused_total',
    receiver,
    'Connections closed at once because max_connections were open.',
  ),

  entry('counter', 'otelcol_processor_incoming_items', ['processor', 'otel.signal'], 'Items handed to the processor.'),
  entry('counter', 'otelcol_processor_outgoing_items', ['processor', 'otel.signal'], 'Items the processor passed on.'),
  ...each('otelcol_processor_memory_limiter_accepted', ['processor'], 'Items let through.'),
  ...each('otelcol_processor_memory_limiter_refused', ['processor'], 'Items refused for lack of memory.'),
  entry(
    'counter',
    'otelcol_processor_probabilistic_sampler_count_traces_sampled',
    ['policy', 'sampled'],
    'Spans judged, kept or not.',
  ),
  entry(
    'counter',
    'otelcol_processor_probabilistic_sampler_count_logs_sampled',
    ['policy', 'sampled'],
    'Log records judged, kept or not.',
  ),
  entry(
    'counter',
    'sluice_error_biased_sampler_items_total',
    ['processor', 'otel.signal', 'reason', 'sampled'],
    'Traces, spans or log records judged, by what they count as.',
  ),
  entry(
    'counter',
    'sluice_error_biased_sampler_service_items_total',
    ['processor', 'otel.signal', 'service', 'sampled'],
    'The same by service: the first 100 by name, the others together.',
    'detailed',
  ),
  entry(
    'gauge',
    'sluice_error_biased_sampler_budget_per_second',
    ['processor', 'otel.signal'],
    'Traces, spans or log records that may be kept each second.',
  ),
  entry(
    'gauge',
    'sluice_error_biased_sampler_used_per_second',
    ['processor', 'otel.signal'],
    'What was kept each second, up to the last plan.',
  ),
  entry('counter', 'sluice_error_biased_sampler_plans_total', ['processor', 'otel.signal'], 'Plans of the budget.'),
  entry(
    'counter',
    'sluice_error_biased_sampler_brakes_total',
    ['processor', 'otel.signal'],
    'Times that probabilities had to come down between plans.',
  ),
  entry('gauge', 'sluice_error_biased_sampler_keys', ['processor', 'otel.signal', 'table'], 'Keys known, of max_keys.'),
  entry(
    'counter',
    'sluice_error_biased_sampler_key_overflows_total',
    ['processor', 'otel.signal', 'table'],
    'Lookups that found no room for a new key.',
  ),
  entry('counter', 'otelcol_processor_filter_spans_filtered', ['filter'], 'Spans left out by the filter processor.'),
  entry(
    'counter',
    'otelcol_processor_filter_datapoints_filtered',
    ['filter'],
    'Data points left out by the filter processor.',
  ),
  entry(
    'counter',
    'otelcol_processor_filter_logs_filtered',
    ['filter'],
    'Log records left out by the filter processor.',
  ),
  entry('histogram', 'otelcol_processor_batch_batch_send_size', ['processor'], 'Items of the batches sent.', 'normal'),
  entry(
    'histogram',
    'otelcol_processor_batch_batch_send_size_bytes',
    ['processor'],
    'Bytes of the batches sent.',
    'detailed',
  ),
  entry(
    'counter',
    'otelcol_processor_batch_batch_size_trigger_send',
    ['processor'],
    'Batches sent because full.',
    'normal',
  ),
  entry(
    'counter',
    'otelcol_processor_batch_timeout_trigger_send',
    ['processor'],
    'Batches sent because time was up.',
    'normal',
  ),
  entry(
    'gauge',
    'otelcol_processor_batch_metadata_cardinality',
    ['pipeline', 'processor'],
    'Combinations of metadata values that are waiting.',
    'normal',
  ),

  ...tailEntries,
  ...qualityEntries,
  ...reshapeEntries,
  ...temporalityEntries,

  ...each('otelcol_exporter_sent', ['exporter'], 'Items the destination took.'),
  ...each('otelcol_exporter_send_failed', ['exporter'], 'Items the destination did not take, after all tries.'),
  ...each(
    'otelcol_exporter_enqueue_failed',
    ['exporter'],
    'Items for which the sending queue had no room: refused, or given up (`on_overflow`).',
  ),
  entry('gauge', 'otelcol_exporter_queue_size', queue, 'What the queue holds, in the units of its sizer.'),
  entry('gauge', 'otelcol_exporter_queue_capacity', queue, 'What the queue may hold, in the units of its sizer.'),
  entry('gauge', 'otelcol_exporter_in_flight_requests', queue, 'Batches being sent, waits between tries included.'),
  entry(
    'histogram',
    'otelcol_exporter_queue_batch_send_size',
    ['exporter'],
    'Items of the batches that leave the queue.',
    'normal',
  ),
  entry(
    'histogram',
    'otelcol_exporter_queue_batch_send_size_bytes',
    ['exporter'],
    'Bytes of the batches that leave the queue.',
    'detailed',
  ),
  entry(
    'histogram',
    'otelcol_exporter_enqueue_size',
    ['exporter'],
    'Items of the batches that the queue took.',
    'detailed',
  ),
  entry(
    'histogram',
    'otelcol_exporter_enqueue_size_bytes',
    ['exporter'],
    'Bytes of the batches that the queue took.',
    'detailed',
  ),
  entry(
    'histogram',
    'sluice_exporter_try_duration_seconds',
    queue,
    'Time of one try to send a batch, queueing and waits not included.',
    'normal',
  ),

  ...remoteWrite('sent_batches', 'Requests sent, whatever became of them.'),
  ...remoteWrite('failed_translations', 'Batches with points that could not become series.'),
  ...remoteWrite('translated_time_series', 'Series that data points became.'),
  ...remoteWrite('written_samples', 'Samples that the server says it has written (2.0 only).'),
  ...remoteWrite('written_histograms', 'Native histograms that the server says it has written (2.0 only).'),
  ...remoteWrite('written_exemplars', 'Exemplars that the server says it has written (2.0 only).'),
  entry(
    'gauge',
    'otelcol_exporter_prometheusremotewrite_consumers',
    ['exporter', 'endpoint'],
    'Requests that may be under way at the same time.',
  ),
  entry(
    'counter',
    'sluice_exporter_prometheus_lost_points_total',
    ['exporter', 'reason'],
    'Data points that became no sample in the backend.',
  ),
  entry('gauge', 'sluice_exporter_prometheus_series', ['exporter'], 'Series held for the next scrape.'),
  entry('gauge', 'sluice_exporter_prometheus_delta_streams', ['exporter'], 'Delta series that are being added up.'),

  ...elasticsearch(),

  entry(
    'counter',
    'sluice_pipeline_items_total',
    [...branch, 'outcome', 'reason'],
    'Items of each pipeline by what became of them: received + surplus = all other outcomes + held.',
  ),
  entry(
    'gauge',
    'sluice_pipeline_items_held',
    branch,
    'Items accepted, or not answered yet, that have reached no end.',
  ),
  entry('counter', 'sluice_component_bugs_total', ['kind', 'id'], 'Exceptions that reached a component’s edge.'),

  entry('counter', 'otelcol_process_uptime', [], 'Seconds since the start.'),
  entry('counter', 'otelcol_process_cpu_seconds', [], 'CPU time, user and system.'),
  entry('gauge', 'otelcol_process_memory_rss', [], 'Bytes of resident memory.'),
  entry('gauge', 'otelcol_process_runtime_heap_alloc_bytes', [], 'Bytes of live objects: V8 heap and buffers.'),
  entry('counter', 'otelcol_process_runtime_total_alloc_bytes', [], 'Bytes ever allocated on the V8 heap.'),
  entry(
    'gauge',
    'otelcol_process_runtime_total_sys_memory_bytes',
    [],
    'Bytes obtained from the operating system for the V8 heap and buffers.',
  ),
  entry('gauge', 'sluice_memory_budget_bytes', [], 'Bytes of telemetry the process may hold.'),
  entry('gauge', 'sluice_memory_held_bytes', [], 'Bytes of telemetry the process holds now.'),
  entry('gauge', 'sluice_memory_held_peak_bytes', [], 'Most bytes of telemetry held at once since the start.'),
  entry('gauge', 'sluice_open_handles', ['type'], 'Open sockets, listening servers, timers and others.', 'normal'),
  entry(
    'gauge',
    'sluice_event_loop_delay_seconds',
    ['quantile'],
    'How late timers were because the event loop was busy, since the last scrape; quantile 1 is the latest.',
  ),
  entry('counter', 'sluice_gc_pause_seconds', ['kind'], 'Time spent in garbage collection.', 'normal'),
  entry('counter', 'sluice_gc_pauses', ['kind'], 'Garbage collections.', 'normal'),
];

/** The content of `docs/metrics.md`. */
export function metricsPage(): string {
  const rows = catalogue.map(
    ({ name, type, labels, level, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label.replaceAll('.', '_')}\``).join(', ')} | ${level} | ${help} |`,
  );
  return `# Metrics of Sluice itself

Generated from \`internal/telemetry/catalogue.ts\`; do not edit.

Prometheus text at \`http://localhost:8888/metrics\`, or sent as OTLP (\`service.telemetry.metrics.readers\`). The names are
the classic ones of the OpenTelemetry Collector and carry no \`_total\` but where it is part of the name, whatever the
scraper prefers. \`service_name\`, \`service_version\`, \`service_instance_id\` and what \`service.telemetry.resource\` adds are labels of
\`target_info\`, not of each series. A metric is recorded at its level and the finer ones (\`basic\` < \`normal\` < \`detailed\`;
\`service.telemetry.metrics.level\`, default \`normal\`). A metric has at most 2000 series; further label values are counted
together as \`{otel_metric_overflow="true"}\`.

| Name | Type | Labels | Level | Meaning |
|---|---|---|---|---|
${rows.join('\n')}
`;
}
