/**
 * Bytes of telemetry held by the whole process, against one budget.
 * Every owner of held bytes (request bodies in flight, batches, queues) reserves before it holds and releases after.
 * A refused reservation is not an error: the sender is told to retry.
 */
export class MemoryBudget {
  readonly capacity: number;
  #used = 0;
  #peak = 0;
  #waiting = new Set<() => void>();

  /** @param capacity bytes */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get used(): number {
    return this.#used;
  }

  /** The most ever held at once, in bytes. */
  get peak(): number {
    return this.#peak;
  }

  get free(): number {
    return this.capacity - this.#used;
  }

  /** @returns false, with nothing reserved, when the budget has no room for `bytes`. */
  tryReserve(bytes: number): boolean {
    if (this.#used + bytes > this.capacity) return false;
    this.#used += bytes;
    if (this.#used > this.#peak) this.#peak = this.#used;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Calls `wake` once after the next release. Returns a function that takes it back. */
  onRelease(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }
}
