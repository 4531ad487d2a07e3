import { setImmediate } from 'node:timers/promises';
import type { Timer } from '../core/clock.ts';
import type { Settings } from '../core/component.ts';
import type { BatchContext, Consumer } from '../core/consumer.ts';
import { Delivery } from '../core/delivery.ts';
import type { Explanation } from '../core/explain.ts';
import type { Account } from '../core/ledger.ts';
import { acceptedPromise, type Outcome, permanent, retryable } from '../core/outcome.ts';
import type { Payload } from '../otlp/payload.ts';
import type { Decider, Trigger } from './decider.ts';
import { Decisions } from './decisions.ts';
import type { TailObserver, TailOptions } from './engine_types.ts';
import { Intake } from './intake.ts';
import { maxBatchBytes } from './outbox.ts';
import { Room } from './room.ts';
import { TailState } from './tail_state.ts';
import { TraceId } from './trace_hash.ts';
import { ARRIVAL, ROOTED, ROOTED_PRECIOUS, ROW, SINCE, SPANS, WAITING, WAITING_PRECIOUS } from './trace_rows.ts';

/** Decisions that fall due within this time are made together; none is later than that and a slice. */
const togetherMs = 50;
/** A slice of decisions ends after so long, or so many, and lets others have their turn. */
const slice = { ms: 4, traces: 2048 };
/** And so once decisions are late: intake may bring no more than can be decided. */
const longSlice = { ms: 20, traces: 8192 };
const lateMs = 100;
const discardedAtOnce = 16_384;
/** How long a full next component is left alone, if it does not stir before. */
const blockedMs = 50;
const retryHintMs = 1000;

/** How a slice of decisions ended. */
type Ended = 'idle' | 'more' | 'blocked';

/**
 * Buffers whole traces, has them decided by a `Decider`, and passes on what is kept. Says yes at once; what it holds is
 * bounded by `maxBufferBytes` and not part of the memory budget, in which only batches on their way out count.
 */
export class TailEngine implements Consumer {
  readonly #settings: Settings;
  readonly #options: TailOptions;
  readonly #decider: Decider;
  readonly #observer: TailObserver;
  readonly #delivery: Delivery;
  readonly #endApart: () => void;
  #state: TailState;
  #decisions!: Decisions;
  #intake!: Intake;
  #room!: Room;
  #successor: TailEngine | undefined;
  #timer: Timer | undefined;
  /** Monotonic time for which the timer is set. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #lastSlice = Number.NEGATIVE_INFINITY;
  #closed = false;
  #shutdown: Promise<void> | undefined;

  constructor(settings: Settings, options: TailOptions, decider: Decider, next: Consumer, observer: TailObserver) {
    this.#settings = settings;
    this.#options = options;
    this.#decider = decider;
    this.#observer = observer;
    this.#delivery = new Delivery(settings, next);
    this.#state = new TailState(settings.random, options);
    this.#endApart = settings.memory.addApart(() => this.bufferBytes);
    this.#use(this.#state);
  }

  consume(batch: Payload, _ctx: BatchContext): Promise<Outcome> {
    return this.#consume(batch, this.#settings.account);
  }

  /** Decides on what is there, passes it on until `abort` fires, and counts the rest as dropped. Safe twice. */
  shutdown(abort: AbortSignal): Promise<void> {
    this.#shutdown ??= this.#close(abort);
    return this.#shutdown;
  }

