import type { Component } from '../core/component.ts';
import { type BatchContext, type Consumer, noContext } from '../core/consumer.ts';
import type { Account } from '../core/ledger.ts';
import { accepted, acceptedPromise, type Outcome, worst } from '../core/outcome.ts';
import { type Patience, persist } from '../core/persist.ts';
import type { Counter } from '../core/telemetry.ts';
import type { Payload } from '../otlp/payload.ts';
import type { BranchBook, Page } from './ledger.ts';
import type { TapSlot } from './taps.ts';

/** Counts and logs a throw that reached a component's edge, and says what it means to the sender. */
export type OnBug = (error: unknown) => Outcome;

/**
 * The one place where a throw is caught. The shared yes passes through untouched:
 * edges recognize it, so that a component that says it at once costs no promise.
 */
function call(target: Consumer, batch: Payload, ctx: BatchContext, onBug: OnBug): Promise<Outcome> {
  try {
    const answer = target.consume(batch, ctx);
    return answer === acceptedPromise ? answer : answer.catch(onBug);
  } catch (error) {
    return Promise.resolve(onBug(error));
  }
}

/** Items of `n` that an outcome says yes to. */
function takenOf(outcome: Outcome, n: number): number {
  return outcome.status === 'accepted' ? n - Math.min(outcome.rejectedItems ?? 0, n) : 0;
}

/** Calls that have not been answered. */
export class Calls {
  #open = 0;
  #waiting: (() => void)[] = [];

