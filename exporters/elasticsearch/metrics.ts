import { createHash } from 'node:crypto';
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
import { isReserved, OtelWriter } from './otel.ts';
import { addAttributes, addStream, addTime } from './plain.ts';
import { docCountOf, type Hints, noHints, templateOf, writePoint } from './points.ts';
import type { Route } from './routing.ts';
import type { ScopeState, Scopes } from './scopes.ts';

const HINTS = Buffer.from('elasticsearch.mapping.hints');
const COMMA = 0x2c;

/** Points that share a document. */
interface Group {
  readonly route: Route;
  readonly items: number[];
  readonly points: Map<string, Point>;
  /** How the document begins: its JSON up to the metrics, or its fields. */
  readonly head: Buffer | FieldList;
  docCount: bigint;
}

interface Point {
  /** Its value as JSON. */
  readonly value: Buffer;
  readonly template: string;
}

/**
 * Metrics become documents of all points that share resource, scope, time, start, unit and attributes. A name that comes
 * twice with the same identity begins another document rather than being left out.
 */
export class MetricEncoder {
  readonly #bulk: Bulk;
  readonly #scopes: Scopes;
  readonly #table: AttributeTable;
  readonly #scratch = new JsonBytes(16 * 1024);
  readonly #otel: OtelWriter;
  #groups = new Map<string, Group>();

  constructor(bulk: Bulk, scopes: Scopes, seed: number) {
    this.#bulk = bulk;
    this.#scopes = scopes;
    this.#table = new AttributeTable(seed);
    this.#otel = new OtelWriter(this.#scratch, seed);
  }

  /** @param withoutValue told of points that end a series */
  encode(payload: Payload, withoutValue: () => void): void {
    this.#groups = new Map();
    const walk = walkMetrics(payload);
    let item = 0;
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        const scope = this.#scopes.enter(walk.resource, walk.scope);
        while (walk.nextRecord()) {
          const metric = walk.record;
          const { data } = metric;
          if (!data) continue;
          for (let points = data.points, point = points.next(); point; point = points.next()) {
            if (scope.refusal !== undefined) this.#bulk.refuse(item, scope.refusal);
            // The end of a series is no value, and Elasticsearch has no word for it: there is nothing to store.
            else if (point.noRecordedValue) withoutValue();
            else this.#point(metric, point, scope, walk.resource, item);
            item++;
          }
        }
      }
    }
    for (const group of this.#groups.values()) this.#document(group);
    this.#groups = new Map();
  }

  #point(metric: Metric, point: DataPoint, scope: ScopeState, resource: ResourceGroup, item: number): void {
    const table = this.#table;
    table.read(point.attributes);
    const hints = table.reserved ? hintsOf(table) : noHints;
    const out = this.#scratch;
    out.pos = 0;
    const problem = writePoint(out, metric, point, hints);
    if (problem !== undefined) {
      this.#bulk.refuse(item, problem);
      return;
    }
    const value = out.cut(0, out.pos);
    const group = this.#groupOf(metric, point, scope, resource);
    if (hints.docCount) group.docCount = docCountOf(metric, point);
    group.items.push(item);
    group.points.set(metric.name, { value, template: templateOf(metric, point, hints) });
  }

  #groupOf(metric: Metric, point: DataPoint, scope: ScopeState, resource: ResourceGroup): Group {
    const route = this.#scopes.route('metrics', scope, this.#table);
    const identity = `${scope.identity} ${route.index} ${this.#identity(metric, point, scope)}`;
    for (let copy = 0; ; copy++) {
      const key = `${identity} ${copy}`;
      const group = this.#groups.get(key);
      if (group?.points.has(metric.name)) continue;
      if (group) return group;
      const head =
        scope.mode === 'otel' ? this.#otelHead(metric, point, scope, route) : this.#ecsHead(point, resource, route);
      const made: Group = { route, items: [], points: new Map(), head, docCount: 0n };
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
      const key = latin1(table.buf, table.keyStart[i]!, table.keyEnd[i]!);
      pairs.push(`${key.length}:${key}${latin1(table.buf, table.valueStart[i]!, table.valueEnd[i]!)}`);
    }
    if (pairs.length > 1) pairs.sort();
    const start = scope.mode === 'otel' ? `${point.startTimeUnixNano} ${metric.unit}` : '';
    return `${point.timeUnixNano} ${start} ${pairs.map((pair) => `${pair.length}:${pair}`).join('')}`;
  }

  #otelHead(metric: Metric, point: DataPoint, scope: ScopeState, route: Route): Buffer {
    const out = this.#scratch;
    out.pos = 0;
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
      out.string(metric.unit);
      out.byte(COMMA);
    }
    out.raw(route.streamJson);
    this.#otel.attributes(this.#table, true);
    out.raw(scope.context);
    return out.cut(0, out.pos);
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

  #document({ route, items, points, head, docCount }: Group): void {
    const bulk = this.#bulk;
    const { out } = bulk;
    if (head instanceof FieldList) {
      bulk.begin({ route });
      for (const [name, { value }] of points) head.add(name, (json) => json.raw(value));
      head.writeNested(out);
    } else {
      // An index of the user's own has no templates by these names, and the server would refuse the document for it.
      bulk.begin({ route, dynamicTemplates: route.stream && this.#templates(points) });
      out.raw(head);
      out.ascii(',"metrics":{');
      let first = true;
      for (const [name, { value }] of points) {
        if (!first) out.byte(COMMA);
        first = false;
        out.string(name);
        out.ascii(':');
        out.raw(value);
      }
      out.ascii('}');
      if (docCount > 0n) out.ascii(`,"_doc_count":${docCount}`);
      out.ascii(`,"_metric_names_hash":"${namesHash([...points.keys()])}"}`);
    }
    const document = bulk.end(items[0]!);
    for (const item of items) bulk.documentOf[item] = document;
  }

  #templates(points: ReadonlyMap<string, Point>): Buffer {
    const out = this.#scratch;
    out.pos = 0;
    let mark = '"dynamic_templates":{';
    for (const [name, { template }] of points) {
      out.ascii(mark);
      mark = ',';
      out.string(`metrics.${name}`);
      out.ascii(`:"${template}"`);
    }
    out.ascii('}');
    return out.cut(0, out.pos);
  }
}

/** Tells documents of one time series apart that hold different metrics: part of upstream's documents. */
function namesHash(names: string[]): string {
  return createHash('sha1').update(names.sort().join('\0')).digest('hex').slice(0, 8);
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

function latin1(buf: Uint8Array, start: number, end: number): string {
  return Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('latin1');
}
