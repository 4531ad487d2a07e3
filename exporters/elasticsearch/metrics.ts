import { hash } from 'node:crypto';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { Metric } from '../../internal/otlp/view/metric.ts';
import type { DataPoint } from '../../internal/otlp/view/point.ts';
import type { ResourceGroup } from '../../internal/otlp/view/resource.ts';
import { AnyValue } from '../../internal/otlp/view/value.ts';
import { walkMetrics } from '../../internal/otlp/view/walk.ts';
import { AttributeTable } from './attributes.ts';
import type { Bulk } from './bulk.ts';
import { addResource } from './ecs.ts';
import { FieldList } from './fields.ts';
import { JsonBytes } from './json.ts';
import { isReserved, writeAttributes } from './otel_attributes.ts';
import { addAttributes, addStream, addTime } from './plain.ts';
import { docCountOf, type Hints, noHints, templateOf, writePoint } from './points.ts';
import type { Route } from './routing.ts';
import type { ScopeState, Scopes } from './scopes.ts';

const HINTS = Buffer.from('elasticsearch.mapping.hints');
const COMMA = 0x2c;
const COLON = 0x3a;

/** Records that are encoded at once: about two milliseconds. */
export const ITEMS_PER_TURN = 512;

/** Points that share a document. */
interface Group {
  readonly route: Route;
  readonly items: number[];
  readonly points: Map<string, Point>;
  /** How the document begins, `{"@timestamp":…,`, as a range of the arena; in other modes than `otel` all of it but the points. */
  readonly head: Range | FieldList;
  /** `"resource":{…},"scope":{…}` */
  readonly context: Uint8Array;
  docCount: bigint;
}

interface Point {
  /** Its value as JSON. */
  readonly value: Range;
  readonly template: string;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** What documents with the same metrics have in common. */
interface Names {
  /** `"dynamic_templates":{…}` */
  readonly templates: Buffer;
  /** Tells documents of one time series apart that hold different metrics: part of upstream's documents. */
  readonly hash: string;
}

/**
 * Metrics become documents of all points that share resource, scope, time, start, unit and attributes. A name that comes
 * twice with the same identity begins another document rather than being left out.
 */
export class MetricEncoder {
  readonly #bulk: Bulk;
  readonly #scopes: Scopes;
  readonly #table: AttributeTable;
  /** What points and groups are made of, until their documents are written. */
  readonly #arena = new JsonBytes(64 * 1024);
  #groups = new Map<string, Group>();
  #quoted = new Map<string, Buffer>();
  #names = new Map<string, Names>();

  constructor(bulk: Bulk, scopes: Scopes, seed: number) {
    this.#bulk = bulk;
    this.#scopes = scopes;
    this.#table = new AttributeTable(seed);
  }

