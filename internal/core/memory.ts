/**
 * Bytes of telemetry held by the whole process, against one budget.
 * Every owner of held bytes (request bodies in flight, batches, queues) reserves before it holds and releases after.
 * Whoever brings bytes into the process asks `tryReserve`, and a refusal is no error: the sender is told to retry.
 * Whoever says yes to a batch that its caller holds asks `takeOver`.
 * Whoever copies held bytes for a moment to get rid of them says so with `addCopy`: nothing holds it up, but the door closes the sooner.
 */
export class MemoryBudget {
  readonly capacity: number;
  #used = 0;
  #copies = 0;
  #peak = 0;
  #waiting = new Set<() => void>();
  readonly #apart = new Set<() => number>();
  #flow: { readonly bytes: number; readonly call: () => void } | undefined;
  #flowed = 0;

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

  /** Bytes of copies on their way out; not part of `used`, since what they copy is. */
  get copies(): number {
    return this.#copies;
  }

  get free(): number {
    return Math.max(0, this.capacity - this.#used - this.#copies);
  }

  /** @returns false, with nothing reserved, when the budget has no room for `bytes`. */
  tryReserve(bytes: number): boolean {
    if (bytes > this.free) return false;
    this.#reserve(bytes);
    this.#flowed += bytes;
    if (this.#flow && this.#flowed >= this.#flow.bytes) {
      this.#flowed = 0;
      this.#flow.call();
    }
    return true;
  }

  /** Calls back whenever about so many `bytes` more have come into the process. @returns what ends it */
  every(bytes: number, call: () => void): () => void {
    const flow = { bytes, call };
    this.#flow = flow;
    return () => {
      if (this.#flow === flow) this.#flow = undefined;
    };
  }

  /**
   * Reserves for bytes that the caller has reserved too and releases as soon as it hears yes. Counting them twice in
   * between must not fail: a full budget could never drain, and the sender would be refused after its body was read.
   *
   * @returns false, with nothing reserved, when half as much again as the capacity is held: somebody does not reserve
   */
  takeOver(bytes: number): boolean {
    if (this.#used > this.capacity * 1.5) return false;
    this.#reserve(bytes);
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
    this.#wake();
  }

  addCopy(bytes: number): void {
    this.#copies += bytes;
  }

  dropCopy(bytes: number): void {
    this.#copies -= bytes;
    this.#wake();
  }

  /**
   * For bytes that are held under a budget of their own, such as a trace buffer's: not part of `used`, but no garbage either.
   * @param read their number now @returns what takes them off
   */
  addApart(read: () => number): () => void {
    this.#apart.add(read);
    return () => void this.#apart.delete(read);
  }

  get apart(): number {
    let bytes = 0;
    for (const read of this.#apart) bytes += read();
    return bytes;
  }

  /** Calls `wake` once after the next release. Returns a function that takes it back. */
  onRelease(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }
  #reserve(bytes: number): void {
    this.#used += bytes;
    if (this.#used > this.#peak) this.#peak = this.#used;
  }

  #wake(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
