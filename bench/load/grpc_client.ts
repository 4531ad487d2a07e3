import { createConnection, type Socket } from 'node:net';
import { type Body, stampRequest } from '../items/body.ts';
import { inflate } from '../items/inflate.ts';
import { SuccessCheck } from './answer.ts';
import type { Client, ClientEvents } from './client.ts';
import { grpcStatus } from './grpc_status.ts';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  FRAME,
  FRAME_HEADER,
  frame,
  headerBlocks,
  settings,
  type WireRequest,
  windowUpdate,
  wireRequest,
} from './grpc_wire.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const MAX_WINDOW = 0x7fffffff;
const DEFAULT_WINDOW = 65535;
/** Below this much, many small writes cost more than one copy. */
const COPY_LIMIT = 65536;
const READ_BUFFER = 65536;
const GRPC_PREFIX = 5;

/** gRPC over raw sockets: `connections` of them, the bodies dealt out to them in turn, each one slot and one stream. */
export async function grpcClient(
  port: number,
  connections: number,
  bodies: readonly Body[],
  events: ClientEvents,
): Promise<Client> {
  const all = await Promise.all(Array.from({ length: connections }, () => Connection.open(port, bodies[0]!, events)));
  const exchanges = bodies.map((body, slot) => new Exchange(slot, body));
  return {
    slots: bodies.length,
    send: (slot, request) => all[slot % connections]!.send(exchanges[slot]!, request),
    flush: () => {
      for (const connection of all) connection.flush();
    },
    close: () => {
      for (const connection of all) connection.close();
    },
  };
}

/** The request of one slot on its way. */
class Exchange {
  readonly slot: number;
  readonly wire: WireRequest;
  stream = 0;
  /** The next frame to send, and how much of its payload is already sent. */
  next = 0;
  offset = 0;
  window = 0;

  constructor(slot: number, body: Body) {
    this.slot = slot;
    this.wire = wireRequest(body);
  }

  start(stream: number, request: number, window: number): void {
    const { bytes, frames, marks } = this.wire;
    stampRequest(bytes, marks, request);
    for (let i = 0; i + 1 < frames.length; i++) bytes.writeUInt32BE(stream, frames[i]! + 5);
    this.stream = stream;
    this.window = window;
    this.next = 0;
    this.offset = 0;
  }

  get allSent(): boolean {
    return this.next + 1 >= this.wire.frames.length;
  }
}

function decodeMessage(payload: Buffer): Uint8Array {
  const message = payload.subarray(GRPC_PREFIX);
  return payload[0] === 1 ? inflate(message) : message;
}

class Connection {
  readonly #socket: Socket;
  readonly #events: ClientEvents;
  readonly #firstHeaders: Buffer;
  readonly #open = new Map<number, Exchange>();
  /** Those with frames left to send, oldest first. */
  #waiting: Exchange[] = [];
  #out: Uint8Array[] = [];
  #outLength = 0;
  #nextStream = 1;
  #window = DEFAULT_WINDOW;
  #initialWindow = DEFAULT_WINDOW;
  #rest: Buffer = Buffer.alloc(0);
  #closed = false;
  readonly #success = new SuccessCheck();
  #lastTrailers: Buffer = Buffer.alloc(0);

