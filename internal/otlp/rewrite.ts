import { Assembly } from './assembly.ts';
import { Patch } from './patch.ts';
import { Payload, type Signal } from './payload.ts';
import { countIn, leadsOn, type Shape, shapeOf } from './shape.ts';
import type { Cursor } from './view/cursor.ts';
import { Fields } from './view/fields.ts';
import { LogRecord } from './view/log_record.ts';
import { Metric } from './view/metric.ts';
import { type DataPoint, ExponentialHistogramPoint, HistogramPoint, NumberPoint, SummaryPoint } from './view/point.ts';
import { ResourceGroup, type ScopeGroup } from './view/resource.ts';
import { Span } from './view/span.ts';
import { LEN } from './wire.ts';

export { Patch } from './patch.ts';

/** Where a record stands. */
export interface Place {
  readonly resource: ResourceGroup;
  readonly scope: ScopeGroup;
}

/**
 * Looks at the parts of a batch, outermost first, and says by the patch what to change; the rest stays as it is.
 * Parts that no method asks for are not looked at. A view is good until its method returns.
 */
export interface Visitor<R extends Cursor> {
  /** The patch is for the Resource (`group.resource`); `drop` leaves out the whole group. */
  resource?(group: ResourceGroup, patch: Patch): void;
  /** The patch is for the InstrumentationScope (`group.scope`); `drop` leaves out the whole group. */
  scope?(group: ScopeGroup, patch: Patch, place: Place): void;
  /** A span, log record or metric. */
  record?(record: R, patch: Patch, place: Place): void;
}

export interface MetricVisitor extends Visitor<Metric> {
  /**
   * A data point; a metric that was patched is visited as patched. Points of a oneof's member that a later member
   * overwrites stand on the wire too, so they are visited.
   */
  point?(point: DataPoint, patch: Patch, metric: Metric, place: Place): void;
}

export interface RewriteOptions {
  /** Keeps resources, scopes and metrics of which nothing is left. */
  readonly keepEmpty?: boolean;
  /** Leaves out those too that came with nothing in them; a metric without data stays. */
  readonly dropEmpty?: boolean;
  /** In the kernel's room, which is faster where much is changed. The visitor must keep no window on what it is shown. */
  readonly inRoom?: boolean;
  /** Those of the step that rewrites, kept from batch to batch. */
  readonly tools?: Tools;
}

/** Whether what looks into the batch is made anew for it, or it would hold on to its bytes until the next one comes. */
export function isLarge(payload: Payload): boolean {
  return payload.byteLength >= 1 << 16;
}

/** What one step keeps from batch to batch. */
export class Tools {
  /** Bytes behind this step for each one before it, in the last batch: the next will be much like it, and a buffer of the right size costs least. */
  share = 1;
  /** For small batches: making these costs as much as rewriting ten spans. */
  kept: Rewrite<any> | undefined;
}

export function rewriteSpans(payload: Payload, visitor: Visitor<Span>, options?: RewriteOptions): Payload {
  return rewrite(payload, Span, visitor, options);
}

export function rewriteLogs(payload: Payload, visitor: Visitor<LogRecord>, options?: RewriteOptions): Payload {
  return rewrite(payload, LogRecord, visitor, options);
}

export function rewriteMetrics(payload: Payload, visitor: MetricVisitor, options?: RewriteOptions): Payload {
  return rewrite(payload, Metric, visitor, options);
}

/** Returns `payload` itself where nothing changes, and untouched chunks as they are. */
function rewrite<R extends Cursor>(
  payload: Payload,
  Record: new () => R,
  visitor: Visitor<R> & Pick<MetricVisitor, 'point'>,
  options: RewriteOptions = {},
): Payload {
  const { tools } = options;
  const lasting = isLarge(payload) ? undefined : tools;
  const run: Rewrite<R> = lasting?.kept ?? new Rewrite<R>(payload.signal, new Record());
  if (lasting) lasting.kept = run;
  run.begin(visitor, options);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let same = true;
  for (const chunk of payload.chunks) {
    const written = run.chunk(chunk);
    if (written !== chunk && written.length + chunk.length > 0) same = false;
    if (written.length === 0) continue;
    chunks.push(written);
    bytes += written.length;
  }
  if (tools) tools.share = bytes / Math.max(1, payload.byteLength);
  return same ? payload : new Payload(payload.signal, chunks, payload.itemCount + run.itemsGained, bytes);
}

const groupTypes = { traces: 'ResourceSpans', metrics: 'ResourceMetrics', logs: 'ResourceLogs' } as const;
/** Field 1 of the resource and scope groups: what the group is about. */
const SUBJECT = (1 << 3) | LEN;
const RESOURCES = 0;
const SCOPES = 1;
const RECORDS = 2;
const DATA = 3;
const POINTS = 4;

