import { shortVarintEnd, uint32At } from '../otlp/wire.ts';
import { FIRST, LAST, ROW, type TraceRows } from './trace_rows.ts';

/* What is noted of a span, in words: its neighbours in its trace, where it lies in its slab, and its group. */
const ENTRY = 4;
/** The next span of the trace, by place; `~row` behind the last one. */
const NEXT = 0;
/** The span before it; `~row` in front of the first one. */
const PREVIOUS = 1;
/** Offset of its tag. It ends where the next span of the slab begins. */
const AT = 2;
/** -1 once it is gone. */
const GROUP = 3;

/** A place is the slab's number and, in these bits, the span's number in the slab. */
const ENTRY_BITS = 15;
const ENTRY_MASK = (1 << ENTRY_BITS) - 1;
const maxSlabs = 1 << (31 - ENTRY_BITS);
const firstEntries = 1024;

/** A free slab is kept for one that will be needed; more of them only up to this share of those in use. */
const spareShare = 8;

interface Slab {
  readonly index: number;
  readonly bytes: Buffer;
  /** Bytes written. */
  used: number;
  entries: Int32Array;
  /** Spans written, and those of them that are still needed. */
  count: number;
  live: number;
}

const noBytes: Uint8Array = new Uint8Array(0);

/**
 * Spans one behind the other in slabs of a fixed size, in the order in which they came, each with its tag and length.
 * Spans that lie side by side in a request are copied at once. A slab of which nothing is needed any more is used again;
 * one that is mostly gone is emptied by `compact`.
 */
export class SpanLog {
  /** Of all slabs and what is noted of their spans. */
  bytes = 0;
  /** Spans that are still needed. */
  live = 0;
  readonly #slabBytes: number;
  readonly #rows: TraceRows;
  readonly #slabs: (Slab | undefined)[] = [];
  readonly #freeIndexes: number[] = [];
  readonly #spare: Slab[] = [];
  #slab: Slab | undefined;
  /** Spans already in the books that are still to be copied to the end of the slab. */
  #runFrom = 0;
  #runTo = 0;
  #runAt = 0;
  #runBuf = noBytes;

  constructor(rows: TraceRows, slabBytes: number) {
    this.#rows = rows;
    this.#slabBytes = slabBytes;
  }

  /** Bytes that can be written without a new slab, each slab but the present one taken as empty. */
  get room(): number {
    const { length } = this.#spare;
    return length * this.#slabBytes + (this.#slab ? this.#slab.bytes.length - this.#slab.used : 0);
  }

