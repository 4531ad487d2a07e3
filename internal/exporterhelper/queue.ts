import type { Settings } from '../core/component.ts';
import { type BatchContext, type Consumer, noContext } from '../core/consumer.ts';
import { acceptedPromise, type Outcome, permanent, retryable } from '../core/outcome.ts';
import type { Fields } from '../core/telemetry.ts';
import type { Payload, Signal } from '../otlp/payload.ts';
import { Batcher } from './batcher.ts';
import { Fifo } from './fifo.ts';
import { Holdings } from './holdings.ts';
import type { Located } from './isolate.ts';
import type { Life } from './layer.ts';
import { lostItems } from './observe.ts';
import { Overflow } from './overflow.ts';
import { observeQueue, QueueMeters } from './queue_meters.ts';
import { budgetPercentage, type QueueConfig } from './schema.ts';
import { Request, settle, type Work } from './work.ts';

/** The reason in the ledger for what `on_overflow` gives up. */
const queueFull = 'queue_full';

/** How long a sender is asked to wait when the queue has no room. */
const retryHintMs = 1000;

/** A caller that waits for room (`block_on_overflow`). */
interface Waiter {
  readonly batch: Payload;
  readonly ctx: BatchContext;
  readonly end: (answer: Promise<Outcome> | Outcome) => void;
}

/**
 * Says yes to a batch once it has room for it, and from then on owes for its items.
 * Bounded three times: by `queue_size` and by its share of the memory budget, which count what waits and what is being sent, and by
 * the budget itself. What there is no room for is refused, or with `on_overflow` given up, so that its like in a fan-out go on.
 * With `wait_for_result` it answers what the backend answered, and owes for nothing.
 */
export class Queue implements Consumer {
  readonly #config: QueueConfig;
  readonly #settings: Settings;
  readonly #next: Consumer;
  readonly #life: Life;
  readonly #ready = new Fifo<Work>();
  readonly #waiters = new Set<Waiter>();
  readonly #batcher: Batcher | undefined;
  readonly #meters: QueueMeters;
  readonly #overflow: Overflow;
  readonly #has: Holdings;
  /** Bytes that the queue may hold besides what `queue_size` says. */
  readonly #maxBytes: number;
  #running = 0;
  #lostAtStop = 0;
  #closed = false;
  #idle: (() => void) | undefined;
  #successor: Queue | undefined;

