/** Batches that may wait for their turn. */
const maxWaiting = 1000;

/** One batch's place in the rows that it stands in. */
export interface Turn {
  /** Settles when it is this batch's turn; undefined: now. */
  readonly begins: Promise<unknown> | undefined;
  /** Lets the next ones go. Once. */
  end(): void;
}

/** One at a time for each key, in the order in which they came; what shares no key goes side by side. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();
  #waiting = 0;

  /** No further batch should wait. */
  get full(): boolean {
    return this.#waiting >= maxWaiting;
  }

  take(keys: ReadonlySet<string>): Turn {
    const before = new Set<Promise<void>>();
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const key of keys) {
      const last = this.#last.get(key);
      if (last) before.add(last);
      this.#last.set(key, promise);
    }
    const end = () => {
      for (const key of keys) if (this.#last.get(key) === promise) this.#last.delete(key);
      resolve();
    };
    if (before.size === 0) return { begins: undefined, end };
    this.#waiting++;
    const begins = Promise.all(before).then(() => void this.#waiting--);
    return { begins, end };
  }
}
