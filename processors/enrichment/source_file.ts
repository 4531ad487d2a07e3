import type { Host, Settings } from '../../internal/core/component.ts';
import { type Held, Shared } from '../../internal/core/shared.ts';
import { type Kept, WatchedFiles } from '../../internal/net/watched_files.ts';
import type { SourceConfig } from './config.ts';

/** What is made of a file's bytes. */
interface Made {
  /** About what it takes in memory. */
  readonly bytes: number;
}

/** @throws Error that says what is wrong with the bytes */
type Make<T> = (bytes: Buffer, settings: Settings, config: SourceConfig) => T;

interface Watched<T> {
  readonly kept: Kept<T>;
  close(): void;
}

/**
 * What a source makes of its file. Processors that use a file alike hold it once, and it is made anew when the file
 * changes; of a file that cannot be used the one before stays.
 */
export class SourceFile<T extends Made> {
  readonly #settings: Settings;
  readonly #config: SourceConfig;
  readonly #key: string;
  readonly #make: Make<T>;
  #kept: Kept<T> | undefined;
  #held: Held<Watched<T>> | undefined;
  #closed = false;

  /** @param options all but the path on which it depends what is made of the file */
  constructor(settings: Settings, config: SourceConfig, options: readonly unknown[], make: Make<T>) {
    const { type, path, max_file_bytes, reload_interval } = config;
    this.#settings = settings;
    this.#config = config;
    this.#key = `enrichment ${JSON.stringify([type, path, max_file_bytes, reload_interval, options])}`;
    this.#make = make;
  }

  /** Undefined before the start. */
  get value(): T | undefined {
    return this.#kept?.value;
  }

  /** @throws Error that names the source, the file and what is wrong with it */
  async start({ shared = new Shared() }: Host): Promise<void> {
    const held = await shared.hold(this.#key, () => this.#watch());
    if (this.#closed) return held.release();
    this.#held = held;
    this.#kept = held.thing.kept;
  }

  close(): void {
    this.#closed = true;
    this.#held?.release();
  }

  async #watch(): Promise<Watched<T>> {
    const { clock, logger, meter, memory, id: processor } = this.#settings;
    const labels = { processor, source: this.#config.name };
    const failures = meter.counter({
      name: 'sluice_enrichment_file_failures_total',
      help: 'Changed files that could not be used: the one before stays.',
      labels,
    });
    const files = new WatchedFiles(clock, logger, Math.max(100, this.#config.reload_interval));
    const kept = await files.keep(async () => {
      try {
        return await this.#read(files);
      } catch (error) {
        failures.add(1);
        throw error;
      }
    });
    const help = 'Bytes of memory that a file takes.';
    const bytes = () => kept.value.bytes;
    const ends = [
      memory.addApart(bytes),
      meter.observe({ name: 'sluice_enrichment_file_bytes', help, labels }, bytes),
      () => kept.close(),
    ];
    return {
      kept,
      close() {
        for (const end of ends) end();
      },
    };
  }

  async #read(files: WatchedFiles): Promise<T> {
    const { name, type, path = '', max_file_bytes = defaultMaxBytes[type as 'file' | 'geoip'] } = this.#config;
    const bytes = await files.readBytes(`source ${name}: path`, path, max_file_bytes);
    try {
      return this.#make(bytes, this.#settings, this.#config);
    } catch (error) {
      throw new Error(`source ${name}: cannot use ${path}: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** A catalogue takes several times its file as objects; a database stays as it is. */
const defaultMaxBytes = { file: 64 << 20, geoip: 512 << 20 };
