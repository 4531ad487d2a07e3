import type { Socket } from 'node:net';

/** Stops reading from a client that leaves its answers unread, so that it cannot ask for more of them. */
export class Backpressure {
  /** Monotonic milliseconds; undefined while the client is read from. */
  pausedSince: number | undefined;
  readonly #socket: Socket;
  readonly #maxBytes: number;

  constructor(socket: Socket, maxBytes: number) {
    this.#socket = socket;
    this.#maxBytes = maxBytes;
  }

  written(now: number): void {
    if (this.pausedSince !== undefined || this.#socket.writableLength <= this.#maxBytes) return;
    this.pausedSince = now;
    this.#socket.pause();
  }

  drained(): void {
    if (this.pausedSince === undefined) return;
    this.pausedSince = undefined;
    this.#socket.resume();
  }
}
