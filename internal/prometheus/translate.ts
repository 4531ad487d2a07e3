import { type Count, countAt } from '../otlp/counts.ts';
import { type Exponential, readExponential } from '../otlp/exponential.ts';
import type { Payload } from '../otlp/payload.ts';
import type { Messages } from '../otlp/view/cursor.ts';
import type { Metric, MetricData } from '../otlp/view/metric.ts';
import type {
  DataPoint,
  Exemplar,
  ExponentialHistogramPoint,
  HistogramPoint,
  NumberPoint,
  SummaryPoint,
} from '../otlp/view/point.ts';
import { type Walk, walkMetrics } from '../otlp/view/walk.ts';
import { AttributeList } from './attributes.ts';
import { Bounds, quantileLabel } from './bounds.ts';
import { Scratch } from './bytes.ts';
import { exemplarsOf } from './exemplars.ts';
import { Families, type Family, family } from './families.ts';
import { type HistogramValue, readHistogram } from './histograms.ts';
import { type ExtraName, LabelNames, LabelSet } from './labels.ts';
import type { Strategy } from './names.ts';
import { nativeOf } from './native.ts';
import { readValue, type Value } from './numbers.ts';
import type { Plans } from './plan.ts';
import { type KnownResource, type LabelSettings, Resources, readAttributes } from './resources.ts';
import type { ExemplarData, Point, Sink } from './series.ts';
import { milliseconds } from './times.ts';

export interface TranslationSettings extends LabelSettings {
  readonly strategy: Strategy;
  readonly namespace: string;
}

/** Why data points became no series. */
export type Skipped =
  | 'no_name'
  | 'no_time'
  | 'no_value'
  | 'no_temporality'
  | 'bad_buckets'
  | 'bad_scale'
  | 'delta_out_of_order'
  | 'delta_overflow';

/** What the delta points of a batch are added up in. */
export interface Deltas {
  /** @returns why the point cannot be added; else it now holds the totals, and `startMs` of the point the start of them */
  number(point: OpenPoint, value: Value, startNano: number, timeNano: number): Skipped | undefined;
  histogram(point: OpenPoint, value: HistogramValue, startNano: number, timeNano: number): Skipped | undefined;
  exponential(point: OpenPoint, value: Exponential, startNano: number, timeNano: number): Skipped | undefined;
}

export type OpenPoint = { -readonly [K in keyof Point]: Point[K] };

const DELTA = 1;
const CUMULATIVE = 2;

/**
 * Turns batches of OTLP metrics into series, point by point and without an object for each.
 * One at a time: `begin`, then `step` until it says that the batch is done.
 */
export class Translator {
  readonly #sink: Sink;
  readonly #deltas: Deltas | undefined;
  readonly #names: LabelNames;
  readonly #families: Families;
  readonly #resources: Resources;
  readonly #targetInfo: Family;
  readonly #scratch = new Scratch();
  readonly #attributes = new AttributeList(this.#scratch);
  readonly #labels = new LabelSet();
  readonly #value: Value = { value: 0, stale: false, present: false };
  readonly #histogram: HistogramValue = { count: 0, sum: 0, hasSum: false, counts: [], bounds: new Bounds() };
  readonly #point: OpenPoint;
  #walk: Walk<Metric> | undefined;
  #resource: KnownResource | undefined;
  #plans: Plans | undefined;
  #latestMs = 0;
  #inScope = false;
  #skipped: (reason: Skipped, points: number) => void = () => {};

