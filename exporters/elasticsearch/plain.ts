import type { Cursor } from '../../internal/otlp/view/cursor.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { AnyValue, type Attributes } from '../../internal/otlp/view/value.ts';
import type { FieldList } from './fields.ts';
import { JsonBytes } from './json.ts';
import { eachLeaf } from './otel_attributes.ts';
import type { DataStream, Route } from './routing.ts';
import { writeValue } from './values.ts';

/*
 * Documents of the mapping modes `none` and `raw`: the names of OTLP, flat, attributes below `Attributes` (`none`) or at
 * the top (`raw`).
 */

/** Adds what all records of a scope share. */
export function addPlainContext(fields: FieldList, group: ResourceGroup, scopeGroup: ScopeGroup): void {
  const { scope } = scopeGroup;
  addAttributes(fields, 'Resource', group.resource.attributes);
  addAttributes(fields, 'Scope', scope.attributes);
  addText(fields, 'Scope.name', scope, 1, true);
  addText(fields, 'Scope.version', scope, 2, true);
}

export function addPlainLog(fields: FieldList, record: LogRecord, prefix: string, route: Route): void {
  addTime(fields, '@timestamp', record, record.timeUnixNano === 0n ? 11 : 1);
  addId(fields, 'TraceId', record, 9);
  addId(fields, 'SpanId', record, 10);
  fields.int('TraceFlags', record.flags);
  addText(fields, 'SeverityText', record, 3);
  fields.int('SeverityNumber', record.severityNumber);
  addAny(fields, 'Body', record.body);
  addAttributes(fields, prefix, record.attributes);
  addStream(fields, prefix, route.stream);
}

export function addPlainSpan(fields: FieldList, span: Span, prefix: string, eventPrefix: string, route: Route): void {
  addTime(fields, '@timestamp', span, 7);
  addTime(fields, 'EndTimestamp', span, 8);
  addId(fields, 'TraceId', span, 1);
  addId(fields, 'SpanId', span, 2);
  addId(fields, 'ParentSpanId', span, 4);
  addText(fields, 'Name', span, 5);
  fields.text('Kind', kinds[span.kind] ?? '');
  fields.int('TraceStatus', span.status.code);
  addText(fields, 'TraceStatusDescription', span.status, 2);
  addLinks(fields, span);
  fields.add('Duration', (out) => out.big((span.endTimeUnixNano - span.startTimeUnixNano) / 1000n));
  addAttributes(fields, prefix, span.attributes);
  addStream(fields, prefix, route.stream);
  for (let list = span.events, event = list.next(); event; event = list.next()) {
    const path = joined(eventPrefix, event.name);
    addTime(fields, `${path}.time`, event, 1);
    addAttributes(fields, path, event.attributes);
  }
}

const kinds = [
  'SPAN_KIND_UNSPECIFIED',
  'SPAN_KIND_INTERNAL',
  'SPAN_KIND_SERVER',
  'SPAN_KIND_CLIENT',
  'SPAN_KIND_PRODUCER',
  'SPAN_KIND_CONSUMER',
];

/** Upstream keeps links as JSON inside a string, so that they cannot conflict. */
function addLinks(fields: FieldList, span: Span): void {
  const json = new JsonBytes(256);
  json.ascii('[');
  for (let list = span.links, link = list.next(); link; link = list.next()) {
    if (json.pos > 1) json.ascii(',');
    json.ascii('{"attribute":{');
    const keys = new Set<string>();
    for (let pairs = link.attributes, pair = pairs.next(); pair; pair = pairs.next()) {
      if (keys.has(pair.key)) continue;
      if (keys.size > 0) json.ascii(',');
      keys.add(pair.key);
      json.string(pair.key);
      json.ascii(':');
      writeValue(json, pair.value.buf, pair.value.start, pair.value.end);
    }
    json.ascii('},"spanID":');
    json.hex(link.spanId, 0, link.spanId.length);
    json.ascii(',"traceID":');
    json.hex(link.traceId, 0, link.traceId.length);
    json.ascii('}');
  }
  json.ascii(']');
  fields.add('Link', (out) => out.text(json.buf, 0, json.pos));
}

export function joined(prefix: string, path: string): string {
  return prefix === '' ? path : `${prefix}.${path}`;
}

/** Maps are flattened; a value that is not there is no field. */
export function addAttributes(fields: FieldList, prefix: string, attributes: Attributes): void {
  for (let pair = attributes.next(); pair; pair = attributes.next()) {
    addAny(fields, joined(prefix, pair.key), pair.value);
  }
}

export function addAny(fields: FieldList, path: string, { buf, start, end }: AnyValue): void {
  eachLeaf(path, buf, start, end, (leaf, bytes, from, to) => {
    if (new AnyValue().reset(bytes, from, to).kind === 'empty') return;
    fields.add(leaf, (out) => writeValue(out, bytes, from, to));
  });
}

export function addStream(fields: FieldList, prefix: string, stream: DataStream | undefined): void {
  if (!stream) return;
  for (const key of ['type', 'dataset', 'namespace'] as const) {
    fields.text(joined(prefix, `data_stream.${key}`), stream[key]);
  }
}

export function addTime(fields: FieldList, path: string, { raw }: Cursor, field: number): void {
  const at = raw.has(field) ? raw.valueStart(field) : -1;
  fields.add(path, (out) => (at < 0 ? out.isoNanos(zero, 0) : out.isoNanos(raw.buf, at)));
}

const zero: Uint8Array = new Uint8Array(8);

export function addText(fields: FieldList, path: string, { raw }: Cursor, field: number, evenEmpty = false): void {
  const start = Math.max(0, raw.valueStart(field));
  const end = Math.max(0, raw.valueEnd(field));
  if (start < end || evenEmpty) fields.add(path, (out) => out.text(raw.buf, start, end));
}

export function addId(fields: FieldList, path: string, { raw }: Cursor, field: number): void {
  const start = raw.valueStart(field);
  const end = raw.valueEnd(field);
  for (let at = start; at >= 0 && at < end; at++) {
    if (raw.buf[at] === 0) continue;
    fields.add(path, (out) => out.hex(raw.buf, start, end));
    return;
  }
}
