import { type Count, countAt, minus, plus, varintCounts } from './counts.ts';
import type { ExponentialHistogramPoint } from './view/point.ts';

/** Most buckets of either sign that are kept: beyond, two become one, as SDKs do it. */
const maxBuckets = 160;

/** An exponential histogram of OpenTelemetry, its buckets dense from `offset` on. */
export interface Exponential {
  scale: number;
  count: Count;
  sum: number;
  zeroCount: Count;
  zeroThreshold: number;
  positive: Dense;
  negative: Dense;
}

export interface Dense {
  offset: number;
  counts: Count[];
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

export function copyOf(from: Exponential): Exponential {
  const dense = ({ offset, counts }: Dense): Dense => ({ offset, counts: [...counts] });
  return { ...from, positive: dense(from.positive), negative: dense(from.negative) };
}

/**
 * Adds `add` to `total`, at the coarser of their scales, with the wider of their zero buckets.
 * @param finest a scale finer than this becomes this one
 */
export function addExponential(total: Exponential, add: Exponential, finest: number): void {
  const more = copyOf(add);
  for (const dense of [total.positive, total.negative, more.positive, more.negative]) trim(dense);
  const scale = Math.min(total.scale, more.scale, finest);
  rescale(total, scale);
  rescale(more, scale);
  const threshold = Math.max(total.zeroThreshold, more.zeroThreshold);
  widenZero(total, threshold);
  widenZero(more, threshold);
  // Ends whatever the offsets are: at last all is in two buckets.
  while (!(fits(total.positive, more.positive) && fits(total.negative, more.negative))) {
    rescale(total, total.scale - 1);
    rescale(more, total.scale);
  }
  merge(total.positive, more.positive);
  merge(total.negative, more.negative);
  total.count = plus(total.count, more.count);
  total.zeroCount = plus(total.zeroCount, more.zeroCount);
  total.sum += more.sum;
}

/**
 * What came to `total` since it was `before`.
 * @returns undefined where it cannot have been: a count fell, the scale became finer or the zero bucket narrower
 */
export function differenceOf(total: Exponential, before: Exponential): Exponential | undefined {
  if (total.scale > before.scale || total.zeroThreshold < before.zeroThreshold) return undefined;
  const old = copyOf(before);
  rescale(old, total.scale);
  widenZero(old, total.zeroThreshold, true);
  const count = minus(total.count, old.count);
  const zeroCount = minus(total.zeroCount, old.zeroCount);
  const positive = denseDifference(total.positive, old.positive);
  const negative = denseDifference(total.negative, old.negative);
  if (count === undefined || zeroCount === undefined || !positive || !negative) return undefined;
  return { ...total, count, zeroCount, positive, negative, sum: total.sum - before.sum };
}

function denseDifference(total: Dense, old: Dense): Dense | undefined {
  const counts: Count[] = [];
  let left = 0;
  for (let i = 0; i < total.counts.length; i++) {
    const before = old.counts[total.offset + i - old.offset] ?? 0;
    const count = minus(total.counts[i]!, before);
    if (count === undefined) return undefined;
    if (before) left++;
    counts.push(count);
  }
  // A bucket that is there no more has lost its counts.
  if (left < old.counts.filter(Boolean).length) return undefined;
  const difference = { offset: total.offset, counts };
  trim(difference);
  return difference;
}

function fits(a: Dense, b: Dense): boolean {
  const { from, to } = range(a, b);
  return to - from <= maxBuckets;
}

function range(a: Dense, b: Dense): { from: number; to: number } {
  if (a.counts.length === 0) return { from: b.offset, to: b.offset + b.counts.length };
  if (b.counts.length === 0) return { from: a.offset, to: a.offset + a.counts.length };
  return {
    from: Math.min(a.offset, b.offset),
    to: Math.max(a.offset + a.counts.length, b.offset + b.counts.length),
  };
}

function merge(into: Dense, add: Dense): void {
  if (add.counts.length === 0) return;
  const { from, to } = range(into, add);
  const counts: Count[] = new Array(to - from).fill(0);
  for (const { offset, counts: own } of [into, add]) {
    for (let i = 0; i < own.length; i++) counts[offset - from + i] = plus(counts[offset - from + i]!, own[i]!);
  }
  into.offset = from;
  into.counts = counts;
}

/** Each step of the scale makes one bucket of two. */
function rescale(histogram: Exponential, scale: number): void {
  if (histogram.scale <= scale) return;
  const width = 2 ** (histogram.scale - scale);
  for (const dense of [histogram.positive, histogram.negative]) {
    trim(dense);
    if (dense.counts.length === 0) continue;
    const first = Math.floor(dense.offset / width);
    const last = Math.floor((dense.offset + dense.counts.length - 1) / width);
    const counts: Count[] = new Array(last - first + 1).fill(0);
    for (let i = 0; i < dense.counts.length; i++) {
      const at = Math.floor((dense.offset + i) / width) - first;
      counts[at] = plus(counts[at]!, dense.counts[i]!);
    }
    dense.offset = first;
    dense.counts = counts;
  }
  histogram.scale = scale;
}

/** Without the empty buckets at its ends. */
function trim(dense: Dense): void {
  const first = dense.counts.findIndex((count) => Boolean(count));
  const last = dense.counts.findLastIndex((count) => Boolean(count));
  dense.offset += Math.max(0, first);
  dense.counts = first < 0 ? [] : dense.counts.slice(first, last + 1);
}

/**
 * Buckets whose values the zero bucket now takes in move into it.
 * @param straddling also a bucket of which it takes in a part only
 */
function widenZero(histogram: Exponential, threshold: number, straddling = false): void {
  if (threshold <= histogram.zeroThreshold) return;
  const base = 2 ** -histogram.scale;
  const inZero = (index: number) =>
    straddling ? 2 ** (index * base) < threshold : 2 ** ((index + 1) * base) <= threshold;
  for (const dense of [histogram.positive, histogram.negative]) {
    let inside = 0;
    // Bucket i lies between 2^(i * 2^-scale) and 2^((i + 1) * 2^-scale).
    while (inside < dense.counts.length && inZero(dense.offset + inside)) {
      histogram.zeroCount = plus(histogram.zeroCount, dense.counts[inside]!);
      inside++;
    }
    dense.offset += inside;
    dense.counts = dense.counts.slice(inside);
  }
  histogram.zeroThreshold = threshold;
}
