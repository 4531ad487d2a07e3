import type { Signal } from './payload.ts';
import { int64At, LEN, type Malformed, shortVarintEnd, skipValue, uint32At, VARINT } from './wire.ts';
import { Writer } from './writer.ts';

/**
 * What an Export*ServiceResponse says. The three signals share one shape:
 *
 *   message Export…ServiceResponse { Export…PartialSuccess partial_success = 1; }
 *   message Export…PartialSuccess { int64 rejected_… = 1; string error_message = 2; }
 *
 * Source: opentelemetry/proto/collector in opentelemetry-proto
 */
export interface ExportResponse {
  readonly rejectedItems: number;
  /** The server's words: about what it rejected, or a warning with nothing rejected. */
  readonly message: string;
}

/** The answer "all accepted": an empty message. */
export const emptyExportResponse: Uint8Array = new Uint8Array(0);

/** The signal is named for the reader's sake: the bytes are the same for all three. */
export function encodeExportResponse(_signal: Signal, response: Partial<ExportResponse>): Uint8Array {
  const { rejectedItems = 0, message = '' } = response;
  if (rejectedItems === 0 && message === '') return emptyExportResponse;
  const writer = new Writer(message.length + 32);
  const partialSuccess = writer.open(1);
  if (rejectedItems !== 0) writer.varint64(1, BigInt(rejectedItems));
  if (message !== '') writer.string(2, message);
  writer.close(partialSuccess);
  return writer.finish();
}

/** Reads a server's answer; unknown fields are skipped, a repeated partial_success is merged. */
export function decodeExportResponse(bytes: Uint8Array): ExportResponse | Malformed {
  const response = { rejectedItems: 0, message: '' };
  const problem = eachField(bytes, 0, bytes.length, (tag, start, end) => {
    if (tag !== ((1 << 3) | LEN)) return undefined;
    return eachField(bytes, start, end, (inner, from, to) => {
      if (inner === ((1 << 3) | VARINT)) response.rejectedItems = Number(int64At(bytes, from));
      if (inner === ((2 << 3) | LEN)) response.message = text(bytes, from, to);
      return undefined;
    });
  });
  return problem ?? response;
}

function eachField(
  bytes: Uint8Array,
  pos: number,
  end: number,
  visit: (tag: number, start: number, end: number) => Malformed | undefined,
): Malformed | undefined {
  while (pos < end) {
    const at = pos;
    const value = shortVarintEnd(bytes, pos, end);
    const tag = value < 0 ? 0 : uint32At(bytes, pos);
    const stop = tag >>> 3 === 0 ? -1 : skipValue(bytes, value, end, tag);
    if (stop < 0) return { malformed: 'Export response: a field is malformed or cut off', offset: at };
    const start = (tag & 7) === LEN ? shortVarintEnd(bytes, value, end) : value;
    const problem = visit(tag, start, stop);
    if (problem) return problem;
    pos = stop;
  }
  return undefined;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
