import type { Clock, Timer } from '../../internal/core/clock.ts';
import { labelKey } from '../../internal/prometheus/accumulator.ts';
import { boundLabel } from '../../internal/prometheus/bounds.ts';
import type { Family } from '../../internal/prometheus/families.ts';
import type { FixedLabel } from '../../internal/prometheus/labels.ts';
import type { ExemplarData, NativeHistogram, Point, Sink } from '../../internal/prometheus/series.ts';

/** The last values of one data point's series. */
export interface Held {
  /** Sorted by name. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly names: FixedLabel[];
  readonly extras: (FixedLabel | undefined)[];
  readonly values: number[];
  readonly exemplars: (ExemplarData | undefined)[];
  timeMs: number;
  /** Monotonic milliseconds of the last value. */
  touched: number;
}

export interface HeldFamily {
  family: Family;
  readonly points: Map<string, Held>;
}

const bytesOfSeries = 1024;

export interface StoreOptions {
  readonly maxSeries: number;
  /** Milliseconds after which a point without a new value is let go. */
  readonly expirationMs: number;
  /** Hears of points that are not kept. */
  readonly dropped: (reason: 'series_limit' | 'type_conflict', points: number) => void;
}

/**
 * What a scrape gets: the last values of each series, by family. A family has one type; points of another type under
 * the same name are dropped and counted, since the format cannot tell them apart.
 */
export class Store implements Sink {
  readonly families = new Map<string, HeldFamily>();
  readonly #clock: Clock;
  readonly #options: StoreOptions;
  readonly #infinity = boundLabel(Number.POSITIVE_INFINITY);
  #series = 0;
  #labelBytes = 0;
  #timer: Timer | undefined;
  /** The point that samples go to; undefined: they are not kept. */
  #held: Held | undefined;
  #family: Family | undefined;
  #filled = 0;

  constructor(clock: Clock, options: StoreOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  get series(): number {
    return this.#series;
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.families.clear();
    this.#series = 0;
    this.#labelBytes = 0;
  }

  point(point: Point): void {
    this.flush();
    const family = this.#familyOf(point.family);
    const key = labelKey(point.labels);
    const held = family.points.get(key);
    if (family.points.size > 0 && family.family.type !== point.family.type)
      this.#options.dropped('type_conflict', point.items);
    else if (point.stale) this.#remove(family, key);
    else if (!held && this.#full(key.length)) this.#options.dropped('series_limit', point.items);
    // A late point does not turn the time back.
    else if (!held || point.timeMs >= held.timeMs) {
      if (!held) this.#labelBytes += key.length;
      this.#open(family, key, held ?? fresh(point), point);
    }
  }

  sample(name: FixedLabel, extra: FixedLabel | undefined, value: number): void {
    const held = this.#held;
    if (!held) return;
    const i = this.#filled++;
    if (i === held.values.length) this.#series++;
    held.names[i] = name;
    held.extras[i] = extra;
    held.values[i] = value;
    held.exemplars[i] = undefined;
  }

  /** The text formats know no native histograms: sum and count are told, as client libraries do it. */
  native({ sum, count }: NativeHistogram): void {
    if (!this.#family) return;
    this.sample(this.#family.sum, undefined, sum);
    this.sample(this.#family.count, undefined, Number(count));
    this.sample(this.#family.bucket, this.#infinity, Number(count));
  }

  exemplar(exemplar: ExemplarData): void {
    if (this.#held) this.#held.exemplars[this.#filled - 1] = exemplar;
  }

  /** To be called behind the last point of a batch. */
  flush(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#family = undefined;
    if (!held || held.values.length === this.#filled) return;
    // A histogram that has fewer buckets than before.
    this.#series -= held.values.length - this.#filled;
    for (const list of [held.names, held.extras, held.values, held.exemplars]) list.length = this.#filled;
  }

  /** Lets go of what has had no new value for too long. */
  sweep(): void {
    const oldest = this.#clock.monotonic() - this.#options.expirationMs;
    for (const [name, family] of this.families) {
      for (const [key, { touched }] of family.points) if (touched < oldest) this.#remove(family, key);
      if (family.points.size === 0) this.families.delete(name);
    }
  }

  /** Of labels longer than usual there are fewer. */
  #full(bytes: number): boolean {
    const { maxSeries } = this.#options;
    return this.#series >= maxSeries || this.#labelBytes + bytes > maxSeries * bytesOfSeries;
  }

  #open(family: HeldFamily, key: string, held: Held, { family: now, timeMs }: Point): void {
    family.points.set(key, held);
    family.family = now;
    held.timeMs = timeMs;
    held.touched = this.#clock.monotonic();
    this.#held = held;
    this.#family = now;
    this.#filled = 0;
    this.#timer ??= this.#clock.after(this.#sweepMs, () => this.#onTimer());
  }

  #familyOf(family: Family): HeldFamily {
    const known = this.families.get(family.name);
    if (known) return known;
    const held = { family, points: new Map<string, Held>() };
    this.families.set(family.name, held);
    return held;
  }

  #remove(family: HeldFamily, key: string): void {
    const held = family.points.get(key);
    if (!held) return;
    family.points.delete(key);
    this.#labelBytes -= key.length;
    this.#series -= held.values.length;
  }

  get #sweepMs(): number {
    return Math.max(1000, this.#options.expirationMs / 2);
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.sweep();
    if (this.families.size > 0) this.#timer = this.#clock.after(this.#sweepMs, () => this.#onTimer());
  }
}

function fresh({ labels }: Point): Held {
  return { labels: labels.pairs(), names: [], extras: [], values: [], exemplars: [], timeMs: 0, touched: 0 };
}
