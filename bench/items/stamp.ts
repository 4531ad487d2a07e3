/**
 * The 8 bytes that tell an item of the load from every other: request number (u32), item within the request (u16),
 * body it was built from (u16), little-endian. They lie where OTLP has an id or a time, see `stampOffset`.
 */
export interface Stamp {
  /** From 1, so that no stamp is all zeros, which OTLP takes for "absent". */
  readonly request: number;
  readonly item: number;
  readonly body: number;
}

/** Items a request, and bodies a pool, may have at most. */
export const STAMP_LIMIT = 0x10000;

export function writeStamp(bytes: Uint8Array, at: number, { request, item, body }: Stamp): void {
  writeRequest(bytes, at, request);
  bytes[at + 4] = item;
  bytes[at + 5] = item >>> 8;
  bytes[at + 6] = body;
  bytes[at + 7] = body >>> 8;
}

/** Only the request number: what changes when a body is sent again. */
export function writeRequest(bytes: Uint8Array, at: number, request: number): void {
  bytes[at] = request;
  bytes[at + 1] = request >>> 8;
  bytes[at + 2] = request >>> 16;
  bytes[at + 3] = request >>> 24;
}

export const requestAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
export const itemAt = (bytes: Uint8Array, at: number): number => bytes[at + 4]! | (bytes[at + 5]! << 8);
export const bodyAt = (bytes: Uint8Array, at: number): number => bytes[at + 6]! | (bytes[at + 7]! << 8);
