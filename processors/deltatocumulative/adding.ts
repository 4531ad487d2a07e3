import { type Count, plus } from '../../internal/otlp/counts.ts';
import { addExponential, copyOf, readExponential } from '../../internal/otlp/exponential.ts';
import type { Patch } from '../../internal/otlp/patch.ts';
import {
  type DataPoint,
  type ExponentialHistogramPoint,
  HistogramPoint,
  NumberPoint,
} from '../../internal/otlp/view/point.ts';
import type { Changes, Rules, Step } from '../../internal/temporality/conversion.ts';
import {
  bytesOf,
  type Explicit,
  type Exponentially,
  type Extremes,
  extremesOf,
  type Histogram,
  HistogramReader,
} from '../../internal/temporality/histogram.ts';
import { PointEdit } from '../../internal/temporality/point_edit.ts';
import { CUMULATIVE, DELTA } from '../../internal/temporality/retime.ts';
import type { Metrics } from './metrics.ts';

// As upstream's label says it.
const outOfOrder = 'delta.ErrOutOfOrder';
const olderStart = 'delta.ErrOlderStart';
const limit = 'limit';
const notFinite = 'not_finite';

const largestInt = 2n ** 63n - 1n;
const largestCount = 2n ** 64n - 1n;
/** The finest scale that the data model allows. */
const finest = 20;

/**
 * Adds the points of a series up. A point that is not newer than the last one, or from before the series began, is left
 * out: it was counted already, or another process sends the same series.
 *
 * Rules: https://opentelemetry.io/docs/specs/otel/metrics/data-model/#sums-delta-to-cumulative
 */
export class Adding implements Rules {
  readonly from = DELTA;
  readonly to = CUMULATIVE;
  /** The totals that follow say what was refused too: nothing of it is lost. */
  readonly keepsRefused = true;
  readonly #metrics: Metrics;
  readonly #edit = new PointEdit();
  readonly #reader = new HistogramReader();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  takes(): boolean {
    return true;
  }

  distinguish(): string {
    return '';
  }

  settled(points: number, _kind: string, reason: string | undefined): void {
    this.#metrics.points(points, reason);
  }

  convert(point: DataPoint, key: string, patch: Patch, changes: Changes): string | undefined {
    if (point.noRecordedValue) {
      // The series has ended: with its next point it begins anew.
      const row = changes.rows.find(key);
      if (row >= 0) changes.end(row);
      return undefined;
    }
    if (point instanceof NumberPoint) return this.#number(point, key, patch, changes);
    if (point instanceof HistogramPoint) return this.#explicit(point, key, patch, changes);
    return this.#exponential(point as ExponentialHistogramPoint, key, patch, changes);
  }

  #number(point: NumberPoint, key: string, patch: Patch, changes: Changes): string | undefined {
    const { value } = point;
    if (value === undefined) return undefined;
    // It would stay in the total for ever.
    if (typeof value === 'number' && !Number.isFinite(value)) return notFinite;
    const step = this.#step(point, key, changes, 0);
    if (typeof step === 'string') return step;
    const { rows } = changes;
    const { row } = step;
    const total = step.begins ? value : sumOf(rows.isDouble[row] ? rows.double[row]! : asInt(rows.value[row]!), value);
    // No room in 64 bits: the counting begins anew where the last point ended, which readers see as a reset.
    if (total === undefined) changes.rows.start[row] = step.last;
    const now = total ?? value;
    rows.isDouble[row] = typeof now === 'number' ? 1 : 0;
    if (typeof now === 'number') rows.double[row] = now;
    else rows.value[row] = BigInt.asUintN(64, now);
    if (step.begins) return undefined;
    this.#edit.number(point, patch, rows.start[row]!, now);
    return undefined;
  }

  #explicit(point: HistogramPoint, key: string, patch: Patch, changes: Changes): string | undefined {
    const value = this.#reader.explicit(point);
    const step = this.#step(point, key, changes, bytesOf(value));
    if (typeof step === 'string') return step;
    const { rows } = changes;
    const { row } = step;
    const before = rows.more[row];
    if (step.begins || before?.kind !== 'explicit') return keep(changes, row, value);
    if (before.bounds !== value.bounds) {
      // Other bounds are other buckets: the counting begins anew, when this point began.
      rows.start[row] = point.startTimeUnixNano;
      return keep(changes, row, value);
    }
    let total = addExplicit(before, value);
    if (!total) {
      changes.rows.start[row] = step.last;
      total = value;
    }
    keep(changes, row, total);
    this.#edit.explicit(point, patch, rows.start[row]!, total);
    return undefined;
  }

  #exponential(point: ExponentialHistogramPoint, key: string, patch: Patch, changes: Changes): string | undefined {
    const value: Exponentially = { kind: 'exponential', value: readExponential(point), extremes: extremesOf(point) };
    const step = this.#step(point, key, changes, bytesOf(value));
    if (typeof step === 'string') return step;
    const { rows } = changes;
    const { row } = step;
    const before = rows.more[row];
    if (step.begins || before?.kind !== 'exponential') return keep(changes, row, value);
    let total = addExponentially(before, value);
    if (!total) {
      changes.rows.start[row] = step.last;
      total = value;
    }
    keep(changes, row, total);
    this.#edit.exponential(point, patch, rows.start[row]!, total);
    return undefined;
  }

  /** The series of this point, moved on to its time. @param bytes of its state beside the row @returns why there is none */
  #step(point: DataPoint, key: string, changes: Changes, bytes: number): Step | string {
    const { rows } = changes;
    const start = point.startTimeUnixNano;
    const time = point.timeUnixNano;
    let row = rows.find(key);
    const known = row >= 0;
    const goesOn = known && !rows.isStale(row);
    if (goesOn) {
      if (start !== 0n && start < rows.start[row]!) return olderStart;
      // Without a time there is no order.
      if (time !== 0n && time <= rows.time[row]!) return outOfOrder;
    }
    if (!known) row = rows.add(key, bytes);
    if (row < 0 || !rows.hasRoomFor(row, bytes)) return limit;
    changes.note(row, !known);
    const last = rows.time[row]!;
    if (!goesOn) rows.start[row] = start;
    rows.time[row] = time;
    rows.touch(row);
    return { row, begins: !goesOn, last };
  }
}

