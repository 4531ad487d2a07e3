/** Something that takes room until it is closed. */
export interface Closable {
  close(): void;
}

/** One user's hold on a shared thing. */
export interface Held<T> {
  readonly thing: T;
  /** Safe twice. */
  release(): void;
}

interface Entry {
  readonly thing: Promise<Closable>;
  users: number;
}

/**
 * Things that several components of a collector use, such as a file kept in memory: made by the first who asks, closed
 * when the last has let go. A reload starts new components before it ends old ones, so that what both use stays.
 */
export class Shared {
  readonly #entries = new Map<string, Entry>();

  /**
   * @param key says all that the thing depends on, and begins with the name of its maker: one key, one type
   * @throws what `make` throws; the next who asks makes it anew
   */
  async hold<T extends Closable>(key: string, make: () => Promise<T>): Promise<Held<T>> {
    let entry = this.#entries.get(key);
    if (!entry) this.#entries.set(key, (entry = { thing: make(), users: 0 }));
    entry.users++;
    const held = entry;
    let thing: T;
    try {
      thing = (await held.thing) as T;
    } catch (error) {
      if (this.#entries.get(key) === held) this.#entries.delete(key);
      throw error;
    }
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      if (--held.users > 0) return;
      this.#entries.delete(key);
      thing.close();
    };
    return { thing, release };
  }
}
