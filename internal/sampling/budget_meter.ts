/** Between two looks at the clock that are closer than this, rates cannot be told. */
const leastMs = 5;
/** Spending this much over the rate for long is left to the next plan. */
const tolerance = 1.1;

/**
 * Notices that more is spent than allowed, long before the next plan. What was not spent is not saved up.
 *
 *     over: spent > 1.1 * rate * elapsed + burst, counted from the last moment at which spending was not ahead of the rate
 */
export class Meter {
  readonly #burstSeconds: number;
  #perMs = Number.POSITIVE_INFINITY;
  #burst = 0;
  #mark: number;
  #spent = 0;
  #fixed = 0;

  /** @param now monotonic milliseconds */
  constructor(burstSeconds: number, now: number) {
    this.#burstSeconds = burstSeconds;
    this.#mark = now;
  }

  /** @param rate per second */
  allow(rate: number, now: number): void {
    this.#perMs = rate / 1000;
    this.#burst = Math.max(40, rate * this.#burstSeconds);
    this.#restart(now);
  }

  /**
   * @param fixed it could not have been avoided by lower probabilities
   * @returns 1, or the factor below it by which the probabilities of the others must come down now
   */
  spend(cost: number, fixed: boolean, now: number): number {
    if (this.#perMs === Number.POSITIVE_INFINITY) return 1;
    // One huge item is no rate: what it takes is saved later, by the next plans.
    const counted = Math.min(cost, this.#burst / 2);
    this.#spent += counted;
    if (fixed) this.#fixed += counted;
    const allowed = this.#perMs * (now - this.#mark);
    if (this.#spent <= allowed) {
      this.#restart(now);
      return 1;
    }
    if (fixed || this.#spent <= tolerance * allowed + this.#burst) return 1;
    const wanted = now - this.#mark < leastMs ? 0.5 : (allowed - this.#fixed) / (this.#spent - this.#fixed);
    this.#restart(now);
    return Math.min(0.95, Math.max(1 / 32, wanted));
  }

  #restart(now: number): void {
    this.#mark = now;
    this.#spent = 0;
    this.#fixed = 0;
  }
}
