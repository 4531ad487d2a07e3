import { type CatalogueEntry, entry } from './catalogue_entry.ts';

const labels = ['processor'];

const kind = [...labels, 'metric_type'];

/** Deltas to totals and back: upstream's names, and the bytes of the state. */
export const temporalityEntries: readonly CatalogueEntry[] = [
  entry(
    'counter',
    'otelcol_deltatocumulative_datapoints',
    [...labels, 'error'],
    'Data points of delta metrics; `error` says why those that were dropped were.',
  ),
  entry('gauge', 'otelcol_deltatocumulative_streams_tracked', labels, 'Series known.'),
  entry('gauge', 'otelcol_deltatocumulative_streams_limit', labels, 'Series that may be known (`max_streams`).'),
  entry('gauge', 'otelcol_deltatocumulative_streams_max_stale', labels, 'Seconds (`max_stale`).'),
  entry('gauge', 'sluice_deltatocumulative_state_bytes', labels, 'Bytes they take.'),
  entry(
    'counter',
    'otelcol_cumulativetodelta_datapoints',
    kind,
    'Data points of cumulative metrics that were passed on.',
  ),
  entry(
    'counter',
    'otelcol_cumulativetodelta_datapoints_dropped',
    [...kind, 'reason'],
    'Data points that were not: reset, bucket_mismatch, limit; initial, out_of_order and no_recorded_value cost nothing.',
  ),
  entry('gauge', 'otelcol_cumulativetodelta_streams_tracked', labels, 'Series known.'),
  entry('gauge', 'sluice_cumulativetodelta_state_bytes', labels, 'Bytes they take.'),
];
