import { type CatalogueEntry, entry } from './catalogue_entry.ts';

const processor = ['processor', 'otel.signal'];
/** A processor or a connector. */
const judge = ['kind', 'id', 'otel.signal'];

/** Processors that limit, merge or judge what passes. */
export const qualityEntries: readonly CatalogueEntry[] = [
  entry(
    'counter',
    'sluice_rate_limiter_items_total',
    [...processor, 'outcome'],
    'Items by outcome: passed, refused (the sender was told) or dropped.',
  ),
  entry(
    'counter',
    'sluice_rate_limiter_limited_items_total',
    [...processor, 'key'],
    'Items over the limit, refused or dropped, by key: at most reported_keys of them, the others as (other).',
  ),
  entry('gauge', 'sluice_rate_limiter_keys', processor, 'Keys with a bucket of their own.'),
  entry(
    'counter',
    'sluice_rate_limiter_overflows_total',
    processor,
    'Times that a key shared the bucket of those that found no room (max_keys) or are too long.',
  ),
  entry(
    'counter',
    'sluice_logdedup_duplicates_total',
    processor,
    'Log records merged into an earlier one, or spans left out because they came before.',
  ),
  entry('gauge', 'sluice_logdedup_entries', processor, 'Different log records kept, or spans remembered.'),
  entry(
    'counter',
    'sluice_logdedup_early_flushes_total',
    processor,
    'Intervals or windows cut short because max_entries, max_bytes or max_spans was reached.',
  ),
  entry('counter', 'sluice_data_quality_violations_total', [...judge, 'rule', 'action'], 'Violations by rule.'),
  entry('gauge', 'sluice_data_quality_score', [...judge, 'service'], 'Share of checks passed, 0 to 100.'),
];
