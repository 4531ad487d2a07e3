import type { Connection } from './connection.ts';
import { MAX_STREAM_ID, NO_ERROR } from './frames.ts';

/** How long the client may take to answer the ping between the two GOAWAY frames. */
const PING_MS = 1000;
const pingPayload = Buffer.from('goaway!!', 'latin1');

/**
 * How a server leaves without losing a call (RFC 9113 6.8): it says so naming no stream, waits until the client must
 * have heard it, names the last stream it takes, and closes when that and all before are answered.
 */
export class Departure {
  readonly #connection: Connection;
  #state: 'staying' | 'announced' | 'final' = 'staying';
  #announcedAt = 0;
  /** Streams above it are not looked at: the client was told to take them elsewhere. */
  lastTaken = MAX_STREAM_ID;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  begin(reason: string): void {
    const connection = this.#connection;
    if (this.#state !== 'staying' || connection.deaf) return;
    this.#state = 'announced';
    this.#announcedAt = connection.now;
    connection.sender.goAway(MAX_STREAM_ID, NO_ERROR, reason);
    connection.sender.ping(pingPayload, false);
  }

  pingAcked(payload: Buffer): void {
    if (this.#state === 'announced' && pingPayload.equals(payload)) this.#final();
  }

  sweep(now: number): void {
    if (this.#state === 'announced' && now - this.#announcedAt >= PING_MS) this.#final();
  }

  /** Closes the connection when the last call is over. */
  check(): void {
    if (this.#state === 'final' && this.#connection.idle) this.#connection.close();
  }

  #final(): void {
    this.#state = 'final';
    this.lastTaken = this.#connection.lastId;
    this.#connection.sender.goAway(this.lastTaken, NO_ERROR, 'leaving');
    this.check();
  }
}