class Rewrite<R extends Cursor> {
  /** Items after minus items before. */
  itemsGained = 0;
  readonly #shape: Shape;
  #visitor: Visitor<R> & Pick<MetricVisitor, 'point'> = {};
  #keepEmpty = false;
  #dropEmpty = false;
  #inRoom = false;
  #share = 1;
  readonly #resource: ResourceGroup;
  readonly #record: R;
  readonly #place: Place;
  readonly #out = new Assembly();
  readonly #patch = new Patch();
  /** One for each depth: the walk is never at two places of the same depth. */
  readonly #fields = Array.from({ length: 5 }, () => new Fields());
  /** The cursor for the points of a metric's data, by the tag of the data. */
  readonly #points = new Map<number, DataPoint>();

  constructor(signal: Signal, record: R) {
    this.#shape = shapeOf(signal);
    this.#record = record;
    this.#resource = new ResourceGroup(groupTypes[signal]);
    this.#place = { resource: this.#resource, scope: this.#resource.scopes.current };
  }

  /** For a batch, after which the next one may come; a visitor may have thrown in the middle of the last one. */
  begin(
    visitor: Visitor<R> & Pick<MetricVisitor, 'point'>,
    { keepEmpty = false, dropEmpty = false, inRoom = false, tools }: RewriteOptions,
  ): void {
    this.#visitor = visitor;
    this.#keepEmpty = keepEmpty;
    this.#dropEmpty = dropEmpty;
    this.#inRoom = inRoom;
    this.#share = tools?.share ?? 1;
    this.#out.clear();
    this.itemsGained = 0;
  }

