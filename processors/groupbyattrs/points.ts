import { Payload } from '../../internal/otlp/payload.ts';
import type { ScopeEntry } from '../../internal/otlp/regroup.ts';
import type { Metric } from '../../internal/otlp/view/metric.ts';
import { walkMetrics } from '../../internal/otlp/view/walk.ts';
import { LEN } from '../../internal/otlp/wire.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import type { Grouping } from './grouping.ts';
import { bytesWithout, field, remainder } from './pieces.ts';

const METRIC = (2 << 3) | LEN;
const POINT = (1 << 3) | LEN;
const DESCRIPTION = (2 << 3) | LEN;
const DATA = [5, 7, 9, 10, 11].map((member) => (member << 3) | LEN);
/** What does not tell metrics apart. */
const HEAD = [DESCRIPTION, ...DATA];
const DATA_HEAD = [POINT];

/** A metric of one scope, with the points that came together in it. */
interface Gathered {
  readonly head: Uint8Array;
  readonly data: number;
  readonly dataHead: Uint8Array;
  readonly points: Uint8Array[];
  /** Where it stands in the scope. */
  readonly scope: ScopeEntry;
  readonly index: number;
}

/** Data points in metrics under the resources where they belong; the batch itself where they are there already. */
export function pointsGrouped(batch: Payload, grouping: Grouping): Payload {
  const gathering = new Gathering(grouping);
  const walk = walkMetrics(batch);
  while (walk.nextResource()) {
    grouping.enterResource(walk.resource);
    while (walk.nextScope()) {
      grouping.enterScope(walk.scope);
      while (walk.nextRecord()) gathering.add(walk.record);
    }
  }
  const { points, merged } = gathering;
  if (grouping.moved === 0 && !grouping.groups.merged && !merged && points === batch.itemCount) return batch;
  for (const chunk of batch.chunks) grouping.addRest(chunk);
  gathering.finish();
  const bytes = grouping.groups.finish(batch.byteLength);
  return new Payload('metrics', bytes.length > 0 ? [bytes] : [], points, bytes.length);
}

/**
 * Metrics of a scope are one if all but description and points is the same, byte by byte: name, unit, kind, temporality
 * and so on; of several descriptions the first stays. Upstream merges by name and kind alone, also deltas into cumulative sums.
 */
class Gathering {
  points = 0;
  merged = false;
  readonly #grouping: Grouping;
  readonly #known = new Map<ScopeEntry, Map<string, Gathered>>();
  readonly #all: Gathered[] = [];
  /** Of the metric at hand. */
  readonly #here = new Map<ScopeEntry, Gathered>();

  constructor(grouping: Grouping) {
    this.#grouping = grouping;
  }

  add(metric: Metric): void {
    const { data } = metric;
    if (!data) return;
    this.#here.clear();
    const { points } = data;
    for (let point = points.next(); point; point = points.next()) {
      const moves = this.#grouping.find(point.attributes);
      const place = this.#grouping.place();
      let gathered = this.#here.get(place);
      if (!gathered) this.#here.set(place, (gathered = this.#gathered(place, metric)));
      const bytes = moves ? this.#grouping.stripped(POINT, point) : point.buf.subarray(points.at, point.end);
      gathered.points.push(bytes);
      this.points++;
    }
  }

  /** Writes what was gathered into the scopes. */
  finish(): void {
    const out = new Writer(4096);
    for (const { head, data, dataHead, points, scope, index } of this.#all) {
      out.clear();
      out.raw(head);
      const inner = out.open(data);
      out.raw(dataHead);
      for (const point of points) out.raw(point);
      out.close(inner);
      scope.records[index] = field(METRIC, out.buffer, 0, out.length);
    }
  }

  #gathered(scope: ScopeEntry, metric: Metric): Gathered {
    const data = metric.data!;
    const { dataField } = metric;
    const key = `${dataField}:${bytesWithout(metric, HEAD)}:${bytesWithout(data, DATA_HEAD)}`;
    let known = this.#known.get(scope);
    if (!known) this.#known.set(scope, (known = new Map()));
    const before = known.get(key);
    if (before) {
      this.merged = true;
      return before;
    }
    const gathered = {
      head: remainder(metric, DATA),
      data: dataField,
      dataHead: remainder(data, [POINT]),
      points: [],
      scope,
      index: scope.records.push(nothing) - 1,
    };
    known.set(key, gathered);
    this.#all.push(gathered);
    return gathered;
  }
}

const nothing: Uint8Array = new Uint8Array(0);
