import type { FixedLabel } from '../../internal/prometheus/labels.ts';
import type { ExemplarData, NativeHistogram, Point, Sink } from '../../internal/prometheus/series.ts';
import { Lane, type LaneTools } from './lane.ts';
import type { RequestBuilder } from './request.ts';
import type { Work } from './work.ts';

/** Deals points out to lanes by their hash. */
export class Lanes implements Sink {
  readonly #lanes: readonly Lane[];
  #lane: Lane | undefined;
  #open!: RequestBuilder<Work>;
  #work: Work | undefined;
  #renew = false;

  constructor(count: number, tools: LaneTools) {
    this.#lanes = Array.from({ length: count }, () => new Lane(tools));
  }

  begin(work: Work): void {
    this.#work = work;
  }

  point(point: Point): void {
    this.#between();
    this.#lane = this.#lanes[(point.hash >>> 0) % this.#lanes.length]!;
    this.#open = this.#lane.open;
    this.#open.owner = this.#work;
    if (point.items > 0) this.#work!.opened();
    this.#open.point(point);
  }

  sample(name: FixedLabel, extra: FixedLabel | undefined, value: number): void {
    this.#open.sample(name, extra, value);
  }

  native(histogram: NativeHistogram): void {
    this.#open.native(histogram);
  }

  exemplar(exemplar: ExemplarData): void {
    this.#open.exemplar(exemplar);
  }

  /** Points may wait before they are all there: nothing is sent of a point that is half written. */
  pause(): void {
    this.#between();
    this.#lane = undefined;
    for (const lane of this.#lanes) lane.kick();
  }

  /** From the next point on, requests are of another kind. */
  renew(): void {
    this.#renew = true;
    if (!this.#lane) this.#between();
  }

  #between(): void {
    this.#lane?.cut();
    if (!this.#renew) return;
    this.#renew = false;
    for (const lane of this.#lanes) lane.renew();
  }
}
