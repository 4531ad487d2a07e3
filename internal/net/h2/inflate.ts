import { type Decompressed, decompress, isFailure, sizeHint } from '../compression.ts';
import { overloaded } from './answer.ts';
import type { Stream } from './stream.ts';
import type { GrpcAnswer } from './types.ts';

/**
 * The inflated message, or the answer that refuses it. Room for the inflated size as far as it can be told is reserved
 * before, corrected after, and the compressed bytes are let go.
 */
export function inflateMessage(stream: Stream): Uint8Array | GrpcAnswer | Promise<Uint8Array | GrpcAnswer> {
  const { memory, limits } = stream.connection.server;
  const encoding = stream.head.grpcEncoding!;
  const packed = stream.message!;
  const expected = Math.min(sizeHint(encoding, packed), limits.maxMessageBytes);
  if (!memory.tryReserve(expected)) return overloaded(expected);
  stream.reserved += expected;
  const result = decompress(encoding, packed, limits.maxMessageBytes);
  return result instanceof Promise ? result.then((out) => account(stream, out)) : account(stream, result);
}

function account(stream: Stream, result: Decompressed): Uint8Array | GrpcAnswer {
  const { memory, limits } = stream.connection.server;
  if (isFailure(result)) {
    if (result.failed === 'oversize') {
      return { code: 8, reason: `a message over ${limits.maxMessageBytes} bytes when inflated` };
    }
    return { code: result.failed === 'unsupported' ? 12 : 13, reason: result.reason };
  }
  const more = result.length - stream.reserved;
  if (more > 0 && !memory.tryReserve(more)) return overloaded(more);
  if (more < 0) memory.release(-more);
  stream.reserved = result.length;
  return result;
}
