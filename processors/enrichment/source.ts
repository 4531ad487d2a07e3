import { stat } from 'node:fs/promises';
import type { Host, Settings } from '../../internal/core/component.ts';
import { type Kept, WatchedFiles } from '../../internal/net/watched_files.ts';
import { type Catalogue, readCatalogue } from './catalogue.ts';
import type { SourceConfig } from './config.ts';
import { detected } from './detect.ts';
import { DnsSource } from './dns_source.ts';
import { type Answer, type Facts, factsOf } from './facts.ts';
import { HttpSource } from './http_source.ts';

export interface Source {
  /** What is known now, or a promise where it has to be asked: that one never rejects. @param key '' where there is none */
  find(key: string): Answer | Promise<Answer>;
  start?(host: Host): Promise<void>;
  close?(): void;
}

export function sourceOf(settings: Settings, config: SourceConfig): Source {
  switch (config.type) {
    case 'file':
      return new FileSource(settings, config);
    case 'http':
      return new HttpSource(settings, config);
    case 'dns':
      return new DnsSource(settings, config);
    case 'detect':
      return always(factsOf(detected(), config.write));
    case 'env':
      return always(factsOf({ ...process.env }, config.write));
    default:
      return config.values ? always(factsOf(config.values, config.write)) : fixed(config);
  }
}

function always(facts: Facts): Source {
  return { find: () => facts };
}

function fixed({ entries = {}, write }: SourceConfig): Source {
  const known = new Map(Object.entries(entries).map(([key, fields]) => [key, factsOf(fields, write)]));
  return { find: (key) => known.get(key) ?? 'miss' };
}

/** A catalogue in a file, read again when it changes; of a broken file the last good one stays. */
class FileSource implements Source {
  readonly #settings: Settings;
  readonly #config: SourceConfig;
  #catalogue: { readonly value: Catalogue } = { value: { entries: new Map(), skipped: 0 } };
  #watched: Kept<Catalogue> | undefined;
  readonly #skipped;

  constructor(settings: Settings, config: SourceConfig) {
    this.#settings = settings;
    this.#config = config;
    this.#skipped = settings.meter.counter({
      name: 'sluice_enrichment_skipped_entries_total',
      help: 'Entries of a file that were broken, twice there or too many.',
      labels: { processor: settings.id, source: config.name },
    });
  }

  find(key: string): Answer {
    return this.#catalogue.value.entries.get(key) ?? 'miss';
  }

  async start(): Promise<void> {
    const { clock, logger } = this.#settings;
    const files = new WatchedFiles(clock, logger, Math.max(100, this.#config.reload_interval));
    this.#watched = await files.keep(() => this.#load(files));
    this.#catalogue = this.#watched;
  }

  close(): void {
    this.#watched?.close();
  }

  async #load(files: WatchedFiles): Promise<Catalogue> {
    const { name, path = '', key_field: keyField, max_entries: maxEntries, max_file_bytes: most, write } = this.#config;
    const size = (await stat(path).catch(() => undefined))?.size ?? 0;
    const text = size > most ? undefined : await files.read(`source ${name}: path`, path);
    if (text === undefined) throw new Error(`source ${name}: ${path} has ${size} bytes, max_file_bytes is ${most}`);
    let catalogue: Catalogue;
    try {
      catalogue = readCatalogue(text, { format: this.#format(path), keyField, maxEntries, write });
    } catch (error) {
      throw new Error(`source ${name}: cannot use ${path}: ${(error as Error).message}`, { cause: error });
    }
    this.#tell(catalogue, path);
    return catalogue;
  }

  #tell({ entries, skipped, trouble }: Catalogue, path: string): void {
    const { logger } = this.#settings;
    if (skipped === 0) return;
    this.#skipped.add(skipped);
    logger.warn(`entries of a catalogue were skipped: ${trouble}`, { path, skipped, entries: entries.size });
  }

  #format(path: string): 'yaml' | 'json' | 'csv' {
    const { format } = this.#config;
    if (format) return format;
    if (path.endsWith('.csv')) return 'csv';
    return path.endsWith('.json') ? 'json' : 'yaml';
  }
}
