/** Text that is written once for a point and read until the next one. */
export class Scratch {
  buf: Buffer = Buffer.allocUnsafeSlow(4096);
  end = 0;

  /** @returns where the text begins in `buf`; it ends at `end`. What was handed out before stays good, in the buffer of then. */
  text(value: string): number {
    const most = value.length * 3;
    if (this.end + most > this.buf.length) {
      this.buf = Buffer.allocUnsafeSlow(Math.max(most, 4096));
      this.end = 0;
    }
    const from = this.end;
    this.end += this.buf.write(value, from, 'utf8');
    return from;
  }
}

/** FNV-1a of a range. */
export function hashOf(buf: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ buf[i]!, 0x01000193);
  return hash;
}

/** What a label adds to the hash of its set: a sum of these does not depend on the order of the labels. */
export function labelHash(name: number, value: number): number {
  let hash = Math.imul(name ^ (value >>> 15) ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(value, 0xc2b2ae35);
  hash ^= hash >>> 13;
  return Math.imul(hash, 0x27d4eb2f);
}

/** Copies a range by hand where it is short, since a call into the runtime costs as much as a hundred bytes. */
export function copyBytes(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number {
  if (end - start > 128) {
    to.set(from.subarray(start, end), at);
    return at + end - start;
  }
  for (let i = start; i < end; i++) to[at++] = from[i]!;
  return at;
}
