import { open } from 'node:fs/promises';

/** A whole line of a file, or what is wrong with it, and where the next one begins (a byte offset). */
export type Line =
  | { readonly text: Buffer; readonly next: number }
  | { readonly tooLong: number; readonly next: number };

const chunkBytes = 256 * 1024;
const newline = 0x0a;

/**
 * The complete lines of a file from a byte offset on. What follows the last newline is left for later: it may still be being written.
 * A line longer than `maxBytes` is passed over without being held.
 */
export async function* readLines(path: string, offset: number, maxBytes: number): AsyncGenerator<Line> {
  const file = await open(path, 'r');
  try {
    let parts: Buffer[] = [];
    let held = 0;
    let length = 0;
    for (let at = offset; ; ) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, at);
      if (bytesRead === 0) return;
      let begin = 0;
      for (let end = chunk.indexOf(newline); end >= 0 && end < bytesRead; end = chunk.indexOf(newline, begin)) {
        length += end - begin;
        if (length <= maxBytes) parts.push(chunk.subarray(begin, end));
        const next = at + end + 1;
        yield length <= maxBytes ? { text: Buffer.concat(parts), next } : { tooLong: length, next };
        parts = [];
        held = 0;
        length = 0;
        begin = end + 1;
      }
      const rest = bytesRead - begin;
      length += rest;
      if (length <= maxBytes) {
        parts.push(chunk.subarray(begin, bytesRead));
        held += rest;
      } else if (held > 0) {
        parts = [];
        held = 0;
      }
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}
