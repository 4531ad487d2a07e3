import type { Payload } from '../otlp/payload.ts';
import type { Decisions } from './decisions.ts';
import type { EvictionReason, TailObserver, TailOptions } from './engine_types.ts';
import type { TailState } from './tail_state.ts';
import {
  ARRIVAL,
  DECIDED,
  NO_LIST,
  ROOTED,
  ROOTED_PRECIOUS,
  ROW,
  SPANS,
  WAITING,
  WAITING_PRECIOUS,
} from './trace_rows.ts';

/** Traces that one batch may push out; a batch that needs more is refused, and finds room when it comes again. */
const evictionsAtOnce = 4096;
/** After so many of them what is kept is sent, and slabs that are mostly gone are emptied. */
const evictionsBetween = 256;
const discardedAtOnce = 16_384;

const healthy = [WAITING, ROOTED] as const;
const precious = [WAITING_PRECIOUS, ROOTED_PRECIOUS] as const;
const pending = [...healthy, ...precious] as const;

/** Who goes when: the traces that are due, and those that must make room for others. */
export class Room {
  readonly #state: TailState;
  readonly #options: TailOptions;
  readonly #decisions: Decisions;
  readonly #observer: TailObserver;
  readonly #dueAt: (row: number) => number;

  constructor(
    state: TailState,
    options: TailOptions,
    decisions: Decisions,
    observer: TailObserver,
    dueAt: (row: number) => number,
  ) {
    this.#state = state;
    this.#options = options;
    this.#decisions = decisions;
    this.#observer = observer;
    this.#dueAt = dueAt;
  }

  /** The row that has been due longest at `now`, or -1. */
  nextDue(now: number): number {
    const row = this.#first(pending, this.#dueAt);
    return row >= 0 && this.#dueAt(row) <= now ? row : -1;
  }

  /** When the next decision falls due; infinity: none is waited for. */
  nextDueAt(): number {
    const row = this.#first(pending, this.#dueAt);
    return row < 0 ? Number.POSITIVE_INFINITY : this.#dueAt(row);
  }

  /**
   * Makes room for a batch.
   * @param ship sends what is kept, all of it or only whole batches; false: the next component is full
   * @returns false where there is none for now
   */
  make(batch: Payload, now: number, ship: (all: boolean) => boolean): boolean {
    const { rows } = this.#state;
    const canEvict = ship(false) && !this.#options.blockOnOverflow;
    const noPlace = rows.known >= this.#options.numTraces && rows.lengthOf(DECIDED) === 0;
    if (noPlace && !canEvict) return false;
    for (let evictions = 0; !this.#fits(batch); evictions++) {
      if (evictions % evictionsBetween === 0) {
        ship(true);
        if (this.#tidy(batch)) return true;
      }
      if (!canEvict || evictions >= evictionsAtOnce || !ship(false)) return false;
      if (!this.#evict('bytes', now)) return ship(true) && this.#tidy(batch);
    }
    return true;
  }

  /** Makes use of what is gone already. @returns whether that was enough */
  #tidy(batch: Payload): boolean {
    while (this.#decisions.discardSome(discardedAtOnce)) if (this.#fits(batch)) return true;
    while (!this.#fits(batch)) if (!this.#state.log.compact()) return false;
    return true;
  }

  makeRoomForTrace(now: number): void {
    const { rows } = this.#state;
    if (rows.known < this.#options.numTraces || this.#decisions.forgetOldest(now)) return;
    if (!this.#options.blockOnOverflow) this.#evict('num_traces', now);
  }

  /** Does something about it if there is more than a reload has left room for. @returns whether it did */
  evictSurplus(now: number): boolean {
    const { rows, log } = this.#state;
    if (rows.known > this.#options.numTraces)
      return this.#decisions.forgetOldest(now) || this.#evict('num_traces', now);
    if (this.#state.bytes <= this.#options.maxBufferBytes) return false;
    log.trim();
    return log.compact() || this.#evict('bytes', now);
  }

  /** Takes all that is undecided out, undecided. @returns its spans */
  dropAll(): number {
    const { rows } = this.#state;
    let spans = 0;
    for (const list of pending) {
      for (let row = rows.headOf(list); row >= 0; row = rows.headOf(list)) {
        spans += rows.u32[row * ROW + SPANS]!;
        rows.move(row, NO_LIST);
      }
    }
    return spans;
  }

  #fits(batch: Payload): boolean {
    const { log, rows, bytes } = this.#state;
    const { byteLength, itemCount } = batch;
    const wanted = log.growthFor(byteLength, itemCount) + rows.growthFor(itemCount);
    return wanted === 0 || bytes + wanted <= this.#options.maxBufferBytes;
  }

  /** Decides the oldest healthy trace, or else the oldest of all, before its time. */
  #evict(reason: EvictionReason, now: number): boolean {
    const { rows } = this.#state;
    const arrival = (row: number) => rows.f64[(row * ROW + ARRIVAL) >> 1]!;
    let row = this.#first(healthy, arrival);
    while (row >= 0 && this.#decisions.precious(row) === 1) {
      rows.move(row, rows.listOf(row) === WAITING ? WAITING_PRECIOUS : ROOTED_PRECIOUS);
      row = this.#first(healthy, arrival);
    }
    if (row < 0) row = this.#first(precious, arrival);
    if (row < 0) return false;
    this.#observer.evicted(reason);
    this.#decisions.decide(row, 'eviction', now, this.#dueAt(row));
    return true;
  }

  /** Of the first rows of some lists, the one with the least of something. */
  #first(lists: readonly number[], of: (row: number) => number): number {
    const { rows } = this.#state;
    let first = -1;
    for (const list of lists) {
      const row = rows.headOf(list);
      if (row >= 0 && (first < 0 || of(row) < of(first))) first = row;
    }
    return first;
  }
}
