import type { Component, Host, Outputs, Settings } from '../../internal/core/component.ts';
import type { Port } from '../../internal/net/port.ts';
import type { OtlpReceiverConfig } from './config.ts';
import { grpcPort, httpPort } from './ports.ts';

/** The ports of the protocols that the configuration names. Each serves both protocols by its own rules of access. */
export class OtlpReceiver implements Component {
  readonly #settings: Settings;
  readonly #config: OtlpReceiverConfig;
  readonly #outputs: Outputs;
  readonly #ports: Port[] = [];

  constructor(settings: Settings, config: OtlpReceiverConfig, outputs: Outputs) {
    this.#settings = settings;
    this.#config = config;
    this.#outputs = outputs;
  }

  /** Where it listens, by protocol; port 0 has become the port that was chosen. */
  get addresses() {
    return this.#ports.map((port) => port.address);
  }

  async start(host: Host): Promise<void> {
    const { grpc, http } = this.#config.protocols;
    try {
      for (const make of [grpc && grpcPort, http && httpPort]) {
        if (!make) continue;
        const port = await make({
          settings: this.#settings,
          outputs: this.#outputs,
          host,
          protocols: this.#config.protocols,
        });
        this.#ports.push(port);
        await port.start();
      }
    } catch (error) {
      await this.shutdown(AbortSignal.abort());
      throw error;
    }
  }

  async shutdown(abort: AbortSignal): Promise<void> {
    await Promise.all(this.#ports.map((port) => port.shutdown(abort)));
  }
}
