import type { Settings } from '../core/component.ts';
import { type BatchContext, type Consumer, noContext } from '../core/consumer.ts';
import { Notice } from '../core/notice.ts';
import { acceptedPromise, type Outcome, permanent, retryable } from '../core/outcome.ts';
import type { Counter, Histogram } from '../core/telemetry.ts';
import type { Payload, Signal } from '../otlp/payload.ts';
import { Batcher } from './batcher.ts';
import { Fifo } from './fifo.ts';
import { Holdings } from './holdings.ts';
import type { Located } from './isolate.ts';
import type { Life } from './layer.ts';
import { byteBuckets, itemNames, lostItems, sizeBuckets } from './observe.ts';
import type { QueueConfig } from './schema.ts';
import { Request, settle, type Work } from './work.ts';

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
 * Bounded twice: by `queue_size`, which counts what waits and what is being sent, and by the process's memory budget.
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
  readonly #failed: Counter;
  readonly #sendSize: Histogram;
  readonly #sendBytes: Histogram;
  readonly #enqueueSize: Histogram;
  readonly #enqueueBytes: Histogram;
  readonly #overflow: Notice;
  readonly #has: Holdings;
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
    this.#overflow = new Notice(settings.clock);
    const { id: exporter, meter } = settings;
    const labels = { exporter, data_type: signal };
    this.#failed = meter.counter({
      name: `otelcol_exporter_enqueue_failed_${itemNames[signal]}`,
      help: 'Items that were refused because the sending queue had no room.',
      labels: { exporter },
    });
    this.#enqueueSize = meter.histogram({
      name: 'otelcol_exporter_enqueue_size',
      help: 'Items of the batches that the queue took.',
      labels: { exporter },
      level: 'detailed',
      buckets: sizeBuckets,
    });
    this.#enqueueBytes = meter.histogram({
      name: 'otelcol_exporter_enqueue_size_bytes',
      help: 'Bytes of the batches that the queue took.',
      labels: { exporter },
      level: 'detailed',
      buckets: byteBuckets,
    });
    this.#sendSize = meter.histogram({
      name: 'otelcol_exporter_queue_batch_send_size',
      help: 'Items of the batches that leave the queue.',
      labels: { exporter },
      level: 'normal',
      buckets: sizeBuckets,
    });
    this.#sendBytes = meter.histogram({
      name: 'otelcol_exporter_queue_batch_send_size_bytes',
      help: 'Bytes of the batches that leave the queue.',
      labels: { exporter },
      level: 'detailed',
      buckets: byteBuckets,
    });
    const size = `What the queue holds, in ${config.sizer} or what its sizer counts.`;
    life.onEnd(meter.observe({ name: 'otelcol_exporter_queue_size', help: size, labels }, () => this.#has.size));
    const capacity = 'What the queue may hold, in the units of its size.';
    life.onEnd(
      meter.observe({ name: 'otelcol_exporter_queue_capacity', help: capacity, labels }, () => config.queue_size),
    );
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
    const size = this.#sizeOf(batch);
    if (size > this.#config.queue_size) return Promise.resolve(this.#tooLarge(batch, size));
    if (this.#has.size + size > this.#config.queue_size || this.#waiters.size > 0) {
      return this.#config.block_on_overflow ? this.#wait(batch, ctx) : this.#full(batch, 'its sending queue is full');
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
      return this.#full(batch, 'far more than the memory budget is held');
    }
    this.#enqueueSize.record(batch.itemCount);
    this.#enqueueBytes.record(batch.byteLength);
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
    this.#sendSize.record(work.payload.itemCount);
    this.#sendBytes.record(work.payload.byteLength);
    const outcome: Located = await this.#next.consume(work.payload, work.ctx);
    if (this.#successor && outcome.status === 'retryable' && !outcome.losses) this.#move(work, this.#successor);
    else this.#settle(work, outcome);
  }

  #settle(work: Work, outcome: Outcome): void {
    const stopping = this.#life.stopping.aborted;
    if (stopping) this.#lostAtStop += lostItems(outcome, work.payload.itemCount);
    settle(work, outcome, stopping);
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

  #tooLarge(batch: Payload, size: number): Outcome {
    this.#failed.add(batch.itemCount);
    const { queue_size, sizer } = this.#config;
    return permanent(
      'too_large',
      `${this.#settings.id}: a batch of ${size} ${sizer} cannot fit into a queue of ${queue_size}: raise queue_size`,
    );
  }

  #full(batch: Payload, why: string): Promise<Outcome> {
    this.#failed.add(batch.itemCount);
    this.#overflow.event((leftOut) => {
      this.#settings.logger.warn(`refusing batches, the sender is asked to retry: ${why}`, {
        queue_size: this.#has.size,
        queue_capacity: this.#config.queue_size,
        sizer: this.#config.sizer,
        refused_before: leftOut,
      });
    });
    return Promise.resolve(retryable(`${this.#settings.id}: ${why}`, retryHintMs));
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
      const size = this.#sizeOf(waiter.batch);
      if (this.#has.size + size > this.#config.queue_size) return;
      waiter.end(this.#admit(waiter.batch, waiter.ctx));
    }
  }
}

/** A queue has said yes: the caller's going must not cancel the send. */
function detached(ctx: BatchContext): BatchContext {
  const { metadata, auth, clientAddress } = ctx;
  return metadata || auth || clientAddress ? { metadata, auth, clientAddress } : noContext;
}