  begin(): void {
    this.#open++;
  }
  end(): void {
    if (--this.#open > 0 || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
  /** Resolves once no call is open. */
  idle(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Where a pipeline begins. One object for the pipeline's life: a reload points it at the new first component. */
export class Entry implements Consumer {
  #page!: Page;
  #next!: Consumer;

  point(page: Page, next: Consumer): void {
    this.#page = page;
    this.#next = next;
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const page = this.#page;
    const items = batch.itemCount;
    page.received += items;
    const answer = this.#next.consume(batch, ctx);
    if (answer === acceptedPromise) return answer;
    page.pending += items;
    return answer.then((outcome) => {
      page.pending -= items;
      page.refused += items - takenOf(outcome, items);
      return outcome;
    });
  }
}

/** Into a processor. */
export class ProcessorEdge implements Consumer {
  readonly calls = new Calls();
  readonly #target: Consumer;
  readonly #incoming: Counter;
  readonly #onBug: OnBug;
  readonly #tap: TapSlot;

  constructor(target: Consumer, incoming: Counter, onBug: OnBug, tap: TapSlot) {
    this.#target = target;
    this.#incoming = incoming;
    this.#onBug = onBug;
    this.#tap = tap;
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    this.#tap.saw?.(batch);
    this.#incoming.add(batch.itemCount);
    const answer = call(this.#target, batch, ctx, this.#onBug);
    if (answer === acceptedPromise) return answer;
    this.calls.begin();
    return answer.then((outcome) => {
      this.calls.end();
      return outcome;
    });
  }
}

/** Out of a processor. Counts what the next one took: a batch tried three times has left once. */
export class OutgoingEdge implements Consumer {
  readonly #next: Consumer;
  readonly #outgoing: Counter;

  constructor(next: Consumer, outgoing: Counter) {
    this.#next = next;
    this.#outgoing = outgoing;
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const answer = this.#next.consume(batch, ctx);
    if (answer === acceptedPromise) {
      this.#outgoing.add(batch.itemCount);
      return answer;
    }
    return answer.then((outcome) => {
      if (outcome.status === 'accepted') this.#outgoing.add(batch.itemCount);
      return outcome;
    });
  }
}

/** An exporter's work for one branch: what it holds, and the calls it has not answered. Ends when a reload replaces it. */
export class Lease implements Account {
  readonly calls = new Calls();
  readonly target: Component & Consumer;
  readonly onBug: OnBug;
  readonly #book: Account;
  readonly #alone: BatchContext;
  #held = 0;
  #empty: (() => void) | undefined;

  constructor(target: Component & Consumer, book: Account, onBug: OnBug) {
    this.target = target;
    this.onBug = onBug;
    this.#book = book;
    this.#alone = Object.freeze({ account: this });
  }

  context(ctx: BatchContext): BatchContext {
    return ctx === noContext ? this.#alone : { ...ctx, account: this };
  }

  /** Resolves once every call is answered and nothing is held any more. */
  async done(): Promise<void> {
    await this.calls.idle();
    if (this.#held > 0) await new Promise<void>((resolve) => (this.#empty = resolve));
  }

  hold(items: number): void {
    this.#held += items;
    this.#book.hold(items);
  }
  passed(items: number): void {
    this.#book.passed(items);
    this.#release(items);
  }
  sent(items: number, held: boolean): void {
    this.#book.sent(items, held);
    if (held) this.#release(items);
  }
  dropped(items: number, reason: string, held: boolean): void {
    this.#book.dropped(items, reason, held);
    if (held) this.#release(items);
  }
  filtered(items: number, held = false): void {
    this.#book.filtered(items, held);
    if (held) this.#release(items);
  }
  moved(items: number): void {
    this.#book.moved(items);
    this.#release(items);
  }
  adopt(items: number): void {
    this.#held += items;
    this.#book.adopt(items);
  }
  #release(items: number): void {
    this.#held -= items;
    if (this.#held === 0) this.#empty?.();
  }
}

/** Into an exporter or connector, for one pipeline. */
export class BranchEdge implements Consumer {
  readonly book: BranchBook;
  readonly #connector: boolean;
  readonly #tap: TapSlot;
  #lease: Lease;

  /** @param connector it credits no account, so that its yes is the end of this branch */
  constructor(book: BranchBook, connector: boolean, target: Component & Consumer, onBug: OnBug, tap: TapSlot) {
    this.book = book;
    this.#connector = connector;
    this.#tap = tap;
    this.#lease = new Lease(target, book.account, onBug);
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** Later batches go to `target`; what the one before has, it ends under its own lease. */
  point(target: Component & Consumer, onBug: OnBug): void {
    this.#lease = new Lease(target, this.book.account, onBug);
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    this.#tap.saw?.(batch);
    const lease = this.#lease;
    const answer = call(lease.target, batch, lease.context(ctx), lease.onBug);
    if (answer === acceptedPromise) {
      if (this.#connector) lease.sent(batch.itemCount, false);
      return answer;
    }
    lease.calls.begin();
    return answer.then((outcome) => {
      if (this.#connector) lease.sent(takenOf(outcome, batch.itemCount), false);
      lease.calls.end();
      return outcome;
    });
  }
}

/** Shares each batch with all branches and waits for every one. */
export class FanOut implements Consumer {
  readonly #branches: readonly Consumer[];
  readonly #patience: Patience;
  readonly #books: readonly (BranchBook | undefined)[];

  /** @param books of the same branches in a pipeline's ledger, where they have one */
  constructor(branches: readonly Consumer[], patience: Patience, books: readonly BranchBook[] = []) {
    this.#branches = branches;
    this.#patience = patience;
    this.#books = books;
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const answers = this.#branches.map((branch) => {
      const answer = branch.consume(batch, ctx);
      if (answer === acceptedPromise || !ctx.persistent) return answer;
      return answer.then((outcome) => persist(outcome, branch, batch, ctx, this.#patience));
    });
    return answers.every((answer) => answer === acceptedPromise) ? acceptedPromise : this.#join(answers, batch);
  }

  async #join(answers: readonly Promise<Outcome>[], { itemCount }: Payload): Promise<Outcome> {
    const taken: number[] = [];
    const outcomes = await Promise.all(
      answers.map(async (answer, i) => {
        const outcome = await answer;
        taken[i] = takenOf(outcome, itemCount);
        const book = this.#books[i];
        if (book) book.settledEarly += taken[i];
        return outcome;
      }),
    );
    const verdict = outcomes.reduce(verdictOf, accepted);
    const agreed = takenOf(verdict, itemCount);
    this.#books.forEach((book, i) => {
      if (!book) return;
      book.settledEarly -= taken[i]!;
      book.surplus += taken[i]! - agreed;
    });
    return verdict;
  }
}

/** The worst; of two that rejected part of the batch, the one that rejected more. */
function verdictOf(a: Outcome, b: Outcome): Outcome {
  if (a.status === 'accepted' && b.status === 'accepted') {
    return (b.rejectedItems ?? 0) > (a.rejectedItems ?? 0) ? b : a;
  }
  return worst(a, b);
}

/** One consumer for any number of branches. */
export function joined(branches: readonly Consumer[], patience: Patience): Consumer {
  return branches.length === 1 ? branches[0]! : new FanOut(branches, patience);
}

/** Where a receiver sends; a reload points it elsewhere while the receiver keeps listening. */
export class Gate implements Consumer {
  #target: Consumer;
  readonly #tap: TapSlot;

  constructor(target: Consumer, tap: TapSlot) {
    this.#target = target;
    this.#tap = tap;
  }
  point(target: Consumer): void {
    this.#target = target;
  }
  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    this.#tap.saw?.(batch);
    return this.#target.consume(batch, ctx);
  }
}
