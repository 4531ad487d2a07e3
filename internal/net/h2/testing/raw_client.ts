import net from 'node:net';
import * as f from '../frames.ts';
import { HpackDecoder } from '../hpack/decoder.ts';
import { encodeHeaders } from '../hpack/encoder.ts';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export interface Goodbye {
  readonly lastId: number;
  readonly code: number;
  readonly reason: string;
}

export interface Reply {
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Code of an RST_STREAM that ended it. */
  readonly reset?: number;
}

const grpcFields: readonly (readonly [string, string])[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/test/Echo'],
  [':authority', 'test'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
];

/** A header block for `/test/Echo`, with fields of its own behind or in place of the usual ones. */
export function grpcBlock(fields: Readonly<Record<string, string>> = {}): Buffer {
  const all = grpcFields.map(([name, value]) => [name, fields[name] ?? value] as const);
  const more = Object.entries(fields).filter(([name]) => !grpcFields.some(([usual]) => usual === name));
  return encodeHeaders([...all, ...more]);
}

export function grpcMessage(message: Uint8Array, compressed = 0): Buffer {
  const bytes = Buffer.alloc(5 + message.length);
  bytes[0] = compressed;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}

export function frame(type: number, flags: number, id: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const bytes = Buffer.alloc(f.FRAME_HEADER + payload.length);
  f.writeFrameHeader(bytes, 0, payload.length, type, flags, id);
  bytes.set(payload, f.FRAME_HEADER);
  return bytes;
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value >>> 0, index * 4);
  });
  return bytes;
}

/** What an honest client sends first. */
export const hello = Buffer.concat([f.PREFACE, frame(f.SETTINGS, 0, 0)]);

/** A client that says exactly what a test wants said, and keeps all it hears. */
export class RawClient {
  readonly socket: net.Socket;
  readonly frames: Frame[] = [];
  /** The server has closed, or reset, the connection. */
  closed = false;
  #rest: Buffer = Buffer.alloc(0);
  #wake: (() => void)[] = [];

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: false });
    this.socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
      this.#tell();
    });
  }

  /** Connects as an honest client does. */
  static async open(port: number, settings: Uint8Array = new Uint8Array(0)): Promise<RawClient> {
    const client = new RawClient(port);
    client.send(f.PREFACE, frame(f.SETTINGS, 0, 0, settings), frame(f.SETTINGS, f.FLAG_ACK, 0));
    await client.find((one) => one.type === f.SETTINGS && one.flags === f.FLAG_ACK);
    return client;
  }

  send(...parts: Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(parts));
  }

  frame(type: number, flags: number, id: number, payload?: Uint8Array): void {
    this.send(frame(type, flags, id, payload));
  }

  /** A whole call; up to 64 KB fit into the first window. */
  call(id: number, message: Uint8Array, fields?: Readonly<Record<string, string>>): void {
    const parts = [frame(f.HEADERS, f.FLAG_END_HEADERS, id, grpcBlock(fields))];
    const body = grpcMessage(message);
    for (let at = 0; at < body.length; at += f.DEFAULT_MAX_FRAME) {
      const end = at + f.DEFAULT_MAX_FRAME;
      parts.push(frame(f.DATA, end >= body.length ? f.FLAG_END_STREAM : 0, id, body.subarray(at, end)));
    }
    this.send(...parts);
  }

  /** The first frame, past or future, that fits; undefined when the connection closes without one. */
  async find(fits: (one: Frame) => boolean): Promise<Frame | undefined> {
    for (let tries = 0; tries < 10_000; tries++) {
      const found = this.frames.find(fits);
      if (found || this.closed) return found;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    throw new Error('ten thousand reads without that frame');
  }

  /** Waits for the connection's end. */
  async goodbye(): Promise<Goodbye | undefined> {
    while (!this.closed) await new Promise<void>((resolve) => this.#wake.push(resolve));
    const last = this.frames.findLast((one) => one.type === f.GOAWAY);
    return last && parseGoAway(last);
  }

  async reply(id: number): Promise<Reply | undefined> {
    const ends = (one: Frame) =>
      one.id === id && (one.type === f.RST_STREAM || (one.flags & f.FLAG_END_STREAM && one.type <= f.HEADERS) !== 0);
    if (!(await this.find((one) => ends(one) && one.type !== f.WINDOW_UPDATE))) return undefined;
    const mine = this.frames.filter((one) => one.id === id);
    const blocks = mine.filter((one) => one.type === f.HEADERS).map((one) => fieldsOf(one.payload));
    const reset = mine.find((one) => one.type === f.RST_STREAM);
    return {
      headers: blocks[0] ?? {},
      trailers: blocks.at(-1) ?? {},
      body: Buffer.concat(mine.filter((one) => one.type === f.DATA).map((one) => one.payload)),
      ...(reset ? { reset: reset.payload.readUInt32BE(0) } : {}),
    };
  }

  close(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (this.#rest.length >= f.FRAME_HEADER) {
      const end = f.FRAME_HEADER + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) break;
      this.frames.push({
        type: this.#rest[3]!,
        flags: this.#rest[4]!,
        id: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(f.FRAME_HEADER, end),
      });
      this.#rest = this.#rest.subarray(end);
    }
    this.#tell();
  }

  #tell(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

export function parseGoAway({ payload }: Frame): Goodbye {
  return {
    lastId: payload.readUInt32BE(0),
    code: payload.readUInt32BE(4),
    reason: payload.subarray(8).toString('latin1'),
  };
}

function fieldsOf(block: Buffer): Record<string, string> {
  const decoder = new HpackDecoder();
  decoder.decode(block, 0, block.length, 1 << 20);
  return Object.fromEntries(decoder.fields.map(({ name, value }) => [name, value]));
}