function keep({ rows }: Changes, row: number, histogram: Histogram): undefined {
  rows.setMore(row, histogram, bytesOf(histogram));
}

function asInt(bits: bigint): bigint {
  return BigInt.asIntN(64, bits);
}

/** Ints are added exactly; with a double among them it is a double. @returns undefined where there is no room for the sum */
function sumOf(total: number | bigint, value: number | bigint): number | bigint | undefined {
  if (typeof total === 'bigint' && typeof value === 'bigint') {
    const sum = total + value;
    return sum > largestInt || sum < -largestInt - 1n ? undefined : sum;
  }
  const sum = Number(total) + Number(value);
  return Number.isFinite(sum) ? sum : undefined;
}

/** @returns undefined where there is no room for the counts */
function addExplicit(total: Explicit, more: Explicit): Explicit | undefined {
  // Both should have one count more than there are bounds; what only one has is taken as it is.
  const counts: Count[] = [];
  for (let i = 0; i < total.counts.length; i++) {
    const count = plus(total.counts[i]!, more.counts[i] ?? 0);
    if (tooLarge(count)) return undefined;
    counts.push(count);
  }
  const count = plus(total.count, more.count);
  if (tooLarge(count)) return undefined;
  const sum = total.sum + more.sum;
  return { ...total, counts, count, sum, extremes: extremesOfBoth(total.extremes, more.extremes, sum) };
}

/** A number never is; comparing it with a bigint would take long. */
function tooLarge(count: Count): boolean {
  return typeof count === 'bigint' && count > largestCount;
}

function addExponentially(total: Exponentially, more: Exponentially): Exponentially | undefined {
  const value = copyOf(total.value);
  addExponential(value, more.value, finest);
  const { positive, negative } = value;
  const all = [value.count, value.zeroCount, ...positive.counts, ...negative.counts];
  if (all.some(tooLarge)) return undefined;
  return { kind: 'exponential', value, extremes: extremesOfBoth(total.extremes, more.extremes, value.sum) };
}

/** What one of both lacks, or what is no number any more, the total lacks too: it would say too little. */
function extremesOfBoth(a: Extremes, b: Extremes, sum: number): Extremes {
  const both = (x: number | undefined, y: number | undefined, of: (x: number, y: number) => number) =>
    x === undefined || y === undefined ? undefined : of(x, y);
  return {
    hasSum: a.hasSum && b.hasSum && Number.isFinite(sum),
    min: both(a.min, b.min, Math.min),
    max: both(a.max, b.max, Math.max),
  };
}
