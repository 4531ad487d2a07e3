import type { Labels } from '../core/telemetry.ts';
import { Writer } from '../otlp/writer.ts';
import { type Family, HistogramSeries, type Series } from './series.ts';

export interface MetricsRequest {
  readonly families: readonly Family[];
  readonly resource: Labels;
  readonly version: string;
  /** Wall time, milliseconds. */
  readonly startedAt: number;
  readonly now: number;
}

/** `AGGREGATION_TEMPORALITY_CUMULATIVE` */
const cumulative = 2;

/**
 * Our own metrics as an ExportMetricsServiceRequest, opentelemetry/proto/metrics/v1/metrics.proto:
 *
 *   ExportMetricsServiceRequest { ResourceMetrics resource_metrics = 1 }
 *   ResourceMetrics { Resource resource = 1; ScopeMetrics scope_metrics = 2 }
 *   ScopeMetrics { InstrumentationScope scope = 1; Metric metrics = 2 }
 *   Metric { string name = 1, description = 2; oneof { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9 } }
 *   Gauge, Sum, Histogram { data_points = 1; aggregation_temporality = 2; bool is_monotonic = 3 }
 *
 * By hand: loading otlp-transformer takes 100 ms and 15 MB, for one message.
 */
export function encodeMetrics(request: MetricsRequest): Uint8Array {
  const writer = new Writer(16 * 1024);
  const resourceMetrics = writer.open(1);
  const resource = writer.open(1);
  attributes(writer, 1, request.resource);
  writer.close(resource);
  const scopeMetrics = writer.open(2);
  const scope = writer.open(1);
  writer.string(1, 'sluice');
  writer.string(2, request.version);
  writer.close(scope);
  const times = { start: BigInt(request.startedAt) * 1_000_000n, now: BigInt(request.now) * 1_000_000n };
  for (const family of request.families) metric(writer, family, times);
  writer.close(scopeMetrics);
  writer.close(resourceMetrics);
  return writer.finish();
}

interface Times {
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  readonly now: bigint;
}

const dataField = { gauge: 5, counter: 7, histogram: 9 };

function metric(writer: Writer, family: Family, times: Times): void {
  const message = writer.open(2);
  writer.string(1, family.name);
  writer.string(2, family.help);
  const data = writer.open(dataField[family.type]);
  for (const series of family.series.values()) {
    const point = writer.open(1);
    if (series instanceof HistogramSeries) histogramPoint(writer, series, times);
    else numberPoint(writer, series, times);
    writer.close(point);
  }
  if (family.type !== 'gauge') writer.varint(2, cumulative);
  if (family.type === 'counter') writer.varint(3, 1);
  writer.close(data);
  writer.close(message);
}

/** NumberDataPoint { fixed64 start_time_unix_nano = 2, time_unix_nano = 3; double as_double = 4; KeyValue attributes = 7 } */
function numberPoint(writer: Writer, series: Exclude<Series, HistogramSeries>, times: Times): void {
  writer.fixed64(2, times.start);
  writer.fixed64(3, times.now);
  writer.double(4, series.value);
  attributes(writer, 7, series.labels);
}

/** HistogramDataPoint { 2, 3 as above; fixed64 count = 4; double sum = 5; fixed64 bucket_counts = 6; double explicit_bounds = 7; attributes = 9 } */
function histogramPoint(writer: Writer, series: HistogramSeries, times: Times): void {
  writer.fixed64(2, times.start);
  writer.fixed64(3, times.now);
  writer.fixed64(4, BigInt(series.counts.reduce((sum, count) => sum + count, 0)));
  writer.double(5, series.sum);
  const counts = writer.open(6);
  for (const count of series.counts) writer.packedFixed64(BigInt(count));
  writer.close(counts);
  const bounds = writer.open(7);
  for (const bound of series.bounds) writer.packedDouble(bound);
  writer.close(bounds);
  attributes(writer, 9, series.labels);
}

/** KeyValue { string key = 1; AnyValue value = 2 }, AnyValue { string string_value = 1 } */
function attributes(writer: Writer, field: number, labels: Labels): void {
  for (const [key, text] of Object.entries(labels)) {
    const pair = writer.open(field);
    writer.string(1, key);
    const value = writer.open(2);
    writer.string(1, text);
    writer.close(value);
    writer.close(pair);
  }
}
