import { Cursor, Messages } from './cursor.ts';
import { type DataPoint, ExponentialHistogramPoint, HistogramPoint, NumberPoint, SummaryPoint } from './point.ts';
import { Attributes } from './value.ts';

export type MetricKind = 'gauge' | 'sum' | 'histogram' | 'exponentialHistogram' | 'summary';

const members = [5, 7, 9, 10, 11];
const kindOfMember: Readonly<Record<number, MetricKind>> = {
  5: 'gauge',
  7: 'sum',
  9: 'histogram',
  10: 'exponentialHistogram',
  11: 'summary',
};

/**
 *   message Metric {
 *     string name = 1; string description = 2; string unit = 3;
 *     oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; ExponentialHistogram exponential_histogram = 10; Summary summary = 11; }
 *     repeated KeyValue metadata = 12;
 *   }
 *
 * Source: opentelemetry/proto/metrics/v1/metrics.proto
 */
export class Metric extends Cursor {
  readonly #metadata = new Attributes();
  #gauge: MetricData<NumberPoint> | undefined;
  #sum: MetricData<NumberPoint> | undefined;
  #histogram: MetricData<HistogramPoint> | undefined;
  #exponential: MetricData<ExponentialHistogramPoint> | undefined;
  #summary: MetricData<SummaryPoint> | undefined;

  constructor() {
    super('Metric');
  }

  get name(): string {
    return this.raw.text(1);
  }
  get description(): string {
    return this.raw.text(2);
  }
  get unit(): string {
    return this.raw.text(3);
  }
  get metadata(): Attributes {
    return this.raw.list(12, this.#metadata);
  }
  /** Undefined for a metric without data. */
  get kind(): MetricKind | undefined {
    return kindOfMember[this.dataField];
  }
  /** The number of the field that holds the data; 0 for a metric without. */
  get dataField(): number {
    return this.raw.winner(members);
  }
  get gauge(): MetricData<NumberPoint> {
    return this.raw.member(5, members, (this.#gauge ??= new MetricData('Gauge', new NumberPoint())));
  }
  get sum(): MetricData<NumberPoint> {
    return this.raw.member(7, members, (this.#sum ??= new MetricData('Sum', new NumberPoint())));
  }
  get histogram(): MetricData<HistogramPoint> {
    return this.raw.member(9, members, (this.#histogram ??= new MetricData('Histogram', new HistogramPoint())));
  }
  get exponentialHistogram(): MetricData<ExponentialHistogramPoint> {
    this.#exponential ??= new MetricData('ExponentialHistogram', new ExponentialHistogramPoint());
    return this.raw.member(10, members, this.#exponential);
  }
  get summary(): MetricData<SummaryPoint> {
    return this.raw.member(11, members, (this.#summary ??= new MetricData('Summary', new SummaryPoint())));
  }
  /** The data, whatever its kind, with what all kinds share. */
  get data(): MetricData<DataPoint> | undefined {
    const { kind } = this;
    return kind && this[kind];
  }
}

/**
 *   message Gauge { repeated NumberDataPoint data_points = 1; }
 *   message Sum { repeated NumberDataPoint data_points = 1; AggregationTemporality aggregation_temporality = 2; bool is_monotonic = 3; }
 *   message Histogram { repeated HistogramDataPoint data_points = 1; AggregationTemporality aggregation_temporality = 2; }
 *   message ExponentialHistogram { repeated ExponentialHistogramDataPoint data_points = 1; AggregationTemporality aggregation_temporality = 2; }
 *   message Summary { repeated SummaryDataPoint data_points = 1; }
 */
export class MetricData<P extends DataPoint> extends Cursor {
  readonly #points: Messages<P>;

  constructor(type: 'Gauge' | 'Sum' | 'Histogram' | 'ExponentialHistogram' | 'Summary', point: P) {
    super(type);
    this.#points = new Messages(point);
  }

  get points(): Messages<P> {
    return this.raw.list(1, this.#points);
  }
  /** 0 unspecified, also for gauges and summaries; 1 delta, 2 cumulative. */
  get aggregationTemporality(): number {
    return this.raw.int32(2);
  }
  /** Sums only. */
  get isMonotonic(): boolean {
    return this.raw.bool(3);
  }
}
