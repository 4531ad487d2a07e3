import type { Host, Settings } from '../../internal/core/component.ts';
import { type Catalogue, readCatalogue } from './catalogue.ts';
import type { SourceConfig } from './config.ts';
import type { Answer } from './facts.ts';
import type { Source } from './source.ts';
import { SourceFile } from './source_file.ts';

/** Entries of a catalogue. */
export class FileSource implements Source {
  readonly #file: SourceFile<Catalogue>;

  constructor(settings: Settings, config: SourceConfig) {
    const { format, key_field, max_entries, write } = config;
    this.#file = new SourceFile(settings, config, [format, key_field, max_entries, write], read);
  }

  find(key: string): Answer {
    return this.#file.value?.entries.get(key) ?? 'miss';
  }

  start(host: Host): Promise<void> {
    return this.#file.start(host);
  }

  close(): void {
    this.#file.close();
  }
}

function read(bytes: Buffer, settings: Settings, config: SourceConfig): Catalogue {
  const { name, path = '', key_field: keyField, max_entries: maxEntries, write } = config;
  const format = formatOf(config);
  const catalogue = readCatalogue(bytes.toString('utf8'), { format, keyField, maxEntries, write });
  const { skipped, trouble, entries } = catalogue;
  const counter = settings.meter.counter({
    name: 'sluice_enrichment_skipped_entries_total',
    help: 'Entries of a file that were broken, twice there or too many.',
    labels: { processor: settings.id, source: name },
  });
  counter.add(skipped);
  if (skipped > 0) {
    const fields = { path, skipped, entries: entries.size };
    settings.logger.warn(`entries of a catalogue were skipped: ${trouble}`, fields);
  }
  return catalogue;
}

function formatOf({ format, path = '' }: SourceConfig): 'yaml' | 'json' | 'csv' {
  if (format) return format;
  if (path.endsWith('.csv')) return 'csv';
  return path.endsWith('.json') ? 'json' : 'yaml';
}
