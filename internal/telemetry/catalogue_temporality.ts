import { type CatalogueEntry, entry } from './catalogue_entry.ts';

const labels = ['processor'];

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
];
