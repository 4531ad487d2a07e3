import type { Clock, Timer } from '../core/clock.ts';
import { type Count, plus } from '../otlp/counts.ts';
import { addExponential, copyOf, type Exponential } from '../otlp/exponential.ts';
import type { HistogramValue } from './histograms.ts';
import type { LabelSet } from './labels.ts';
import type { Value } from './numbers.ts';
import type { Deltas, OpenPoint, Skipped } from './translate.ts';

export interface AccumulatorOptions {
  /** Delta series that are added up at the same time; one of more than 2 KiB counts as several. */
  readonly maxStreams: number;
  /** Milliseconds after which a series without a point is forgotten. */
  readonly maxStaleMs: number;
}

/** What a delta series has come to. */
interface Stream {
  /** Nanoseconds, rounded to 256: of the first point's start, and of the last point. */
  start: number;
  time: number;
  startMs: number;
  /** Monotonic milliseconds of the last point. */
  touched: number;
  readonly total: Total;
  /** In units of `maxStreams`. */
  readonly cost: number;
}

type Total =
  | { readonly kind: 'number'; value: number }
  | {
      readonly kind: 'histogram';
      readonly bounds: Uint8Array;
      counts: Count[];
      count: Count;
      sum: number;
      hasSum: boolean;
    }
  | { readonly kind: 'exponential'; readonly value: Exponential };

const sweepMs = 60_000;
const streamBytes = 2048;
/** Prometheus knows no finer scale. */
const finest = 8;

/**
 * Adds delta points up to the cumulative ones that Prometheus wants. A series that is forgotten begins anew with its
 * next point, which a reader sees as a counter that was reset.
 *
 * Rules: https://opentelemetry.io/docs/specs/otel/metrics/data-model/#sums-delta-to-cumulative
 */
export class Accumulator implements Deltas {
  readonly #clock: Clock;
  readonly #options: AccumulatorOptions;
  readonly #streams = new Map<string, Stream>();
  #used = 0;
  #timer: Timer | undefined;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, options: AccumulatorOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  get streams(): number {
    return this.#streams.size;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#streams.clear();
    this.#used = 0;
  }

  number(point: OpenPoint, value: Value, start: number, time: number): Skipped | undefined {
    // It would stay in the total for ever.
    if (!point.stale && !Number.isFinite(value.value)) return 'no_value';
    const stream = this.#stream(point, start, time, () => ({ kind: 'number', value: 0 }));
    if (typeof stream === 'string') return stream;
    const total = stream?.total;
    if (total?.kind !== 'number') return undefined;
    total.value += value.value;
    value.value = total.value;
    return undefined;
  }

  histogram(point: OpenPoint, value: HistogramValue, start: number, time: number): Skipped | undefined {
    const { bytes } = value.bounds;
    const fresh = (): Total => ({ kind: 'histogram', bounds: bytes, counts: [], count: 0, sum: 0, hasSum: true });
    // Other bounds are another series of buckets: the counting begins anew.
    const same = (total: Total) =>
      total.kind === 'histogram' && total.bounds.length === bytes.length && Buffer.compare(total.bounds, bytes) === 0;
    const stream = this.#stream(point, start, time, fresh, same, value.counts.length);
    if (typeof stream === 'string') return stream;
    const total = stream?.total;
    if (total?.kind !== 'histogram') return undefined;
    total.counts = value.counts.map((count, i) => plus(count, total.counts[i] ?? 0));
    total.count = plus(total.count, value.count);
    total.sum += value.sum;
    // A sum that leaves one point out would say too little.
    total.hasSum &&= value.hasSum;
    value.counts = uniform(total.counts);
    value.count = total.count;
    value.sum = total.sum;
    value.hasSum = total.hasSum;
    return undefined;
  }

  exponential(point: OpenPoint, value: Exponential, start: number, time: number): Skipped | undefined {
    let first = false;
    const stream = this.#stream(point, start, time, () => {
      first = true;
      return { kind: 'exponential', value: copyOf(value) };
    });
    if (typeof stream === 'string') return stream;
    const total = stream?.total;
    if (total?.kind !== 'exponential') return undefined;
    if (!first) addExponential(total.value, value, finest);
    Object.assign(value, copyOf(total.value));
    value.positive.counts = uniform(value.positive.counts);
    value.negative.counts = uniform(value.negative.counts);
    return undefined;
  }

  /** @returns undefined for a series that has ended: it is forgotten */
  #stream(
    point: OpenPoint,
    start: number,
    time: number,
    fresh: () => Total,
    goesOn: (total: Total) => boolean = () => true,
    buckets = 0,
  ): Stream | Skipped | undefined {
    const key = keyOf(point);
    if (point.stale) {
      this.#delete(key);
      return undefined;
    }
    const known = this.#streams.get(key);
    const now = this.#clock.monotonic();
    if (known && now - known.touched <= this.#options.maxStaleMs) {
      if (time <= known.time || (start !== 0 && start < known.start)) return 'delta_out_of_order';
      if (goesOn(known.total)) {
        known.time = time;
        known.touched = now;
        point.startMs = known.startMs;
        return known;
      }
    }
    this.#delete(key);
    const cost = Math.ceil((2 * key.length + 8 * buckets + 1) / streamBytes);
    if (this.#full(cost, now)) return 'delta_overflow';
    const stream = { start, time, startMs: point.startMs, touched: now, total: fresh(), cost };
    this.#streams.set(key, stream);
    this.#used += cost;
    this.#timer ??= this.#clock.after(Math.max(sweepMs, this.#options.maxStaleMs / 4), () => this.#onTimer());
    return stream;
  }

  #delete(key: string): void {
    const stream = this.#streams.get(key);
    if (!stream) return;
    this.#streams.delete(key);
    this.#used -= stream.cost;
  }

  #full(cost: number, now: number): boolean {
    const { maxStreams } = this.#options;
    if (this.#used + cost > maxStreams && now - this.#sweptAt >= 1000) this.#sweep();
    return this.#used + cost > maxStreams;
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#sweep();
    if (this.#streams.size === 0) return;
    this.#timer = this.#clock.after(Math.max(sweepMs, this.#options.maxStaleMs / 4), () => this.#onTimer());
  }

  #sweep(): void {
    this.#sweptAt = this.#clock.monotonic();
    const oldest = this.#sweptAt - this.#options.maxStaleMs;
    for (const [key, stream] of this.#streams) if (stream.touched < oldest) this.#delete(key);
  }
}

/** Counts of one list are all numbers or all bigints. */
function uniform(counts: Count[]): Count[] {
  const large = counts.some((count) => typeof count === 'bigint');
  let sum = 0;
  for (const count of counts) sum += Number(count);
  return large || sum > Number.MAX_SAFE_INTEGER ? counts.map((count) => BigInt(count)) : counts;
}

function keyOf({ family, labels }: OpenPoint): string {
  return `${family.type}\n${family.name}\n${labelKey(labels)}`;
}

/** Equal for equal sets of labels, and only for those: each value has its length in front. */
export function labelKey(labels: LabelSet): string {
  let key = '';
  for (let i = 0; i < labels.size; i++) {
    const value = labels.value[i]!;
    const from = labels.from[i]!;
    const to = labels.to[i]!;
    key += `${labels.names[i]!.text}\n${to - from}\n${latin(value, from, to)}`;
  }
  return key;
}

function latin(buf: Uint8Array, from: number, to: number): string {
  return Buffer.from(buf.buffer, buf.byteOffset + from, to - from).toString('latin1');
}
