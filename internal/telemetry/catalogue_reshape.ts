import { type CatalogueEntry, entry } from './catalogue_entry.ts';

const labels = ['processor'];
const each = ['span', 'metric', 'log'] as const;

/** What `groupbyattrs` counts, by upstream's names; it says metrics where it means data points. */
export const reshapeEntries: readonly CatalogueEntry[] = [
  ...each.map((unit) =>
    entry(
      'counter',
      `otelcol_processor_groupbyattrs_num_grouped_${unit}s`,
      labels,
      'Items of which an attribute moved to the resource.',
    ),
  ),
  ...each.map((unit) =>
    entry(
      'counter',
      `otelcol_processor_groupbyattrs_num_non_grouped_${unit}s`,
      labels,
      'Items without the attributes.',
    ),
  ),
  ...each.map((unit) =>
    entry('histogram', `otelcol_processor_groupbyattrs_${unit}_groups`, labels, 'Resources in a batch.'),
  ),
];