  /**
   * Gives all that is buffered and remembered to `successor`, which must be new: see `Component.handOver`. Spans that still come
   * to this engine go there too. What is on its way out already stays with this one's `shutdown`.
   */
  handOver(successor: TailEngine): boolean {
    if (this.#closed || this.#successor || successor.#closed || successor.heldSpans > 0) return false;
    this.#timer?.cancel();
    this.#successor = successor;
    this.#decisions.discardSome(Number.POSITIVE_INFINITY);
    successor.#adopt(this.#state, this.#settings.account, this.#state.log.live);
    this.#state = new TailState(this.#settings.random, this.#options);
    return true;
  }

  /** @param traceId 32 hex digits */
  explain(traceId: string): Explanation | undefined {
    if (this.#successor) return this.#successor.explain(traceId);
    if (!/^[0-9a-f]{32}$/i.test(traceId)) return undefined;
    const { hash, rows, explain, names } = this.#state;
    const { clock, id: component, pipeline = '' } = this.#settings;
    const id = new TraceId(hash);
    id.read(Buffer.from(traceId, 'hex'), 0);
    const about = { component, pipeline, traceId: traceId.toLowerCase() };
    const row = rows.find(id);
    if (row < 0 || !isPending(rows.listOf(row))) {
      const decided = explain?.explain(id, names);
      return decided && { ...about, ...decided };
    }
    const age = clock.monotonic() - rows.f64[(row * ROW + ARRIVAL) >> 1]!;
    const spans = rows.u32[row * ROW + SPANS]!;
    return { ...about, decision: 'pending', firstSeenAt: clock.now() - age, spans, lateSpans: 0, votes: [] };
  }

  /** See `Component.explainsSince`. */
  explainsSince(): number | undefined {
    return this.#successor ? this.#successor.explainsSince() : this.#state.explain?.since;
  }

  /** Undecided. */
  get heldTraces(): number {
    const { rows } = this.#state;
    let traces = 0;
    for (const list of pending) traces += rows.lengthOf(list);
    return traces;
  }
  /** Undecided, or decided and not yet passed on. */
  get heldSpans(): number {
    return this.#state.log.live;
  }
  /** Bytes that the buffer takes, of `bufferCapacity`. */
  get bufferBytes(): number {
    return this.#state.bytes;
  }
  get bufferCapacity(): number {
    return this.#options.maxBufferBytes;
  }

  #use(state: TailState): void {
    const options = this.#options;
    const entries = state.configure(options);
    const wanted = options.sampledCacheSize + options.nonSampledCacheSize;
    if (entries < wanted - 1) {
      const fields = { wanted, entries, max_buffer_bytes: options.maxBufferBytes };
      this.#settings.logger.warn('the decision caches are cut to a quarter of the trace buffer’s memory', fields);
    }
    state.rows.newFacts(this.#decider.bitWords, this.#decider.numbers);
    this.#state = state;
    this.#decisions = new Decisions(this.#settings, options, this.#decider, this.#observer, state);
    this.#room = new Room(state, options, this.#decisions, this.#observer, (row) => this.#dueAt(row));
    const { account } = this.#settings;
    this.#intake = new Intake(state, options, this.#decider, this.#decisions, this.#observer, account, this.#room);
  }

  /** @param items that `from` holds */
  #adopt(state: TailState, from: Account, items: number): void {
    const { account } = this.#settings;
    if (from !== account && items > 0) {
      from.moved(items);
      account.adopt(items);
    }
    this.#use(state);
    // At once: there may be more than the new limits allow.
    const now = this.#settings.clock.monotonic();
    this.#wake(now, now);
  }

  /** @param from where the items are accounted for: a predecessor's account, if the batch came to that */
  #consume(batch: Payload, from: Account): Promise<Outcome> {
    if (this.#successor) return this.#successor.#consume(batch, from);
    const items = batch.itemCount;
    if (items === 0) return acceptedPromise;
    const now = this.#settings.clock.monotonic();
    const refusal = this.#refusal(batch, now);
    if (refusal) return Promise.resolve(refusal);
    from.hold(items);
    if (from !== this.#settings.account) {
      from.moved(items);
      this.#settings.account.adopt(items);
    }
    this.#intake.take(batch, now);
    this.#arm();
    return acceptedPromise;
  }

  #refusal(batch: Payload, now: number): Outcome | undefined {
    const { id } = this.#settings;
    if (this.#closed) return retryable(`${id} is stopping`, retryHintMs);
    const { maxBufferBytes } = this.#options;
    if (batch.byteLength > maxBufferBytes / 2) {
      const reason = `${id}: a request of ${batch.byteLength} bytes does not go into half of the trace buffer of ${maxBufferBytes} bytes: send smaller ones, or raise the buffer's limit`;
      return permanent('too_large', reason);
    }
    if (this.#room.make(batch, now, (all) => (all ? this.#shipAll() : this.#shipFull()))) return undefined;
    this.#arm();
    return retryable(`${id}: the trace buffer is full`, retryHintMs);
  }

  /** Wakes up for what falls due next; what is due already waits for its companions. */
  #arm(): void {
    const now = this.#settings.clock.monotonic();
    const due = this.#state.outbox.spans > 0 ? now : Math.max(this.#room.nextDueAt(), now);
    if (due < Number.POSITIVE_INFINITY) this.#wake(Math.max(due, this.#lastSlice + togetherMs), now);
  }

  #wake(at: number, now: number): void {
    if (at >= this.#wakeAt || this.#closed) return;
    this.#timer?.cancel();
    this.#wakeAt = at;
    this.#timer = this.#settings.clock.after(at - now, () => this.#tick());
  }

  #tick(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const { clock } = this.#settings;
    const begun = clock.monotonic();
    const ended = this.#slice(false);
    const now = clock.monotonic();
    this.#observer.ticked(now - begun);
    if (ended === 'more') this.#wake(now, now);
    else if (ended === 'blocked') this.#wake(now + blockedMs, now);
    else {
      this.#lastSlice = now;
      this.#arm();
    }
  }

