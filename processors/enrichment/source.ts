import type { Host, Settings } from '../../internal/core/component.ts';
import { entriesBytes } from './catalogue.ts';
import type { SourceConfig } from './config.ts';
import { DetectSource } from './detect.ts';
import { DnsSource } from './dns_source.ts';
import { type Answer, FactMaker, type Facts, factsOf } from './facts.ts';
import { FileSource } from './file_source.ts';
import { GeoipSource } from './geoip_source.ts';
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
    case 'geoip':
      return new GeoipSource(settings, config);
    case 'http':
      return new HttpSource(settings, config);
    case 'dns':
      return new DnsSource(settings, config);
    case 'detect':
      return new DetectSource(settings, config);
    case 'env':
      return always(factsOf({ ...process.env }, config.write));
    default:
      return config.values ? always(factsOf(config.values, config.write)) : new StaticSource(settings, config);
  }
}

function always(facts: Facts): Source {
  return { find: () => facts };
}

/** Entries that the configuration lists. */
class StaticSource implements Source {
  readonly #entries: ReadonlyMap<string, Facts>;
  readonly close: () => void;

  constructor({ memory }: Settings, { entries = {}, write }: SourceConfig) {
    const maker = new FactMaker();
    const factsBy = Object.entries(entries).map(
      ([key, fields]) => [key, factsOf(fields, write, undefined, maker)] as const,
    );
    this.#entries = new Map(factsBy);
    const bytes = entriesBytes(this.#entries);
    this.close = memory.addApart(() => bytes + maker.encodedBytes);
  }

  find(key: string): Answer {
    return this.#entries.get(key) ?? 'miss';
  }
}
