import { type CatalogueEntry, entry } from './catalogue_entry.ts';

/** What detectors of resources count, in whichever processor they serve. */
export const detectionEntries: readonly CatalogueEntry[] = [
  entry(
    'counter',
    'sluice_resource_detections_total',
    ['processor', 'detector', 'outcome'],
    'Times that a detector was asked, by what came of it: found, absent (the process runs elsewhere) or failed.',
  ),
];
