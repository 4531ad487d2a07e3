import type { Body } from '../items/body.ts';

/** HTTP/2 frame types, RFC 9113 section 6. */
export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, window: 8, continuation: 9 };
export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const FRAME_HEADER = 9;
/** The size that every peer must take; no collector's client sends larger ones. */
const MAX_FRAME = 16384;
const GRPC_PREFIX = 5;

const METHOD = {
  traces: 'trace.v1.TraceService',
  metrics: 'metrics.v1.MetricsService',
  logs: 'logs.v1.LogsService',
} as const;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER);
  return bytes;
}

export function windowUpdate(stream: number, increment: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(FRAME.window, 0, stream, payload);
}

/** `settings` as identifier and value, RFC 9113 section 6.5.2. */
export function settings(values: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * values.length);
  for (const [index, [id, value]] of values.entries()) {
    payload.writeUInt16BE(id, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  }
  return frame(FRAME.settings, 0, 0, payload);
}

/** A request laid out as the bytes to write: HEADERS and DATA frames, of which only numbers change from send to send. */
export interface WireRequest {
  readonly bytes: Buffer;
  /** Where each frame starts, the HEADERS frame first; and one more, the end. */
  readonly frames: readonly number[];
  /** Where the request number is written in `bytes`; nowhere when compressed. */
  readonly marks: readonly number[];
}

export function wireRequest(body: Body): WireRequest {
  const message = body.gzip ?? body.bytes;
  const prefix = Buffer.alloc(GRPC_PREFIX);
  prefix[0] = body.gzip ? 1 : 0;
  prefix.writeUInt32BE(message.length, 1);
  const content = Buffer.concat([prefix, message]);
  const cuts = cutPoints(content.length, body.gzip ? [] : body.marks);

  const head = frame(FRAME.headers, END_HEADERS, 0, headerBlocks(body, '').later);
  const parts: Buffer[] = [head];
  const frames = [0, head.length];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const last = i + 2 === cuts.length;
    const part = frame(FRAME.data, last ? END_STREAM : 0, 0, content.subarray(cuts[i]!, cuts[i + 1]!));
    parts.push(part);
    frames.push(frames.at(-1)! + part.length);
  }
  let cut = 1;
  const marks = (body.gzip ? [] : body.marks).map((stamp) => {
    const at = stamp + GRPC_PREFIX;
    while (at >= cuts[cut]!) cut++;
    return head.length + cut * FRAME_HEADER + at;
  });
  return { bytes: Buffer.concat(parts), frames, marks };
}

/** Frame boundaries within the content such that no frame is too long and no stamp is cut in two. */
function cutPoints(length: number, stamps: readonly number[]): number[] {
  const cuts = [0];
  let stamp = 0;
  while (cuts.at(-1)! < length) {
    let cut = Math.min(cuts.at(-1)! + MAX_FRAME, length);
    while (stamp < stamps.length && stamps[stamp]! + GRPC_PREFIX + 8 <= cut) stamp++;
    const start = stamp < stamps.length ? stamps[stamp]! + GRPC_PREFIX : length;
    if (start < cut) cut = start;
    cuts.push(cut);
  }
  return cuts;
}

/**
 * The header block of the first request of a connection, which puts the headers into the dynamic table, and of all later
 * ones, which refer to them there: what every gRPC client's traffic looks like (RFC 7541).
 */
export function headerBlocks({ signal, gzip }: Body, authority: string): { first: Buffer; later: Buffer } {
  const fields: [name: string, value: string][] = [
    [':path', `/opentelemetry.proto.collector.${METHOD[signal]}/Export`],
    [':authority', authority],
    ['content-type', 'application/grpc'],
    ['user-agent', 'sluice-bench/1 grpc-load'],
    ['te', 'trailers'],
    ['grpc-accept-encoding', 'identity,gzip'],
    ...(gzip ? [['grpc-encoding', 'gzip'] as [string, string]] : []),
  ];
  // Static table: :method POST is 3, :scheme http is 6. The timeout differs in every call of a real client: never indexed.
  const post = Buffer.from([0x83, 0x86]);
  const timeout = Buffer.concat([Buffer.from([0x10]), literal('grpc-timeout'), literal('10S')]);
  const inserted = fields.map(([name, value]) => Buffer.concat([Buffer.from([0x40]), literal(name), literal(value)]));
  // The dynamic table starts at 62 with the newest.
  const indexed = Buffer.from(fields.map((_, index) => 0x80 | (62 + fields.length - 1 - index)));
  return { first: Buffer.concat([post, ...inserted, timeout]), later: Buffer.concat([post, indexed, timeout]) };
}

/** A string literal without Huffman coding; ours are shorter than 127 bytes. */
function literal(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}
