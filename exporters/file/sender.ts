import { setImmediate } from 'node:timers/promises';
import type { Settings } from '../../internal/core/component.ts';
import { accepted, type Outcome, permanent, retryable } from '../../internal/core/outcome.ts';
import type { Sender } from '../../internal/exporterhelper/index.ts';
import { compress } from '../../internal/net/compression.ts';
import { encodeJson } from '../../internal/otlp/json.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { splitByItems } from '../../internal/otlp/split.ts';
import type { FileConfig } from './config.ts';
import type { SharedWriter } from './shared.ts';

const newline = Buffer.from('\n');

/** Writing JSON takes about 10 us an item, and everything else waits meanwhile. */
const itemsPerLine = 1024;

/** Writes each batch as one record, or as JSON in several where it is large. */
export class FileSender implements Sender {
  readonly #settings: Settings;
  readonly #config: FileConfig;
  readonly #file: SharedWriter;
  #running = false;

  constructor(settings: Settings, config: FileConfig, file: SharedWriter) {
    this.#settings = settings;
    this.#config = config;
    this.#file = file;
  }

  /** A file that cannot be opened yet is no reason not to start: a volume may come late. The status tells of it. */
  async start(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const error = await this.#file.acquire();
    if (error) {
      this.#settings.logger.error(error.message);
      this.#settings.report('recoverable_error', error.message);
    }
  }

  async send(batch: Payload): Promise<Outcome> {
    if (!this.#running) return permanent('shutdown', 'the exporter is not running');
    const error = await this.#file.write(await this.#records(batch));
    return error ? retryable(error.message, undefined, error) : accepted;
  }

  async shutdown(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    await this.#file.release();
  }

  /** The batch in one go, so that it is written as a whole or not at all. */
  async #records(batch: Payload): Promise<Uint8Array[]> {
    if (this.#config.format === 'proto') return this.#record(batch.chunks);
    const records: Uint8Array[] = [];
    for (const part of splitByItems(batch, itemsPerLine)) {
      records.push(...(await this.#record([encodeJson(part)])));
      await setImmediate();
    }
    return records;
  }

  async #record(message: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const { format, compression, compression_params } = this.#config;
    const level = Math.max(0, compression_params?.level ?? 0) || undefined;
    if (compression === 'zstd') return prefixed([await compress('zstd', joined(message), level)]);
    const record = format === 'json' ? [...message, newline] : prefixed(message);
    return compression === 'gzip' ? [await compress('gzip', joined(record), level)] : record;
  }
}

/** 4 bytes of length, big endian, before the message: upstream's fileexporter, exportMessageAsBuffer. */
function prefixed(message: readonly Uint8Array[]): Uint8Array[] {
  const prefix = Buffer.allocUnsafe(4);
  prefix.writeUInt32BE(message.reduce((sum, chunk) => sum + chunk.length, 0));
  return [prefix, ...message];
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
