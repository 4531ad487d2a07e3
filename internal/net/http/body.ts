import type { IncomingMessage } from 'node:http';
import type { MemoryBudget } from '../../core/memory.ts';

/** `reserved`: bytes that stay reserved in the budget; who reads the body gives them back. */
export type ReadBody =
  | { readonly end: 'whole'; readonly body: Uint8Array; readonly reserved: number }
  /** `gone`: the client went away, or was sent away for being too slow. */
  | { readonly end: 'too_large' | 'no_room' | 'gone'; readonly reserved: number };

/**
 * Reads a body into one buffer.
 * @param declared content-length, reserved by the caller; undefined where the body is chunked: room is then taken as it grows
 */
export function readBody(
  req: IncomingMessage,
  declared: number | undefined,
  maxBytes: number,
  memory: MemoryBudget,
): Promise<ReadBody> {
  return declared === undefined ? readChunked(req, maxBytes, memory) : readSized(req, declared);
}

function readSized(req: IncomingMessage, size: number): Promise<ReadBody> {
  return new Promise((resolve) => {
    let body: Uint8Array | undefined;
    let at = 0;
    req.on('data', (chunk: Buffer) => {
      // A small body comes in one piece and is taken as it is.
      if (chunk.length === size) {
        body = chunk;
      } else {
        body ??= Buffer.allocUnsafeSlow(size);
        body.set(chunk, at);
      }
      at += chunk.length;
    });
    req.once('end', () => resolve({ end: 'whole', body: body ?? new Uint8Array(0), reserved: size }));
    req.once('close', () => resolve({ end: 'gone', reserved: size }));
    req.once('error', () => resolve({ end: 'gone', reserved: size }));
  });
}

function readChunked(req: IncomingMessage, maxBytes: number, memory: MemoryBudget): Promise<ReadBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let reserved = 0;
    const stop = (end: 'too_large' | 'no_room') => {
      req.off('data', onData);
      chunks.length = 0;
      resolve({ end, reserved });
    };
    const onData = (chunk: Buffer) => {
      if (reserved + chunk.length > maxBytes) return stop('too_large');
      if (!memory.tryReserve(chunk.length)) return stop('no_room');
      reserved += chunk.length;
      chunks.push(chunk);
    };
    req.on('data', onData);
    req.once('end', () => {
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      resolve({ end: 'whole', body, reserved });
    });
    req.once('close', () => resolve({ end: 'gone', reserved }));
    req.once('error', () => resolve({ end: 'gone', reserved }));
  });
}