  /** Bytes that come on top when spans of this size and number are added. */
  growthFor(bytes: number, spans: number): number {
    // A span that does not fit leaves some of a slab empty, hence one slab more.
    const slabs = bytes > this.room ? Math.ceil((bytes - this.room) / this.#slabBytes) + 1 : 0;
    // Entries grow by a quarter more than is needed.
    return slabs * (this.#slabBytes + firstEntries * ENTRY * 4) + spans * ENTRY * 5;
  }

  /** Adds the span field from `at` to `to` at the end of the row's list. The bytes are read until `flush`. */
  add(buf: Uint8Array, at: number, to: number, row: number, group: number): void {
    const i32 = this.#rows.i32;
    const base = row * ROW;
    const last = i32[base + LAST]!;
    const place = this.#write(buf, at, to, ~row, last < 0 ? ~row : last, group);
    if (last < 0) i32[base + FIRST] = place;
    else this.#setEntry(last, NEXT, place);
    i32[base + LAST] = place;
    this.live++;
  }

  /** Copies what `add` was given. Nothing may be read before. */
  flush(): void {
    if (this.#runTo === this.#runFrom) return;
    copyBytes.call(this.#runBuf as Buffer, this.#slab!.bytes, this.#runAt, this.#runFrom, this.#runTo);
    this.#runFrom = this.#runTo;
    this.#runBuf = noBytes;
  }

  /** The span behind this one in its trace, or -1. */
  next(place: number): number {
    const next = this.#entry(place, NEXT);
    return next < 0 ? -1 : next;
  }

  groupOf(place: number): number {
    return this.#entry(place, GROUP);
  }

  /** The slab's bytes, in which the span field begins at `offsetOf`. */
  bytesOf(place: number): Buffer {
    return this.#slabs[place >>> ENTRY_BITS]!.bytes;
  }

  offsetOf(place: number): number {
    return this.#entry(place, AT);
  }

  /** Bytes of the span, with its tag and length. */
  sizeOf(place: number): number {
    const slab = this.#slabs[place >>> ENTRY_BITS]!;
    return endOf(slab, place & ENTRY_MASK) - slab.entries[(place & ENTRY_MASK) * ENTRY + AT]!;
  }

  firstOf(row: number): number {
    return this.#rows.i32[row * ROW + FIRST]!;
  }

  /** Gives the spans of a row to another one, which has none. */
  handTo(from: number, to: number): void {
    const i32 = this.#rows.i32;
    const first = i32[from * ROW + FIRST]!;
    if (first < 0) return;
    const last = i32[from * ROW + LAST]!;
    this.#setEntry(first, PREVIOUS, ~to);
    this.#setEntry(last, NEXT, ~to);
    i32[to * ROW + FIRST] = first;
    i32[to * ROW + LAST] = last;
    i32[from * ROW + FIRST] = -1;
    i32[from * ROW + LAST] = -1;
  }

  /** Takes the first span out of the row's list; `remove` must follow before any span is added or moved. @returns its place, or -1 */
  shift(row: number): number {
    const i32 = this.#rows.i32;
    const base = row * ROW;
    const first = i32[base + FIRST]!;
    if (first < 0) return -1;
    const next = this.next(first);
    i32[base + FIRST] = next;
    if (next < 0) i32[base + LAST] = -1;
    else this.#setEntry(next, PREVIOUS, ~row);
    return first;
  }

  /** The span at this place, which is in no list, is needed no more. */
  remove(place: number): void {
    const slab = this.#slabs[place >>> ENTRY_BITS]!;
    slab.entries[(place & ENTRY_MASK) * ENTRY + GROUP] = -1;
    this.live--;
    if (--slab.live === 0) this.#empty(slab);
  }

  /** Lets go of the slabs that are kept for later. */
  trim(): void {
    for (const slab of this.#spare) this.#letGo(slab);
    this.#spare.length = 0;
  }

  /** Moves what is left of the slab that has least left, if that is less than half. @returns whether there was one */
  compact(): boolean {
    this.flush();
    let victim: Slab | undefined;
    for (const slab of this.#slabs) {
      if (!slab || slab === this.#slab || slab.live === 0 || slab.live * 2 > slab.count) continue;
      if (!victim || slab.live * victim.count < victim.live * slab.count) victim = slab;
    }
    if (!victim) return false;
    const { entries, count } = victim;
    for (let i = 0; i < count; i++) {
      if (entries[i * ENTRY + GROUP]! < 0) continue;
      this.#relocate(victim, i, entries[i * ENTRY + AT]!, endOf(victim, i));
    }
    this.flush();
    victim.live = 0;
    this.#empty(victim);
    return true;
  }

  #relocate(slab: Slab, i: number, at: number, to: number): void {
    const { entries } = slab;
    const next = entries[i * ENTRY + NEXT]!;
    const previous = entries[i * ENTRY + PREVIOUS]!;
    const place = this.#write(slab.bytes, at, to, next, previous, entries[i * ENTRY + GROUP]!);
    const i32 = this.#rows.i32;
    if (previous < 0) i32[~previous * ROW + FIRST] = place;
    else this.#setEntry(previous, NEXT, place);
    if (next < 0) i32[~next * ROW + LAST] = place;
    else this.#setEntry(next, PREVIOUS, place);
  }

  #write(buf: Uint8Array, at: number, to: number, next: number, previous: number, group: number): number {
    const size = to - at;
    let slab = this.#slab;
    if (!slab || slab.used + size > slab.bytes.length || slab.count > ENTRY_MASK) slab = this.#nextSlab(size);
    if (at !== this.#runTo || buf !== this.#runBuf) {
      this.flush();
      this.#runBuf = buf;
      this.#runFrom = at;
      this.#runAt = slab.used;
    }
    this.#runTo = to;
    const i = slab.count++;
    let { entries } = slab;
    if ((i + 1) * ENTRY > entries.length) entries = this.#moreEntries(slab);
    entries[i * ENTRY + NEXT] = next;
    entries[i * ENTRY + PREVIOUS] = previous;
    entries[i * ENTRY + AT] = slab.used;
    entries[i * ENTRY + GROUP] = group;
    slab.used += size;
    slab.live++;
    return (slab.index << ENTRY_BITS) | i;
  }

  #entry(place: number, word: number): number {
    return this.#slabs[place >>> ENTRY_BITS]!.entries[(place & ENTRY_MASK) * ENTRY + word]!;
  }

  #setEntry(place: number, word: number, value: number): void {
    this.#slabs[place >>> ENTRY_BITS]!.entries[(place & ENTRY_MASK) * ENTRY + word] = value;
  }

  #nextSlab(size: number): Slab {
    this.flush();
    const full = this.#slab;
    this.#slab = size <= this.#slabBytes ? (this.#spare.pop() ?? this.#newSlab(this.#slabBytes)) : this.#newSlab(size);
    if (full?.live === 0) this.#empty(full);
    return this.#slab;
  }

  #newSlab(size: number): Slab {
    const index = this.#freeIndexes.pop() ?? this.#slabs.length;
    if (index >= maxSlabs) throw new RangeError(`more than ${maxSlabs} slabs: maxBufferBytes is too large`);
    const entries = new Int32Array(firstEntries * ENTRY);
    const slab: Slab = { index, bytes: Buffer.allocUnsafeSlow(size), used: 0, entries, count: 0, live: 0 };
    this.#slabs[index] = slab;
    this.bytes += size + entries.byteLength;
    return slab;
  }

