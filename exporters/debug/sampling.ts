import type { Clock } from '../../internal/core/clock.ts';

/** In each second the first `initial` batches, then each `thereafter`-th: the rule of zap's sampler, upstream's logger. */
export class BatchSampling {
  readonly #clock: Clock;
  readonly #initial: number;
  readonly #thereafter: number;
  #secondBegan = Number.NEGATIVE_INFINITY;
  #seen = 0;

  constructor(clock: Clock, initial: number, thereafter: number) {
    this.#clock = clock;
    this.#initial = initial;
    this.#thereafter = thereafter;
  }

  /** Whether the next batch is printed. */
  take(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#secondBegan >= 1000) {
      this.#secondBegan = now;
      this.#seen = 0;
    }
    this.#seen += 1;
    if (this.#seen <= this.#initial) return true;
    return this.#thereafter > 0 && (this.#seen - this.#initial) % this.#thereafter === 0;
  }
}
