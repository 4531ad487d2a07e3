import type { Explanation, Vote } from '../core/explain.ts';
import { encodeThreshold } from './consistent.ts';
import type { Decider, Trigger } from './decider.ts';
import { IdTable, writeId } from './id_table.ts';
import type { PolicyNames } from './policy_names.ts';
import type { TraceId } from './trace_hash.ts';
import { NO_THRESHOLD, thresholdOf, type Verdict, verdicts } from './verdict.ts';

/* A record, in words, behind the id and its hash. Times are doubles, so that records begin at even words. */
const KIND = 5;
const FIRST_SEEN = 6;
const DECIDED_AT = 8;
const SPANS = 10;
const LATE = 11;
const THRESHOLD = 12;
const POLICY = 14;
/** Bytes of notes, which follow. */
const NOTES = 15;
const RECORD = 16;
/** Records are told apart by pairs of words. */
const UNIT = 2;

const triggers: readonly Trigger[] = [
  'decision_wait',
  'root_received',
  'first_match',
  'eviction',
  'trace_too_large',
  'shutdown',
];
/** A reload is a generation; notes of older ones than these cannot be read any more. */
const generations = 16;

/** In KIND: a newer record of the same trace has taken its place in the table. */
const REPLACED = 0x80;
/** As KIND: from here to the ring's end there is no record. */
const GAP = 0xffff_ffff;

/** One decision, as it is logged. */
export interface Logged {
  readonly verdict: Verdict;
  readonly trigger: Trigger;
  /** By `PolicyNames`. */
  readonly policy: number;
  readonly thresholdLow: number;
  readonly thresholdHigh: number;
  /** Wall time, milliseconds since 1970. */
  readonly firstSeenAt: number;
  readonly decidedAt: number;
  readonly spans: number;
}

/** The newest decisions, as many as go into so many bytes: a ring off the V8 heap with an index by trace id. */
export class ExplainLog {
  readonly capacity: number;
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #octets: Uint8Array;
  readonly #table: IdTable;
  readonly #deciders: (Decider | undefined)[] = [];
  #generation = -1;
  /** Words: where the oldest record begins, and where the next one goes. */
  #oldest = 0;
  #next = 0;
  /** Records in the ring, replaced ones included. */
  #count = 0;
  #forgotten = false;

