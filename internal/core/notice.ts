import type { Clock } from './clock.ts';

const quietMs = 10_000;

/** Lets one of a kind of event be logged in ten seconds, and tells how many were left out before it. */
export class Notice {
  readonly #clock: Clock;
  #next = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param write gets the number of events since the last one written */
  event(write: (leftOut: number) => void): void {
    const now = this.#clock.monotonic();
    if (now < this.#next) {
      this.#leftOut++;
      return;
    }
    this.#next = now + quietMs;
    write(this.#leftOut);
    this.#leftOut = 0;
  }
}
