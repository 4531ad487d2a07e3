import { createConnection, type Socket } from 'node:net';
import { type Body, stampRequest } from '../items/body.ts';
import { inflate } from '../items/inflate.ts';
import { SuccessCheck } from './answer.ts';
import type { Client, ClientEvents } from './client.ts';

const READ_BUFFER = 65536;

/** OTLP/HTTP over raw sockets with keep-alive: one connection a slot, one request in flight on each. */
export async function httpClient(port: number, bodies: readonly Body[], events: ClientEvents): Promise<Client> {
  const all = await Promise.all(bodies.map((body, slot) => Connection.open(port, slot, body, events)));
  return {
    slots: bodies.length,
    send: (slot, request) => all[slot]!.send(request),
    flush: () => {},
    close: () => {
      for (const connection of all) connection.close();
    },
  };
}

class Connection {
  readonly #socket: Socket;
  readonly #slot: number;
  readonly #events: ClientEvents;
  readonly #bytes: Buffer;
  readonly #marks: readonly number[];
  #answer: Buffer = Buffer.alloc(0);
  #busy = false;
  #closed = false;
  readonly #success = new SuccessCheck();

  static open(port: number, slot: number, body: Body, events: ClientEvents): Promise<Connection> {
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
      connection = new Connection(socket, slot, body, `127.0.0.1:${port}`, events);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        socket.on('error', (error) => connection.#fail(error));
        socket.on('close', () => connection.#fail(new Error('the subject closed a connection of the load')));
        resolve(connection);
      });
    });
  }

  private constructor(socket: Socket, slot: number, body: Body, authority: string, events: ClientEvents) {
    this.#socket = socket;
    this.#slot = slot;
    this.#events = events;
    const content = body.gzip ?? body.bytes;
    const head = Buffer.from(
      [
        `POST /v1/${body.signal} HTTP/1.1`,
        `Host: ${authority}`,
        'User-Agent: sluice-bench/1 http-load',
        'Content-Type: application/x-protobuf',
        ...(body.gzip ? ['Content-Encoding: gzip'] : []),
        `Content-Length: ${content.length}`,
        '\r\n',
      ].join('\r\n'),
    );
    this.#bytes = Buffer.concat([head, content]);
    this.#marks = body.gzip ? [] : body.marks.map((mark) => mark + head.length);
  }

  send(request: number): void {
    stampRequest(this.#bytes, this.#marks, request);
    this.#busy = true;
    this.#socket.write(this.#bytes);
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

  #read(chunk: Buffer): void {
    this.#answer = Buffer.concat([this.#answer, chunk]);
    let answer: Answer | undefined;
    try {
      answer = readAnswer(this.#answer);
      if (answer === undefined) return;
      if (!this.#busy) throw new Error('an answer to no request');
      if (answer.length < this.#answer.length) throw new Error('more bytes than one answer to one request');
      const { status, bodyLength } = answer;
      const decode = (bytes: Buffer) => (answer?.compressed ? inflate(bytes) : bytes);
      if (status === 200) this.#success.check(this.#answer.subarray(answer.length - bodyLength), decode);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    this.#answer = Buffer.alloc(0);
    this.#busy = false;
    const error = answer.status === 200 ? undefined : `http ${answer.status}`;
    // Answered before it was read: see the gRPC client.
    if (error !== undefined && this.#socket.writableLength > 0) {
      this.#socket.write(Buffer.alloc(0), () => this.#events.onAnswer(this.#slot, error));
    } else {
      this.#events.onAnswer(this.#slot, error);
    }
  }
}

export interface Answer {
  readonly status: number;
  readonly bodyLength: number;
  readonly compressed: boolean;
  /** Head and body together. */
  readonly length: number;
}

/**
 * Reads an HTTP/1.1 answer with a Content-Length.
 *
 * @returns undefined until it is whole
 * @throws Error for a peer that closes the connection or answers in chunks
 */
export function readAnswer(bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  const bodyLength = Number(/^content-length: *(\d+)/im.exec(head)?.[1]);
  if (Number.isNaN(status) || Number.isNaN(bodyLength)) throw new Error(`not an answer this client reads: ${head}`);
  if (/^connection: *close/im.test(head)) throw new Error(`the subject closes the connection: ${head}`);
  const length = headEnd + 4 + bodyLength;
  if (bytes.length < length) return undefined;
  return { status, bodyLength, length, compressed: /^content-encoding:/im.test(head) };
}
