import type { Host, Settings } from '../../internal/core/component.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { SendContext, Sender } from '../../internal/exporterhelper/index.ts';
import { GrpcClient } from '../../internal/net/grpc/client.ts';
import { exportOtlp } from '../../internal/net/grpc/otlp.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { OtlpGrpcConfig } from './config.ts';

/** Sends each batch as one unary call. */
export class GrpcSender implements Sender {
  readonly #client: GrpcClient;

  constructor(settings: Settings, config: OtlpGrpcConfig) {
    this.#client = new GrpcClient(settings, config);
  }

  start(host: Host): Promise<void> {
    return this.#client.start(host);
  }

  send(batch: Payload, ctx: SendContext): Promise<Outcome> {
    return exportOtlp(this.#client, batch.signal, batch, ctx.abort);
  }

  async shutdown(): Promise<void> {
    this.#client.close();
  }
}
