import { Fields } from '../../internal/otlp/view/fields.ts';
import type { Sink } from '../../internal/prometheus/series.ts';
import type { BytesOut } from './bytes_out.ts';

/** A message of remote write that is being filled with points. One buffer, used again for each message. */
export interface RequestBuilder<O> extends Sink {
  /** Whose data points the ones to come are. */
  owner: O | undefined;
  /** Bytes so far, uncompressed. */
  readonly size: number;
  /** Ends the message. What it returns lies in the builder's buffer, until the builder is filled again. */
  build(): Built<O>;
}

export interface Built<O> {
  readonly message: Buffer;
  readonly points: PointTable<O>;
  readonly wrote: Wrote;
}

/** What a message holds. */
export interface Wrote {
  readonly series: number;
  readonly samples: number;
  readonly histograms: number;
  readonly exemplars: number;
}

/** Where the series of each point lie in a message, oldest points first, and whose it is. */
export class PointTable<O> {
  readonly owners: O[] = [];
  /** What comes before the first point. */
  start = 0;
  #ends: number[] = [];
  #times: number[] = [];
  #owner: number[] = [];
  #sorted = true;

  get count(): number {
    return this.#ends.length;
  }

  endOf(index: number): number {
    return index < 0 ? this.start : this.#ends[index]!;
  }

  /** @param owner undefined for what is no data point */
  begin(timeMs: number, owner: O | undefined): void {
    const { owners } = this;
    let at = owner === undefined ? -1 : owners.length - 1;
    if (owner !== undefined && (at < 0 || owners[at] !== owner)) at = owners.push(owner) - 1;
    this.#owner.push(at);
    const count = this.#times.push(timeMs);
    if (count > 1 && timeMs < this.#times[count - 2]!) this.#sorted = false;
  }

  /** The point that was begun last ends here. */
  end(position: number): void {
    this.#ends.push(position);
  }

  /** Data points of each owner among the points from `from` up to `to`. */
  items(from = 0, to = this.count): Map<O, number> {
    const items = new Map<O, number>();
    for (let i = from; i < to; i++) {
      const owner = this.owners[this.#owner[i]!];
      if (owner !== undefined) items.set(owner, (items.get(owner) ?? 0) + 1);
    }
    return items;
  }

  /**
   * Brings points into the order of their times, since a server takes the samples of a series in no other.
   * @param from the message; @param to gets the sorted one, and is returned; `from` is, if nothing was to be done
   */
  sort(from: BytesOut, to: BytesOut): BytesOut {
    if (this.#sorted) return from;
    const ends = this.#ends;
    const times = this.#times;
    const order = ends.map((_, i) => i).sort((a, b) => times[a]! - times[b]! || a - b);
    to.pos = 0;
    to.reserve(from.pos);
    to.copy(from.buf, 0, this.start);
    const sortedEnds: number[] = [];
    for (let i = 0; i < order.length; ) {
      // Neighbours that stay together are copied together.
      const first = order[i]!;
      const moved = to.pos - this.endOf(first - 1);
      let last = first;
      sortedEnds.push(ends[last]! + moved);
      for (i++; i < order.length && order[i] === last + 1; i++) sortedEnds.push(ends[++last]! + moved);
      to.copy(from.buf, this.endOf(first - 1), ends[last]!);
    }
    to.copy(from.buf, ends.at(-1) ?? 0, from.pos);
    this.#owner = order.map((i) => this.#owner[i]!);
    this.#times = order.map((i) => times[i]!);
    this.#ends = sortedEnds;
    this.#sorted = true;
    return to;
  }

  /** The same points in a message in which they end elsewhere. */
  moved(ends: number[]): PointTable<O> {
    const moved = new PointTable<O>();
    moved.owners.push(...this.owners);
    moved.#ends = ends;
    moved.#times = this.#times;
    moved.#owner = this.#owner;
    return moved;
  }

  /** All positions move, as something is put in front of the points. */
  shift(bytes: number): void {
    this.start += bytes;
    this.#ends = this.#ends.map((end) => end + bytes);
  }
}

/** What a part of a message holds. @param start where its series begin */
export function countWrote(message: Buffer, start: number, version: 1 | 2): Wrote {
  const [histogram, exemplar] = version === 1 ? [0x22, 0x1a] : [0x1a, 0x22];
  const count = { series: 0, samples: 0, histograms: 0, exemplars: 0 };
  const series = new Fields().reset(message, start, message.length);
  const parts = new Fields();
  while (series.next()) {
    count.series++;
    parts.reset(message, series.from, series.to);
    while (parts.next()) {
      if (parts.tag === 0x12) count.samples++;
      else if (parts.tag === histogram) count.histograms++;
      else if (parts.tag === exemplar) count.exemplars++;
    }
  }
  return count;
}
