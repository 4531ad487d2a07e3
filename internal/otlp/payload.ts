export type Signal = 'traces' | 'metrics' | 'logs';

/**
 * A batch: the protobuf bytes of an Export*ServiceRequest, in one or more chunks.
 * Each chunk is itself a whole request, because two concatenated requests are one merged request.
 * Immutable, so that every branch of a fan-out may share it.
 */
export class Payload {
  readonly signal: Signal;
  readonly chunks: readonly Uint8Array[];
  /** Spans, log records or metric data points. */
  readonly itemCount: number;
  readonly byteLength: number;

  constructor(signal: Signal, chunks: readonly Uint8Array[], itemCount: number, byteLength: number) {
    this.signal = signal;
    this.chunks = chunks;
    this.itemCount = itemCount;
    this.byteLength = byteLength;
  }

  /** Several batches of one signal as one, without a copy. */
  static concat(signal: Signal, parts: readonly Payload[]): Payload {
    const only = parts[0];
    if (parts.length === 1 && only) return only;
    const chunks: Uint8Array[] = [];
    let items = 0;
    let bytes = 0;
    for (const part of parts) {
      for (const chunk of part.chunks) chunks.push(chunk);
      items += part.itemCount;
      bytes += part.byteLength;
    }
    return new Payload(signal, chunks, items, bytes);
  }
}
