import { setImmediate } from 'node:timers/promises';
import type { Host, Settings } from '../../internal/core/component.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { SendContext, Sender } from '../../internal/exporterhelper/index.ts';
import { HttpClient } from '../../internal/net/http/client.ts';
import { encodeJsonInTurns } from '../../internal/otlp/json_turns.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import type { OtlpHttpConfig } from './config.ts';

const contentTypes = { proto: 'application/x-protobuf', json: 'application/json' } as const;

/** Sends each batch as one POST. */
export class HttpSender implements Sender {
  readonly #settings: Settings;
  readonly #encoding: OtlpHttpConfig['encoding'];
  readonly #client: HttpClient;

  constructor(settings: Settings, config: OtlpHttpConfig, signal: Signal) {
    this.#settings = settings;
    this.#encoding = config.encoding;
    this.#client = new HttpClient(settings, config, {
      url: urlOf(settings.id, config, signal),
      contentType: contentTypes[config.encoding],
      expects: 'OTLP endpoint',
      adviceOnGrpc: 'is this the gRPC port (4317)? Use the otlp_grpc exporter for it',
    });
  }

  start(host: Host): Promise<void> {
    return this.#client.start(host);
  }

  send(batch: Payload, ctx: SendContext): Promise<Outcome> {
    return this.#encoding === 'json' ? this.#sendJson(batch, ctx) : this.#client.post(batch.chunks, ctx.abort);
  }

  async shutdown(): Promise<void> {
    this.#client.close();
  }

  async #sendJson(batch: Payload, ctx: SendContext): Promise<Outcome> {
    const { memory } = this.#settings;
    const chunks = await encodeJsonInTurns(batch, setImmediate);
    const copied = chunks.reduce((sum, { length }) => sum + length, 0);
    memory.addCopy(copied);
    try {
      return await this.#client.post(chunks, ctx.abort);
    } finally {
      memory.dropCopy(copied);
    }
  }
}

function urlOf(id: string, config: OtlpHttpConfig, signal: Signal): URL {
  const own = config[`${signal}_endpoint`];
  if (own) return new URL(own);
  if (!config.endpoint) throw new Error(`${id}: a ${signal} pipeline needs endpoint or ${signal}_endpoint`);
  return new URL(`${config.endpoint.replace(/\/$/, '')}/v1/${signal}`);
}
