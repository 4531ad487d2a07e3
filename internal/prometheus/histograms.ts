import { type Count, countAt, fixed64Counts } from '../otlp/counts.ts';
import type { HistogramPoint } from '../otlp/view/point.ts';
import type { Bounds } from './bounds.ts';

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
