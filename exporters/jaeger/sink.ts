import type { Span } from '../../internal/otlp/view/span.ts';
import type { Instant } from './instant.ts';

/**
 * Takes Jaeger processes and spans apart from their rules: one for each form in which Jaeger reads them.
 * Keys and values are ranges of bytes, so that text goes from the request to the message without being decoded.
 * Calls come in this order, `tags` standing for any number of the tag methods:
 *
 *   beginProcess tags endProcess
 *   beginSpan reference* times tags (beginLog tags endLog)* endSpan
 */
export interface Sink {
  beginProcess(name: Uint8Array, from: number, to: number): void;
  endProcess(): void;

  /** Ids and name are the span's own. */
  beginSpan(span: Span): void;
  /** @param traceAt where 16 bytes lie, @param spanAt where 8 bytes lie; -1: all zeros */
  reference(buf: Uint8Array, traceAt: number, spanAt: number, childOf: boolean): void;
  times(sampled: boolean, start: Instant, duration: Instant): void;
  beginLog(time: Instant): void;
  endLog(): void;
  endSpan(): void;

  /** UTF-8. */
  text(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, from: number, to: number): void;
  bool(key: Uint8Array, keyFrom: number, keyTo: number, value: boolean): void;
  /** @param at where a varint lies, an int64 */
  int(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, at: number): void;
  /** @param at where eight bytes lie, a double with the lowest byte first */
  double(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, at: number): void;
  binary(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, from: number, to: number): void;
}

/** A sink that writes messages, each of one process and some of its spans. */
export interface MessageSink extends Sink {
  /** Bytes of the message if it ended here. */
  readonly size: number;
  /** @param bytes it will probably take */
  beginMessage(bytes: number): void;
  /** Takes back what was written behind `mark`, which is a span more than there should be. */
  undoSpan(mark: number): void;
  /** Where the next span begins, for `undoSpan`. */
  readonly mark: number;
  endMessage(): Written;
}

export interface Written {
  readonly bytes: Uint8Array;
  /** What the bytes lie in, for the slabs it came from. */
  readonly slab: Buffer;
}