  /** Decides what is due, and sends what is kept once there is nothing more to decide. @param all due or not */
  #slice(all: boolean): Ended {
    const { clock } = this.#settings;
    const begun = clock.monotonic();
    const most = begun - this.#room.nextDueAt() > lateMs ? longSlice : slice;
    for (let traces = 0; ; traces++) {
      if (!this.#shipFull()) return 'blocked';
      const { full } = this.#state.outbox;
      if (traces >= most.traces || ((full || traces % 16 === 15) && clock.monotonic() - begun > most.ms)) return 'more';
      if (full) continue;
      const now = clock.monotonic();
      if (!this.#decideNext(now, all)) break;
    }
    if (this.#decisions.discardSome(discardedAtOnce)) return 'more';
    return this.#shipAll() ? 'idle' : 'blocked';
  }

  #decideNext(now: number, all: boolean): boolean {
    // Timers may come a little early.
    const row = this.#room.nextDue(all ? Number.POSITIVE_INFINITY : now + 1);
    if (row < 0) return this.#room.evictSurplus(now);
    const trigger: Trigger = all ? 'shutdown' : this.#isRooted(row) ? 'root_received' : 'decision_wait';
    this.#decisions.decide(row, trigger, now, this.#dueAt(row));
    return true;
  }

  #isRooted(row: number): boolean {
    const list = this.#state.rows.listOf(row);
    return list === ROOTED || list === ROOTED_PRECIOUS;
  }

  #dueAt(row: number): number {
    const { rows, rootWaitMs } = this.#state;
    const at = (row * ROW) >> 1;
    const due = rows.f64[at + ARRIVAL / 2]! + this.#options.decisionWaitMs;
    return this.#isRooted(row) ? Math.min(due, rows.f64[at + SINCE / 2]! + rootWaitMs) : due;
  }

  /** Passes one full batch on, if there is one. @returns false if it cannot go */
  #shipFull(): boolean {
    return !this.#state.outbox.full || this.#ship();
  }

  #shipAll(): boolean {
    while (this.#state.outbox.spans > 0) if (!this.#ship()) return false;
    return true;
  }

  /** Passes a batch on, unless the next component has enough to do. */
  #ship(): boolean {
    const { outbox } = this.#state;
    const { memory } = this.#settings;
    const reserved = Math.min(outbox.bytes, maxBatchBytes);
    if (this.#delivery.busy || !memory.takeOver(reserved)) return false;
    const payload = outbox.next()!;
    this.#delivery.pass({ payload, ctx: { abort: this.#delivery.abort, persistent: true }, reserved });
    return true;
  }

  async #close(abort: AbortSignal): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    if (!this.#successor) await this.#finish(abort);
    await this.#delivery.drain(abort);
    this.#endApart();
  }

  async #finish(abort: AbortSignal): Promise<void> {
    if (this.#options.dropPendingOnShutdown) this.#lose(this.#room.dropAll(), 'drop_pending_traces_on_shutdown is set');
    for (let ended: Ended = 'more'; ended !== 'idle' && !abort.aborted; ) {
      ended = this.#slice(true);
      if (ended === 'more') await setImmediate();
      else if (ended === 'blocked') await this.#pause(abort);
    }
    this.#lose(this.#state.outbox.spans + this.#room.dropAll(), 'the time for the shutdown is up');
  }

  #pause(abort: AbortSignal): Promise<void> {
    const { clock } = this.#settings;
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        abort.removeEventListener('abort', done);
        resolve();
      };
      const timer = clock.after(blockedMs, done);
      abort.addEventListener('abort', done, { once: true });
    });
  }

  #lose(items: number, why: string): void {
    if (items === 0) return;
    this.#settings.account.dropped(items, 'shutdown', true);
    this.#settings.logger.error(`stopped with undecided traces, which are lost: ${why}`, { items });
  }
}

const pending = [WAITING, ROOTED, WAITING_PRECIOUS, ROOTED_PRECIOUS] as const;

function isPending(list: number): boolean {
  return list >= WAITING && list <= ROOTED_PRECIOUS;
}
