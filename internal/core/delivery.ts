import type { Payload } from '../otlp/payload.ts';
import type { Settings } from './component.ts';
import type { BatchContext, Consumer } from './consumer.ts';
import { Notice } from './notice.ts';
import type { Outcome } from './outcome.ts';
import { persist } from './persist.ts';

/** Batches under way to the next component at the same time: a slow one does not hold the others up. */
const maxSends = 16;
/** Batches that may wait for their turn besides; then new input is refused. The memory budget bounds their bytes. */
const maxWaiting = 1000;

export interface Batched {
  readonly payload: Payload;
  readonly ctx: BatchContext;
  /** Bytes reserved in the memory budget. */
  readonly reserved: number;
}

/**
 * Passes batches on, and keeps each until the next component has taken it or refused it for good.
 * After the deadline of the shutdown whatever is left counts as lost.
 */
export class Delivery {
  readonly #settings: Settings;
  readonly #next: Consumer;
  readonly #deadline = new AbortController();
  #waiting: Batched[] = [];
  readonly #sending = new Set<Batched>();
  readonly #blockings: Notice;
  readonly #losses: Notice;
  #blocked = false;
  #idle: (() => void) | undefined;

  constructor(settings: Settings, next: Consumer) {
    this.#settings = settings;
    this.#next = next;
    this.#blockings = new Notice(settings.clock);
    this.#losses = new Notice(settings.clock);
  }

  /** No new input should be taken. */
  get full(): boolean {
    return this.#waiting.length >= maxWaiting;
  }

  /** As many are under way as may be: another batch would have to wait its turn. */
  get busy(): boolean {
    return this.#sending.size >= maxSends;
  }

  /** The signal under which batches travel on: it fires at the deadline of the shutdown. */
  get abort(): AbortSignal {
    return this.#deadline.signal;
  }

  pass(batch: Batched): void {
    if (this.#sending.size >= maxSends) this.#waiting.push(batch);
    else void this.#send(batch);
  }

  /** Resolves once nothing is left, at the latest when `abort` fires. */
  async drain(abort: AbortSignal): Promise<void> {
    const giveUp = () => this.#giveUp();
    if (abort.aborted) giveUp();
    else abort.addEventListener('abort', giveUp, { once: true });
    if (this.#sending.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    abort.removeEventListener('abort', giveUp);
  }

  async #send(batch: Batched): Promise<void> {
    this.#sending.add(batch);
    const { payload, ctx } = batch;
    const first = await this.#next.consume(payload, ctx);
    const outcome = await persist(first, this.#next, payload, ctx, this.#settings, ({ reason }) =>
      this.#tellBlocked(reason),
    );
    if (!this.#sending.delete(batch)) return;
    this.#settled(batch, outcome);
    this.#startNext();
  }

  #startNext(): void {
    const next = this.#waiting.shift();
    if (next) void this.#send(next);
    else if (this.#sending.size === 0) this.#idle?.();
  }

  #settled({ payload, reserved }: Batched, outcome: Outcome): void {
    const { account, memory, logger } = this.#settings;
    memory.release(reserved);
    const items = payload.itemCount;
    if (outcome.status === 'accepted') {
      const rejected = Math.min(outcome.rejectedItems ?? 0, items);
      account.passed(items - rejected);
      if (rejected > 0) account.dropped(rejected, 'partial_success', true);
      if (this.#blocked) logger.info('the next component takes batches again');
      this.#blocked = false;
    } else if (outcome.status === 'permanent') {
      account.dropped(items, outcome.code, true);
      this.#tellLost(items, outcome.reason);
    }
  }

  #giveUp(): void {
    const left = [...this.#sending, ...this.#waiting];
    this.#waiting = [];
    this.#sending.clear();
    this.#deadline.abort();
    const { account, memory, logger } = this.#settings;
    let items = 0;
    for (const { payload, reserved } of left) {
      items += payload.itemCount;
      memory.release(reserved);
    }
    if (items > 0) {
      account.dropped(items, 'shutdown', true);
      logger.error('stopped before the next component had taken these items: they are lost', { items });
    }
    this.#idle?.();
  }

  #tellBlocked(reason: string): void {
    if (this.#blocked) return;
    this.#blockings.event((leftOut) => {
      this.#blocked = true;
      const fields = { reason, left_out_before: leftOut };
      this.#settings.logger.warn('the next component refuses for now: batches are kept and tried again', fields);
    });
  }

  #tellLost(items: number, reason: string): void {
    this.#losses.event((leftOut) => {
      const fields = { items, reason, left_out_before: leftOut };
      this.#settings.logger.error('the next component refused a batch for good: it is lost', fields);
    });
  }
}
