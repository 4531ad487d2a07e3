import { seededRandom } from '../otlp/sample.ts';
import { canonical } from './canonical.ts';
import type { Oracle } from './oracle.ts';
import { attributesOf, groupsPayload, type PointKind } from './points.ts';

type Loose = any;

export interface EvolvingOptions {
  readonly temporality: 'delta' | 'cumulative';
  readonly seed: number;
  readonly requests: number;
  /** When series begin, in nanoseconds since 1970. */
  readonly begin: bigint;
  /** Points that come twice or late, and series that start over. */
  readonly disorder?: boolean;
}

interface Series {
  readonly name: string;
  readonly unit: string;
  readonly kind: PointKind;
  readonly isDouble: boolean;
  readonly resource: number;
  readonly scope: number;
  readonly attributes: Loose;
  start: bigint;
  time: bigint;
  scale: number;
  bounds: number[];
  counts: number[];
  /** Exponential buckets at `scale`, by index: positive, then negative. */
  readonly buckets: [Map<number, number>, Map<number, number>];
  zeroCount: number;
  sum: number;
  int: bigint;
}

const second = 1_000_000_000n;

/** Metrics as SDKs would send them, request after request: sums of ints and doubles, histograms of both kinds, in some resources. */
export function evolvingRequests(oracle: Oracle, options: EvolvingOptions): Uint8Array[] {
  const { seed, requests, begin } = options;
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const series = Array.from({ length: 60 }, (_, i): Series => {
    const kind = (['sum', 'sum', 'histogram', 'exponentialHistogram'] as const)[i % 4]!;
    return {
      name: `${kind}.${below(4)}${i % 8 === 1 ? '.double' : ''}`,
      unit: i % 3 === 0 ? 'ms' : '',
      kind,
      isDouble: i % 8 === 1,
      resource: below(4),
      scope: below(2),
      attributes: { route: `/r${i}`, code: 200 + below(3) },
      start: begin,
      time: begin,
      scale: 4,
      bounds: [1, 5, 10 + below(3)],
      counts: [0, 0, 0, 0],
      buckets: [new Map(), new Map()],
      zeroCount: 0,
      sum: 0,
      int: 0n,
    };
  });
  const make = new Points(options, below);
  const sent: Uint8Array[] = [];
  for (let i = 0; i < requests; i++) {
    const groups: Loose[] = [];
    for (const each of series) {
      for (let n = below(3); n > 0; n--) {
        const group = (groups[each.resource] ??= {
          resource: { attributes: attributesOf({ 'service.name': `s${each.resource}`, zone: 'a' }) },
          scopeMetrics: [],
        });
        const scope = (group.scopeMetrics[each.scope] ??= { scope: { name: `lib${each.scope}` }, metrics: [] });
        scope.metrics.push(make.metric(each));
      }
    }
    const kept = groups.filter(Boolean);
    for (const group of kept) group.scopeMetrics = group.scopeMetrics.filter(Boolean);
    const payload = groupsPayload(oracle, kept);
    sent.push(Buffer.concat(payload.chunks));
  }
  return sent;
}

class Points {
  readonly #options: EvolvingOptions;
  readonly #below: (limit: number) => number;

  constructor(options: EvolvingOptions, below: (limit: number) => number) {
    this.#options = options;
    this.#below = below;
  }

