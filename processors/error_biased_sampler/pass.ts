import type { Payload } from '../../internal/otlp/payload.ts';
import type { Patch, Visitor } from '../../internal/otlp/rewrite.ts';
import type { Cursor } from '../../internal/otlp/view/cursor.ts';
import type { Walk } from '../../internal/otlp/view/walk.ts';
import { type Class, classNames, ERROR, SHARE } from '../../internal/sampling/budget.ts';
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
  /** By record: the threshold by which it is kept; undefined: it is left out. */
  #thresholds: (bigint | undefined)[] = [];
  #classes: Class[] = [];
  #services: number[] = [];
  /** By record: its trace, as `traceOf` has it; 0: none. */
  #traces: number[] = [];
  /** Traces kept for the sake of one record, with its class and threshold. */
  readonly #linked = new Map<number, { readonly kind: Class; readonly threshold: bigint }>();
  readonly #counts = classNames.map(() => ({ kept: 0, left: 0 }));

  constructor(kind: Kind<R>, model: Model, metrics: Metrics, random: () => number) {
    this.#kind = kind;
    this.#model = model;
    this.#metrics = metrics;
    this.#random = random;
  }

  sample(batch: Payload, now: number): Payload {
    this.#thresholds = [];
    this.#classes = [];
    this.#services = [];
    this.#traces = [];
    this.#linked.clear();
    this.#judge(batch, now);
    if (this.#linked.size > 0) this.#link(now);
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
    const { budget } = this.#model;
    const id = this.#kind.traceIdAt(record);
    const trace = id < 0 ? 0 : traceOf(record.buf, id);
    this.#traces.push(trace);
    const cut = budget.cutOf(service, kind);
    let kept: boolean;
    if (own !== undefined) kept = own >= cut.threshold;
    else if (id >= 0) kept = cut.keeps(record.buf, id);
    else kept = this.#random() < budget.probabilityOf(service, kind);
    this.#thresholds.push(kept ? cut.threshold : undefined);
    if (!kept) return;
    budget.spend(kind, 1, now);
    if (kind !== SHARE && trace !== 0 && this.#linked.get(trace)?.kind !== ERROR) {
      this.#linked.set(trace, { kind, threshold: cut.threshold });
    }
  }

  /** What is kept for another's sake counts as what the other is. */
  #link(now: number): void {
    const { budget } = this.#model;
    for (let i = 0; i < this.#traces.length; i++) {
      const link = this.#linked.get(this.#traces[i]!);
      if (!link || this.#classes[i] !== SHARE) continue;
      budget.seen(this.#services[i]!, SHARE, -1);
      budget.seen(this.#services[i]!, link.kind, 1);
      if (this.#thresholds[i] === undefined) budget.spend(link.kind, 1, now);
      this.#classes[i] = link.kind;
      this.#thresholds[i] = link.threshold;
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
