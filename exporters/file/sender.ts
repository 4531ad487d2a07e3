import type { Settings } from '../../internal/core/component.ts';
import { accepted, type Outcome, permanent, retryable } from '../../internal/core/outcome.ts';
import type { Sender } from '../../internal/exporterhelper/index.ts';
import { compress } from '../../internal/net/compression.ts';
import { encodeJson } from '../../internal/otlp/json.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { FileConfig } from './config.ts';
import type { SharedWriter } from './shared.ts';

const newline = Buffer.from('\n');

/** Writes each batch as one record. */
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
    const error = await this.#file.write(await this.#record(batch));
    return error ? retryable(error.message, undefined, error) : accepted;
  }

  async shutdown(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    await this.#file.release();
  }

  async #record(batch: Payload): Promise<Uint8Array[]> {
    const { format, compression, compression_params } = this.#config;
    const message = format === 'json' ? [encodeJson(batch)] : batch.chunks;
    if (compression === 'zstd') {
      return prefixed([await compress('zstd', joined(message), compression_params?.level || undefined)]);
    }
    const record = format === 'json' ? [...message, newline] : prefixed(message);
    if (compression !== 'gzip') return record;
    return [await compress('gzip', joined(record), compression_params?.level || undefined)];
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
