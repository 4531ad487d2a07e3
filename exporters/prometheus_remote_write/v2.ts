import type { Family } from '../../internal/prometheus/families.ts';
import type { FixedLabel, LabelSet } from '../../internal/prometheus/labels.ts';
import type { ExemplarData, NativeHistogram, Point } from '../../internal/prometheus/series.ts';
import { BytesOut } from './bytes_out.ts';
import { writeHistogram } from './histogram_out.ts';
import { metricTypes } from './metric_types.ts';
import { type Built, PointTable, type RequestBuilder } from './request.ts';
import { Symbols } from './symbols.ts';

/** Request.timeseries */
const SERIES = 0x2a;
/** TimeSeries.labels_refs, .samples, .histograms, .exemplars, .metadata */
const LABELS_REFS = 0x0a;
const SAMPLES = 0x12;
const HISTOGRAMS = 0x1a;
const EXEMPLARS = 0x22;
const METADATA = 0x2a;

/**
 *   message Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }
 *   message TimeSeries {
 *     repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3;
 *     repeated Exemplar exemplars = 4; Metadata metadata = 5;
 *   }
 *   message Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }
 *   message Exemplar { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
 *   message Metadata { MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
 *
 * Source: https://github.com/prometheus/prometheus/blob/main/prompb/io/prometheus/write/v2/types.proto
 */
export class V2Builder<O> implements RequestBuilder<O> {
  owner: O | undefined;
  readonly #symbols = new Symbols();
  readonly #sorted = new BytesOut();
  readonly #message = new BytesOut();
  readonly #out = new BytesOut();
  readonly #time = new BytesOut(32);
  readonly #metadata = new BytesOut(64);
  /** References of the point's labels, as varints: before the name, between name and extra label, behind. */
  readonly #refs = new BytesOut();
  #refsNameAt = 0;
  #refsExtraAt = 0;
  #points = new PointTable<O>();
  #point: Point | undefined;
  #family: Family | undefined;
  #help = '';
  #open = 0;
  #series = 0;
  #samples = 0;
  #histograms = 0;
  #exemplars = 0;

  get size(): number {
    const series = this.#out.pos;
    return series === 0 ? 0 : series + this.#symbols.out.pos;
  }

