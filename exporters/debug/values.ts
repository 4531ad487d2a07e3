import {
  type DataPoint,
  ExponentialHistogramPoint,
  HistogramPoint,
  NumberPoint,
  SummaryPoint,
  type ValueAtQuantile,
} from '../../internal/otlp/view/point.ts';

/** A bucket of an exponential histogram: the values above `lower` and up to `upper`, or mirrored below zero. */
export interface Bucket {
  readonly lower: number;
  readonly upper: number;
  readonly count: bigint;
}

/** From the lowest upwards, the zero bucket left out. */
export function exponentialBuckets(point: ExponentialHistogramPoint): { negative: Bucket[]; positive: Bucket[] } {
  // base^index = e^(index * ln 2 * 2^-scale)
  const factor = Math.LN2 * 2 ** -point.scale;
  const bounds = (offset: number, counts: readonly bigint[]) =>
    counts.map((count, i) => ({
      lower: Math.exp((offset + i) * factor),
      upper: Math.exp((offset + i + 1) * factor),
      count,
    }));
  const negative = bounds(point.negative.offset, point.negative.bucketCounts);
  return { negative: negative.reverse(), positive: bounds(point.positive.offset, point.positive.bucketCounts) };
}

/** The values of a data point on one line. */
export function pointValues(point: DataPoint): string {
  if (point instanceof NumberPoint) return String(point.value ?? '');
  if (point instanceof HistogramPoint) return [...totals(point), ...histogramBuckets(point)].join(' ');
  if (point instanceof ExponentialHistogramPoint) return [...totals(point), ...briefBuckets(point)].join(' ');
  if (point instanceof SummaryPoint) return [`count=${point.count}`, `sum=${point.sum}`, ...quantiles(point)].join(' ');
  return '';
}

function totals(point: HistogramPoint | ExponentialHistogramPoint): string[] {
  const { count, sum, min, max } = point;
  return Object.entries({ count, sum, min, max })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
}

function histogramBuckets(point: HistogramPoint): string[] {
  const bounds = point.explicitBounds;
  return point.bucketCounts.map((count, i) => (i < bounds.length ? `le${bounds[i]}=${count}` : String(count)));
}

function briefBuckets(point: ExponentialHistogramPoint): string[] {
  const { negative, positive } = exponentialBuckets(point);
  return [
    ...negative.map(({ lower, count }) => `le${-lower}=${count}`),
    ...(point.zeroCount === 0n ? [] : [`zero=${point.zeroCount}`]),
    ...positive.map(({ upper, count }) => `le${upper}=${count}`),
  ];
}

function quantiles(point: SummaryPoint): string[] {
  const found: string[] = [];
  const list = point.quantileValues;
  for (let at: ValueAtQuantile | undefined; (at = list.next()); ) found.push(`q${at.quantile}=${at.value}`);
  return found;
}
