import { int64At, LEN, shortVarintEnd, skipValue, uint32At, VARINT } from '../otlp/wire.ts';

/** A google.rpc.Status as far as OTLP gives it a meaning; `h2/rich_status.ts` writes it and names the messages. */
export interface RichStatus {
  readonly code: number;
  readonly message: string;
  /** Milliseconds, of a RetryInfo among the details. */
  readonly retryAfterMs?: number;
}

/** @returns undefined where the bytes are no google.rpc.Status */
export function decodeStatus(bytes: Uint8Array): RichStatus | undefined {
  let code = 0;
  let message = '';
  let retryAfterMs: number | undefined;
  const whole = eachField(bytes, 0, bytes.length, (tag, start, end) => {
    if (tag === ((1 << 3) | VARINT)) code = Number(int64At(bytes, start));
    if (tag === ((2 << 3) | LEN)) message = text(bytes, start, end);
    if (tag === ((3 << 3) | LEN)) retryAfterMs = retryInfo(bytes, start, end) ?? retryAfterMs;
  });
  if (!whole) return undefined;
  return retryAfterMs === undefined ? { code, message } : { code, message, retryAfterMs };
}

function retryInfo(bytes: Uint8Array, start: number, end: number): number | undefined {
  let url = '';
  let ms = 0;
  eachField(bytes, start, end, (tag, from, to) => {
    if (tag === ((1 << 3) | LEN)) url = text(bytes, from, to);
    if (tag !== ((2 << 3) | LEN)) return;
    eachField(bytes, from, to, (inner, at, stop) => {
      if (inner === ((1 << 3) | LEN)) ms = duration(bytes, at, stop);
    });
  });
  // The value may come before the name, and only the part after the last slash counts.
  return url.slice(url.lastIndexOf('/') + 1) === 'google.rpc.RetryInfo' ? ms : undefined;
}

function duration(bytes: Uint8Array, start: number, end: number): number {
  let ms = 0;
  eachField(bytes, start, end, (tag, at) => {
    if (tag === ((1 << 3) | VARINT)) ms += Number(int64At(bytes, at)) * 1000;
    if (tag === ((2 << 3) | VARINT)) ms += Number(int64At(bytes, at)) / 1e6;
  });
  return Math.max(0, ms);
}

/** @returns false where a field is malformed or cut off */
function eachField(
  bytes: Uint8Array,
  pos: number,
  end: number,
  visit: (tag: number, start: number, end: number) => void,
): boolean {
  while (pos < end) {
    const value = shortVarintEnd(bytes, pos, end);
    const tag = value < 0 ? 0 : uint32At(bytes, pos);
    const stop = tag >>> 3 === 0 ? -1 : skipValue(bytes, value, end, tag);
    if (stop < 0) return false;
    visit(tag, (tag & 7) === LEN ? shortVarintEnd(bytes, value, end) : value, stop);
    pos = stop;
  }
  return true;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
