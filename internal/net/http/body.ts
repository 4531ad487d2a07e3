import type { IncomingMessage } from 'node:http';
import type { MemoryBudget } from '../../core/memory.ts';

/** `grown`: bytes that were reserved in the budget as the body came; who reads the body gives them back. */
export type ReadBody =
  | { readonly end: 'whole'; readonly body: Uint8Array; readonly grown: number }
  /** `gone`: the client went away, or was sent away for being too slow. */
  | { readonly end: 'too_large' | 'no_room' | 'gone'; readonly grown: number };

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
  // It went away while its headers were looked at: none of the events below would come any more.
  if (req.destroyed) return Promise.resolve({ end: 'gone', grown: 0 });
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
    req.once('end', () => resolve({ end: 'whole', body: body ?? new Uint8Array(0), grown: 0 }));
    req.once('close', () => resolve({ end: 'gone', grown: 0 }));
    req.once('error', () => resolve({ end: 'gone', grown: 0 }));
  });
}

function readChunked(req: IncomingMessage, maxBytes: number, memory: MemoryBudget): Promise<ReadBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let grown = 0;
    const stop = (end: 'too_large' | 'no_room') => {
      req.off('data', onData);
      chunks.length = 0;
      resolve({ end, grown });
    };
    const onData = (chunk: Buffer) => {
      if (grown + chunk.length > maxBytes) return stop('too_large');
      if (!memory.tryReserve(chunk.length)) return stop('no_room');
      grown += chunk.length;
      chunks.push(chunk);
    };
    req.on('data', onData);
    req.once('end', () => {
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      resolve({ end: 'whole', body, grown });
    });
    req.once('close', () => resolve({ end: 'gone', grown }));
    req.once('error', () => resolve({ end: 'gone', grown }));
  });
}
