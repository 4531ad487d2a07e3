import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { Resource, ResourceGroup, Scope, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Event, Link, Span } from '../../internal/otlp/view/span.ts';
import type { AnyValue } from '../../internal/otlp/view/value.ts';
import { fixed32At, fixed64At } from '../../internal/otlp/wire.ts';
import { AttributeTable } from './attributes.ts';
import type { JsonBytes } from './json.ts';
import { endObject, writeAttributes } from './otel_attributes.ts';
import type { Route } from './routing.ts';
import { writeValue } from './values.ts';

/*
 * Documents of the mapping mode `otel`. Their form is that of the Go collector's elasticsearch exporter: original names,
 * attributes under `attributes`, `resource.attributes` and `scope.attributes` with their dots in the key.
 */

const EVENT_NAME = Buffer.from('event.name');

const BRACE = 0x7b;
const BRACE_END = 0x7d;
const COMMA = 0x2c;

const kinds = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const codes = ['Unset', 'Ok', 'Error'];

/** Writes the members of documents; each with a comma behind it, but for the last ones of an object. */
export class OtelWriter {
  readonly #out: JsonBytes;
  readonly #own: AttributeTable;
  readonly #event: AttributeTable;

  constructor(out: JsonBytes, seed: number) {
    this.#out = out;
    this.#own = new AttributeTable(seed);
    this.#event = new AttributeTable(seed);
  }

  /** `"resource":{…},"scope":{…}` @param stringify maps become JSON in a string, since a dimension can be no object */
  context(group: ResourceGroup, scopeGroup: ScopeGroup, stringify: boolean): void {
    const { resource } = group;
    const { scope } = scopeGroup;
    this.#out.ascii('"resource":{');
    this.#text('"schema_url":', group, 3);
    this.#context(resource, stringify, 2);
    this.#out.ascii(',"scope":{');
    this.#text('"schema_url":', scopeGroup, 3);
    this.#text('"name":', scope, 1);
    this.#text('"version":', scope, 2);
    this.#context(scope, stringify, 4);
  }

