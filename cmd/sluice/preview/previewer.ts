import type { Payload, Signal } from '../../../internal/otlp/payload.ts';

/** What one kind of backend would be sent, without sending. */
export interface Previewer {
  /** Type of the exporter whose settings count. */
  readonly exporter: string;
  readonly signals: readonly Signal[];
  /** What its schema must be given besides defaults, where no configuration is named. */
  readonly needed: Readonly<Record<string, unknown>>;
  /**
   * Lines for stdout.
   * @param batches of one signal, in order
   * @param config the output of the exporter's schema
   * @param note says what a reader must know besides
   */
  lines(batches: readonly Payload[], config: unknown, note: (text: string) => void): Iterable<string>;
}
