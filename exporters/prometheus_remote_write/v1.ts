import type { Family } from '../../internal/prometheus/families.ts';
import type { FixedLabel, LabelSet } from '../../internal/prometheus/labels.ts';
import type { ExemplarData, NativeHistogram, Point } from '../../internal/prometheus/series.ts';
import { BytesOut } from './bytes_out.ts';
import { writeHistogram } from './histogram_out.ts';
import { metricTypes } from './metric_types.ts';
import { type Built, PointTable, type RequestBuilder } from './request.ts';

/** WriteRequest.timeseries and .metadata */
const SERIES = 0x0a;
const METADATA = 0x1a;
/** TimeSeries.labels, .samples, .exemplars, .histograms */
const LABELS = 0x0a;
const SAMPLES = 0x12;
const EXEMPLARS = 0x1a;
const HISTOGRAMS = 0x22;

/**
 *   message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
 *   message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; repeated Histogram histograms = 4; }
 *   message Label { string name = 1; string value = 2; }
 *   message Sample { double value = 1; int64 timestamp = 2; }
 *   message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
 *   message MetricMetadata { MetricType type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
 *
 * Source: https://github.com/prometheus/prometheus/blob/main/prompb/remote.proto and types.proto
 */
export class V1Builder<O> implements RequestBuilder<O> {
  owner: O | undefined;
  readonly #sendMetadata: boolean;
  readonly #families = new Set<Family>();
  readonly #sorted = new BytesOut();
  #out = new BytesOut();
  #points = new PointTable<O>();
  #point: Point | undefined;
  #series = 0;
  #samples = 0;
  #histograms = 0;
  #exemplars = 0;
  /** Where the open series begins; 0: none is open. */
  #open = 0;
  /** The most bytes that the point's labels take. */
  #labelBytes = 0;
  /** Where the point's labels lie, once they are written: before the name, between name and extra label, behind. */
  #first = -1;
  #nameAt = 0;
  #middle = 0;
  #extraAt = 0;
  #last = 0;
  #end = 0;
  /** The series before, up to its extra label. */
  #run: { name: FixedLabel | undefined; from: number; to: number } = { name: undefined, from: 0, to: 0 };
  /** By index in the point: the label that was there last, and where it lies. */
  readonly #fixed: FixedLabel[] = [];
  readonly #fixedAt: number[] = [];
  /** The point's time as it is written. */
  readonly #time = new BytesOut(16);
  #timeMs = -1;

  constructor(sendMetadata: boolean) {
    this.#sendMetadata = sendMetadata;
  }

  get size(): number {
    return this.#out.pos;
  }

