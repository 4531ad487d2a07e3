import { isIP, SocketAddress } from 'node:net';
import type { Host, Settings } from '../../internal/core/component.ts';
import { Notice } from '../../internal/core/notice.ts';
import { AnswerCache } from './answer_cache.ts';
import type { SourceConfig } from './config.ts';
import { type Answer, FactMaker } from './facts.ts';
import { GeoipDatabase } from './geoip_database.ts';
import { geoFacts } from './geoip_facts.ts';
import { observeCache } from './metrics.ts';
import type { Source } from './source.ts';
import { SourceFile } from './source_file.ts';

/** What a MaxMind file knows of addresses. */
export class GeoipSource implements Source {
  readonly #settings: Settings;
  readonly #config: SourceConfig;
  readonly #file: SourceFile<GeoipDatabase>;
  readonly #cache: AnswerCache;
  readonly #endMetrics: () => void;
  readonly #troubles: Notice;
  readonly #maker = new FactMaker();
  /** Which database the cache tells of. */
  #cached: symbol | undefined;

  constructor(settings: Settings, config: SourceConfig) {
    this.#settings = settings;
    this.#config = config;
    this.#file = new SourceFile(settings, config, [], (bytes) => new GeoipDatabase(bytes));
    this.#cache = new AnswerCache(config.geoip.cache_max_entries, config.geoip.cache_max_bytes);
    this.#endMetrics = observeCache(settings, config.name, this.#cache);
    this.#troubles = new Notice(settings.clock);
  }

  start(host: Host): Promise<void> {
    return this.#file.start(host);
  }

  close(): void {
    this.#file.close();
    this.#endMetrics();
  }

  find(key: string): Answer {
    const database = this.#file.value;
    if (!database) return 'failed';
    if (database.identity !== this.#cached) {
      this.#cached = database.identity;
      this.#cache.clear();
    }
    const known = this.#cache.find(key, 0);
    if (known) return known;
    const answer = this.#ask(database, key);
    this.#cache.keep(key, answer, Number.POSITIVE_INFINITY);
    return answer;
  }

  #ask(database: GeoipDatabase, key: string): Answer {
    const address = addressOf(key);
    if (address === undefined) return 'miss';
    try {
      const found = database.find(address);
      const facts = found && geoFacts(found, this.#config.write, this.#maker);
      return facts && facts.list.length > 0 ? facts : 'miss';
    } catch (error) {
      const { path, name: source } = this.#config;
      const fields = { source, path, reason: (error as Error).message };
      this.#troubles.event((leftOut) =>
        this.#settings.logger.warn('a record of a GeoIP file is broken', { ...fields, left_out_before: leftOut }),
      );
      return 'failed';
    }
  }
}

/** An IPv4 address that is written as IPv6 is looked up as what it is. */
function addressOf(text: string): string | undefined {
  const version = isIP(text);
  if (version === 0) return undefined;
  if (version === 4) return text;
  const { address } = new SocketAddress({ address: text.split('%', 1)[0]!, family: 'ipv6' });
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : '';
  return isIP(mapped) === 4 ? mapped : address;
}