  #moreEntries(slab: Slab): Int32Array {
    const before = slab.entries;
    // By a quarter: slabs of like spans need about as many entries, and keep them.
    const grown = new Int32Array(before.length + Math.ceil(before.length / ENTRY / 4) * ENTRY);
    grown.set(before);
    this.bytes += grown.byteLength - before.byteLength;
    slab.entries = grown;
    return grown;
  }

  #empty(slab: Slab): void {
    if (slab === this.#slab) {
      if (this.#runTo > this.#runFrom) return;
      slab.used = 0;
      slab.count = 0;
      return;
    }
    const inUse = this.#slabs.length - this.#freeIndexes.length - this.#spare.length;
    if (slab.bytes.length !== this.#slabBytes || this.#spare.length > inUse / spareShare + 1) {
      this.#letGo(slab);
      return;
    }
    slab.used = 0;
    slab.count = 0;
    this.#spare.push(slab);
  }

  #letGo(slab: Slab): void {
    this.bytes -= slab.bytes.length + slab.entries.byteLength;
    this.#slabs[slab.index] = undefined;
    this.#freeIndexes.push(slab.index);
  }
}

const copyBytes = Buffer.prototype.copy;

/** Where the i-th span of the slab ends: read off its neighbour, since the bytes of a span that goes are in no cache any more. */
function endOf({ entries, count, used }: Slab, i: number): number {
  return i + 1 < count ? entries[(i + 1) * ENTRY + AT]! : used;
}

/** Where the span field that begins at `at` has its content. */
export function fieldStart(buf: Uint8Array, at: number): number {
  const length = buf[at]! < 0x80 ? at + 1 : shortVarintEnd(buf, at, buf.length);
  return buf[length]! < 0x80 ? length + 1 : shortVarintEnd(buf, length, buf.length);
}

/** Where it ends. */
export function fieldEnd(buf: Uint8Array, at: number): number {
  const length = buf[at]! < 0x80 ? at + 1 : shortVarintEnd(buf, at, buf.length);
  return fieldStart(buf, at) + uint32At(buf, length);
}