  point(point: Point): void {
    this.#endPoint();
    this.#point = point;
    this.#points.begin(point.timeMs, point.items > 0 ? this.owner : undefined);
    this.#first = -1;
    this.#labelBytes = labelBytes(point.labels);
    if (point.timeMs !== this.#timeMs) {
      this.#timeMs = point.timeMs;
      this.#time.pos = 0;
      this.#time.time(point.timeMs);
    }
    if (this.#sendMetadata) this.#families.add(point.family);
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
    this.#openSeries(this.#point!.family.plain, undefined);
    const out = this.#out;
    out.byte(HISTOGRAMS);
    const start = out.open();
    writeHistogram(out, histogram, this.#point!);
    out.close(start);
    this.#histograms++;
  }

  exemplar({ labels, value, timeMs }: ExemplarData): void {
    const out = this.#out;
    out.reserve(40 + labels.reduce((sum, [name, text]) => sum + 3 * (name.length + text.length) + 20, 0));
    out.byte(EXEMPLARS);
    const start = out.open();
    for (const [name, text] of labels) {
      out.byte(LABELS);
      const label = out.open();
      writeText(out, 1, name);
      writeText(out, 2, text);
      out.close(label);
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
    const out = this.#points.sort(this.#out, this.#sorted);
    for (const family of this.#families) writeMetadata(out, family);
    const built = {
      message: out.buf.subarray(0, out.pos),
      points: this.#points,
      wrote: {
        series: this.#series,
        samples: this.#samples,
        histograms: this.#histograms,
        exemplars: this.#exemplars,
      },
    };
    this.#out.pos = 0;
    this.#forget();
    this.#points = new PointTable();
    this.#families.clear();
    this.#series = this.#samples = this.#histograms = this.#exemplars = 0;
    return built;
  }

  #openSeries(name: FixedLabel, extra: FixedLabel | undefined): void {
    this.#closeSeries();
    const out = this.#out;
    out.reserve(this.#labelBytes + name.encoded.length + (extra ? extra.encoded.length : 0) + 64);
    out.byte(SERIES);
    this.#open = out.open();
    this.#series++;
    if (this.#first < 0) this.#writeLabels(name, extra);
    else this.#repeatLabels(name, extra);
  }

  #writeLabels(name: FixedLabel, extra: FixedLabel | undefined): void {
    const out = this.#out;
    const { labels } = this.#point!;
    const { nameAt, size } = labels;
    const extraAt = Math.max(nameAt, labels.extraAt);
    this.#first = out.pos;
    for (let i = 0; i < nameAt; i++) this.#writeLabel(labels, i);
    this.#nameAt = out.pos;
    out.all(name.encoded);
    this.#middle = out.pos;
    for (let i = nameAt; i < extraAt; i++) this.#writeLabel(labels, i);
    this.#extraAt = out.pos;
    this.#run.name = name;
    this.#run.from = this.#first;
    this.#run.to = out.pos;
    if (extra) out.all(extra.encoded);
    this.#last = out.pos;
    for (let i = extraAt; i < size; i++) this.#writeLabel(labels, i);
    this.#end = out.pos;
  }

  /** The series of one histogram or summary differ in two labels. */
  #repeatLabels(name: FixedLabel, extra: FixedLabel | undefined): void {
    const out = this.#out;
    const run = this.#run;
    const from = out.pos;
    if (run.name === name) out.again(run.from, run.to);
    else {
      out.again(this.#first, this.#nameAt);
      out.all(name.encoded);
      out.again(this.#middle, this.#extraAt);
      run.name = name;
    }
    run.from = from;
    run.to = out.pos;
    if (extra) out.all(extra.encoded);
    out.again(this.#last, this.#end);
  }

  #writeLabel(labels: LabelSet, index: number): void {
    const out = this.#out;
    const fixed = labels.fixed[index];
    if (!fixed) {
      writeLabel(out, labels, index);
      return;
    }
    const { pos } = out;
    const at = this.#fixedAt[index]!;
    if (this.#fixed[index] === fixed) out.again(at, at + fixed.encoded.length);
    else out.all(fixed.encoded);
    this.#fixed[index] = fixed;
    this.#fixedAt[index] = pos;
  }

  #closeSeries(): void {
    if (this.#open === 0) return;
    // A length of other than two bytes moves what the next series would copy.
    if (this.#out.close(this.#open)) this.#forget();
    this.#open = 0;
  }

  /** What lies in the message is not where it was. */
  #forget(): void {
    this.#first = -1;
    this.#fixed.length = 0;
  }

  #endPoint(): void {
    this.#closeSeries();
    if (!this.#point) return;
    this.#points.end(this.#out.pos);
    this.#point = undefined;
  }
}

/** The most that the labels can take: tags, three lengths of at most five bytes, name and value. */
function labelBytes(labels: LabelSet): number {
  let bytes = 0;
  for (let i = 0; i < labels.size; i++) bytes += labels.names[i]!.bytes.length + labels.to[i]! - labels.from[i]! + 18;
  return bytes;
}

function writeLabel(out: BytesOut, labels: LabelSet, index: number): void {
  const name = labels.names[index]!.bytes;
  const from = labels.from[index]!;
  const to = labels.to[index]!;
  out.byte(LABELS);
  if (name.length + to - from < 0x7c) {
    out.byte(name.length + to - from + 4);
    out.byte(0x0a);
    out.byte(name.length);
    out.all(name);
    out.byte(0x12);
    out.byte(to - from);
    out.copy(labels.value[index]!, from, to);
    return;
  }
  const start = out.open();
  out.byte(0x0a);
  out.varint(name.length);
  out.all(name);
  out.byte(0x12);
  out.varint(to - from);
  out.copy(labels.value[index]!, from, to);
  out.close(start);
}

function writeText(out: BytesOut, field: number, text: string): void {
  out.byte((field << 3) | 2);
  out.varint(Buffer.byteLength(text));
  out.pos += out.buf.write(text, out.pos, 'utf8');
}

function writeMetadata(out: BytesOut, { type, name, help, unit }: Family): void {
  out.reserve(64 + 3 * (name.length + help.length + unit.length));
  out.byte(METADATA);
  const start = out.open();
  out.byte(0x08);
  out.varint(metricTypes[type]);
  writeText(out, 2, name);
  writeText(out, 4, help);
  writeText(out, 5, unit);
  out.close(start);
}
