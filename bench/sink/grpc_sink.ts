import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { inflate } from '../items/inflate.ts';
import { ACK, END_HEADERS, END_STREAM, FRAME, FRAME_HEADER, frame, settings, windowUpdate } from '../load/grpc_wire.ts';
import type { Sink, SinkOptions } from './sink.ts';

const PREFACE = 24;
const DEFAULT_WINDOW = 65535;
const MAX_WINDOW = 0x7fffffff;
/** How much may arrive before the connection's window is filled up again. */
const REFILL = 64 * 1024 * 1024;
const GRPC_PREFIX = 5;
/** Buffers kept for the next messages of a connection. */
const SPARE = 16;
const MAX_MESSAGE = 64 * 1024 * 1024;

// :status 200 (static entry 8), content-type application/grpc, and the trailer grpc-status.
const CONTENT_TYPE = Buffer.from([0x88, 0x0f, 0x10, 16, ...Buffer.from('application/grpc')]);
const status = (code: number) => {
  const text = String(code);
  return Buffer.from([0x00, 11, ...Buffer.from('grpc-status'), text.length, ...Buffer.from(text)]);
};
/** The three frames of a success, and the one of a refusal; the stream's number is written in. */
const ANSWER = Buffer.concat([
  frame(FRAME.headers, END_HEADERS, 0, CONTENT_TYPE),
  frame(FRAME.data, 0, 0, Buffer.alloc(GRPC_PREFIX)),
  frame(FRAME.headers, END_HEADERS | END_STREAM, 0, status(0)),
]);
const ANSWER_STREAMS = [5, 5 + FRAME_HEADER + CONTENT_TYPE.length, 5 + 2 * FRAME_HEADER + CONTENT_TYPE.length + 5];
const refusal = (code: number) =>
  frame(FRAME.headers, END_HEADERS | END_STREAM, 0, Buffer.concat([CONTENT_TYPE, status(code)]));

/**
 * Takes unary gRPC calls whatever their method: header blocks are not even read, since the message tells what is needed.
 * HTTP/2 as far as well-behaved clients use it.
 */
