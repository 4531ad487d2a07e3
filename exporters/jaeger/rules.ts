import type { Resource, Scope } from '../../internal/otlp/view/resource.ts';
import type { Event, Link, Span } from '../../internal/otlp/view/span.ts';
import type { AnyValue, Attributes } from '../../internal/otlp/view/value.ts';
import { valueText } from '../../internal/otlp/view/value_text.ts';
import { writeVarint } from '../../internal/otlp/wire.ts';
import { Instant } from './instant.ts';
import type { Sink } from './sink.ts';
import { writeTag } from './tags.ts';

/**
 * How OpenTelemetry becomes Jaeger, whatever form it is written in:
 * https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/ (its last version),
 * https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/, and where they leave a choice
 * pkg/translator/jaeger of opentelemetry-collector-contrib, which is what Jaeger itself makes of OTLP.
 */

const utf8 = (text: string): Uint8Array => Buffer.from(text);

const SERVICE_NAME = utf8('service.name');
/** The specification's default of the attribute. */
const UNKNOWN_SERVICE = utf8('unknown_service');
const SCOPE_NAME = utf8('otel.scope.name');
const SCOPE_VERSION = utf8('otel.scope.version');
const SPAN_KIND = utf8('span.kind');
const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer'].map(utf8);
const STATUS_CODE = utf8('otel.status_code');
const STATUS_DESCRIPTION = utf8('otel.status_description');
const OK = utf8('OK');
const ERROR = utf8('ERROR');
const ERROR_TAG = utf8('error');
const TRACE_STATE = utf8('w3c.tracestate');
const EVENT = utf8('event');
const REF_TYPE = utf8('opentracing.ref_type');
const CHILD_OF = utf8('child_of');
const DROPPED_ATTRIBUTES = utf8('otel.dropped_attributes_count');
const DROPPED_EVENTS = utf8('otel.dropped_events_count');
const DROPPED_LINKS = utf8('otel.dropped_links_count');

const STATUS_OK = 1;
const STATUS_ERROR = 2;
const SAMPLED = 1;

// Fields of Span
const TRACE_ID = 1;
const TRACE_STATE_FIELD = 3;
const PARENT_ID = 4;
const START = 7;
const END = 8;

export class Translator {
  readonly #sink: Sink;
  readonly #start = new Instant();
  readonly #end = new Instant();
  readonly #duration = new Instant();
  readonly #count = new Uint8Array(5);

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  process(resource: Resource): void {
    const name = resource.attributes.find(SERVICE_NAME);
    const text = name && !isEmpty(name.value) ? name.value : undefined;
    if (text?.kind === 'string') this.#sink.beginProcess(text.buf, text.valueStart(1), text.valueEnd(1));
    else {
      const other = text ? utf8(valueText(text.plain())) : UNKNOWN_SERVICE;
      this.#sink.beginProcess(other, 0, other.length);
    }
    this.#attributes(resource.attributes.rewind(), SERVICE_NAME);
    this.#dropped(DROPPED_ATTRIBUTES, resource.droppedAttributesCount);
    this.#sink.endProcess();
  }

  span(span: Span, scope: Scope): void {
    const sink = this.#sink;
    const { buf } = span;
    sink.beginSpan(span);
    this.#references(span);
    const start = this.#start.read(buf, span.valueStart(START));
    const end = this.#end.read(buf, span.valueStart(END));
    sink.times((span.flags & SAMPLED) !== 0, start, this.#duration.between(start, end));
    this.#spanTags(span, scope);
    const events = span.events;
    for (let event = events.next(); event; event = events.next()) this.#log(event);
    sink.endSpan();
  }

  /** The parent comes first. A link that leads to it too says only what kind of reference it is. */
  #references(span: Span): void {
    const { buf } = span;
    const trace = idAt(span, TRACE_ID, 16);
    const parent = idAt(span, PARENT_ID, 8);
    const hasParent = parent >= 0 && !isZero(buf, parent, 8);
    const links = span.links;
    const isParent = (link: Link) =>
      hasParent && same(buf, trace, idAt(link, 1, 16), 16) && same(buf, parent, idAt(link, 2, 8), 8);
    if (hasParent) {
      let childOf = true;
      for (let link = links.next(); link; link = links.next()) if (isParent(link)) childOf = isChildOf(link);
      this.#sink.reference(buf, trace, parent, childOf);
      links.rewind();
    }
    for (let link = links.next(); link; link = links.next()) {
      if (!isParent(link)) this.#sink.reference(buf, idAt(link, 1, 16), idAt(link, 2, 8), isChildOf(link));
    }
  }

