import type { Span } from '../../internal/otlp/view/span.ts';
import { fixed32At } from '../../internal/otlp/wire.ts';
import type { Facts } from '../../internal/sampling/decider.ts';
import type { Bit, Gatherer, Layout } from './facts.ts';
import { traceStateValue } from './trace_state.ts';

/** A question about a span by itself: a bit that is set once one says yes. */
export class SpanFact implements Gatherer {
  readonly bit: Bit;
  readonly #test: (span: Span) => boolean;

  constructor(layout: Layout, test: (span: Span) => boolean) {
    this.bit = layout.bit();
    this.#test = test;
  }

  gather(span: Span, { bits, bitsAt }: Facts): void {
    const { word, mask } = this.bit;
    if ((bits[bitsAt + word]! & mask) === 0 && this.#test(span)) bits[bitsAt + word]! |= mask;
  }
}

export const statusCodes = { UNSET: 0, OK: 1, ERROR: 2 } as const;

export function hasStatus(names: readonly (keyof typeof statusCodes)[]): (span: Span) => boolean {
  const wanted = new Set<number>(names.map((name) => statusCodes[name]));
  return (span) => wanted.has(span.has(15) ? span.status.code : 0);
}

/** The sampled flag of W3C Trace Context. */
export function isFlaggedSampled(span: Span): boolean {
  return span.has(16) && (span.flags & 1) !== 0;
}

/** @param values to compare with; as upstream, those too long for a tracestate are left out */
export function hasTraceState(key: string, values: readonly string[]): (span: Span) => boolean {
  const length = Buffer.byteLength(key);
  const wanted = new Set(values.filter((value) => value !== '' && length + Buffer.byteLength(value) < 256));
  const needle = Buffer.from(`${key}=`);
  return ({ raw }) => {
    if (!raw.has(3)) return false;
    const text = Buffer.from(
      raw.buf.buffer,
      raw.buf.byteOffset + raw.valueStart(3),
      raw.valueEnd(3) - raw.valueStart(3),
    );
    if (!text.includes(needle)) return false;
    const found = traceStateValue(text.toString('latin1'), key);
    return found !== undefined && wanted.has(found);
  };
}

/** Nanoseconds d within which whole milliseconds, cut towards zero, satisfy the bounds of the latency policy. */
export interface DurationRange {
  /** Least d, or with `aboveMin` the greatest that is too small. */
  readonly min: number;
  readonly aboveMin: boolean;
  /** Least d that is too great. */
  readonly end: number;
}

const millisecond = 1e6;

export function durationRange(thresholdMs: number, upperMs: number): DurationRange {
  if (upperMs > 0) {
    const end = (upperMs + 1) * millisecond;
    if (thresholdMs < 0) return { min: thresholdMs * millisecond, aboveMin: true, end };
    return { min: (thresholdMs + 1) * millisecond, aboveMin: false, end };
  }
  const end = Number.POSITIVE_INFINITY;
  if (thresholdMs > 0) return { min: thresholdMs * millisecond, aboveMin: false, end };
  return { min: (thresholdMs - 1) * millisecond, aboveMin: true, end };
}

/**
 * Earliest start to latest end over the spans so far. As upstream, each bound is tested after each span, so that a
 * trace matches an upper one once the spans up to some moment did; and a start of 0 gives way to the next one.
 */
export class DurationFacts implements Gatherer {
  readonly #layout: Layout;
  /** Earliest start and latest end, each as its high and its low half. */
  readonly #words: number;
  readonly #ranges: DurationRange[] = [];
  readonly #bits: Bit[] = [];

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#words = layout.words(4);
  }

  bit(range: DurationRange): Bit {
    const known = this.#ranges.findIndex(
      ({ min, aboveMin, end }) => min === range.min && aboveMin === range.aboveMin && end === range.end,
    );
    if (known >= 0) return this.#bits[known]!;
    const bit = this.#layout.bit();
    this.#ranges.push(range);
    this.#bits.push(bit);
    return bit;
  }

  gather({ raw }: Span, { bits, bitsAt }: Facts): void {
    const at = bitsAt + this.#words;
    const start = raw.valueStart(7);
    const end = raw.valueStart(8);
    const startLow = start < 0 ? 0 : fixed32At(raw.buf, start);
    const startHigh = start < 0 ? 0 : fixed32At(raw.buf, start + 4);
    if ((bits[at] === 0 && bits[at + 1] === 0) || isLess(startHigh, startLow, bits[at]!, bits[at + 1]!)) {
      bits[at] = startHigh;
      bits[at + 1] = startLow;
    }
    const endLow = end < 0 ? 0 : fixed32At(raw.buf, end);
    const endHigh = end < 0 ? 0 : fixed32At(raw.buf, end + 4);
    if (isLess(bits[at + 2]!, bits[at + 3]!, endHigh, endLow)) {
      bits[at + 2] = endHigh;
      bits[at + 3] = endLow;
    }
    const duration = this.#duration(bits, at);
    for (let i = 0; i < this.#ranges.length; i++) {
      const { min, aboveMin, end: tooMuch } = this.#ranges[i]!;
      if ((aboveMin ? duration > min : duration >= min) && duration < tooMuch) {
        const { word, mask } = this.#bits[i]!;
        bits[bitsAt + word]! |= mask;
      }
    }
  }

  /** Nanoseconds; exact below 2^53. */
  #duration(bits: Uint32Array, at: number): number {
    return ((bits[at + 2]! | 0) - (bits[at]! | 0)) * 2 ** 32 + (bits[at + 3]! - bits[at + 1]!);
  }
}

function isLess(aHigh: number, aLow: number, bHigh: number, bLow: number): boolean {
  return aHigh < bHigh || (aHigh === bHigh && aLow < bLow);
}
