import { supportedGrpcEncodings } from '../compression.ts';
import {
  DATA,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FRAME_HEADER,
  HEADERS,
  writeFrameHeader,
  writeUint32,
} from './frames.ts';
import { encodeHeaders } from './hpack/encoder.ts';
import { encodeRetryInfo, encodeStatus } from './rich_status.ts';
import type { GrpcAnswer, GrpcCode, HttpAnswer } from './types.ts';

export const PREFIX = 5;

const grpcHeaders: readonly (readonly [string, string])[] = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
];
const acceptEncoding: readonly [string, string] = ['grpc-accept-encoding', supportedGrpcEncodings.join(',')];

const plainHeaders = encodeHeaders(grpcHeaders);
const advertisingHeaders = encodeHeaders([...grpcHeaders, acceptEncoding]);
export const okTrailers = encodeHeaders([['grpc-status', '0']]);

/** The three frames of an OK answer as one piece of bytes, in which only the stream id changes from call to call. */
export class OkFrames {
  readonly message: Uint8Array;
  readonly bytes: Buffer;
  readonly #dataAt: number;
  readonly #trailersAt: number;

  /** @param advertise with `grpc-accept-encoding`, which one answer of a connection carries */
  constructor(message: Uint8Array, advertise: boolean) {
    const headers = advertise ? advertisingHeaders : plainHeaders;
    const body = PREFIX + message.length;
    this.message = message;
    this.#dataAt = FRAME_HEADER + headers.length;
    this.#trailersAt = this.#dataAt + FRAME_HEADER + body;
    this.bytes = Buffer.alloc(this.#trailersAt + FRAME_HEADER + okTrailers.length);
    writeFrameHeader(this.bytes, 0, headers.length, HEADERS, FLAG_END_HEADERS, 0);
    this.bytes.set(headers, FRAME_HEADER);
    writeFrameHeader(this.bytes, this.#dataAt, body, DATA, 0, 0);
    writeUint32(this.bytes, this.#dataAt + FRAME_HEADER + 1, message.length);
    this.bytes.set(message, this.#dataAt + FRAME_HEADER + PREFIX);
    writeFrameHeader(this.bytes, this.#trailersAt, okTrailers.length, HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, 0);
    this.bytes.set(okTrailers, this.#trailersAt + FRAME_HEADER);
  }

  writeTo(into: Uint8Array, at: number, id: number): void {
    into.set(this.bytes, at);
    writeUint32(into, at + 5, id);
    writeUint32(into, at + this.#dataAt + 5, id);
    writeUint32(into, at + this.#trailersAt + 5, id);
  }
}

/** Keeps the frames of the last message: nearly all calls are answered with the same one. */
export class OkCache {
  #plain = new OkFrames(new Uint8Array(0), false);
  #advertising = new OkFrames(new Uint8Array(0), true);

  frames(message: Uint8Array, advertise: boolean): OkFrames {
    const last = advertise ? this.#advertising : this.#plain;
    if (last.message === message || (message.length === 0 && last.message.length === 0)) return last;
    const made = new OkFrames(message, advertise);
    if (advertise) this.#advertising = made;
    else this.#plain = made;
    return made;
  }
}

export function grpcResponseHeaders(): Uint8Array {
  return plainHeaders;
}

/** A Trailers-Only answer: one header block that ends the stream. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export function trailersOnly(answer: Exclude<GrpcAnswer, { code: 0 }>, httpStatus = 200): Uint8Array {
  const fields: [string, string][] = [
    [':status', String(httpStatus)],
    ['content-type', 'application/grpc'],
    ['grpc-status', String(answer.code)],
    ['grpc-message', percentEncode(answer.reason)],
  ];
  if (answer.details) fields.push(['grpc-status-details-bin', base64(answer.details)]);
  if (answer.code === 12) fields.push([acceptEncoding[0], acceptEncoding[1]]);
  return encodeHeaders(fields);
}

export function httpHeaders(answer: HttpAnswer): Uint8Array {
  const fields: [string, string][] = [[':status', String(answer.status)]];
  for (const [name, value] of Object.entries(answer.headers)) fields.push([name.toLowerCase(), value]);
  if (!('content-length' in answer.headers)) fields.push(['content-length', String(answer.body.length)]);
  return encodeHeaders(fields);
}

/** gRPC sends binary metadata without padding, and must take both. */
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64').replace(/=+$/, '');
}

/** `grpc-message`: UTF-8 in which all but printable ASCII, and the percent sign, is percent-encoded. Cut where it gets absurd. */
function percentEncode(text: string): string {
  const short = text.length > 1024 ? `${text.slice(0, 1024)}…` : text;
  if (/^[ -$&-~]*$/.test(short)) return short;
  let encoded = '';
  for (const byte of Buffer.from(short, 'utf8')) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

export function refusal(code: Exclude<GrpcCode, 0>, reason: string, details?: Uint8Array): GrpcAnswer {
  return details ? { code, reason, details } : { code, reason };
}

const RETRY_AFTER_MS = 1000;

/** OTLP: UNAVAILABLE with RetryInfo is what makes a client come again. */
export function overloaded(bytes: number): GrpcAnswer {
  const reason = `no memory for ${bytes} more bytes now, send it again later`;
  return refusal(14, reason, encodeStatus(14, reason, [encodeRetryInfo(RETRY_AFTER_MS)]));
}