  #context(owner: Resource | Scope, stringify: boolean, droppedField: number): void {
    this.#own.read(owner.attributes);
    writeAttributes(this.#out, this.#own, stringify);
    this.#count('"dropped_attributes_count":', owner.droppedAttributesCount, owner.has(droppedField));
    endObject(this.#out);
  }

  log(record: LogRecord, table: AttributeTable, route: Route, context: Uint8Array): void {
    const out = this.#out;
    const { raw } = record;
    out.ascii('{"@timestamp":');
    const time = raw.has(1) && !isZero(raw.buf, raw.valueStart(1)) ? 1 : 11;
    this.#epoch(record, time);
    out.ascii(',"observed_timestamp":');
    this.#epoch(record, 11);
    out.byte(COMMA);
    out.raw(route.streamJson);
    this.#text('"severity_text":', record, 3);
    this.#count('"severity_number":', record.severityNumber, raw.has(2));
    this.#id('"trace_id":', record, 9);
    this.#id('"span_id":', record, 10);
    writeAttributes(this.#out, table, false);
    this.#count('"dropped_attributes_count":', record.droppedAttributesCount, raw.has(7));
    if (raw.has(12) && raw.valueEnd(12) > raw.valueStart(12)) this.#text('"event_name":', record, 12);
    else this.#eventNameOf(table);
    if (raw.has(5)) this.#body(record.body);
    out.raw(context);
    out.byte(BRACE_END);
  }

  span(span: Span, table: AttributeTable, route: Route, context: Uint8Array): void {
    const out = this.#out;
    const { raw } = span;
    out.ascii('{"@timestamp":');
    this.#epoch(span, 7);
    out.byte(COMMA);
    out.raw(route.streamJson);
    this.#id('"trace_id":', span, 1);
    this.#id('"span_id":', span, 2);
    this.#text('"trace_state":', span, 3);
    this.#id('"parent_span_id":', span, 4);
    this.#text('"name":', span, 5);
    const kind = kinds[span.kind];
    if (kind !== undefined) this.#word('"kind":', kind);
    out.ascii('"duration":');
    this.#duration(span);
    out.byte(COMMA);
    writeAttributes(this.#out, table, false);
    this.#count('"dropped_attributes_count":', span.droppedAttributesCount, raw.has(10));
    this.#count('"dropped_events_count":', span.droppedEventsCount, raw.has(12));
    this.#links(span);
    this.#count('"dropped_links_count":', span.droppedLinksCount, raw.has(14));
    this.#status(span);
    out.raw(context);
    out.byte(BRACE_END);
  }

  /** A span event as a document of its own, among the logs. */
  event(span: Span, event: Event, table: AttributeTable, route: Route, context: Uint8Array): void {
    const out = this.#out;
    const { raw } = event;
    out.ascii('{"@timestamp":');
    this.#epoch(event, 1);
    out.byte(COMMA);
    out.raw(route.streamJson);
    this.#id('"trace_id":', span, 1);
    this.#id('"span_id":', span, 2);
    this.#count('"dropped_attributes_count":', event.droppedAttributesCount, raw.has(4));
    this.#text('"event_name":', event, 2);
    writeAttributes(this.#out, table, false, raw.has(2) && raw.valueEnd(2) > raw.valueStart(2) ? event : undefined);
    out.raw(context);
    out.byte(BRACE_END);
  }

  #body(body: AnyValue): void {
    const { kind, buf, start, end } = body;
    if (kind === 'empty') return;
    const out = this.#out;
    out.ascii('"body":{');
    if (kind === 'kvlist') {
      out.ascii('"structured":');
      writeValue(out, buf, start, end);
    } else if (kind === 'array') {
      // The server takes an object or a list of objects here, and nothing else.
      const wrap = !holdsMaps(body);
      out.ascii(wrap ? '"structured":{"value":' : '"structured":');
      writeValue(out, buf, start, end);
      if (wrap) out.byte(BRACE_END);
    } else {
      out.ascii('"text":');
      writeValue(out, buf, start, end);
    }
    out.ascii('},');
  }

  #eventNameOf(table: AttributeTable): void {
    const at = table.find(EVENT_NAME);
    if (at < 0 || table.buf[table.valueStart[at]!] !== 0x0a) return;
    this.#out.ascii('"event_name":');
    writeValue(this.#out, table.buf, table.valueStart[at]!, table.valueEnd[at]!);
    this.#out.byte(COMMA);
  }

  #links(span: Span): void {
    const out = this.#out;
    out.ascii('"links":[');
    if (span.has(13)) {
      let first = true;
      for (let list = span.links, link = list.next(); link; link = list.next()) {
        if (!first) out.byte(COMMA);
        first = false;
        this.#link(link);
      }
    }
    out.ascii('],');
  }

  #link(link: Link): void {
    this.#out.byte(BRACE);
    this.#id('"trace_id":', link, 1);
    this.#id('"span_id":', link, 2);
    this.#text('"trace_state":', link, 3);
    this.#event.read(link.attributes);
    writeAttributes(this.#out, this.#event, false);
    this.#count('"dropped_attributes_count":', link.droppedAttributesCount, link.has(5));
    endObject(this.#out);
  }

  #status(span: Span): void {
    const out = this.#out;
    if (!span.has(15)) {
      out.ascii('"status":{"code":"Unset"},');
      return;
    }
    const { status } = span;
    out.ascii('"status":{');
    this.#text('"message":', status, 2);
    const code = codes[status.code];
    if (code !== undefined) this.#word('"code":', code);
    endObject(this.#out);
    out.byte(COMMA);
  }

  /** Nanoseconds; below 0 where the clock went back. */
  #duration({ raw }: Span): void {
    const out = this.#out;
    const start = raw.valueStart(7);
    const end = raw.valueStart(8);
    const both = start >= 0 && end >= 0;
    const high = both ? fixed32At(raw.buf, end + 4) - fixed32At(raw.buf, start + 4) : 0;
    const low = both ? fixed32At(raw.buf, end) - fixed32At(raw.buf, start) : 0;
    if (both && Math.abs(high) < 0x10_0000) out.int(high * 0x1_0000_0000 + low);
    else out.big(this.#fixed64(raw.buf, end) - this.#fixed64(raw.buf, start));
  }

  #fixed64(buf: Uint8Array, at: number): bigint {
    return at < 0 ? 0n : fixed64At(buf, at);
  }

  #epoch({ raw }: LogRecord | Span | Event, field: number): void {
    if (raw.has(field)) this.#out.epochMillis(raw.buf, raw.valueStart(field));
    else this.#out.ascii('"0.0"');
  }

  /** A string that is not empty. @param head the name in quotes, and a colon */
  #text(head: string, { raw }: { readonly raw: Event['raw'] }, field: number): void {
    if (!raw.has(field)) return;
    const start = raw.valueStart(field);
    const end = raw.valueEnd(field);
    if (start === end) return;
    this.#out.ascii(head);
    this.#out.text(raw.buf, start, end);
    this.#out.byte(COMMA);
  }

  /** An id that is not all zeros. */
  #id(head: string, { raw }: { readonly raw: Event['raw'] }, field: number): void {
    if (!raw.has(field)) return;
    const start = raw.valueStart(field);
    const end = raw.valueEnd(field);
    let at = start;
    while (at < end && raw.buf[at] === 0) at++;
    if (at === end) return;
    this.#out.ascii(head);
    this.#out.hex(raw.buf, start, end);
    this.#out.byte(COMMA);
  }

  #word(head: string, value: string): void {
    this.#out.ascii(head);
    this.#out.byte(0x22);
    this.#out.ascii(value);
    this.#out.ascii('",');
  }

  #count(head: string, value: number, there: boolean): void {
    if (!there || value === 0) return;
    this.#out.ascii(head);
    this.#out.int(value);
    this.#out.byte(COMMA);
  }
}

function isZero(buf: Uint8Array, at: number): boolean {
  for (let i = 0; i < 8; i++) if (buf[at + i] !== 0) return false;
  return true;
}

function holdsMaps(body: AnyValue): boolean {
  for (let list = body.arrayValue, item = list.next(); item; item = list.next())
    if (item.kind !== 'kvlist') return false;
  return true;
}