  point(point: Point): void {
    this.#endPoint();
    this.#point = point;
    this.#points.begin(point.timeMs, point.items > 0 ? this.owner : undefined);
    this.#time.pos = 0;
    this.#time.time(point.timeMs);
    if (point.startMs > 0) {
      this.#time.byte(0x18);
      this.#time.time(point.startMs);
    }
    this.#refer(point.labels);
    if (point.family !== this.#family || point.family.help !== this.#help) this.#describe(point.family);
  }

  sample(name: FixedLabel, extra: FixedLabel | undefined, value: number): void {
    this.#openSeries(name, extra);
    const out = this.#out;
    const time = this.#time;
    out.byte(SAMPLES);
    out.byte(10 + time.pos);
    out.byte(0x09);
    if (this.#point!.stale) out.staleDouble();
    else out.double(value);
    out.byte(0x10);
    out.copy(time.buf, 0, time.pos);
    this.#samples++;
  }

  native(histogram: NativeHistogram): void {
    const point = this.#point!;
    this.#openSeries(point.family.plain, undefined);
    const out = this.#out;
    out.byte(HISTOGRAMS);
    const start = out.open();
    writeHistogram(out, histogram, point);
    if (point.startMs > 0) {
      out.reserve(12);
      // start_timestamp = 17
      out.varint(17 << 3);
      out.time(point.startMs);
    }
    out.close(start);
    this.#histograms++;
  }

  exemplar({ labels, value, timeMs }: ExemplarData): void {
    const out = this.#out;
    out.reserve(48 + labels.length * 10);
    out.byte(EXEMPLARS);
    const start = out.open();
    if (labels.length > 0) {
      out.byte(LABELS_REFS);
      const refs = out.open();
      for (const [name, text] of labels) {
        out.varint(this.#symbols.text(name));
        out.varint(this.#symbols.text(text));
      }
      out.close(refs);
    }
    out.byte(0x11);
    out.double(value);
    out.byte(0x18);
    out.time(timeMs);
    out.close(start);
    this.#exemplars++;
  }

  build(): Built<O> {
    this.#endPoint();
    const series = this.#points.sort(this.#out, this.#sorted);
    const symbols = this.#symbols.out;
    const message = this.#message;
    message.pos = 0;
    message.reserve(symbols.pos + series.pos);
    message.copy(symbols.buf, 0, symbols.pos);
    message.copy(series.buf, 0, series.pos);
    this.#points.shift(symbols.pos);
    const built = {
      message: message.buf.subarray(0, message.pos),
      points: this.#points,
      wrote: {
        series: this.#series,
        samples: this.#samples,
        histograms: this.#histograms,
        exemplars: this.#exemplars,
      },
    };
    this.#out.pos = 0;
    this.#points = new PointTable();
    this.#symbols.clear();
    this.#family = undefined;
    this.#series = this.#samples = this.#histograms = this.#exemplars = 0;
    return built;
  }

  #openSeries(name: FixedLabel, extra: FixedLabel | undefined): void {
    this.#closeSeries();
    const out = this.#out;
    const refs = this.#refs;
    out.reserve(refs.pos + this.#metadata.pos + 96);
    out.byte(SERIES);
    this.#open = out.open(1);
    out.byte(LABELS_REFS);
    const start = out.open(1);
    out.copy(refs.buf, 0, this.#refsNameAt);
    this.#referFixed(name);
    out.copy(refs.buf, this.#refsNameAt, this.#refsExtraAt);
    if (extra) this.#referFixed(extra);
    out.copy(refs.buf, this.#refsExtraAt, refs.pos);
    out.close(start, 1);
    out.copy(this.#metadata.buf, 0, this.#metadata.pos);
    this.#series++;
  }

  #referFixed({ name, value, valueHash }: FixedLabel): void {
    const out = this.#out;
    out.varint(this.#symbols.of(name.bytes, 0, name.bytes.length, name.hash));
    out.varint(this.#symbols.of(value, 0, value.length, valueHash));
  }

  #refer(labels: LabelSet): void {
    const refs = this.#refs;
    const symbols = this.#symbols;
    const { size, nameAt } = labels;
    const extraAt = Math.max(nameAt, labels.extraAt);
    refs.pos = 0;
    refs.reserve(size * 10);
    for (let i = 0; i <= size; i++) {
      if (i === nameAt) this.#refsNameAt = refs.pos;
      if (i === extraAt) this.#refsExtraAt = refs.pos;
      if (i === size) break;
      const name = labels.names[i]!;
      const value = labels.value[i]!;
      const from = labels.from[i]!;
      const to = labels.to[i]!;
      refs.varint(symbols.of(name.bytes, 0, name.bytes.length, name.hash));
      refs.varint(symbols.of(value, from, to, labels.valueHash[i]!));
    }
  }

  #describe(family: Family): void {
    this.#family = family;
    this.#help = family.help;
    const out = this.#metadata;
    out.pos = 0;
    out.byte(METADATA);
    const start = out.open();
    out.byte(0x08);
    out.varint(metricTypes[family.type]);
    out.byte(0x18);
    out.varint(this.#symbols.text(family.help));
    out.byte(0x20);
    out.varint(this.#symbols.text(family.unit));
    out.close(start);
  }

  #closeSeries(): void {
    if (this.#open === 0) return;
    this.#out.close(this.#open, 1);
    this.#open = 0;
  }

  #endPoint(): void {
    this.#closeSeries();
    if (!this.#point) return;
    this.#points.end(this.#out.pos);
    this.#point = undefined;
  }
}