  static open(port: number, body: Body, events: ClientEvents): Promise<Connection> {
    return new Promise((resolve, reject) => {
      let connection: Connection;
      const socket = createConnection({
        port,
        host: '127.0.0.1',
        noDelay: true,
        onread: {
          buffer: Buffer.allocUnsafe(READ_BUFFER),
          callback: (length, buffer) => {
            connection.#read(Buffer.from(buffer.buffer, buffer.byteOffset, length));
            return true;
          },
        },
      });
      connection = new Connection(socket, body, `127.0.0.1:${port}`, events);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        connection.#begin();
        resolve(connection);
      });
    });
  }

  private constructor(socket: Socket, body: Body, authority: string, events: ClientEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#firstHeaders = frame(FRAME.headers, END_HEADERS, 1, headerBlocks(body, authority).first);
  }

  #begin(): void {
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the subject closed a connection of the load')));
    // No table for the peer's headers, so that they can be read without one; no pushes; windows that never close.
    const ours = settings([
      [1, 0],
      [2, 0],
      [4, MAX_WINDOW],
    ]);
    this.#socket.write(Buffer.concat([PREFACE, ours, windowUpdate(0, MAX_WINDOW - DEFAULT_WINDOW)]));
  }

  send(exchange: Exchange, request: number): void {
    exchange.start(this.#nextStream, request, this.#initialWindow);
    this.#nextStream += 2;
    this.#open.set(exchange.stream, exchange);
    if (exchange.stream === 1) {
      this.#push(this.#firstHeaders);
      exchange.next = 1;
    }
    if (!this.#advance(exchange)) this.#waiting.push(exchange);
  }

  flush(): void {
    if (this.#out.length === 0) return;
    const out = this.#out;
    if (this.#outLength <= COPY_LIMIT) {
      this.#socket.write(out.length === 1 ? out[0]! : Buffer.concat(out, this.#outLength));
    } else {
      this.#socket.cork();
      for (const chunk of out) this.#socket.write(chunk);
      this.#socket.uncork();
    }
    this.#out = [];
    this.#outLength = 0;
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.close();
    this.#events.onFailure(error);
  }

  #push(bytes: Uint8Array): void {
    this.#out.push(bytes);
    this.#outLength += bytes.length;
  }

  /** Sends what the windows allow: whole frames as they lie ready, then part of one. @returns whether all is sent */
  #advance(exchange: Exchange): boolean {
    const { bytes, frames } = exchange.wire;
    if (exchange.offset > 0) this.#partial(exchange);
    if (exchange.offset > 0) return false;
    const start = frames[exchange.next]!;
    while (!exchange.allSent) {
      const payload = exchange.next === 0 ? 0 : frames[exchange.next + 1]! - frames[exchange.next]! - FRAME_HEADER;
      if (payload > this.#window || payload > exchange.window) break;
      this.#window -= payload;
      exchange.window -= payload;
      exchange.next++;
    }
    const end = frames[exchange.next]!;
    if (end > start) this.#push(bytes.subarray(start, end));
    if (!exchange.allSent) this.#partial(exchange);
    return exchange.allSent;
  }

  /** Sends as much of the next DATA frame as the windows allow. */
  #partial(exchange: Exchange): void {
    const { bytes, frames } = exchange.wire;
    const start = frames[exchange.next]! + FRAME_HEADER + exchange.offset;
    const end = frames[exchange.next + 1]!;
    const length = Math.min(end - start, this.#window, exchange.window);
    if (length <= 0) return;
    const rest = start + length < end;
    const isLast = exchange.next + 2 === frames.length;
    this.#window -= length;
    exchange.window -= length;
    const piece = bytes.subarray(start, start + length);
    this.#push(frame(FRAME.data, isLast && !rest ? END_STREAM : 0, exchange.stream, piece));
    exchange.offset = rest ? exchange.offset + length : 0;
    if (!rest) exchange.next++;
  }

  #advanceWaiting(): void {
    while (this.#waiting.length > 0 && this.#window > 0) {
      const blocked = this.#waiting.filter((exchange) => !this.#advance(exchange));
      const stuck = blocked.length === this.#waiting.length;
      this.#waiting = blocked;
      if (stuck) break;
    }
    this.flush();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    try {
      while (at + FRAME_HEADER <= bytes.length) {
        const end = at + FRAME_HEADER + bytes.readUIntBE(at, 3);
        if (end > bytes.length) break;
        const stream = bytes.readUInt32BE(at + 5) & MAX_WINDOW;
        this.#frame(bytes[at + 3]!, bytes[at + 4]!, stream, bytes.subarray(at + FRAME_HEADER, end));
        at = end;
      }
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    // A copy: the buffer that was read into is used again.
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    this.flush();
  }

  #frame(type: number, flags: number, stream: number, payload: Buffer): void {
    switch (type) {
      case FRAME.data:
        // Short enough never to be cut into several frames.
        this.#success.check(payload, decodeMessage);
        return;
      case FRAME.headers:
        if ((flags & END_HEADERS) === 0 || (flags & 0x28) !== 0) throw new Error(`HEADERS with flags ${flags}`);
        if ((flags & END_STREAM) !== 0) this.#answer(stream, this.#statusOf(payload));
        return;
      case FRAME.reset:
        this.#answer(stream, `reset ${payload.readUInt32BE()}`);
        return;
      case FRAME.settings:
        if ((flags & ACK) === 0) this.#settings(payload);
        return;
      case FRAME.ping:
        if ((flags & ACK) === 0) this.#push(frame(FRAME.ping, ACK, 0, Buffer.from(payload)));
        return;
      case FRAME.goaway:
        throw new Error(`GOAWAY ${payload.readUInt32BE(4)} ${payload.toString('latin1', 8)}`);
      case FRAME.window:
        this.#grant(stream, payload.readUInt32BE());
        return;
      case FRAME.continuation:
        throw new Error('CONTINUATION is not expected of so few headers');
    }
  }

  #statusOf(block: Buffer): string | undefined {
    // Nearly all trailers are the same bytes.
    if (block.equals(this.#lastTrailers)) return undefined;
    const status = grpcStatus(block);
    if (status !== 0) return `grpc ${status ?? 'without status'}`;
    this.#lastTrailers = Buffer.from(block);
    return undefined;
  }

  #answer(stream: number, error: string | undefined): void {
    const exchange = this.#open.get(stream);
    if (exchange === undefined) return;
    this.#open.delete(stream);
    if (!exchange.allSent) {
      this.#waiting = this.#waiting.filter((other) => other !== exchange);
      const cancel = Buffer.from([0, 0, 0, 8]);
      this.#push(frame(FRAME.reset, 0, stream, cancel));
    }
    // Answered before it was read: its bytes may still lie in the socket's queue, so they must not change yet.
    if (error !== undefined && (this.#socket.writableLength > 0 || this.#out.length > 0)) {
      this.flush();
      this.#socket.write(Buffer.alloc(0), () => this.#events.onAnswer(exchange.slot, error));
    } else {
      this.#events.onAnswer(exchange.slot, error);
    }
  }

  #settings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const id = payload.readUInt16BE(at);
      const value = payload.readUInt32BE(at + 2);
      if (id === 1 && value < 4096) throw new Error(`a header table of ${value} bytes: fixed header blocks need 4096`);
      if (id === 4) {
        for (const exchange of this.#open.values()) exchange.window += value - this.#initialWindow;
        this.#initialWindow = value;
      }
    }
    this.#push(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
    this.#advanceWaiting();
  }

  #grant(stream: number, increment: number): void {
    if (stream === 0) this.#window += increment;
    else {
      const exchange = this.#open.get(stream);
      if (exchange !== undefined) exchange.window += increment;
    }
    if (this.#waiting.length > 0) this.#advanceWaiting();
  }
}