  metric(series: Series): Loose {
    const { name, unit, kind } = series;
    const cumulative = this.#options.temporality === 'cumulative';
    const data: Loose = { dataPoints: [this.#point(series)], aggregationTemporality: cumulative ? 2 : 1 };
    if (kind === 'sum') data.isMonotonic = true;
    return { name, unit, [kind]: data };
  }

  #point(series: Series): Loose {
    const below = this.#below;
    const { disorder = false, temporality } = this.#options;
    const delta = temporality === 'delta';
    const before = series.time;
    if (disorder && below(40) === 0) this.#startOver(series);
    if (delta) this.#empty(series);
    series.time += second + BigInt(below(1000));
    this.#observe(series);
    const attributes = attributesOf(series.attributes);
    // Deltas may come twice, late, or say that they began before the series did.
    const late = disorder && delta && below(15) === 0;
    const time = late ? before - BigInt(below(2)) * second : series.time;
    const early = disorder && delta && below(30) === 0;
    const start = delta ? (early ? series.start - second : before) : series.start;
    return { attributes, startTimeUnixNano: start, timeUnixNano: time, ...this.#value(series) };
  }

  #value(series: Series): Loose {
    const { kind, counts, bounds, sum, scale, zeroCount } = series;
    const { disorder = false, temporality } = this.#options;
    if (disorder && temporality === 'cumulative' && this.#below(30) === 0) {
      if (this.#below(2) === 0) return { flags: 1 };
      if (series.isDouble) return { asDouble: Number.NaN };
    }
    if (kind === 'sum') return series.isDouble ? { asDouble: sum } : { asInt: series.int };
    if (kind === 'histogram') {
      const count = counts.reduce((all, each) => all + each, 0);
      const extremes = temporality === 'delta' ? { min: bounds[0], max: bounds[2]! + count } : {};
      return { count, sum, bucketCounts: [...counts], explicitBounds: [...bounds], ...extremes };
    }
    const [positive, negative] = series.buckets.map(dense);
    const count = [...positive!.bucketCounts, ...negative!.bucketCounts].reduce((all, each) => all + each, zeroCount);
    return { count, sum, scale, zeroCount, positive, negative };
  }

  #observe(series: Series): void {
    const below = this.#below;
    series.int += BigInt(below(1000)) * (below(50) === 0 ? 2n ** 40n : 1n);
    // Quarters add up exactly, in whatever order.
    series.sum += below(400) / 4;
    if (series.kind === 'histogram') {
      for (let i = below(4); i > 0; i--) series.counts[below(series.counts.length)]! += 1 + below(9);
    } else if (series.kind === 'exponentialHistogram') {
      if (series.scale > 0 && below(20) === 0) this.#coarsen(series);
      series.zeroCount += below(3);
      for (let i = below(5); i > 0; i--) {
        const buckets = series.buckets[below(4) === 0 ? 1 : 0];
        const index = below(40) - 20;
        buckets.set(index, (buckets.get(index) ?? 0) + 1 + below(9));
      }
    }
  }

  #coarsen(series: Series): void {
    series.scale--;
    for (const buckets of series.buckets) {
      const halved = new Map<number, number>();
      for (const [index, count] of buckets) {
        const at = Math.floor(index / 2);
        halved.set(at, (halved.get(at) ?? 0) + count);
      }
      buckets.clear();
      for (const [index, count] of halved) buckets.set(index, count);
    }
  }

  /** With other bounds, with a new start, or, as some do, with the old one. */
  #startOver(series: Series): void {
    const { kind, counts } = series;
    const delta = this.#options.temporality === 'delta';
    if (kind === 'histogram' && (delta || this.#below(3) === 0))
      series.bounds = series.bounds.map((bound) => bound + 1);
    else if (!delta) {
      // Upstream sees that a histogram started over by its count alone, and never gets over it with an exponential one.
      const seen = kind === 'sum' || (kind === 'histogram' && counts.reduce((all, each) => all + each, 0) > 60);
      this.#empty(series);
      if (!seen || this.#below(2) === 0) series.start = series.time + 1n;
    }
  }

  #empty(series: Series): void {
    series.counts = series.counts.map(() => 0);
    for (const buckets of series.buckets) buckets.clear();
    series.zeroCount = 0;
    series.sum = 0;
    series.int = 0n;
  }
}

function dense(buckets: Map<number, number>): { offset: number; bucketCounts: number[] } {
  if (buckets.size === 0) return { offset: 0, bucketCounts: [] };
  const offset = Math.min(...buckets.keys());
  const length = Math.max(...buckets.keys()) - offset + 1;
  return { offset, bucketCounts: Array.from({ length }, (_, i) => buckets.get(offset + i) ?? 0) };
}

/**
 * A request as one line, in which exponential buckets have no empty ones at their ends and an empty list is none: that
 * says the same.
 */
export function exponentialAsLine(oracle: Oracle, bytes: Uint8Array): string {
  // It has numbers that JSON does not know.
  const text = canonical(oracle, 'metrics', bytes).replaceAll(/:(NaN|-?Infinity)/g, ':"$1"');
  return JSON.stringify(JSON.parse(text), (key, value) => {
    if (key !== 'positive' && key !== 'negative') return value;
    const { offset = 0, bucketCounts = [] } = value;
    const first = bucketCounts.findIndex((count: string) => count !== '0');
    const end = bucketCounts.findLastIndex((count: string) => count !== '0') + 1;
    return first < 0 ? undefined : [offset + first, ...bucketCounts.slice(first, end)];
  });
}
