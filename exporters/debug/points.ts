import type { Messages } from '../../internal/otlp/view/cursor.ts';
import type { Metric } from '../../internal/otlp/view/metric.ts';
import {
  type DataPoint,
  type Exemplar,
  ExponentialHistogramPoint,
  HistogramPoint,
  NumberPoint,
  SummaryPoint,
  type ValueAtQuantile,
} from '../../internal/otlp/view/point.ts';
import { hex, type Text, time } from './text.ts';
import { exponentialBuckets } from './values.ts';

const titles = {
  gauge: 'NumberDataPoints',
  sum: 'NumberDataPoints',
  histogram: 'HistogramDataPoints',
  exponentialHistogram: 'ExponentialHistogramDataPoints',
  summary: 'SummaryDataPoints',
} as const;

/** The data points of a metric at `verbosity: detailed`. */
export function writePoints(text: Text, metric: Metric): void {
  const { kind } = metric;
  if (!kind) return;
  const points: Messages<DataPoint> = metric[kind].points;
  for (let i = 0, point: DataPoint | undefined; (point = points.next()); i++) {
    text.line(`${titles[kind]} #${i}`);
    text.attributes('Data point attributes', point.attributes);
    text.line(`StartTimestamp: ${time(point.startTimeUnixNano)}`);
    text.line(`Timestamp: ${time(point.timeUnixNano)}`);
    writeValues(text, point);
  }
}

function writeValues(text: Text, point: DataPoint): void {
  if (point instanceof NumberPoint) {
    if (point.value !== undefined) text.line(`Value: ${decimal(point.value)}`);
    writeExemplars(text, point.exemplars);
  } else if (point instanceof HistogramPoint) {
    writeTotals(text, point);
    for (const [i, bound] of point.explicitBounds.entries()) text.line(`ExplicitBounds #${i}: ${decimal(bound)}`);
    for (const [i, count] of point.bucketCounts.entries()) text.line(`Buckets #${i}, Count: ${count}`);
    writeExemplars(text, point.exemplars);
  } else if (point instanceof ExponentialHistogramPoint) {
    writeTotals(text, point);
    writeBuckets(text, point);
    writeExemplars(text, point.exemplars);
  } else if (point instanceof SummaryPoint) {
    writeSummary(text, point);
  }
}

function writeTotals(text: Text, point: HistogramPoint | ExponentialHistogramPoint): void {
  text.line(`Count: ${point.count}`);
  if (point.sum !== undefined) text.line(`Sum: ${decimal(point.sum)}`);
  if (point.min !== undefined) text.line(`Min: ${decimal(point.min)}`);
  if (point.max !== undefined) text.line(`Max: ${decimal(point.max)}`);
}

function writeBuckets(text: Text, point: ExponentialHistogramPoint): void {
  const { negative, positive } = exponentialBuckets(point);
  for (const { lower, upper, count } of negative) {
    text.line(`Bucket [${decimal(-upper)}, ${decimal(-lower)}), Count: ${count}`);
  }
  if (point.zeroCount !== 0n) text.line(`Bucket [0, 0], Count: ${point.zeroCount}`);
  for (const { lower, upper, count } of positive) {
    text.line(`Bucket (${decimal(lower)}, ${decimal(upper)}], Count: ${count}`);
  }
}

function writeSummary(text: Text, point: SummaryPoint): void {
  text.line(`Count: ${point.count}`);
  text.line(`Sum: ${decimal(point.sum)}`);
  const list = point.quantileValues;
  for (let i = 0, at: ValueAtQuantile | undefined; (at = list.next()); i++) {
    text.line(`QuantileValue #${i}: Quantile ${decimal(at.quantile)}, Value ${decimal(at.value)}`);
  }
}

function writeExemplars(text: Text, list: Messages<Exemplar>): void {
  for (let i = 0, exemplar: Exemplar | undefined; (exemplar = list.next()); i++) {
    if (i === 0) text.line('Exemplars:');
    text.line(`Exemplar #${i}`);
    text.line(`     -> Trace ID: ${hex(exemplar.traceId)}`);
    text.line(`     -> Span ID: ${hex(exemplar.spanId)}`);
    text.line(`     -> Timestamp: ${time(exemplar.timeUnixNano)}`);
    if (exemplar.value !== undefined) text.line(`     -> Value: ${decimal(exemplar.value)}`);
    text.attributes('-> FilteredAttributes', exemplar.filteredAttributes, '     ');
  }
}

/** As Go's %d and %f. */
function decimal(value: number | bigint): string {
  if (typeof value === 'bigint') return String(value);
  if (Number.isFinite(value)) return value.toFixed(6);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
