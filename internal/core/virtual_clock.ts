import type { Clock, Timer } from './clock.ts';

interface Due {
  at: number;
  readonly order: number;
  readonly period: number;
  readonly run: () => void;
}

/**
 * Virtual time: it stands still until `advance`, which runs what falls due in order. Recorded traffic is replayed on it, and tests run on it.
 * Both of its times are the same one, so wall time never jumps.
 */
export class VirtualClock implements Clock {
  readonly #start: number;
  #now: number;
  #order = 0;
  readonly #timers = new Set<Due>();

  /** @param start wall time, milliseconds since 1970 */
  constructor(start: number) {
    this.#start = start;
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  after(ms: number, run: () => void): Timer {
    return this.#add(ms, 0, run);
  }

  every(ms: number, run: () => void): Timer {
    return this.#add(ms, Math.max(1, ms), run);
  }

  /** How many timers wait: zero after a shutdown that cleaned up. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Runs what falls due within `ms`, letting promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (let due = this.#next(until); due; due = this.#next(until)) {
      this.#now = Math.max(this.#now, due.at);
      if (due.period > 0) due.at += due.period;
      else this.#timers.delete(due);
      due.run();
      await settled();
    }
    this.#now = until;
  }

  #add(ms: number, period: number, run: () => void): Timer {
    const due: Due = { at: this.#now + Math.max(0, ms), order: this.#order++, period, run };
    this.#timers.add(due);
    return { cancel: () => this.#timers.delete(due) };
  }

  #next(until: number): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#timers) {
      if (due.at > until) continue;
      if (!first || due.at < first.at || (due.at === first.at && due.order < first.order)) first = due;
    }
    return first;
  }
}

/** Resolves when every promise that can settle without time or I/O has done so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
