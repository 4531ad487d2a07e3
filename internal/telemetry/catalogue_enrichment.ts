import { type CatalogueEntry, entry } from './catalogue_entry.ts';

/** What the enrichment processor counts. */
export function enrichmentEntries(): CatalogueEntry[] {
  const source = ['processor', 'source'];
  const named = (type: CatalogueEntry['type'], name: string, labels: readonly string[], help: string) =>
    entry(type, `sluice_enrichment_${name}`, labels, help);
  return [
    named('counter', 'lookups_total', [...source, 'outcome'], 'Keys of batches: hit, absent, miss, failed or late.'),
    named('counter', 'incomplete_batches_total', ['processor'], 'Batches that went on without a source.'),
    named('counter', 'skipped_entries_total', source, 'Entries of a file that were broken, twice there or too many.'),
    named('gauge', 'waiting_batches', ['processor', 'pipeline'], 'Batches that wait for lookups.'),
    named('counter', 'file_failures_total', source, 'Changed files that could not be used: the one before stays.'),
    named('gauge', 'file_bytes', source, 'Bytes of memory that a file takes.'),
    named('gauge', 'cache_entries', [...source, 'pipeline'], 'Answers of a source that are kept.'),
    named('gauge', 'cache_bytes', [...source, 'pipeline'], 'Bytes of the answers that are kept.'),
  ];
}
