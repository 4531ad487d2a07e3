import type { FileHandle } from 'node:fs/promises';

/*
 * A crash may have left a torn record at the end of a file, which a reader could not tell from the one appended next.
 */

export async function endsInNewline(file: FileHandle, size: number): Promise<boolean> {
  const last = Buffer.allocUnsafe(1);
  await file.read(last, 0, 1, size - 1);
  return last[0] === 0x0a;
}

/** Where the last whole record ends, walking the lengths: 4 bytes big endian before each record. */
export async function endOfPrefixed(file: FileHandle, size: number): Promise<number> {
  const prefix = Buffer.allocUnsafe(4);
  let end = 0;
  while (end + 4 <= size) {
    await file.read(prefix, 0, 4, end);
    const next = end + 4 + prefix.readUInt32BE(0);
    if (next > size) break;
    end = next;
  }
  return end;
}
