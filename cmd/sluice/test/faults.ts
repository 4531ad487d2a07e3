import { setTimeout as pause } from 'node:timers/promises';
import { stamped } from '../../../internal/testkit/stamped.ts';
import { type GrpcReply, GrpcSender, otlpReceiver, type Running } from './running.ts';

/** What of a configuration differs between these tests. */
export interface Options {
  readonly exporters: string;
  readonly names?: string;
  readonly processors?: string;
  readonly service?: string;
}

/** One pipeline of traces. */
export function config({ exporters, names = 'otlp', processors = '', service = '' }: Options): string {
  return `${otlpReceiver}
processors: { batch: { timeout: 20ms } }
exporters:
${exporters}
service:
${service}
  pipelines: { traces: { receivers: [otlp], processors: [${processors}], exporters: [${names}] } }`;
}

/** An otlp exporter that tries again soon. */
export function otlp(more = '', backend = 'BACKEND', name = 'otlp'): string {
  return `
  ${name}:
    endpoint: "\${env:${backend}}"
    tls: { insecure: true }
    compression: none
    timeout: 30s
    retry_on_failure: { initial_interval: 20ms, max_interval: 100ms }
${more}`;
}

/** A client that does as OTLP says: waits and sends again what was refused for now. */
export class PatientSender {
  readonly accepted: string[] = [];
  readonly refusals: GrpcReply[] = [];
  readonly #sender: GrpcSender;

  constructor(sluice: Running) {
    this.#sender = new GrpcSender(sluice);
  }

  /** @returns whether it was taken */
  async once(batch: readonly string[], padding = 0): Promise<boolean> {
    const body = Buffer.concat([...stamped('traces', batch).chunks, unknownField(padding)]);
    const answer = await this.#sender.exchange('traces', body);
    if (answer.code === 0) this.accepted.push(...batch);
    else this.refusals.push(answer);
    return answer.code === 0;
  }

  async untilTaken(batch: readonly string[], padding = 0): Promise<void> {
    // Sooner than the hint says, so that the test does not wait; ever later, so that a busy machine is not kept busy by refusals.
    for (let n = 0; n < 500 && !(await this.once(batch, padding)); n++) await pause(Math.min(20 * 2 ** n, 200));
  }

  close(): void {
    this.#sender.close();
  }
}

/** Weight for a request: a field that no OTLP version has. */
function unknownField(bytes: number): Buffer {
  if (bytes === 0) return Buffer.alloc(0);
  const size = Buffer.from([(bytes & 127) | 128, ((bytes >>> 7) & 127) | 128, bytes >>> 14]);
  return Buffer.concat([Buffer.from([0xfa, 0x3e]), size, Buffer.alloc(bytes)]);
}