  chunk(chunk: Uint8Array): Uint8Array {
    this.#out.expect(Math.ceil(chunk.length * this.#share));
    if (!this.#inRoom) return this.#groups(chunk, 0, chunk.length);
    return this.#out.inRoom(chunk, (buf, start, end) => this.#groups(buf, start, end));
  }

  #groups(buf: Uint8Array, start: number, end: number): Uint8Array {
    const fields = this.#fields[RESOURCES]!.reset(buf, start, end);
    while (fields.next()) {
      if (leadsOn(this.#shape[RESOURCES]!, fields)) this.#resourceGroup(buf, fields);
      else this.#out.copy(buf, fields.at, fields.to);
    }
    return this.#out.finish();
  }

  #resourceGroup(buf: Uint8Array, at: Fields): void {
    const { resource, scope, record, point } = this.#visitor;
    const group = this.#resource.reset(buf, at.from, at.to);
    const patch = this.#patch.reset(0, 0);
    if (resource) this.#visitor.resource!(group, patch.reset(group.resource.start, group.resource.end));
    const deeper = scope !== undefined || record !== undefined || point !== undefined;
    if (patch.dropped) this.#drop(SCOPES, buf, at);
    else if (deeper || patch.changed || patch.beside || this.#dropEmpty) this.#group(SCOPES, buf, at, deeper);
    else this.#out.copy(buf, at.at, at.to);
  }

  #scopeGroup(buf: Uint8Array, at: Fields): void {
    const { scope, record, point } = this.#visitor;
    const group = this.#place.scope.reset(buf, at.from, at.to);
    const patch = this.#patch.reset(0, 0);
    if (scope) this.#visitor.scope!(group, patch.reset(group.scope.start, group.scope.end), this.#place);
    const deeper = record !== undefined || point !== undefined;
    if (patch.dropped) this.#drop(RECORDS, buf, at);
    else if (deeper || patch.changed || patch.beside || this.#dropEmpty) this.#group(RECORDS, buf, at, deeper);
    else this.#out.copy(buf, at.at, at.to);
  }

  /** Writes a resource or scope group: its subject patched, its members each in their turn, the rest as it is. */
  #group(depth: typeof SCOPES | typeof RECORDS, buf: Uint8Array, at: Fields, deeper: boolean): void {
    const out = this.#out;
    const { changed: patched, beside } = this.#patch;
    const step = this.#shape[depth]!;
    const fields = this.#fields[depth]!.reset(buf, at.from, at.to);
    out.open(at.tag, buf, at.at, at.from, at.to);
    // The patch serves deeper levels too: the subject comes first, merged into one if it stood in several pieces.
    if (patched) {
      out.patched(SUBJECT, this.#patch, depth === SCOPES ? this.#resource.resource.buf : this.#place.scope.scope.buf);
    }
    let before = 0;
    // Whether one is left is all that is asked.
    let after = 0;
    while (fields.next()) {
      if (leadsOn(step, fields)) {
        before++;
        const size = after === 0 ? out.innerSize : 0;
        if (!deeper) out.copy(buf, fields.at, fields.to);
        else if (depth === SCOPES) this.#scopeGroup(buf, fields);
        else this.#oneRecord(buf, fields);
        if (after === 0 && out.innerSize > size) after = 1;
      } else if (!(patched && fields.tag === SUBJECT)) out.copy(buf, fields.at, fields.to);
    }
    if (beside) out.copy(beside, 0, beside.length);
    this.#close(before, after);
  }

  /** A group that lost its last member goes with it; one that came empty stays, unless it is asked for. */
  #close(before: number, after: number): void {
    if (after === 0 && (before > 0 ? !this.#keepEmpty : this.#dropEmpty)) this.#out.discard();
    else this.#out.close();
  }

  #oneRecord(buf: Uint8Array, at: Fields): void {
    const patch = this.#patch.reset(at.from, at.to);
    const record = this.#record.reset(buf, at.from, at.to);
    this.#visitor.record?.(record, patch, this.#place);
    if (patch.dropped) this.#drop(DATA, buf, at);
    else if (this.#visitor.point) this.#metric(buf, at);
    else if (!patch.changed) this.#out.copy(buf, at.at, at.to);
    else if (this.#shape.length > DATA) this.#patchedMetric(buf, at);
    else this.#out.patched(at.tag, patch, buf);
  }

  /** A patch may bring or take data points, so that they are counted anew. */
  #patchedMetric(buf: Uint8Array, at: Fields): void {
    const content = this.#patchedContent(buf, at);
    this.#out.prefix(at.tag, content.length);
    this.#out.copy(content, 0, content.length);
  }

  #patchedContent(buf: Uint8Array, at: Fields): Uint8Array {
    const content = Buffer.allocUnsafeSlow(this.#patch.size);
    this.#patch.writeTo(content, 0, buf);
    this.itemsGained += countIn(this.#shape, DATA, content, 0, content.length);
    this.itemsGained -= countIn(this.#shape, DATA, buf, at.from, at.to);
    return content;
  }

  #metric(origin: Uint8Array, at: Fields): void {
    const out = this.#out;
    let buf = origin;
    let { from, to } = at;
    if (this.#patch.changed) {
      buf = this.#patchedContent(origin, at);
      from = 0;
      to = buf.length;
      this.#record.reset(buf, from, to);
      out.open(at.tag, undefined, 0, from, to);
    } else out.open(at.tag, buf, at.at, from, to);
    const metric = this.#record as Cursor as Metric;
    const fields = this.#fields[DATA]!.reset(buf, from, to);
    let before = 0;
    let after = 0;
    let overwritten = 0;
    while (fields.next()) {
      if (!leadsOn(this.#shape[DATA]!, fields)) {
        out.copy(buf, fields.at, fields.to);
        continue;
      }
      const kept = this.#data(buf, fields, metric);
      // Data that another member overwrites does not keep a metric alive.
      if (fields.tag >>> 3 === metric.dataField) {
        before += countIn(this.#shape, POINTS, buf, fields.from, fields.to);
        after += kept;
      } else overwritten += kept;
    }
    if (before > 0 && after === 0 && !this.#keepEmpty) this.itemsGained -= overwritten;
    // Without data there is nothing that could be empty.
    this.#close(before, metric.dataField === 0 ? 1 : after);
  }

  /** Gauge, Sum, …: the data of a metric. Returns how many points it keeps; without any it stays, or an overwritten one would show. */
  #data(buf: Uint8Array, at: Fields, metric: Metric): number {
    const out = this.#out;
    const point = this.#pointFor(at.tag);
    const fields = this.#fields[POINTS]!.reset(buf, at.from, at.to);
    let kept = 0;
    out.open(at.tag, buf, at.at, at.from, at.to);
    while (fields.next()) {
      if (!leadsOn(this.#shape[POINTS]!, fields)) {
        out.copy(buf, fields.at, fields.to);
        continue;
      }
      const patch = this.#patch.reset(fields.from, fields.to);
      this.#visitor.point!(point.reset(buf, fields.from, fields.to), patch, metric, this.#place);
      if (patch.dropped) {
        this.itemsGained--;
        continue;
      }
      kept++;
      if (patch.changed) out.patched(fields.tag, patch, buf);
      else out.copy(buf, fields.at, fields.to);
    }
    out.close();
    return kept;
  }

  #drop(depth: number, buf: Uint8Array, at: Fields): void {
    this.itemsGained -= countIn(this.#shape, depth, buf, at.from, at.to);
  }

  #pointFor(tag: number): DataPoint {
    let point = this.#points.get(tag);
    if (!point) this.#points.set(tag, (point = newPoint(tag)));
    return point;
  }
}

function newPoint(tag: number): DataPoint {
  switch (tag >>> 3) {
    case 9:
      return new HistogramPoint();
    case 10:
      return new ExponentialHistogramPoint();
    case 11:
      return new SummaryPoint();
    default:
      return new NumberPoint();
  }
}
