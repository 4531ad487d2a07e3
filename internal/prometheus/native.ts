import type { Count } from '../otlp/counts.ts';
import type { Dense, Exponential } from '../otlp/exponential.ts';
import type { Buckets, NativeHistogram } from './series.ts';

/** Finer than this is merged down; coarser than -4 cannot be told. */
const finest = 8;
const coarsest = -4;
/** What observations of zero take in where the sender names no width. */
const defaultZeroThreshold = 1e-128;
/** Gaps up to this are filled with empty buckets, which is shorter than another span. */
const smallGap = 2;

/**
 * The native histogram that says the same, at a coarser scale where Prometheus has none so fine.
 * @returns undefined where there is none: coarser than Prometheus knows, or with bucket numbers beyond 32 bits
 */
export function nativeOf(from: Exponential): NativeHistogram | undefined {
  if (from.scale < coarsest) return undefined;
  const down = Math.max(0, from.scale - finest);
  const positive = bucketsOf(from.positive, down);
  const negative = bucketsOf(from.negative, down);
  if (!positive || !negative) return undefined;
  return {
    schema: from.scale - down,
    count: from.count,
    sum: from.sum,
    zeroThreshold: from.zeroThreshold || defaultZeroThreshold,
    zeroCount: from.zeroCount,
    positive,
    negative,
  };
}

/** Sums and differences of numbers, or of bigints: never of both. */
function plus(a: Count, b: Count): Count {
  return ((a as number) + (b as number)) as Count;
}
function minus(a: Count, b: Count): Count {
  return ((a as number) - (b as number)) as Count;
}

/** Bucket 0 is (1, base] there and (base^-1, 1] here, hence the 1. */
function bucketsOf({ offset, counts }: Dense, down: number): Buckets | undefined {
  const spans: number[] = [];
  const deltas: Count[] = [];
  const zero = (typeof counts[0] === 'bigint' ? 0n : 0) as Count;
  const width = 2 ** down;
  let next = 0;
  let before = zero;
  for (let i = 0; i < counts.length; ) {
    const index = Math.floor((offset + i) / width);
    let count = zero;
    for (; i < counts.length && Math.floor((offset + i) / width) === index; i++) count = plus(count, counts[i]!);
    if (!count) continue;
    const at = index + 1;
    if (at > 0x7fff_ffff || at < -0x8000_0000) return undefined;
    const gap = at - next;
    if (spans.length === 0 || gap > smallGap) spans.push(gap, 1);
    else {
      spans[spans.length - 1]! += gap + 1;
      for (let empty = 0; empty < gap; empty++) {
        deltas.push(minus(zero, before));
        before = zero;
      }
    }
    deltas.push(minus(count, before));
    before = count;
    next = at + 1;
  }
  return { spans, deltas };
}
