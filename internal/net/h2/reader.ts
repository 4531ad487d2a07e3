import {
  DATA,
  DEFAULT_MAX_FRAME,
  FLAG_END_STREAM,
  FLAG_PADDED,
  FRAME_HEADER,
  FRAME_SIZE_ERROR,
  PREFACE,
  PROTOCOL_ERROR,
  readUint32,
} from './frames.ts';

/** Whose frames these are. Byte ranges are valid during the call only. */
export interface FrameSink {
  /** Set by the sink when it wants no more. */
  readonly deaf: boolean;
  /** Before the payload of any frame; for DATA `dataStart` follows. */
  frameHeader(type: number, id: number, length: number): void;
  /** A whole frame other than DATA. */
  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void;
  /** `length` counts the padding too, as flow control does (RFC 9113 6.9.1). */
  dataStart(id: number, length: number): void;
  dataBytes(chunk: Buffer, start: number, end: number): void;
  /** `length` without padding. */
  dataEnd(endStream: boolean, length: number): void;
  /** Whether `bytes` of an unfinished frame may be kept. */
  keep(bytes: number): boolean;
  unkeep(bytes: number): void;
  fail(code: number, reason: string): void;
}

const IN_PREFACE = 0;
const IN_HEADER = 1;
const IN_PAYLOAD = 2;
const IN_PAD_LENGTH = 3;
const IN_DATA = 4;
const IN_PADDING = 5;

/** Cuts a connection's bytes into frames, in place: only a frame that spans two reads is copied, and DATA never is. */
export class FrameReader {
  #sink: FrameSink;
  #state = IN_PREFACE;
  /** Bytes of the state that are here (preface, header, payload). */
  #have = 0;
  #header: Buffer | undefined;
  #payload: Buffer | undefined;
  #type = 0;
  #flags = 0;
  #id = 0;
  /** Of the payload; of DATA, what is still to come without the padding. */
  #length = 0;
  #padding = 0;
  #dataLength = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** In the middle of a frame or of the preface. */
  get midway(): boolean {
    return this.#state !== IN_HEADER || this.#have > 0;
  }

  push(chunk: Buffer): void {
    const sink = this.#sink;
    const end = chunk.length;
    let at = 0;
    while (!sink.deaf) {
      switch (this.#state) {
        case IN_HEADER:
          if (at === end) return;
          if (this.#have === 0 && end - at >= FRAME_HEADER) {
            this.#begin(chunk, at);
            at += FRAME_HEADER;
          } else {
            at = this.#splitHeader(chunk, at);
          }
          break;
        case IN_DATA: {
          const take = Math.min(this.#length, end - at);
          if (take > 0) sink.dataBytes(chunk, at, at + take);
          at += take;
          this.#length -= take;
          if (this.#length > 0) return;
          this.#state = IN_PADDING;
          break;
        }
        case IN_PADDING: {
          const take = Math.min(this.#padding, end - at);
          at += take;
          this.#padding -= take;
          if (this.#padding > 0) return;
          this.#state = IN_HEADER;
          sink.dataEnd((this.#flags & FLAG_END_STREAM) !== 0, this.#dataLength);
          break;
        }
        case IN_PAYLOAD:
          if (this.#have === 0 && end - at >= this.#length) {
            this.#state = IN_HEADER;
            sink.frame(this.#type, this.#flags, this.#id, chunk, at, at + this.#length);
            at += this.#length;
          } else {
            if (at === end) return;
            at = this.#splitPayload(chunk, at);
          }
          break;
        case IN_PAD_LENGTH:
          if (at === end) return;
          this.#padding = chunk[at++]!;
          this.#length -= 1 + this.#padding;
          this.#dataLength = this.#length;
          // 6.1: padding that is the whole payload or longer
          if (this.#length < 0) sink.fail(PROTOCOL_ERROR, 'DATA padding is longer than the frame');
          this.#state = IN_DATA;
          break;
        default:
          if (at === end) return;
          at = this.#preface(chunk, at);
      }
    }
  }

  /** Gives back what an unfinished frame keeps. */
  close(): void {
    if (this.#payload) this.#sink.unkeep(this.#payload.length);
    this.#payload = undefined;
  }

  #preface(chunk: Buffer, from: number): number {
    let at = from;
    for (; at < chunk.length && this.#have < PREFACE.length; at++, this.#have++) {
      if (chunk[at] === PREFACE[this.#have]) continue;
      this.#sink.fail(PROTOCOL_ERROR, 'not an HTTP/2 connection preface');
      return at;
    }
    if (this.#have < PREFACE.length) return at;
    this.#have = 0;
    this.#state = IN_HEADER;
    return at;
  }

  #splitHeader(chunk: Buffer, from: number): number {
    this.#header ??= Buffer.allocUnsafeSlow(FRAME_HEADER);
    const take = Math.min(FRAME_HEADER - this.#have, chunk.length - from);
    chunk.copy(this.#header, this.#have, from, from + take);
    this.#have += take;
    if (this.#have === FRAME_HEADER) {
      this.#have = 0;
      this.#begin(this.#header, 0);
    }
    return from + take;
  }

  #splitPayload(chunk: Buffer, from: number): number {
    if (!this.#payload) {
      if (!this.#sink.keep(this.#length)) return from;
      this.#payload = Buffer.allocUnsafe(this.#length);
    }
    const take = Math.min(this.#length - this.#have, chunk.length - from);
    chunk.copy(this.#payload, this.#have, from, from + take);
    this.#have += take;
    if (this.#have === this.#length) {
      const payload = this.#payload;
      this.close();
      this.#have = 0;
      this.#state = IN_HEADER;
      this.#sink.frame(this.#type, this.#flags, this.#id, payload, 0, payload.length);
    }
    return from + take;
  }

  #begin(bytes: Buffer, at: number): void {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    this.#type = bytes[at + 3]!;
    this.#flags = bytes[at + 4]!;
    this.#id = readUint32(bytes, at + 5) & 0x7fff_ffff;
    this.#length = length;
    if (length > DEFAULT_MAX_FRAME) {
      // 4.2: a connection error for all that carry state of the connection, which is nearly all
      this.#sink.fail(FRAME_SIZE_ERROR, `a frame of ${length} bytes; SETTINGS_MAX_FRAME_SIZE is ${DEFAULT_MAX_FRAME}`);
      return;
    }
    this.#sink.frameHeader(this.#type, this.#id, length);
    this.#state = IN_PAYLOAD;
    if (this.#type !== DATA || this.#sink.deaf) return;
    this.#padding = 0;
    this.#dataLength = length;
    this.#state = this.#flags & FLAG_PADDED ? IN_PAD_LENGTH : IN_DATA;
    this.#sink.dataStart(this.#id, length);
    if (length === 0 && this.#state === IN_PAD_LENGTH) {
      this.#sink.fail(FRAME_SIZE_ERROR, 'a padded DATA frame without a pad length');
    }
  }
}
