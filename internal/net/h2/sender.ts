import type { Socket } from 'node:net';
import { type OkFrames, PREFIX } from './answer.ts';
import {
  CONTINUATION,
  DATA,
  DEFAULT_MAX_FRAME,
  DEFAULT_WINDOW,
  FLAG_ACK,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FRAME_HEADER,
  GOAWAY,
  HEADERS,
  MAX_WINDOW,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
  writeFrameHeader,
  writeUint32,
} from './frames.ts';
import type { Stream } from './stream.ts';

const SMALLEST = 512;

/** The sending half of a connection: frames of one tick leave in one write, bodies as the client's windows allow. */
export class Sender {
  /** The client's window for the connection. */
  window = DEFAULT_WINDOW;
  /** The client's SETTINGS_INITIAL_WINDOW_SIZE. */
  initialWindow = DEFAULT_WINDOW;
  #socket: Socket;
  #onSent: (stream: Stream) => void;
  #onWritten: () => void;
  #buffer: Buffer | undefined;
  #length = 0;
  #capacity = SMALLEST;
  #scheduled = false;
  /** Streams that only the connection's window holds up, in order. */
  #waiting = new Set<Stream>();

  /**
   * @param onSent all frames of a stream's answer are on their way
   * @param onWritten after each write to the socket
   */
  constructor(socket: Socket, onSent: (stream: Stream) => void, onWritten: () => void) {
    this.#socket = socket;
    this.#onSent = onSent;
    this.#onWritten = onWritten;
  }

