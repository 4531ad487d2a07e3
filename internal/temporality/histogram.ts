import { latin1 } from '../attributes/key.ts';
import { type Count, countAt, fixed64Counts, packedOnce } from '../otlp/counts.ts';
import type { Exponential } from '../otlp/exponential.ts';
import type { ExponentialHistogramPoint, HistogramPoint } from '../otlp/view/point.ts';
import { rangeEquals } from '../otlp/view/raw.ts';

/** What a histogram with explicit bounds has come to. Never changed, only replaced. */
export interface Explicit {
  readonly kind: 'explicit';
  /** Their bytes, a character each: equal text, equal bounds. */
  readonly bounds: string;
  readonly counts: readonly Count[];
  readonly count: Count;
  readonly sum: number;
  readonly extremes: Extremes;
}

/** The same with exponential buckets. */
export interface Exponentially {
  readonly kind: 'exponential';
  readonly value: Exponential;
  readonly extremes: Extremes;
}

export type Histogram = Explicit | Exponentially;

/** The fields that a histogram may be without. */
export interface Extremes {
  readonly hasSum: boolean;
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** Reads points; series with the same bounds share one text of them. */
export class HistogramReader {
  readonly #bounds = new Map<string, string>();
  /** Those of the last point, which the next one mostly has too. */
  #last = { bytes: new Uint8Array(0), text: '' };

  /** @param extremes whether min and max are wanted */
  explicit(point: HistogramPoint, extremes = true): Explicit {
    return {
      kind: 'explicit',
      bounds: this.#boundsOf(point),
      counts: fixed64Counts(point, 6, () => point.bucketCounts, []),
      count: countAt(point.buf, point.valueStart(4)),
      sum: point.sum ?? 0,
      extremes: extremesOf(point, extremes),
    };
  }

  #boundsOf(point: HistogramPoint): string {
    if (!packedOnce(point, 7)) {
      return this.#shared(Buffer.from(new Float64Array(point.explicitBounds).buffer).toString('latin1'));
    }
    const { buf } = point;
    const [from, to] = [point.valueStart(7), point.valueEnd(7)];
    if (!rangeEquals(buf, from, to, this.#last.bytes)) {
      this.#last = { bytes: Uint8Array.prototype.slice.call(buf, from, to), text: this.#shared(latin1(buf, from, to)) };
    }
    return this.#last.text;
  }

  #shared(text: string): string {
    const known = this.#bounds.get(text);
    if (known !== undefined) return known;
    if (this.#bounds.size >= 1000) this.#bounds.clear();
    this.#bounds.set(text, text);
    return text;
  }
}

/** @param all min and max too */
export function extremesOf(point: HistogramPoint | ExponentialHistogramPoint, all = true): Extremes {
  const { min, max } = point;
  return { hasSum: point.sum !== undefined, min: all ? min : undefined, max: all ? max : undefined };
}

/** Bytes that a state takes beside its row, the bounds apart, which are shared. */
export function bytesOf(histogram: Histogram): number {
  if (histogram.kind === 'explicit') return 200 + 8 * histogram.counts.length;
  const { positive, negative } = histogram.value;
  return 370 + 8 * (positive.counts.length + negative.counts.length);
}
