import type { PermanentCode } from '../../internal/core/outcome.ts';
import { accepted, type Outcome, permanent, retryable } from '../../internal/core/outcome.ts';
import type { Located } from '../../internal/exporterhelper/index.ts';

export interface Loss {
  readonly items: number;
  readonly reason: string;
  /** undefined: the backend might have taken it later. */
  readonly code: PermanentCode | undefined;
}

/** One batch, whose data points travel in requests of several lanes, together with those of other batches. */
export class Work {
  readonly #items: number;
  readonly #end: (outcome: Located) => void;
  readonly #losses: Loss[] = [];
  /** Points that lie in requests. */
  #open = 0;
  #translated = false;

  constructor(items: number, end: (outcome: Located) => void) {
    this.#items = items;
    this.#end = end;
  }

  /** Points in requests that have reached no end. */
  get opens(): number {
    return this.#open;
  }

  /** A point goes on its way. */
  opened(): void {
    this.#open++;
  }

  /** All points of the batch are in requests, or lost. */
  translated(): void {
    this.#translated = true;
    this.#endIfDone();
  }

  lost(loss: Loss): void {
    if (loss.items > 0) this.#losses.push(loss);
  }

  /** So many points have reached their end. */
  closed(items: number): void {
    this.#open -= items;
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#translated && this.#open === 0) this.#end(this.#outcome());
  }

  #outcome(): Located {
    const lost = this.#losses.reduce((sum, { items }) => sum + items, 0);
    if (lost === 0) return accepted;
    const verdict = this.#verdict(lost);
    // Nothing of it has arrived: after a reload the successor may try all of it.
    if (lost === this.#items && this.#losses.every(({ code }) => code === undefined)) return verdict;
    // The losses are not told by their place in the batch: the first points stand for them.
    let from = 0;
    const losses = this.#losses.map((loss) => {
      const at = from;
      from += loss.items;
      const { items, reason, code } = loss;
      return { from: at, items, ...(code ? { outcome: permanent(code, reason) } : { outcome: retryable(reason) }) };
    });
    return { ...verdict, losses };
  }

  #verdict(lost: number): Outcome {
    const reasons = [...new Set(this.#losses.map(({ reason }) => reason))].slice(0, 3).join('; ');
    if (this.#losses.some(({ code }) => code === undefined)) return retryable(reasons);
    if (lost < this.#items) return { status: 'accepted', rejectedItems: lost, reason: reasons };
    return permanent(this.#losses[0]!.code!, reasons);
  }
}
