import type { Payload } from '../../internal/otlp/payload.ts';
import type { Patch, Visitor } from '../../internal/otlp/rewrite.ts';
import type { Cursor } from '../../internal/otlp/view/cursor.ts';
import type { Walk } from '../../internal/otlp/view/walk.ts';
import { type Class, classNames, SAME_TRACE, SHARE } from '../../internal/sampling/budget.ts';
import { adjustedCount } from '../../internal/sampling/consistent.ts';
import type { Metrics } from './metrics.ts';
import type { Model } from './model.ts';

export interface Carried {
  readonly randomness: bigint | undefined;
  readonly threshold: bigint | undefined;
}

/** What head mode must know of a span or a log record. */
export interface Kind<R extends Cursor> {
  walk(batch: Payload): Walk<R>;
  rewrite(batch: Payload, visitor: Visitor<R>): Payload;
  /** Learns from the record, and says what it is. */
  judge(record: R, service: number, now: number): Class;
  /** Where its trace id lies; -1 for none. */
  traceIdAt(record: R): number;
  /** Randomness and threshold that the record names itself; undefined: neither, or malformed. */
  carried(record: R): Carried | undefined;
  /** Writes the threshold by which it was kept. */
  stamp(record: R, patch: Patch, threshold: bigint): void;
}

/**
 * Judges the records of a batch one by one. Two rounds: what is kept for its own sake keeps the other records of its
 * trace in the same batch too, whichever came first.
 */
export class Pass<R extends Cursor> {
  readonly #kind: Kind<R>;
  readonly #model: Model;
  readonly #metrics: Metrics;
  readonly #random: () => number;
  readonly #withCompanions: boolean;
  /** By record: the threshold by which it is kept; undefined: it is left out. */
  #thresholds: (bigint | undefined)[] = [];
  #classes: Class[] = [];
  #services: number[] = [];
  /** By record: its trace, as `traceOf` has it; 0: none. */
  #traces: number[] = [];
  /** Traces of which something is kept for its own sake. */
  readonly #flagged = new Set<number>();
  /** By record: the threshold by which it would be kept for the sake of such a trace. */
  #companions: (bigint | undefined)[] = [];
  readonly #counts = classNames.map(() => ({ kept: 0, left: 0 }));

  /** @param withCompanions what is kept for its own sake keeps what the batch has of its trace */
  constructor(kind: Kind<R>, model: Model, metrics: Metrics, random: () => number, withCompanions: boolean) {
    this.#kind = kind;
    this.#model = model;
    this.#metrics = metrics;
    this.#random = random;
    this.#withCompanions = withCompanions;
  }

  sample(batch: Payload, now: number): Payload {
    this.#thresholds = [];
    this.#classes = [];
    this.#services = [];
    this.#traces = [];
    this.#companions = [];
    this.#flagged.clear();
    this.#judge(batch, now);
    if (this.#flagged.size > 0) this.#keepCompanions(now);
    this.#count();
    let next = 0;
    return this.#kind.rewrite(batch, {
      record: (record, patch) => {
        const threshold = this.#thresholds[next++];
        if (threshold === undefined) patch.drop();
        else this.#kind.stamp(record, patch, threshold);
      },
    });
  }

  #judge(batch: Payload, now: number): void {
    const { budget } = this.#model;
    const walk = this.#kind.walk(batch);
    while (walk.nextResource()) {
      const service = this.#model.serviceOf(walk.resource, now);
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const kind = this.#kind.judge(walk.record, service, now);
          const carried = this.#kind.carried(walk.record);
          budget.seen(service, kind, 1, standsFor(carried));
          this.#classes.push(kind);
          this.#services.push(service);
          this.#draw(walk.record, service, kind, carried?.randomness, now);
        }
      }
    }
  }

  #draw(record: R, service: number, kind: Class, own: bigint | undefined, now: number): void {
    const id = this.#kind.traceIdAt(record);
    const trace = id < 0 ? 0 : traceOf(record.buf, id);
    const threshold = this.#thresholdIfKept(record.buf, id, own, service, kind);
    const companion = this.#withCompanions && kind === SHARE && trace !== 0;
    this.#traces.push(trace);
    this.#thresholds.push(threshold);
    this.#companions.push(companion ? this.#thresholdIfKept(record.buf, id, own, service, SAME_TRACE) : undefined);
    if (threshold === undefined) return;
    this.#model.budget.spend(kind, 1, now);
    if (this.#withCompanions && kind !== SHARE && trace !== 0) this.#flagged.add(trace);
  }

  /** @param own randomness that the record names; undefined: that of the trace id, and without one a die */
  #thresholdIfKept(
    buf: Uint8Array,
    id: number,
    own: bigint | undefined,
    service: number,
    kind: Class,
  ): bigint | undefined {
    const { budget } = this.#model;
    const cut = budget.cutOf(service, kind);
    let kept: boolean;
    if (own !== undefined) kept = own >= cut.threshold;
    else if (id >= 0) kept = cut.keeps(buf, id);
    else kept = this.#random() < budget.probabilityOf(service, kind);
    return kept ? cut.threshold : undefined;
  }

  #keepCompanions(now: number): void {
    const { budget } = this.#model;
    for (let i = 0; i < this.#traces.length; i++) {
      if (this.#classes[i] !== SHARE || !this.#flagged.has(this.#traces[i]!)) continue;
      const service = this.#services[i]!;
      budget.seen(service, SHARE, -1);
      budget.seen(service, SAME_TRACE, 1);
      this.#classes[i] = SAME_TRACE;
      const companion = this.#companions[i];
      const share = this.#thresholds[i];
      if (companion === undefined) continue;
      if (share === undefined) budget.spend(SAME_TRACE, 1, now);
      this.#thresholds[i] = share === undefined || companion < share ? companion : share;
    }
  }

  #count(): void {
    for (let i = 0; i < this.#classes.length; i++) {
      const kept = this.#thresholds[i] !== undefined;
      this.#counts[this.#classes[i]!]![kept ? 'kept' : 'left']++;
      this.#metrics.judgedOf(this.#services[i]!, kept, 1);
    }
    this.#counts.forEach((count, kind) => {
      this.#metrics.judged(kind as Class, true, count.kept);
      this.#metrics.judged(kind as Class, false, count.left);
      count.kept = 0;
      count.left = 0;
    });
  }
}

function standsFor(carried: Carried | undefined): number {
  return carried?.threshold === undefined ? 1 : Math.max(1, adjustedCount(carried.threshold));
}

/** 53 bits of the trace id's random end as a number: two traces of a batch do not share them. */
function traceOf(buf: Uint8Array, id: number): number {
  const high = ((buf[id + 9]! & 0x1f) << 16) | (buf[id + 10]! << 8) | buf[id + 11]!;
  const low = (buf[id + 12]! << 24) | (buf[id + 13]! << 16) | (buf[id + 14]! << 8) | buf[id + 15]!;
  return high * 0x1_0000_0000 + (low >>> 0);
}
