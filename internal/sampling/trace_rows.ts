import type { Facts } from './decider.ts';
import { IdTable, writeId } from './id_table.ts';
import type { TraceId } from './trace_hash.ts';

/*
 * The columns of a trace, in words of 32 bits. One row of them lies in one block, so that a span touches few cache lines.
 */
export const ROW = 24;
/* The id's four words and its hash come first. */
/** Spans are a list, by their places in the span log; -1 where there are none. */
export const FIRST = 5;
export const LAST = 6;
export const SPANS = 7;
/** Nanoseconds since 1970 in two halves, the low one first. */
export const START = 8;
export const END = 10;
/** Monotonic milliseconds, as doubles: index them by half. */
export const ARRIVAL = 12;
/** When the root came; once decided, when that was. */
export const SINCE = 14;
/** Bytes of spans, as a double. */
export const BYTES = 16;
const PREVIOUS = 18;
const NEXT = 19;
export const FLAGS = 20;
/** The number that `PolicyNames` gave to the policy that settled it, 0 for none. */
export const POLICY = 21;
/** Two halves, as `halvesOf` writes them. */
export const THRESHOLD = 22;

/* Bits of FLAGS. */
export const HAS_ROOT = 1;
export const HAS_ERROR = 2;
/** START and END hold something. */
export const HAS_TIMES = 4;
/** The resource under way has brought spans (span ingest). */
export const TOUCHED = 8;
/** `gather` asked for a decision. */
export const MATCHED = 16;
/** The decision, once there is one. */
export const VERDICT_SHIFT = 5;
export const VERDICT = 3 << VERDICT_SHIFT;
const LIST_SHIFT = 8;
const LIST = 7 << LIST_SHIFT;
/** By which decider the facts were gathered. */
const GENERATION_SHIFT = 16;
const GENERATION = 0xff << GENERATION_SHIFT;

/* What a row waits for. Each list is in the order in which its rows fall due. */
export const NO_LIST = 0;
/** Their first span. */
export const WAITING = 1;
/** The root has come, which made the decision due earlier. */
export const ROOTED = 2;
/** The same for those that were found precious when room was sought. */
export const WAITING_PRECIOUS = 3;
export const ROOTED_PRECIOUS = 4;
/** Decided and without spans: remembered for those that come late. */
export const DECIDED = 5;
/** Decided, its spans still to be removed: too many for one turn. */
export const DISCARDED = 6;
const LISTS = 7;

/** Beyond it rows grow by a quarter at a time instead of doubling. */
const manyRows = 65_536;

/** All traces, in typed arrays that grow, found by id in an open-addressing table. Rows are numbers and used again. */
export class TraceRows {
  u32!: Uint32Array;
  i32!: Int32Array;
  f64!: Float64Array;
  u8!: Uint8Array;
  /** Of the decider; `bitsAt` and `numbersAt` are those of the row last asked for. */
  readonly facts = { bits: new Uint32Array(0), bitsAt: 0, numbers: new Float64Array(0), numbersAt: 0 };
  #capacity = 0;
  #made = 0;
  #free = -1;
  #freeRows = 0;
  #bitWords = 0;
  #numbers = 0;
  #generation = 0;
  readonly #table: IdTable;
  readonly #heads = new Int32Array(LISTS).fill(-1);
  readonly #tails = new Int32Array(LISTS).fill(-1);
  readonly #lengths = new Int32Array(LISTS);

  /**
   * @param capacity rows to begin with: more of them are copied to larger arrays in one go, which takes tens of
   * milliseconds for a million. What was not touched yet takes no memory.
   */
  constructor(capacity: number) {
    this.#table = new IdTable(ROW, new Uint32Array(0), capacity);
    this.#resize(capacity);
  }

  /** Of the rows that were ever in use. */
  get bytes(): number {
    return this.#made * this.#bytesEach + this.#table.bytes;
  }

  /** Rows that can be found by id. */
  get known(): number {
    return this.#table.size;
  }