  settings(entries: readonly (readonly [number, number])[]): void {
    let at = this.#frame(entries.length * 6, SETTINGS, 0, 0);
    for (const [id, value] of entries) {
      this.#buffer![at] = id >>> 8;
      this.#buffer![at + 1] = id;
      writeUint32(this.#buffer!, at + 2, value);
      at += 6;
    }
  }

  settingsAck(): void {
    this.#frame(0, SETTINGS, FLAG_ACK, 0);
  }

  ping(payload: Uint8Array, ack: boolean): void {
    const at = this.#frame(8, PING, ack ? FLAG_ACK : 0, 0);
    this.#buffer!.set(payload, at);
  }

  goAway(lastId: number, code: number, reason: string): void {
    const text = Buffer.from(reason.slice(0, 256), 'latin1');
    const at = this.#frame(8 + text.length, GOAWAY, 0, 0);
    writeUint32(this.#buffer!, at, lastId);
    writeUint32(this.#buffer!, at + 4, code);
    this.#buffer!.set(text, at + 8);
  }

  reset(id: number, code: number): void {
    const at = this.#frame(4, RST_STREAM, 0, id);
    writeUint32(this.#buffer!, at, code);
  }

  windowUpdate(id: number, bytes: number): void {
    const at = this.#frame(4, WINDOW_UPDATE, 0, id);
    writeUint32(this.#buffer!, at, bytes);
  }

  /** The whole answer at once. @returns false when the client's windows are too small for it */
  ok(stream: Stream, frames: OkFrames): boolean {
    const body = PREFIX + frames.message.length;
    if (body > stream.sendWindow || body > this.window || body > DEFAULT_MAX_FRAME || this.#waiting.size > 0)
      return false;
    const at = this.#room(frames.bytes.length);
    frames.writeTo(this.#buffer!, at, stream.id);
    this.window -= body;
    this.#onSent(stream);
    return true;
  }

  /** Headers at once, then the body and the trailers as far as the windows allow. */
  respond(stream: Stream, headers: Uint8Array, body: Uint8Array, trailers: Uint8Array | undefined): void {
    const ends = body.length === 0 && !trailers;
    this.#headers(stream.id, headers, ends);
    if (ends) {
      this.#onSent(stream);
      return;
    }
    stream.pending = { bytes: body, at: 0, since: stream.connection.now, trailers };
    this.pump(stream);
  }

  /** @returns false when the sum is over 2^31 - 1, a FLOW_CONTROL_ERROR (RFC 9113 6.9.1) */
  grow(bytes: number): boolean {
    this.window += bytes;
    if (this.window > MAX_WINDOW) return false;
    for (const stream of this.#waiting) {
      if (this.window <= 0) break;
      this.#waiting.delete(stream);
      this.pump(stream);
    }
    return true;
  }

  /** Applies to open streams too, and may leave a window negative (RFC 9113 6.9.2). @returns false as `grow` does */
  setInitialWindow(bytes: number, streams: Iterable<Stream>): boolean {
    const delta = bytes - this.initialWindow;
    this.initialWindow = bytes;
    if (delta === 0) return true;
    for (const stream of streams) if (!this.growStream(stream, delta)) return false;
    return true;
  }

  growStream(stream: Stream, bytes: number): boolean {
    stream.sendWindow += bytes;
    if (stream.sendWindow > MAX_WINDOW) return false;
    if (stream.pending) this.pump(stream);
    return true;
  }

  pump(stream: Stream): void {
    const pending = stream.pending;
    if (!pending) return;
    const { bytes, trailers } = pending;
    while (pending.at < bytes.length) {
      const take = Math.min(bytes.length - pending.at, stream.sendWindow, this.window, DEFAULT_MAX_FRAME);
      if (take <= 0) {
        if (stream.sendWindow > 0) this.#waiting.add(stream);
        return;
      }
      const last = pending.at + take === bytes.length && !trailers;
      const at = this.#frame(take, DATA, last ? FLAG_END_STREAM : 0, stream.id);
      this.#buffer!.set(bytes.subarray(pending.at, pending.at + take), at);
      pending.at += take;
      pending.since = stream.connection.now;
      stream.sendWindow -= take;
      this.window -= take;
    }
    if (trailers) this.#headers(stream.id, trailers, true);
    stream.pending = undefined;
    this.#onSent(stream);
  }

  forget(stream: Stream): void {
    stream.pending = undefined;
    this.#waiting.delete(stream);
  }

  flush(): void {
    this.#scheduled = false;
    const buffer = this.#buffer;
    if (!buffer || this.#socket.destroyed || !this.#socket.writable) {
      this.#buffer = undefined;
      return;
    }
    this.#socket.write(buffer.subarray(0, this.#length));
    this.#capacity = Math.max(SMALLEST, this.#length);
    this.#buffer = undefined;
    this.#length = 0;
    this.#onWritten();
  }

  /** A header block, cut into CONTINUATION frames should it be longer than the client's frames. */
  #headers(id: number, block: Uint8Array, endStream: boolean): void {
    let type = HEADERS;
    let flags = endStream ? FLAG_END_STREAM : 0;
    for (let from = 0; ; ) {
      const to = Math.min(block.length, from + DEFAULT_MAX_FRAME);
      if (to === block.length) flags |= FLAG_END_HEADERS;
      const at = this.#frame(to - from, type, flags, id);
      this.#buffer!.set(from === 0 && to === block.length ? block : block.subarray(from, to), at);
      if (to === block.length) return;
      from = to;
      type = CONTINUATION;
      flags = 0;
    }
  }

  /** @returns where the payload goes */
  #frame(length: number, type: number, flags: number, id: number): number {
    const at = this.#room(FRAME_HEADER + length);
    writeFrameHeader(this.#buffer!, at, length, type, flags, id);
    return at + FRAME_HEADER;
  }

  #room(bytes: number): number {
    const at = this.#buffer ? this.#length : 0;
    const need = at + bytes;
    if (!this.#buffer) {
      this.#buffer = Buffer.allocUnsafe(Math.max(this.#capacity, need));
    } else if (need > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, need));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    this.#length = need;
    if (!this.#scheduled) this.#schedule();
    return at;
  }

  /** After the microtasks of this turn, so that all calls which they settle share one write. */
  #schedule(): void {
    this.#scheduled = true;
    queueMicrotask(() => process.nextTick(flush, this));
  }
}

function flush(sender: Sender): void {
  sender.flush();
}
