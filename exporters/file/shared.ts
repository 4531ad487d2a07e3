import { type FileConfig, maxBytes } from './config.ts';
import { RecordWriter } from './writer.ts';

/**
 * The one file of an exporter that serves several signals. Each signal has a component of its own, made from the same
 * configuration value, and their records must not tear one another or rotate the file away under each other.
 * Opened by the first that starts, closed by the last that stops.
 */
export class SharedWriter {
  readonly #config: FileConfig;
  readonly #now: () => number;
  #users = 0;
  #writer: RecordWriter | undefined;

  constructor(config: FileConfig, now: () => number) {
    this.#config = config;
    this.#now = now;
  }

  acquire(): Promise<Error | undefined> {
    this.#users += 1;
    this.#writer ??= new RecordWriter(writerOptions(this.#config, this.#now));
    return this.#writer.open();
  }

  write(record: readonly Uint8Array[]): Promise<Error | undefined> {
    return this.#writer!.write(record);
  }

  async release(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return;
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close();
  }
}

function writerOptions(config: FileConfig, now: () => number) {
  const { rotation } = config;
  return {
    path: config.path,
    append: config.append,
    createDirectory: config.create_directory ? Number.parseInt(config.directory_permissions ?? '0755', 8) : undefined,
    framing: framing(config),
    now,
    rotation: rotation && {
      maxBytes: maxBytes(rotation.max_megabytes),
      maxDays: rotation.max_days,
      maxBackups: rotation.max_backups,
      localTime: rotation.localtime,
    },
  } as const;
}

function framing({ format, compression }: FileConfig): 'lines' | 'length-prefixed' | 'members' {
  if (compression === 'gzip') return 'members';
  // Upstream: JSON that is compressed has its length in front too.
  return format === 'proto' || compression === 'zstd' ? 'length-prefixed' : 'lines';
}
