import { type Count, minus } from '../../internal/otlp/counts.ts';
import { differenceOf, readExponential } from '../../internal/otlp/exponential.ts';
import type { Patch } from '../../internal/otlp/patch.ts';
import type { Metric } from '../../internal/otlp/view/metric.ts';
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
  extremesOf,
  type Histogram,
  HistogramReader,
} from '../../internal/temporality/histogram.ts';
import { PointEdit } from '../../internal/temporality/point_edit.ts';
import { CUMULATIVE, DELTA } from '../../internal/temporality/retime.ts';
import type { CumulativetodeltaConfig } from './config.ts';
import type { Metrics } from './metrics.ts';
import { selection } from './selection.ts';

const largestInt = 2n ** 63n - 1n;

/**
 * Each point becomes what has come since the one before. A point that is not newer than that one is left out; a value that
 * fell is a counter that was reset: of a sum the point is left out too, and the next one counts from it.
 */
export class Differences implements Rules {
  readonly from = CUMULATIVE;
  readonly to = DELTA;
  /** A delta that was refused is in the next one. */
  readonly keepsRefused = false;
  readonly takes: (metric: Metric) => boolean;
  /** When the collector began to look, in nanoseconds since 1970. */
  since: bigint;
  readonly #initial: CumulativetodeltaConfig['initial_value'];
  readonly #metrics: Metrics;
  readonly #edit = new PointEdit();
  readonly #reader = new HistogramReader();

  /** @param now milliseconds since 1970 */
  constructor(config: CumulativetodeltaConfig, now: number, metrics: Metrics) {
    this.takes = selection(config);
    this.since = BigInt(Math.floor(now)) * 1_000_000n;
    this.#initial = config.initial_value;
    this.#metrics = metrics;
  }

  /** A counter that was started anew is another series, and so is one of doubles beside one of ints. */
  distinguish(point: DataPoint): string {
    const type = point instanceof NumberPoint && typeof point.value === 'number' ? 'd' : 'i';
    return `${type}${point.startTimeUnixNano.toString(36)};`;
  }

  settled(points: number, kind: string, reason: string | undefined): void {
    this.#metrics.points(points, kind, reason);
  }

  convert(point: DataPoint, key: string, patch: Patch, changes: Changes): string | undefined {
    if (point.noRecordedValue) return 'no_recorded_value';
    if (point instanceof NumberPoint) return this.#number(point, key, patch, changes);
    if (point instanceof HistogramPoint) return this.#explicit(point, key, patch, changes);
    return this.#exponential(point as ExponentialHistogramPoint, key, patch, changes);
  }

