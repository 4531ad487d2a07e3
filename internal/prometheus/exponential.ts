import type { Dense, Exponential } from './native.ts';
import type { Count } from './series.ts';

/** Most buckets of either sign that are kept: beyond, two become one, as SDKs do it. */
const maxBuckets = 160;
const finest = 8;

export function plus(a: Count, b: Count): Count {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    return sum <= Number.MAX_SAFE_INTEGER ? sum : BigInt(a) + BigInt(b);
  }
  return BigInt(a) + BigInt(b);
}

export function copyOf(from: Exponential): Exponential {
  const dense = ({ offset, counts }: Dense): Dense => ({ offset, counts: [...counts] });
  return { ...from, positive: dense(from.positive), negative: dense(from.negative) };
}

/** Adds `add` to `total`, at the coarser of their scales, with the wider of their zero buckets. */
export function addExponential(total: Exponential, add: Exponential): void {
  const more = copyOf(add);
  const scale = Math.min(total.scale, more.scale, finest);
  rescale(total, scale);
  rescale(more, scale);
  const threshold = Math.max(total.zeroThreshold, more.zeroThreshold);
  widenZero(total, threshold);
  widenZero(more, threshold);
  while (total.scale > -10 && !(fits(total.positive, more.positive) && fits(total.negative, more.negative))) {
    rescale(total, total.scale - 1);
    rescale(more, total.scale);
  }
  merge(total.positive, more.positive);
  merge(total.negative, more.negative);
  total.count = plus(total.count, more.count);
  total.zeroCount = plus(total.zeroCount, more.zeroCount);
  total.sum += more.sum;
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

/** Buckets whose values the zero bucket now takes in move into it. */
function widenZero(histogram: Exponential, threshold: number): void {
  if (threshold <= histogram.zeroThreshold) return;
  const base = 2 ** -histogram.scale;
  for (const dense of [histogram.positive, histogram.negative]) {
    let inside = 0;
    // Bucket i ends at 2^((i + 1) * 2^-scale).
    while (inside < dense.counts.length && 2 ** ((dense.offset + inside + 1) * base) <= threshold) {
      histogram.zeroCount = plus(histogram.zeroCount, dense.counts[inside]!);
      inside++;
    }
    dense.offset += inside;
    dense.counts = dense.counts.slice(inside);
  }
  histogram.zeroThreshold = threshold;
}