  constructor(config: QueueConfig, settings: Settings, signal: Signal, next: Consumer, life: Life) {
    this.#config = config;
    this.#settings = settings;
    this.#next = next;
    this.#life = life;
    this.#has = new Holdings(config.sizer, settings.memory, () => this.#letIn());
    if (config.batch) this.#batcher = new Batcher(config.batch, settings.clock, (work) => this.#enqueue(work));
    this.#meters = new QueueMeters(settings);
    this.#overflow = new Overflow(settings, signal);
    this.#maxBytes = (settings.memory.capacity * budgetPercentage(config)) / 100;
    observeQueue(settings, signal, config, life, () => this.#has.size);
  }

  /** Items that wait or are being sent. */
  get items(): number {
    return this.#has.items;
  }

  /** Items that could not be sent any more when the exporter stopped. */
  get lostAtStop(): number {
    return this.#lostAtStop;
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    if (this.#successor) return this.#successor.consume(batch, ctx);
    if (this.#closed) return Promise.resolve(retryable('the exporter is stopping', retryHintMs));
    const { block_on_overflow, on_overflow } = this.#config;
    if (!this.#couldFit(batch)) return this.#tooLarge(batch, ctx);
    if (on_overflow === 'drop_oldest') this.#makeRoom(batch);
    if (!this.#fits(batch) || this.#waiters.size > 0) {
      return block_on_overflow ? this.#wait(batch, ctx) : this.#full(batch, ctx, 'its sending queue is full');
    }
    return this.#admit(batch, ctx);
  }

  /** Takes no more, and resolves when nothing is left: sent, or lost because the exporter's life was ended. */
  close(): Promise<void> {
    this.#closed = true;
    for (const waiter of [...this.#waiters]) waiter.end(retryable('the exporter is stopping', retryHintMs));
    this.#batcher?.close();
    return new Promise((resolve) => {
      this.#idle = resolve;
      this.#wakeIfIdle();
    });
  }

  /**
   * All that waits, and what fails retryably from now on, becomes `to`'s, however full it is.
   * Requests keep their accounts and reservations.
   */
  handOver(to: Queue): void {
    this.#successor = to;
    this.#batcher?.close();
    for (let work = this.#ready.shift(); work; work = this.#ready.shift()) this.#move(work, to);
    for (const waiter of [...this.#waiters]) waiter.end(to.consume(waiter.batch, waiter.ctx));
  }

  /** Gives up what has not been started. */
  discard(): void {
    const outcome = retryable('the exporter is stopping and its time is over');
    for (let work = this.#ready.shift(); work; work = this.#ready.shift()) this.#settle(work, outcome);
    this.#wakeIfIdle();
  }

  #admit(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const waits = this.#config.wait_for_result;
    // A sender that waits keeps its own reservation until we answer.
    const reserved = waits ? 0 : batch.byteLength;
    if (reserved > 0 && !this.#settings.memory.takeOver(reserved)) {
      return this.#full(batch, ctx, 'far more than the memory budget is held');
    }
    this.#meters.taken(batch);
    if (!waits) {
      this.#accept(batch, ctx, new Request(batch, reserved, ctx.account));
      return acceptedPromise;
    }
    return new Promise((resolve) => {
      const leave = () => request.abandon(retryable('the caller has gone'));
      const answer = (outcome: Outcome) => {
        ctx.abort?.removeEventListener('abort', leave);
        resolve(outcome);
      };
      const request = new Request(batch, reserved, ctx.account, answer);
      ctx.abort?.addEventListener('abort', leave);
      this.#accept(batch, ctx, request);
      if (ctx.abort?.aborted) leave();
    });
  }

  #accept(batch: Payload, ctx: BatchContext, request: Request): void {
    this.#has.add(request);
    const work: Work = { payload: batch, ctx: detached(ctx), parts: [{ request, items: batch.itemCount }] };
    if (this.#batcher) this.#batcher.add(work);
    else this.#enqueue(work);
  }

  #enqueue(work: Work): void {
    if (this.#successor) {
      this.#move(work, this.#successor);
      return;
    }
    this.#ready.push(work);
    if (this.#running < this.#config.num_consumers) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running++;
    while (this.#ready.length > 0) await this.#sendNext();
    this.#running--;
    this.#wakeIfIdle();
  }

  /** A call for each: a loop that awaits keeps the work of earlier rounds alive, as its variables are saved with it. */
  async #sendNext(): Promise<void> {
    const work = this.#ready.shift()!;
    if (work.parts.every(({ request }) => request.abandoned)) {
      this.#settle(work, retryable('nobody waits for it any more'));
      return;
    }
    this.#meters.left(work.payload);
    const outcome: Located = await this.#next.consume(work.payload, work.ctx);
    // Also where a part of it has arrived: better twice than lost.
    if (this.#successor && outcome.status === 'retryable') this.#move(work, this.#successor);
    else this.#settle(work, outcome);
  }

  #settle(work: Work, outcome: Outcome): void {
    const stopping = this.#life.stopping.aborted;
    if (stopping) this.#lostAtStop += lostItems(outcome, work.payload.itemCount);
    settle(work, outcome, stopping ? 'shutdown' : 'retries_exhausted');
  }

  #move(work: Work, to: Queue): void {
    for (const { request } of work.parts) this.#has.give(request, to.#has);
    to.#enqueue(work);
  }

  #wakeIfIdle(): void {
    if (this.#has.requests === 0 && this.#running === 0) this.#idle?.();
  }

  #sizeOf(batch: Payload): number {
    return this.#has.sizeOf({ items: batch.itemCount, bytes: batch.byteLength });
  }

  #couldFit(batch: Payload): boolean {
    return this.#sizeOf(batch) <= this.#config.queue_size && batch.byteLength <= this.#maxBytes;
  }

  #fits(batch: Payload): boolean {
    const { size, bytes } = this.#has;
    return size + this.#sizeOf(batch) <= this.#config.queue_size && bytes + batch.byteLength <= this.#maxBytes;
  }

  /** Gives up what has waited longest. What is being sent stays. */
  #makeRoom(batch: Payload): void {
    while (this.#ready.length > 0 && !this.#fits(batch)) {
      const work = this.#ready.shift()!;
      this.#overflow.dropped(work.payload.itemCount, 'the queue is full, its oldest batches go', this.#state());
      settle(work, retryable('newer batches took its place in the queue'), queueFull);
    }
  }

  #tooLarge(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const { queue_size, sizer, on_overflow } = this.#config;
    const most = this.#sizeOf(batch) > queue_size ? `${queue_size} ${sizer}` : `${Math.floor(this.#maxBytes)} bytes`;
    const why = `a batch of ${batch.itemCount} items, ${batch.byteLength} bytes cannot fit into a queue of ${most}`;
    if (on_overflow !== 'refuse') return this.#drop(batch, ctx, why);
    this.#overflow.count(batch.itemCount);
    return Promise.resolve(permanent('too_large', `${this.#settings.id}: ${why}: raise queue_size`));
  }

  #full(batch: Payload, ctx: BatchContext, why: string): Promise<Outcome> {
    if (this.#config.on_overflow !== 'refuse') return this.#drop(batch, ctx, why);
    this.#overflow.refused(batch.itemCount, why, this.#state());
    return Promise.resolve(retryable(`${this.#settings.id}: ${why}`, retryHintMs));
  }

  /** Says yes all the same: the other branches of a fan-out go on. */
  #drop({ itemCount }: Payload, { account }: BatchContext, why: string): Promise<Outcome> {
    this.#overflow.dropped(itemCount, why, this.#state());
    account?.dropped(itemCount, queueFull, false);
    return acceptedPromise;
  }

  #state(): Fields {
    const { queue_size, sizer } = this.#config;
    return { queue_size: this.#has.size, queue_capacity: queue_size, sizer, queue_bytes: this.#has.bytes };
  }

  #wait(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    return new Promise((resolve) => {
      const leave = () => waiter.end(retryable('the caller has gone'));
      const waiter: Waiter = {
        batch,
        ctx,
        end: (answer) => {
          this.#waiters.delete(waiter);
          ctx.abort?.removeEventListener('abort', leave);
          resolve(answer);
        },
      };
      if (ctx.abort?.aborted) return leave();
      ctx.abort?.addEventListener('abort', leave);
      this.#waiters.add(waiter);
    });
  }

  /** In the order of arrival: a large batch is not overtaken by small ones for ever. */
  #letIn(): void {
    for (const waiter of this.#waiters) {
      if (!this.#fits(waiter.batch)) return;
      waiter.end(this.#admit(waiter.batch, waiter.ctx));
    }
  }
}

/** A queue has said yes: the caller's going must not cancel the send. */
function detached(ctx: BatchContext): BatchContext {
  const { metadata, auth, clientAddress } = ctx;
  return metadata || auth || clientAddress ? { metadata, auth, clientAddress } : noContext;
}