export async function startGrpcSink(options: SinkOptions): Promise<Sink> {
  const connections = new Set<Connection>();
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = new Connection(socket, options);
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return {
    port: address.port,
    close: async () => {
      for (const connection of connections) connection.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A gRPC message as it comes in: prefix, then the body into a buffer of the length that the prefix names. */
class Message {
  readonly #prefix = Buffer.alloc(GRPC_PREFIX);
  readonly #spare: Buffer[];
  #body: Buffer | undefined;
  #filled = 0;

  constructor(spare: Buffer[]) {
    this.#spare = spare;
  }

  append(bytes: Buffer): void {
    let from = 0;
    if (this.#body === undefined) {
      from = Math.min(GRPC_PREFIX - this.#filled, bytes.length);
      bytes.copy(this.#prefix, this.#filled, 0, from);
      this.#filled += from;
      if (this.#filled < GRPC_PREFIX) return;
      const length = this.#prefix.readUInt32BE(1);
      if (length > MAX_MESSAGE) throw new Error(`a message of ${length} bytes`);
      this.#body = take(this.#spare, length);
      this.#filled = 0;
    }
    if (this.#filled + bytes.length - from > this.#body.length) throw new Error('more bytes than the message has');
    bytes.copy(this.#body, this.#filled, from);
    this.#filled += bytes.length - from;
  }

  finish(use: (message: Uint8Array) => void): void {
    if (this.#body === undefined || this.#filled < this.#body.length) throw new Error('a message that ends early');
    use(this.#prefix[0] === 1 ? inflate(this.#body) : this.#body);
    if (this.#spare.length < SPARE) this.#spare.push(Buffer.from(this.#body.buffer));
  }
}

/** Large buffers are used again: allocating them costs the sink more than reading what is in them. */
function take(spare: Buffer[], length: number): Buffer {
  const found = spare.findIndex((buffer) => buffer.length >= length);
  const buffer = found < 0 ? Buffer.allocUnsafeSlow(Math.ceil(length * 1.125)) : spare.splice(found, 1)[0]!;
  return buffer.subarray(0, length);
}

class Connection {
  readonly #socket: Socket;
  readonly #options: SinkOptions;
  readonly #messages = new Map<number, Message>();
  readonly #spare: Buffer[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Bytes of the preface, or of a frame header or control frame, until they are whole. */
  #pending: Buffer = Buffer.alloc(0);
  #skip = PREFACE;
  #dataLeft = 0;
  #dataStream = 0;
  #dataEnds = false;
  #consumed = 0;
  #out: Buffer[] = [];

  constructor(socket: Socket, options: SinkOptions) {
    this.#socket = socket;
    this.#options = options;
    const ours = settings([
      [3, 1 << 20],
      [4, MAX_WINDOW],
    ]);
    socket.write(Buffer.concat([ours, windowUpdate(0, MAX_WINDOW - DEFAULT_WINDOW)]));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // The subject may go away at any time; what it owed shows in the tally.
    socket.on('error', () => {});
    socket.on('close', () => this.#clearTimers());
  }

  close(): void {
    this.#clearTimers();
    this.#socket.destroy();
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #read(chunk: Buffer): void {
    try {
      this.#parse(chunk);
    } catch (error) {
      this.close();
      this.#options.onFailure(error as Error);
      return;
    }
    if (this.#out.length > 0) this.#socket.write(this.#out.length === 1 ? this.#out[0]! : Buffer.concat(this.#out));
    this.#out = [];
  }

  #parse(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const length = Math.min(this.#skip, chunk.length - at);
        this.#skip -= length;
        at += length;
      } else if (this.#dataLeft > 0) {
        const length = Math.min(this.#dataLeft, chunk.length - at);
        this.#data(chunk.subarray(at, at + length));
        at += length;
      } else {
        at = this.#header(chunk, at);
      }
    }
  }

  /** Reads a frame's header, and the whole frame when it is not DATA. @returns where to go on in the chunk */
  #header(chunk: Buffer, at: number): number {
    const before = this.#pending.length;
    const bytes = before === 0 ? chunk.subarray(at) : Buffer.concat([this.#pending, chunk.subarray(at)]);
    const length = bytes.length < FRAME_HEADER ? 0 : bytes.readUIntBE(0, 3);
    const isData = bytes[3] === FRAME.data;
    const needed = FRAME_HEADER + (isData ? 0 : length);
    if (bytes.length < FRAME_HEADER || bytes.length < needed) {
      this.#pending = Buffer.from(bytes);
      return chunk.length;
    }
    this.#pending = Buffer.alloc(0);
    const stream = bytes.readUInt32BE(5) & MAX_WINDOW;
    const flags = bytes[4]!;
    if (isData) {
      if ((flags & 0x8) !== 0) throw new Error('padded DATA is not expected');
      this.#dataLeft = length;
      this.#dataStream = stream;
      this.#dataEnds = (flags & END_STREAM) !== 0;
      if (length === 0 && this.#dataEnds) this.#finish(stream);
    } else {
      this.#control(bytes[3]!, flags, stream, bytes.subarray(FRAME_HEADER, needed));
    }
    return at + needed - before;
  }

  #control(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === FRAME.headers) {
      this.#messages.set(stream, new Message(this.#spare));
      if ((flags & END_STREAM) !== 0) throw new Error('a call without a message');
    } else if (type === FRAME.reset) {
      this.#messages.delete(stream);
    } else if (type === FRAME.settings && (flags & ACK) === 0) {
      this.#out.push(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
    } else if (type === FRAME.ping && (flags & ACK) === 0) {
      this.#out.push(frame(FRAME.ping, ACK, 0, payload));
    }
  }

  #data(bytes: Buffer): void {
    this.#dataLeft -= bytes.length;
    this.#consumed += bytes.length;
    if (this.#consumed >= REFILL) {
      this.#out.push(windowUpdate(0, this.#consumed));
      this.#consumed = 0;
    }
    this.#messages.get(this.#dataStream)?.append(bytes);
    if (this.#dataLeft === 0 && this.#dataEnds) this.#finish(this.#dataStream);
  }

  #finish(stream: number): void {
    const message = this.#messages.get(stream);
    if (message === undefined) return;
    this.#messages.delete(stream);
    const { refuse, delayMs, onMessage } = this.#options;
    if (refuse === undefined) message.finish(onMessage);
    const answer = refuse === undefined ? Buffer.from(ANSWER) : refusal(refuse);
    for (const at of refuse === undefined ? ANSWER_STREAMS : [5]) answer.writeUInt32BE(stream, at);
    if (delayMs === undefined) {
      this.#out.push(answer);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#socket.write(answer);
    }, delayMs);
    this.#timers.add(timer);
  }
}