  /** Bytes that come on top when `rows` more are wanted. */
  growthFor(rows: number): number {
    const more = Math.max(0, rows - this.#freeRows);
    const table = IdTable.bytesFor(this.#capacityFor(rows)) - this.#table.bytes;
    return more * this.#bytesEach + Math.max(0, table);
  }

  /** Makes room for facts of another decider; those of all rows are out of date until `reset`. */
  newFacts(bitWords: number, numbers: number): void {
    this.#bitWords = bitWords;
    this.#numbers = numbers;
    this.#generation = (this.#generation + 1) & 0xff;
    this.facts.bits = new Uint32Array(this.#capacity * bitWords);
    this.facts.numbers = new Float64Array(this.#capacity * numbers);
  }

  hasCurrentFacts(row: number): boolean {
    return (this.u32[row * ROW + FLAGS]! & GENERATION) >>> GENERATION_SHIFT === this.#generation;
  }

  factsOf(row: number): Facts {
    this.facts.bitsAt = row * this.#bitWords;
    this.facts.numbersAt = row * this.#numbers;
    return this.facts;
  }

  /** Empties what is gathered from spans: facts, times, root and error. */
  resetGathered(row: number): void {
    const at = row * ROW;
    const { bits, numbers } = this.facts;
    bits.fill(0, row * this.#bitWords, (row + 1) * this.#bitWords);
    numbers.fill(0, row * this.#numbers, (row + 1) * this.#numbers);
    const kept = this.u32[at + FLAGS]! & ~(GENERATION | HAS_ROOT | HAS_ERROR | HAS_TIMES);
    this.u32[at + FLAGS] = kept | (this.#generation << GENERATION_SHIFT);
    this.u32.fill(0, at + START, at + END + 2);
  }

  /** An empty row for this id, in no list and not to be found by it. */
  make(id: TraceId, now: number): number {
    let row = this.#free;
    if (row >= 0) {
      this.#free = this.i32[row * ROW + NEXT]!;
      this.#freeRows--;
    } else {
      if (this.#made === this.#capacity) this.#resize(this.#capacityFor(1));
      row = this.#made++;
    }
    const at = row * ROW;
    const { u32, i32, f64 } = this;
    writeId(u32, at, id);
    i32[at + FIRST] = -1;
    i32[at + LAST] = -1;
    u32[at + SPANS] = 0;
    u32[at + FLAGS] = 0;
    u32[at + POLICY] = 0;
    f64[(at + ARRIVAL) >> 1] = now;
    f64[(at + SINCE) >> 1] = 0;
    f64[(at + BYTES) >> 1] = 0;
    this.resetGathered(row);
    return row;
  }

  /** Gives the row back. It must be in no list and not known. */
  release(row: number): void {
    this.i32[row * ROW + NEXT] = this.#free;
    this.#free = row;
    this.#freeRows++;
  }

  /** The known row of this id, or -1. */
  find(id: TraceId): number {
    return this.#table.find(id);
  }

  /** Lets the row be found by its id, which no other may have. */
  know(row: number): void {
    this.#table.add(row);
  }

  forget(row: number): void {
    this.#table.remove(row);
  }

  lengthOf(list: number): number {
    return this.#lengths[list]!;
  }

  /** The row that has been longest in the list; -1 for none. */
  headOf(list: number): number {
    return this.#heads[list]!;
  }

  listOf(row: number): number {
    return (this.u32[row * ROW + FLAGS]! & LIST) >>> LIST_SHIFT;
  }

  /** Takes the row out of the list that it is in and puts it at the end of another; `NO_LIST`: only out. */
  move(row: number, list: number): void {
    const at = row * ROW;
    const { i32, u32 } = this;
    const from = (u32[at + FLAGS]! & LIST) >>> LIST_SHIFT;
    if (from !== NO_LIST) {
      const previous = i32[at + PREVIOUS]!;
      const next = i32[at + NEXT]!;
      if (previous < 0) this.#heads[from] = next;
      else i32[previous * ROW + NEXT] = next;
      if (next < 0) this.#tails[from] = previous;
      else i32[next * ROW + PREVIOUS] = previous;
      this.#lengths[from]!--;
    }
    u32[at + FLAGS] = (u32[at + FLAGS]! & ~LIST) | (list << LIST_SHIFT);
    if (list === NO_LIST) return;
    const last = this.#tails[list]!;
    i32[at + PREVIOUS] = last;
    i32[at + NEXT] = -1;
    if (last < 0) this.#heads[list] = row;
    else i32[last * ROW + NEXT] = row;
    this.#tails[list] = row;
    this.#lengths[list]!++;
  }

  get #bytesEach(): number {
    return ROW * 4 + this.#bitWords * 4 + this.#numbers * 8;
  }

  #capacityFor(more: number): number {
    let capacity = this.#capacity;
    while (capacity < this.#made - this.#freeRows + more) capacity += capacity < manyRows ? capacity : capacity >> 2;
    return capacity;
  }

  #resize(capacity: number): void {
    const buffer = new ArrayBuffer(capacity * ROW * 4);
    const u32 = new Uint32Array(buffer);
    if (this.#capacity > 0) u32.set(this.u32);
    this.u32 = u32;
    this.i32 = new Int32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u8 = new Uint8Array(buffer);
    const bits = new Uint32Array(capacity * this.#bitWords);
    bits.set(this.facts.bits);
    const numbers = new Float64Array(capacity * this.#numbers);
    numbers.set(this.facts.numbers);
    this.facts.bits = bits;
    this.facts.numbers = numbers;
    this.#capacity = capacity;
    this.#table.words = u32;
    this.#table.reserve(capacity);
  }
}