  /** @param deltas absent: delta points are skipped as `no_temporality` */
  constructor(settings: TranslationSettings, sink: Sink, deltas?: Deltas) {
    this.#sink = sink;
    this.#deltas = deltas;
    this.#names = new LabelNames(settings.strategy);
    this.#families = new Families(settings);
    this.#resources = new Resources(settings, this.#names);
    const prefix = settings.namespace === '' ? '' : `${settings.namespace}_`;
    this.#targetInfo = family(`${prefix}target_info`, 'gauge', '', 'Target metadata');
    this.#point = {
      family: this.#targetInfo,
      labels: this.#labels,
      hash: 0,
      timeMs: 0,
      startMs: 0,
      stale: false,
      items: 1,
    };
  }

  /** @param skipped hears of data points that become no series */
  begin(payload: Payload, skipped: (reason: Skipped, points: number) => void): void {
    this.#walk = walkMetrics(payload);
    this.#skipped = skipped;
    this.#resource = undefined;
    this.#inScope = false;
  }

  /** @returns true when the batch is done. Stops behind the metric with which `points` are reached. */
  step(points = Number.POSITIVE_INFINITY): boolean {
    const walk = this.#walk!;
    for (let done = 0; done < points; ) {
      if (this.#inScope && walk.nextRecord()) done += this.#metric(walk.record);
      else if (this.#resource && walk.nextScope()) {
        this.#plans = this.#resources.plans(this.#resource, walk.scope);
        this.#inScope = true;
      } else {
        this.#endResource();
        if (!walk.nextResource()) return true;
        this.#resource = this.#resources.of(walk.resource);
        this.#inScope = false;
        this.#latestMs = 0;
      }
    }
    return false;
  }

  #endResource(): void {
    const resource = this.#resource;
    this.#resource = undefined;
    if (!resource?.target || this.#latestMs <= resource.targetMs || this.#latestMs === 0) return;
    resource.targetMs = this.#latestMs;
    const { target } = resource;
    const hash = target.hash ^ this.#targetInfo.plain.hash;
    this.#sink.point({
      family: this.#targetInfo,
      labels: target,
      hash,
      timeMs: this.#latestMs,
      startMs: 0,
      stale: false,
      items: 0,
    });
    this.#sink.sample(this.#targetInfo.plain, undefined, 1);
  }

  #metric(metric: Metric): number {
    const { kind } = metric;
    if (!kind) return 1;
    const known = this.#families.of(metric, kind);
    if (!known) return this.#skipAll(metric[kind] as MetricData<DataPoint>, 'no_name');
    this.#point.family = known;
    switch (kind) {
      case 'gauge':
        return this.#numbers(metric.gauge, 0);
      case 'sum':
        return this.#numbers(metric.sum, metric.sum.aggregationTemporality || -1);
      case 'histogram':
        return this.#histograms(metric.histogram);
      case 'exponentialHistogram':
        return this.#exponentials(metric.exponentialHistogram);
      case 'summary':
        return this.#summaries(metric.summary);
    }
  }

  #skipAll(data: MetricData<DataPoint>, reason: Skipped): number {
    const points = data.points.count();
    if (points > 0) this.#skipped(reason, points);
    return Math.max(1, points);
  }

  /** Whether points of this temporality can be told at all. */
  #told(temporality: number): boolean {
    return temporality === CUMULATIVE || (temporality === DELTA && this.#deltas !== undefined);
  }

  /** @param temporality 0 for a gauge */
  #numbers(data: MetricData<NumberPoint>, temporality: number): number {
    if (temporality !== 0 && !this.#told(temporality)) return this.#skipAll(data, 'no_temporality');
    const { points } = data;
    const value = this.#value;
    const point = this.#point;
    let count = 0;
    for (let each = points.next(); each; each = points.next()) {
      count++;
      point.stale = (each.flags & 1) === 1;
      readValue(each, value);
      if (!value.present && !point.stale) this.#skipped('no_value', 1);
      else if (this.#open(each, 7, '')) {
        point.stale ||= value.stale;
        point.startMs = temporality === 0 ? 0 : point.startMs;
        if (temporality === DELTA) {
          const reason = this.#deltas!.number(point, value, nano(each, 2), nano(each, 3));
          if (reason) {
            this.#skipped(reason, 1);
            continue;
          }
        }
        this.#sink.point(point);
        this.#sink.sample(point.family.plain, undefined, value.value);
        if (each.has(5)) this.#exemplars(each.exemplars);
      }
    }
    return Math.max(1, count);
  }

  #histograms(data: MetricData<HistogramPoint>): number {
    const temporality = data.aggregationTemporality;
    if (!this.#told(temporality)) return this.#skipAll(data, 'no_temporality');
    const { points } = data;
    const value = this.#histogram;
    let count = 0;
    for (let each = points.next(); each; each = points.next()) {
      count++;
      const point = this.#point;
      point.stale = (each.flags & 1) === 1;
      if (!this.#open(each, 9, 'le')) continue;
      readHistogram(each, value);
      const reason = !value.bounds.read(each, 7)
        ? 'bad_buckets'
        : temporality === DELTA
          ? this.#deltas!.histogram(point, value, nano(each, 2), nano(each, 3))
          : undefined;
      if (reason) this.#skipped(reason, 1);
      else this.#writeHistogram(value, each.has(8) ? exemplarsOf(each.exemplars, point.timeMs, this.#names) : none);
    }
    return Math.max(1, count);
  }

  #writeHistogram({ sum, hasSum, count, counts, bounds }: HistogramValue, exemplars: readonly ExemplarData[]): void {
    const sink = this.#sink;
    const { family: of } = this.#point;
    sink.point(this.#point);
    if (hasSum) sink.sample(of.sum, undefined, sum);
    sink.sample(of.count, undefined, Number(count));
    let cumulative: Count = typeof counts[0] === 'bigint' ? 0n : 0;
    let below = Number.NEGATIVE_INFINITY;
    const finite = Math.min(bounds.labels.length - 1, counts.length);
    for (let i = 0; i < finite; i++) {
      cumulative = ((cumulative as number) + (counts[i] as number)) as Count;
      sink.sample(of.bucket, bounds.labels[i], Number(cumulative));
      const bound = bounds.values[i]!;
      for (const exemplar of exemplars) if (exemplar.value > below && exemplar.value <= bound) sink.exemplar(exemplar);
      below = bound;
    }
    sink.sample(of.bucket, bounds.labels.at(-1), Number(count));
    for (const exemplar of exemplars) if (exemplar.value > below) sink.exemplar(exemplar);
  }

  #exponentials(data: MetricData<ExponentialHistogramPoint>): number {
    const temporality = data.aggregationTemporality;
    if (!this.#told(temporality)) return this.#skipAll(data, 'no_temporality');
    const { points } = data;
    let count = 0;
    for (let each = points.next(); each; each = points.next()) {
      count++;
      const point = this.#point;
      point.stale = (each.flags & 1) === 1;
      if (!this.#open(each, 1, '')) continue;
      const value = readExponential(each);
      const reason =
        temporality === DELTA ? this.#deltas!.exponential(point, value, nano(each, 2), nano(each, 3)) : undefined;
      const native = reason ? undefined : nativeOf(value);
      if (!native) {
        this.#skipped(reason ?? (value.scale < -4 ? 'bad_scale' : 'bad_buckets'), 1);
        continue;
      }
      this.#sink.point(point);
      this.#sink.native(native);
      if (each.has(11)) this.#exemplars(each.exemplars);
    }
    return Math.max(1, count);
  }

  #summaries(data: MetricData<SummaryPoint>): number {
    const { points } = data;
    const sink = this.#sink;
    let count = 0;
    for (let each = points.next(); each; each = points.next()) {
      count++;
      const point = this.#point;
      point.stale = (each.flags & 1) === 1;
      if (!this.#open(each, 7, 'quantile')) continue;
      const { family: of } = point;
      sink.point(point);
      sink.sample(of.sum, undefined, each.sum);
      sink.sample(of.count, undefined, Number(countAt(each.buf, each.valueStart(4))));
      const seen = new Set<number>();
      const quantiles = each.quantileValues;
      for (let at = quantiles.next(); at; at = quantiles.next()) {
        if (seen.size === seen.add(at.quantile).size) continue;
        sink.sample(of.plain, quantileLabel(at.quantile), at.value);
      }
    }
    return Math.max(1, count);
  }

  /** Fills `#point` but for its value. False, and counted, for one without a time. */
  #open(each: DataPoint, attributes: number, extra: ExtraName): boolean {
    const point = this.#point;
    point.timeMs = milliseconds(each.buf, each.valueStart(3));
    if (point.timeMs === 0 && each.timeUnixNano === 0n) {
      this.#skipped('no_time', 1);
      return false;
    }
    if (point.timeMs > this.#latestMs) this.#latestMs = point.timeMs;
    point.startMs = milliseconds(each.buf, each.valueStart(2));
    this.#scratch.end = 0;
    readAttributes(this.#attributes, each, attributes);
    this.#plans!.for(this.#attributes, extra).apply(this.#attributes, this.#labels, this.#scratch);
    point.hash = this.#labels.hash ^ point.family.plain.hash;
    return true;
  }

  #exemplars(list: Messages<Exemplar>): void {
    for (const exemplar of exemplarsOf(list, this.#point.timeMs, this.#names)) this.#sink.exemplar(exemplar);
  }
}

const none: readonly ExemplarData[] = [];

/** For comparisons only: rounded to 256 ns. */
function nano(point: DataPoint, field: 2 | 3): number {
  return point.raw.fixed64Number(field);
}
