const REMEMBERED = 256;

/**
 * Which of the latest streams are over and who ended them, so that a frame that was under way is told from a breach
 * (RFC 9113 5.1 "closed"). Older ones are forgotten.
 */
export class ClosedStreams {
  /** Grows to its size: most connections close few streams at a time. */
  readonly #ring: number[] = [];
  #next = 0;

  add(id: number, resetByUs: boolean): void {
    this.#ring[this.#next] = id * 2 + (resetByUs ? 1 : 0);
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  has(id: number): boolean {
    return this.#find(id * 2) || this.resetByUs(id);
  }

  /** Frames that the client sent before it heard of our reset may still come. */
  resetByUs(id: number): boolean {
    return this.#find(id * 2 + 1);
  }

  #find(entry: number): boolean {
    return this.#ring.includes(entry);
  }
}
