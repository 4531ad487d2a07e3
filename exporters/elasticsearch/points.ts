import type { Metric } from '../../internal/otlp/view/metric.ts';
import type {
  Buckets,
  DataPoint,
  ExponentialHistogramPoint,
  HistogramPoint,
  NumberPoint,
  SummaryPoint,
} from '../../internal/otlp/view/point.ts';
import type { JsonBytes } from './json.ts';

/** What `elasticsearch.mapping.hints` of a point asks for. */
export interface Hints {
  /** Only sum and count of a histogram. */
  readonly aggregate: boolean;
  /** `_doc_count`: the document stands for so many values. */
  readonly docCount: boolean;
}

export const noHints: Hints = { aggregate: false, docCount: false };

/** The dynamic template that maps a point's field; the names are those of Elastic's own templates. */
export function templateOf(metric: Metric, point: DataPoint, hints: Hints): string {
  switch (metric.kind) {
    case 'gauge':
      return isInt(point) ? 'gauge_long' : 'gauge_double';
    case 'sum': {
      const counter = metric.sum.isMonotonic && metric.sum.aggregationTemporality === 2;
      return `${counter ? 'counter' : 'gauge'}_${isInt(point) ? 'long' : 'double'}`;
    }
    case 'summary':
      return 'summary';
    default:
      return hints.aggregate ? 'summary' : 'histogram';
  }
}

function isInt(point: DataPoint): boolean {
  return typeof (point as NumberPoint).value === 'bigint';
}

/** Writes a point's value. @returns why it has none */
export function writePoint(out: JsonBytes, metric: Metric, point: DataPoint, hints: Hints): string | undefined {
  switch (metric.kind) {
    case 'gauge':
    case 'sum':
      return writeNumber(out, point as NumberPoint);
    case 'summary':
      return writeSum(out, (point as SummaryPoint).sum, (point as SummaryPoint).count);
    case 'histogram': {
      const histogram = point as HistogramPoint;
      return hints.aggregate ? writeSum(out, histogram.sum ?? 0, histogram.count) : writeHistogram(out, histogram);
    }
    case 'exponentialHistogram': {
      const histogram = point as ExponentialHistogramPoint;
      return hints.aggregate ? writeSum(out, histogram.sum ?? 0, histogram.count) : writeExponential(out, histogram);
    }
    default:
      return 'a metric without data';
  }
}

/** How many values a point stands for. */
export function docCountOf(metric: Metric, point: DataPoint): bigint {
  const { kind } = metric;
  return kind === 'gauge' || kind === 'sum' ? 1n : (point as HistogramPoint).count;
}

function writeNumber(out: JsonBytes, { value }: NumberPoint): string | undefined {
  if (value === undefined) return 'a data point without a value';
  if (typeof value === 'bigint') out.big(value);
  else out.double(value);
  return undefined;
}

function writeSum(out: JsonBytes, sum: number, count: bigint): undefined {
  out.ascii('{"sum":');
  out.double(sum);
  out.ascii(',"value_count":');
  out.big(count);
  out.ascii('}');
}

/** Each bucket becomes its middle and its count. */
function writeHistogram(out: JsonBytes, point: HistogramPoint): string | undefined {
  const { bucketCounts: counts, explicitBounds: bounds } = point;
  if (counts.length > 0 && counts.length !== bounds.length + 1) {
    return `a histogram of ${counts.length} buckets and ${bounds.length} bounds: there must be one bucket more`;
  }
  if (bounds.length === 0) {
    const { count } = point;
    // One bucket for everything: its mean stands for it.
    writePairs(out, count > 0n ? [{ value: (point.sum ?? 0) / Number(count), count }] : []);
    return undefined;
  }
  const middle = (i: number) => {
    if (i === 0) return bounds[0]! > 0 ? bounds[0]! / 2 : bounds[0]!;
    if (i === bounds.length) return bounds[i - 1]!;
    return bounds[i - 1]! + (bounds[i]! - bounds[i - 1]!) / 2;
  };
  writePairs(out, merged(counts.map((count, i) => ({ value: middle(i), count }))));
  return undefined;
}

/** The same for exponential buckets, from the lowest value to the highest. */
function writeExponential(out: JsonBytes, point: ExponentialHistogramPoint): string | undefined {
  const { scale, zeroCount } = point;
  if (scale < -11 || scale > 20) return `an exponential histogram of scale ${scale}: -11 to 20 are possible`;
  const negative = bucketsOf(point.negative, scale).map(({ value, count }) => ({ value: -value, count }));
  const middle = zeroCount > 0n ? [{ value: 0, count: zeroCount }] : [];
  writePairs(out, merged([...negative.reverse(), ...middle, ...bucketsOf(point.positive, scale)]));
  return undefined;
}

interface Pair {
  readonly value: number;
  readonly count: bigint;
}

function bucketsOf(buckets: Buckets, scale: number): Pair[] {
  const { offset, bucketCounts } = buckets;
  return bucketCounts.map((count, i) => {
    const low = lowerBoundary(offset + i, scale);
    return { value: low + (lowerBoundary(offset + i + 1, scale) - low) / 2, count };
  });
}

/** base^index with base = 2^(2^-scale), at most the largest double: the data model of metrics, exponential histograms. */
function lowerBoundary(index: number, scale: number): number {
  return Math.min(2 ** (index * 2 ** -scale), Number.MAX_VALUE);
}

/** Without empty buckets; the server wants the values to increase strictly. */
function merged(pairs: readonly Pair[]): Pair[] {
  const result: Pair[] = [];
  for (const pair of pairs) {
    if (pair.count === 0n) continue;
    const before = result.at(-1);
    if (before?.value === pair.value) result[result.length - 1] = { ...pair, count: before.count + pair.count };
    else result.push(pair);
  }
  return result;
}

function writePairs(out: JsonBytes, pairs: readonly Pair[]): void {
  out.ascii('{"counts":[');
  pairs.forEach(({ count }, i) => {
    if (i > 0) out.ascii(',');
    out.big(count);
  });
  out.ascii('],"values":[');
  pairs.forEach(({ value }, i) => {
    if (i > 0) out.ascii(',');
    out.double(value);
  });
  out.ascii(']}');
}
