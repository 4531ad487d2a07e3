import type { MetricType } from './families.ts';
import type { FixedLabel } from './labels.ts';
import type { ExemplarData, NativeHistogram, Point, Sink } from './series.ts';

/** One series with one sample, spelled out: for people and for tests. */
export interface ListedSeries {
  readonly name: string;
  /** Sorted by name; without `__name__`. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly type: MetricType;
  readonly unit: string;
  readonly help: string;
  /** Undefined for a native histogram. */
  readonly value: number | undefined;
  readonly histogram: NativeHistogram | undefined;
  /** The value is a staleness marker. */
  readonly stale: boolean;
  readonly timeMs: number;
  /** 0: not known. */
  readonly startMs: number;
  readonly exemplars: readonly ExemplarData[];
}

/** Keeps what it is given. */
export class Listing implements Sink {
  readonly series: ListedSeries[] = [];
  #point: Point | undefined;
  #exemplars: ExemplarData[] = [];

  point(point: Point): void {
    this.#point = point;
  }

  sample(name: FixedLabel, extra: FixedLabel | undefined, value: number): void {
    this.#add(name, extra, value, undefined);
  }

  native(histogram: NativeHistogram): void {
    this.#add(this.#point!.family.plain, undefined, undefined, histogram);
  }

  exemplar(exemplar: ExemplarData): void {
    this.#exemplars.push(exemplar);
  }

  #add(
    name: FixedLabel,
    extra: FixedLabel | undefined,
    value: number | undefined,
    histogram: NativeHistogram | undefined,
  ): void {
    const { family, labels, stale, timeMs, startMs } = this.#point!;
    const pairs = labels.pairs();
    if (extra) pairs.splice(Math.max(labels.nameAt, labels.extraAt), 0, [extra.name.text, textOf(extra)]);
    this.#exemplars = [];
    const { type, unit, help } = family;
    const described = { name: textOf(name), labels: pairs, type, unit, help, value, histogram };
    this.series.push({ ...described, stale, timeMs, startMs, exemplars: this.#exemplars });
  }
}

function textOf({ value }: FixedLabel): string {
  return Buffer.from(value).toString();
}