  /** Wall time, milliseconds since 1970, since when every decision is remembered; undefined: none was forgotten yet. */
  get since(): number | undefined {
    if (!this.#forgotten || this.#count === 0) return undefined;
    return this.#doubles[(this.#oldest + DECIDED_AT) >> 1];
  }

  /** @param capacity bytes, 4096 at least */
  constructor(capacity: number) {
    this.capacity = capacity;
    // Records take 64 bytes and more: with a slot for each 32 bytes or fewer, half of the slots stay empty.
    const items = 2 ** Math.ceil(Math.log2(capacity / 64));
    const bytes = (capacity - IdTable.bytesFor(items)) & ~7;
    // Untouched pages of it take no memory.
    const ring = Buffer.allocUnsafeSlow(bytes);
    this.#words = new Uint32Array(ring.buffer, 0, bytes / 4);
    this.#doubles = new Float64Array(ring.buffer, 0, bytes / 8);
    this.#octets = new Uint8Array(ring.buffer, 0, bytes);
    this.#table = new IdTable(UNIT, this.#words, items);
  }

  /** Later notes are of this decider. */
  begin(decider: Decider): void {
    this.#generation++;
    this.#deciders[this.#generation % generations] = decider;
  }

  /** @param notes whether the decider is to be asked for them: it decided this one last */
  add(id: TraceId, logged: Logged, notes: boolean): void {
    const decider = this.#deciders[this.#generation % generations]!;
    const most = notes ? decider.maxNotes : 0;
    const at = this.#room(RECORD + words(most));
    if (at < 0) return;
    const size = most > 0 ? decider.takeNotes(this.#octets, (at + RECORD) * 4) : 0;
    const { verdict, trigger, policy, thresholdLow, thresholdHigh, firstSeenAt, decidedAt, spans } = logged;
    const known = this.#table.find(id);
    const ring = this.#words;
    if (known >= 0) {
      this.#table.remove(known);
      ring[known * UNIT + KIND]! |= REPLACED;
    }
    writeId(ring, at, id);
    ring[at + KIND] = verdicts.indexOf(verdict) | (triggers.indexOf(trigger) << 4) | (this.#generation << 8);
    this.#doubles[(at + FIRST_SEEN) / 2] = firstSeenAt;
    this.#doubles[(at + DECIDED_AT) / 2] = decidedAt;
    ring[at + SPANS] = spans;
    ring[at + LATE] = 0;
    ring[at + THRESHOLD] = thresholdLow;
    ring[at + THRESHOLD + 1] = thresholdHigh;
    ring[at + POLICY] = policy;
    ring[at + NOTES] = size;
    this.#next = at + RECORD + words(size);
    this.#count++;
    this.#table.add(at / UNIT);
  }

  /** Spans that came after the decision. */
  late(id: TraceId, spans: number): void {
    const record = this.#table.find(id);
    if (record >= 0) this.#words[record * UNIT + LATE]! += spans;
  }

  explain(id: TraceId, names: PolicyNames): Omit<Explanation, 'component' | 'pipeline' | 'traceId'> | undefined {
    const record = this.#table.find(id);
    if (record < 0) return undefined;
    const at = record * UNIT;
    const ring = this.#words;
    const kind = ring[at + KIND]!;
    const high = ring[at + THRESHOLD + 1]!;
    return {
      decision: verdicts[kind & 0xf]!,
      policy: names.nameOf(ring[at + POLICY]!),
      trigger: triggers[(kind >>> 4) & 7],
      decidedAt: this.#doubles[(at + DECIDED_AT) / 2],
      firstSeenAt: this.#doubles[(at + FIRST_SEEN) / 2],
      spans: ring[at + SPANS]!,
      lateSpans: ring[at + LATE]!,
      threshold: high === NO_THRESHOLD ? undefined : encodeThreshold(thresholdOf(ring[at + THRESHOLD]!, high)),
      votes: this.#votes(at, kind >>> 8),
    };
  }

  /** Traces that it can still tell of. */
  get size(): number {
    return this.#table.size;
  }

  #votes(at: number, generation: number): readonly Vote[] {
    const size = this.#words[at + NOTES]!;
    // 24 bits of the generation are noted.
    if (size === 0 || ((this.#generation - generation) & 0xff_ffff) >= generations) return [];
    const from = (at + RECORD) * 4;
    return this.#deciders[generation % generations]!.readNotes(this.#octets.subarray(from, from + size));
  }

  /** Makes room for so many words and returns where; -1 if there can never be. */
  #room(wanted: number): number {
    const { length } = this.#words;
    if (wanted > length / 2) return -1;
    if (this.#next + wanted > length) {
      while (this.#count > 0 && this.#oldest >= this.#next) this.#forget();
      if (this.#next + RECORD <= length) this.#words[this.#next + KIND] = GAP;
      this.#next = 0;
    }
    while (this.#count > 0 && this.#oldest >= this.#next && this.#oldest < this.#next + wanted) this.#forget();
    if (this.#count === 0) this.#oldest = this.#next;
    return this.#next;
  }

  #forget(): void {
    this.#forgotten = true;
    const ring = this.#words;
    const at = this.#oldest;
    if ((ring[at + KIND]! & REPLACED) === 0) this.#table.remove(at / UNIT);
    this.#count--;
    const next = at + RECORD + words(ring[at + NOTES]!);
    this.#oldest = next + RECORD > ring.length || ring[next + KIND] === GAP ? 0 : next;
  }
}

function words(bytes: number): number {
  return ((bytes + 7) >>> 3) * 2;
}