  /** Yields where a turn is due. @param withoutValue told of points that end a series */
  *steps(payload: Payload, withoutValue: () => void): Generator<void> {
    this.#forget();
    const walk = walkMetrics(payload);
    let item = 0;
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        const scope = this.#scopes.enter(walk.resource, walk.scope);
        while (walk.nextRecord()) {
          const metric = walk.record;
          const { data, name } = metric;
          if (!data) continue;
          for (let points = data.points, point = points.next(); point; point = points.next()) {
            if (scope.refusal !== undefined) this.#bulk.refuse(item, scope.refusal);
            // The end of a series is no value, and Elasticsearch has no word for it: there is nothing to store.
            else if (point.noRecordedValue) withoutValue();
            else this.#point(metric, name, point, scope, walk.resource, item);
            if (++item % ITEMS_PER_TURN === 0) yield;
          }
        }
      }
    }
    let written = 0;
    for (const group of this.#groups.values()) {
      this.#document(group);
      if (++written % ITEMS_PER_TURN === 0) yield;
    }
    this.#forget();
  }

  #forget(): void {
    this.#groups = new Map();
    this.#quoted = new Map();
    this.#names = new Map();
    this.#arena.pos = 0;
  }

  #point(
    metric: Metric,
    name: string,
    point: DataPoint,
    scope: ScopeState,
    resource: ResourceGroup,
    item: number,
  ): void {
    const table = this.#table;
    table.read(point.attributes);
    const hints = table.reserved ? hintsOf(table) : noHints;
    const from = this.#arena.pos;
    const problem = writePoint(this.#arena, metric, point, hints);
    if (problem !== undefined) {
      this.#arena.pos = from;
      this.#bulk.refuse(item, problem);
      return;
    }
    const value = { from, to: this.#arena.pos };
    const group = this.#groupOf(metric, name, point, scope, resource);
    if (hints.docCount) group.docCount = docCountOf(metric, point);
    group.items.push(item);
    group.points.set(name, { value, template: templateOf(metric, point, hints) });
  }

  #groupOf(metric: Metric, name: string, point: DataPoint, scope: ScopeState, resource: ResourceGroup): Group {
    const route = this.#scopes.route('metrics', scope, this.#table);
    const identity = `${scope.identity} ${route.index} ${this.#identity(metric, point, scope)}`;
    for (let key = identity; ; key += ' ') {
      const group = this.#groups.get(key);
      if (group?.points.has(name)) continue;
      if (group) return group;
      const head = scope.mode === 'otel' ? this.#otelHead(metric, point, route) : this.#ecsHead(point, resource, route);
      const made: Group = { route, items: [], points: new Map(), head, context: scope.context, docCount: 0n };
      this.#groups.set(key, made);
      return made;
    }
  }

  /** Time, start, unit and attributes in the order of their keys. */
  #identity(metric: Metric, point: DataPoint, scope: ScopeState): string {
    const table = this.#table;
    const pairs: string[] = [];
    for (let i = 0; i < table.count; i++) {
      if (table.reserved && isReserved(table, i)) continue;
      const key = table.keyEnd[i]! - table.keyStart[i]!;
      const pair = `${latin1(table.buf, table.keyStart[i]!, table.keyEnd[i]!)}${latin1(table.buf, table.valueStart[i]!, table.valueEnd[i]!)}`;
      pairs.push(`${key}:${pair.length}:${pair}`);
    }
    if (pairs.length > 1) pairs.sort();
    const { buf } = point;
    const time = latin1(buf, point.valueStart(3), point.valueEnd(3));
    if (scope.mode !== 'otel') return `${time} ${pairs.join('')}`;
    return `${time} ${latin1(buf, point.valueStart(2), point.valueEnd(2))} ${metric.unit} ${pairs.join('')}`;
  }

  #otelHead(metric: Metric, point: DataPoint, route: Route): Range {
    const out = this.#arena;
    const from = out.pos;
    out.ascii('{"@timestamp":');
    if (point.has(3)) out.epochMillis(point.buf, point.valueStart(3));
    else out.ascii('"0.0"');
    if (point.startTimeUnixNano !== 0n) {
      out.ascii(',"start_timestamp":');
      out.epochMillis(point.buf, point.valueStart(2));
    }
    out.byte(COMMA);
    if (metric.unit !== '') {
      out.ascii('"unit":');
      out.raw(this.#inQuotes(metric.unit));
      out.byte(COMMA);
    }
    out.raw(route.streamJson);
    writeAttributes(out, this.#table, true);
    return { from, to: out.pos };
  }

  /** Modes other than `otel` have one form of metrics, that of `ecs`. */
  #ecsHead(point: DataPoint, resource: ResourceGroup, route: Route): FieldList {
    const fields = new FieldList(new JsonBytes(1024));
    addResource(fields, resource);
    addTime(fields, '@timestamp', point, 3);
    addAttributes(fields, '', point.attributes);
    addStream(fields, '', route.stream);
    return fields;
  }

  #document({ route, items, points, head, context, docCount }: Group): void {
    const bulk = this.#bulk;
    const { out } = bulk;
    if (head instanceof FieldList) {
      bulk.begin({ route });
      for (const [name, { value }] of points)
        head.add(name, (json) => json.range(this.#arena.buf, value.from, value.to));
      head.writeNested(out);
    } else {
      const { templates, hash: names } = this.#namesOf(points);
      // An index of the user's own has no templates by these names, and the server would refuse the document for it.
      bulk.begin({ route, dynamicTemplates: route.stream && templates });
      out.range(this.#arena.buf, head.from, head.to);
      out.raw(context);
      let mark = ',"metrics":{';
      for (const [name, { value }] of points) {
        out.ascii(mark);
        mark = ',';
        out.raw(this.#inQuotes(name));
        out.byte(COLON);
        out.range(this.#arena.buf, value.from, value.to);
      }
      if (docCount > 0n) out.ascii(`},"_doc_count":${docCount}`);
      else out.ascii('}');
      out.ascii(`,"_metric_names_hash":"${names}"}`);
    }
    const document = bulk.end(items[0]!);
    for (const item of items) bulk.documents.documentOf[item] = document;
  }

  /** A name as JSON: the same few come again and again. */
  #inQuotes(name: string): Buffer {
    let quoted = this.#quoted.get(name);
    if (!quoted) {
      quoted = Buffer.from(JSON.stringify(name.trim() === '' ? '_' : name.toWellFormed()));
      this.#quoted.set(name, quoted);
    }
    return quoted;
  }

  #namesOf(points: ReadonlyMap<string, Point>): Names {
    let key = '';
    for (const [name, { template }] of points) key += `${template}:${name.length}:${name}`;
    const known = this.#names.get(key);
    if (known) return known;
    const templates = Object.fromEntries([...points].map(([name, { template }]) => [`metrics.${name}`, template]));
    const made = {
      templates: Buffer.from(`"dynamic_templates":${JSON.stringify(templates)}`),
      hash: hash('sha1', [...points.keys()].sort().join('\0'), 'hex').slice(0, 8),
    };
    this.#names.set(key, made);
    return made;
  }
}

function hintsOf(table: AttributeTable): Hints {
  const at = table.find(HINTS);
  if (at < 0) return noHints;
  const value = new AnyValue().reset(table.buf, table.valueStart[at]!, table.valueEnd[at]!);
  const hints: string[] = [];
  if (value.kind === 'array') {
    for (let list = value.arrayValue, item = list.next(); item; item = list.next()) hints.push(item.stringValue);
  }
  return { aggregate: hints.includes('aggregate_metric_double'), docCount: hints.includes('_doc_count') };
}

type Slice = (this: Uint8Array, start: number, end: number) => string;
// Works on every Uint8Array, without a Buffer around it.
const latin1Slice = (Buffer.prototype as unknown as { latin1Slice: Slice }).latin1Slice;

function latin1(buf: Uint8Array, start: number, end: number): string {
  return end > start ? latin1Slice.call(buf, start, end) : '';
}
