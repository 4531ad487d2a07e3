import type { ExponentialHistogramPoint, HistogramPoint } from '../otlp/view/point.ts';
import type { Bounds } from './bounds.ts';
import type { Exponential } from './native.ts';
import { countAt, fixed64Counts, varintCounts } from './numbers.ts';
import type { Count } from './series.ts';

/** A histogram with explicit bounds. One object, used again for each point. */
export interface HistogramValue {
  count: Count;
  sum: number;
  hasSum: boolean;
  counts: Count[];
  bounds: Bounds;
}

/** All but the bounds. */
export function readHistogram(point: HistogramPoint, into: HistogramValue): void {
  into.count = countAt(point.buf, point.valueStart(4));
  into.hasSum = point.has(5);
  into.sum = into.hasSum ? point.raw.double(5) : 0;
  into.counts = fixed64Counts(point, 6, () => point.bucketCounts, into.counts);
}

export function readExponential(point: ExponentialHistogramPoint): Exponential {
  const { positive, negative } = point;
  return {
    scale: point.scale,
    count: countAt(point.buf, point.valueStart(4)),
    sum: point.sum ?? 0,
    zeroCount: countAt(point.buf, point.valueStart(7)),
    zeroThreshold: point.zeroThreshold,
    positive: { offset: positive.offset, counts: varintCounts(positive, 2, () => positive.bucketCounts) },
    negative: { offset: negative.offset, counts: varintCounts(negative, 2, () => negative.bucketCounts) },
  };
}
