import type { BatchContext } from '../core/consumer.ts';
import { type Account, noAccount } from '../core/ledger.ts';
import { accepted, type Outcome, partial, worst } from '../core/outcome.ts';
import type { Payload } from '../otlp/payload.ts';
import type { Holdings } from './holdings.ts';
import type { Located, Loss } from './isolate.ts';

/** What one consumer of the queue sends at once: a request, several, or part of one. */
export interface Work {
  readonly payload: Payload;
  readonly ctx: BatchContext;
  /** Whose items these are, in the payload's order. */
  readonly parts: readonly Part[];
}

export interface Part {
  readonly request: Request;
  readonly items: number;
}

/** One call of the queue's `consume`, until the last of its items is done with. */
export class Request {
  readonly items: number;
  readonly bytes: number;
  /** Bytes of these reserved in the memory budget: all or none. */
  readonly reserved: number;
  /** The queue's that has it. */
  holder: Holdings | undefined;
  /** Pieces of work that hold some of its items. */
  pieces = 1;
  readonly #account: Account;
  readonly #answer: ((outcome: Outcome) => void) | undefined;
  #verdict: Outcome = accepted;
  #lost = 0;
  #abandoned = false;

  /**
   * @param answer set when the sender waits for the result; otherwise it has been told yes and the items are held
   */
  constructor(
    { itemCount, byteLength }: Payload,
    reserved: number,
    account: Account | undefined,
    answer?: (outcome: Outcome) => void,
  ) {
    this.items = itemCount;
    this.bytes = byteLength;
    this.reserved = reserved;
    this.#account = account ?? noAccount;
    this.#answer = answer;
    if (!answer) this.#account.hold(itemCount);
  }

  delivered(items: number): void {
    if (!this.#answer) this.#account.sent(items, true);
  }

  lost(items: number, reason: string, outcome: Outcome): void {
    this.#lost += items;
    this.#verdict = worst(this.#verdict, outcome);
    if (!this.#answer) this.#account.dropped(items, reason, true);
  }

  /** The sender that waits has been told something else: what becomes of the items is not heard any more. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** Tells the sender that waits to come again. */
  abandon(outcome: Outcome): void {
    this.#abandoned = true;
    this.#answer?.(outcome);
  }

  /** Every item is done with. What arrived of a request that must come again counts when it has come. */
  finish(): void {
    this.#tell();
    this.holder?.end(this);
  }

  #tell(): void {
    if (!this.#answer || this.#abandoned) return;
    const verdict = this.#result();
    if (verdict.status === 'accepted') this.#account.sent(this.items - (verdict.rejectedItems ?? 0), false);
    this.#answer(verdict);
  }

  #result(): Outcome {
    if (this.#lost === 0) return accepted;
    const verdict = this.#verdict;
    if (verdict.status === 'retryable') return verdict;
    if (verdict.status === 'permanent' && this.#lost === this.items) return verdict;
    return partial(this.#lost, verdict.reason ?? 'the backend rejected part of the batch');
  }
}

/**
 * Tells each request of `work` what became of its items.
 *
 * @param giveUp the reason in the ledger for what failed retryably: why it is not tried again
 */
export function settle(work: Work, outcome: Located, giveUp: string): void {
  const losses = outcome.losses ?? lossesOf(outcome, work.payload.itemCount);
  let start = 0;
  for (const { request, items } of work.parts) {
    let left = items;
    for (const loss of losses) {
      const lost = Math.min(start + items, loss.from + loss.items) - Math.max(start, loss.from);
      if (lost <= 0) continue;
      left -= lost;
      request.lost(lost, dropReason(loss.outcome ?? outcome, giveUp), loss.outcome ?? outcome);
    }
    if (left > 0) request.delivered(left);
    if (--request.pieces === 0) request.finish();
    start += items;
  }
}

const nothing: readonly Loss[] = [];

function lossesOf(outcome: Outcome, items: number): readonly Loss[] {
  if (outcome.status !== 'accepted') return [{ from: 0, items, outcome }];
  if (!outcome.rejectedItems) return nothing;
  // The backend does not say which items: the first ones stand for them.
  return [{ from: 0, items: Math.min(outcome.rejectedItems, items) }];
}

function dropReason(outcome: Outcome, giveUp: string): string {
  if (outcome.status === 'retryable') return giveUp;
  return outcome.status === 'permanent' ? outcome.code : 'partial_success';
}
