import { type Answer, encodedSize, type Facts } from './facts.ts';

interface Cached {
  readonly answer: Answer;
  readonly until: number;
  readonly bytes: number;
}

/** Answers by key, bounded in number and bytes: the one that was used longest ago goes first. */
export class AnswerCache {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  /** Least recently used first. */
  readonly #cached = new Map<string, Cached>();
  #bytes = 0;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#cached.size;
  }

  /** About what they take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param now milliseconds, on the clock of `until` */
  find(key: string, now: number): Answer | undefined {
    const known = this.#cached.get(key);
    if (!known) return undefined;
    this.#cached.delete(key);
    if (known.until <= now) {
      this.#bytes -= known.bytes;
      return undefined;
    }
    this.#cached.set(key, known);
    return known.answer;
  }

  /** Nothing is kept that takes more than all may. */
  keep(key: string, answer: Answer, until: number): void {
    const bytes = 100 + 2 * key.length + (typeof answer === 'string' ? 0 : encodedBytes(answer));
    this.#forget(key);
    if (bytes > this.#maxBytes) return;
    this.#cached.set(key, { answer, until, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#cached.keys()) {
      if (this.#cached.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) break;
      this.#forget(oldest);
    }
  }

  clear(): void {
    this.#cached.clear();
    this.#bytes = 0;
  }

  #forget(key: string): void {
    this.#bytes -= this.#cached.get(key)?.bytes ?? 0;
    this.#cached.delete(key);
  }
}

/** Of facts that will be written sooner or later: their values are there twice then. */
function encodedBytes({ bytes, list }: Facts): number {
  return 2 * bytes + list.length * encodedSize;
}
