const SLAB = 16 * 1024;
/** Views that begin on a boundary of 8 are cheaper to scan. */
const ALIGN = 7;

/**
 * Copies small messages out of the read they came in, side by side into pieces of 16 KB: a message that is kept keeps
 * at most that much alive (a read is 64 KB, and so is Node's own pool). A buffer for each costs five times as much.
 */
export class MessageSlab {
  #slab: Buffer | undefined;
  #at = 0;

  /** A copy of a piece of a read, whose buffer is used again. */
  takeOut(read: Buffer, start: number, end: number): Uint8Array {
    const length = end - start;
    const own = length * 4 > SLAB ? Buffer.allocUnsafeSlow(length) : this.#room(length);
    read.copy(own, 0, start, end);
    return own;
  }

  #room(length: number): Buffer {
    if (!this.#slab || this.#at + length > SLAB) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB);
      this.#at = 0;
    }
    const at = this.#at;
    this.#at = (at + length + ALIGN) & ~ALIGN;
    return this.#slab.subarray(at, at + length);
  }
}
