import type { ClientMetadata } from '../../core/consumer.ts';
import type { Connection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import { DEFAULT_WINDOW } from './frames.ts';
import type { RequestHead } from './request_head.ts';
import type { CallHead } from './types.ts';

/** What waits for the client's window: the rest of a body, and what ends the stream after it. */
export interface PendingBody {
  readonly bytes: Uint8Array;
  at: number;
  /** Monotonic milliseconds of the last progress. */
  since: number;
  /** An encoded header block; undefined: the last DATA frame ends the stream. */
  readonly trailers: Uint8Array | undefined;
}

/** One call. It is its own `CallHead`, so that a call costs one object; what handlers must not touch is not in that type. */
export class Stream implements CallHead {
  readonly id: number;
  readonly connection: Connection;
  readonly head: RequestHead;
  readonly exchange: Exchange;
  /** Monotonic milliseconds. */
  readonly startedAt: number;

  /** The client has ended its side. */
  remoteClosed = false;
  /** An answer has been given, though perhaps not sent yet; what still comes is not for anybody. */
  answered = false;
  /** No frame will be sent for it any more. */
  gone = false;
  /** The handler has been called and has not settled. */
  running = false;
  /** Waits for `admit`. */
  admitting = false;
  /** The whole body came while `admit` was thinking. */
  endedEarly = false;

  recvWindow = DEFAULT_WINDOW;
  sendWindow: number;
  pending: PendingBody | undefined;

  /** Bytes reserved in the memory budget for this call. */
  reserved = 0;
  /** Body bytes that came, without padding. */
  received = 0;
  /** When body bytes last came. */
  heardAt: number;

  // The gRPC message: 5 bytes of prefix, then `length` bytes.
  prefixBytes = 0;
  compressed = 0;
  length = 0;
  message: Uint8Array | undefined;
  filled = 0;

  /** Body of a plain HTTP request. */
  chunks: Buffer[] | undefined;

  deadline: { cancel(): void } | undefined;
  #controller: AbortController | undefined;
  #aborted: string | undefined;

  constructor(connection: Connection, id: number, head: RequestHead, exchange: Exchange) {
    this.connection = connection;
    this.id = id;
    this.head = head;
    this.exchange = exchange;
    this.sendWindow = connection.sender.initialWindow;
    this.startedAt = connection.now;
    this.heardAt = connection.now;
  }

  get method(): string {
    return this.head.method;
  }

  get path(): string {
    return this.head.path;
  }

  get peer(): string {
    return this.connection.peer;
  }

  header(name: string): string | undefined {
    return this.head.header(name);
  }

  metadata(): ClientMetadata {
    return this.head.metadata();
  }

  get abort(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(new Error(this.#aborted));
    }
    return this.#controller.signal;
  }

  /** Tells whoever listens that nobody waits for the answer. */
  cancel(reason: string): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = reason;
    this.#controller?.abort(new Error(reason));
  }

  /** The handler, or nobody, still needs the bytes. */
  release(): void {
    if (this.reserved > 0) this.connection.server.memory.release(this.reserved);
    this.reserved = 0;
    this.message = undefined;
    this.chunks = undefined;
  }
}
