import type { Labels } from '../core/telemetry.ts';

/** One series: a number that is added to or set, and read when somebody scrapes. */
export class NumberSeries {
  readonly labels: Labels;
  value = 0;
  constructor(labels: Labels) {
    this.labels = labels;
  }
  add(value: number): void {
    this.value += value;
  }
  set(value: number): void {
    this.value = value;
  }
}

/** A series whose number is asked for when scraped. */
export class ObservedSeries {
  readonly labels: Labels;
  readonly read: () => number;
  constructor(labels: Labels, read: () => number) {
    this.labels = labels;
    this.read = read;
  }
  get value(): number {
    return this.read();
  }
}

export class HistogramSeries {
  readonly labels: Labels;
  readonly bounds: readonly number[];
  /** Records per bucket, not cumulative; the last is for what is above all bounds. */
  readonly counts: Float64Array;
  sum = 0;
  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels;
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }
  record(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket += 1;
    this.counts[bucket]! += 1;
    this.sum += value;
  }
}

export type Series = NumberSeries | ObservedSeries | HistogramSeries;

/** All series of one name. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labelNames: readonly string[];
  readonly bounds: readonly number[];
  readonly series: Map<string, Series>;
}

/** Every series of the process. What is never asked for by a scrape costs a number each. */
export class Registry {
  readonly #families = new Map<string, Family>();

  get(name: string): Family | undefined {
    return this.#families.get(name);
  }

  add(family: Family): void {
    this.#families.set(family.name, family);
  }

  /** Every family, also where its series have ended. */
  all(): readonly Family[] {
    return [...this.#families.values()];
  }

  /** Families that have series, by name. */
  read(): readonly Family[] {
    const families = [...this.#families.values()].filter((family) => family.series.size > 0);
    return families.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