  /** Those of the scope first: where keys are equal Jaeger keeps the last one. */
  #spanTags(span: Span, scope: Scope): void {
    this.#field(SCOPE_NAME, scope.buf, scope.valueStart(1), scope.valueEnd(1));
    this.#field(SCOPE_VERSION, scope.buf, scope.valueStart(2), scope.valueEnd(2));
    if (scope.has(3)) this.#attributes(scope.attributes);
    this.#attributes(span.attributes);
    const { kind } = span;
    const kindName = kind > 0 ? KINDS[kind] : undefined;
    if (kindName) this.#constant(SPAN_KIND, kindName);
    if (span.has(15)) this.#status(span);
    this.#field(TRACE_STATE, span.buf, span.valueStart(TRACE_STATE_FIELD), span.valueEnd(TRACE_STATE_FIELD));
    this.#dropped(DROPPED_ATTRIBUTES, span.droppedAttributesCount);
    this.#dropped(DROPPED_EVENTS, span.droppedEventsCount);
    this.#dropped(DROPPED_LINKS, span.droppedLinksCount);
  }

  #status(span: Span): void {
    const { status } = span;
    const { code } = status;
    if (code === STATUS_OK) this.#constant(STATUS_CODE, OK);
    if (code === STATUS_ERROR) {
      this.#constant(STATUS_CODE, ERROR);
      this.#sink.bool(ERROR_TAG, 0, ERROR_TAG.length, true);
    }
    this.#field(STATUS_DESCRIPTION, status.buf, status.valueStart(2), status.valueEnd(2));
  }

  #log(event: Event): void {
    const sink = this.#sink;
    sink.beginLog(this.#start.read(event.buf, event.valueStart(1)));
    const named = event.valueEnd(2) > event.valueStart(2);
    if (named && !event.attributes.find(EVENT)) {
      this.#field(EVENT, event.buf, event.valueStart(2), event.valueEnd(2));
    }
    this.#attributes(event.attributes);
    this.#dropped(DROPPED_ATTRIBUTES, event.droppedAttributesCount);
    sink.endLog();
  }

  /** @param but a key to leave out */
  #attributes(list: Attributes, but?: Uint8Array): void {
    for (let attribute = list.next(); attribute; attribute = list.next()) {
      if (!but || !attribute.keyIs(but)) writeTag(this.#sink, attribute);
    }
  }

  #constant(key: Uint8Array, value: Uint8Array): void {
    this.#sink.text(key, 0, key.length, value, 0, value.length);
  }

  /** A text of the span or scope; one that is absent or empty becomes no tag. */
  #field(key: Uint8Array, buf: Uint8Array, from: number, to: number): void {
    if (to > from) this.#sink.text(key, 0, key.length, buf, from, to);
  }

  #dropped(key: Uint8Array, count: number): void {
    if (count === 0) return;
    writeVarint(this.#count, 0, count);
    this.#sink.int(key, 0, key.length, this.#count, 0);
  }
}

function isEmpty(value: AnyValue): boolean {
  return value.kind === 'empty' || (value.kind === 'string' && value.valueStart(1) === value.valueEnd(1));
}

/** @returns where the id lies; -1 where it is absent or has not its length */
function idAt(message: Span | Link, field: number, size: number): number {
  const from = message.valueStart(field);
  return from >= 0 && message.valueEnd(field) - from === size ? from : -1;
}

function isZero(buf: Uint8Array, at: number, size: number): boolean {
  for (let i = at; i < at + size; i++) if (buf[i] !== 0) return false;
  return true;
}

/** Whether two ids in one buffer are the same; -1 stands for zeros. */
function same(buf: Uint8Array, a: number, b: number, size: number): boolean {
  if (a < 0) return b < 0 || isZero(buf, b, size);
  if (b < 0) return isZero(buf, a, size);
  for (let i = 0; i < size; i++) if (buf[a + i] !== buf[b + i]) return false;
  return true;
}

function isChildOf(link: Link): boolean {
  return link.attributes.find(REF_TYPE)?.value.stringIs(CHILD_OF) ?? false;
}