  #number(point: NumberPoint, key: string, patch: Patch, changes: Changes): string | undefined {
    const { value } = point;
    // As upstream: there is nothing to compute with, and nothing to remember.
    if (value === undefined || Number.isNaN(value)) return undefined;
    const step = this.#step(point, key, changes, 0);
    if (typeof step === 'string') return step;
    const { row, begins, last } = step;
    const { rows } = changes;
    const isDouble = typeof value === 'number';
    const before = isDouble ? rows.double[row]! : BigInt.asIntN(64, rows.value[row]!);
    if (isDouble) rows.double[row] = value;
    else rows.value[row] = BigInt.asUintN(64, value);
    if (begins) return this.#first(point, (start) => this.#edit.start(point, patch, start));
    const delta = numberSince(value, before);
    if (delta === undefined) return 'reset';
    this.#edit.number(point, patch, last, delta);
    return undefined;
  }

  #explicit(point: HistogramPoint, key: string, patch: Patch, changes: Changes): string | undefined {
    const read = this.#reader.explicit(point, false);
    const step = this.#step(point, key, changes, bytesOf(read));
    if (typeof step === 'string') return step;
    const { row, begins, last } = step;
    const before = changes.rows.more[row];
    if (begins || before?.kind !== 'explicit') {
      keep(changes, row, read);
      return this.#first(point, (start) => this.#edit.explicit(point, patch, start, read));
    }
    const value = { ...read, sum: Number.isNaN(read.sum) ? before.sum : read.sum };
    keep(changes, row, value);
    if (value.bounds !== before.bounds || value.counts.length !== before.counts.length) return 'bucket_mismatch';
    const delta = explicitSince(value, before);
    const sum = Number.isNaN(read.sum) ? read.sum : delta.sum;
    this.#edit.explicit(point, patch, last, { ...delta, sum });
    return undefined;
  }

  #exponential(point: ExponentialHistogramPoint, key: string, patch: Patch, changes: Changes): string | undefined {
    // Those of a part cannot be told from those of the whole.
    const extremes = extremesOf(point, false);
    const read: Exponentially = { kind: 'exponential', value: readExponential(point), extremes };
    const step = this.#step(point, key, changes, bytesOf(read));
    if (typeof step === 'string') return step;
    const { row, begins, last } = step;
    const before = changes.rows.more[row];
    if (begins || before?.kind !== 'exponential') {
      keep(changes, row, read);
      return this.#first(point, (start) => this.#edit.exponential(point, patch, start, read));
    }
    const unknown = Number.isNaN(read.value.sum);
    const value = { ...read.value, sum: unknown ? before.value.sum : read.value.sum };
    keep(changes, row, { ...read, value });
    const delta = differenceOf(value, before.value);
    if (!delta) return 'reset';
    const sum = unknown ? read.value.sum : delta.sum;
    const hasSum = extremes.hasSum && before.extremes.hasSum;
    this.#edit.exponential(point, patch, last, {
      ...read,
      value: { ...delta, sum },
      extremes: { ...extremes, hasSum },
    });
    return undefined;
  }

  /** The series of this point, moved on to its time. @param bytes of its state beside the row @returns why there is none */
  #step(point: DataPoint, key: string, changes: Changes, bytes: number): Step | string {
    const { rows } = changes;
    const time = point.timeUnixNano;
    let row = rows.find(key);
    const known = row >= 0;
    const goesOn = known && !rows.isStale(row);
    // Without a time there is no order.
    if (goesOn && time !== 0n && time <= rows.time[row]!) return 'out_of_order';
    if (!known) row = rows.add(key, bytes);
    if (row < 0 || !rows.hasRoomFor(row, bytes)) return 'limit';
    changes.note(row, !known);
    const last = rows.time[row]!;
    rows.time[row] = time;
    rows.touch(row);
    return { row, begins: !goesOn, last };
  }

  /** @param write the point as it is, but for its start: upstream tells none with `keep` */
  #first(point: DataPoint, write: (start: bigint) => void): string | undefined {
    const start = point.startTimeUnixNano;
    switch (this.#initial) {
      case 'drop':
        return 'initial';
      case 'keep':
        write(0n);
        return undefined;
      case 'auto':
        if (start < this.since || start === point.timeUnixNano) return 'initial';
        write(start);
        return undefined;
    }
  }
}

function keep({ rows }: Changes, row: number, histogram: Histogram): void {
  rows.setMore(row, histogram, bytesOf(histogram));
}

/** @returns undefined where the value fell, or the difference has no room */
function numberSince(value: number | bigint, before: number | bigint): number | bigint | undefined {
  if (value < before) return undefined;
  if (typeof value === 'bigint' && typeof before === 'bigint') {
    const delta = value - before;
    return delta > largestInt ? undefined : delta;
  }
  const delta = Number(value) - Number(before);
  return Number.isNaN(delta) ? undefined : delta;
}

/** All of it where a count fell: then the counting began anew. */
function explicitSince(value: Explicit, before: Explicit): Explicit {
  const count = minus(value.count, before.count);
  if (count === undefined) return value;
  const counts: Count[] = [];
  for (let i = 0; i < value.counts.length; i++) {
    const each = minus(value.counts[i]!, before.counts[i]!);
    if (each === undefined) return value;
    counts.push(each);
  }
  // The sum of a part is not known where that of the whole was not.
  const hasSum = value.extremes.hasSum && before.extremes.hasSum;
  const sum = value.sum - before.sum;
  return { ...value, count, counts, sum, extremes: { ...value.extremes, hasSum } };
}
