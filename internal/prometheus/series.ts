import type { Count } from '../otlp/counts.ts';
import type { Family } from './families.ts';
import type { FixedLabel, LabelSet } from './labels.ts';

/** A data point as its series see it. One object, used again for each point. */
export interface Point {
  readonly family: Family;
  readonly labels: LabelSet;
  /** The same for all series of the point, and for the same series in each batch. */
  readonly hash: number;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** When the counting began, in milliseconds; 0: not known, or nothing is counted. */
  readonly startMs: number;
  /** The series has ended: its values are staleness markers. */
  readonly stale: boolean;
  /** Data points that it stands for: 1, and 0 for `target_info`. */
  readonly items: number;
}

/** Takes series one by one: `point`, then its samples, each with the exemplars that belong to it. */
export interface Sink {
  point(point: Point): void;
  /** @param extra the label `le` or `quantile` */
  sample(name: FixedLabel, extra: FixedLabel | undefined, value: number): void;
  native(histogram: NativeHistogram): void;
  /** Of the sample before. */
  exemplar(exemplar: ExemplarData): void;
}

export interface ExemplarData {
  /** Sorted by name. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly value: number;
  readonly timeMs: number;
}

/** Source: message Histogram, https://github.com/prometheus/prometheus/blob/main/prompb/types.proto */
export interface NativeHistogram {
  readonly schema: number;
  readonly count: Count;
  readonly sum: number;
  readonly zeroThreshold: number;
  readonly zeroCount: Count;
  readonly positive: Buckets;
  readonly negative: Buckets;
}

/** Populated buckets: spans of consecutive ones, and each one's count as the difference to the one before. */
export interface Buckets {
  /** Gap to the span before, and length: two numbers for each span. */
  readonly spans: readonly number[];
  readonly deltas: readonly Count[];
}

/** 0x7ff0000000000002: the one NaN that means "ended". A number would lose its bits, so it is told by a flag. */
export const staleHigh = 0x7ff0_0000;
export const staleLow = 2;
