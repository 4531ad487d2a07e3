import type { Payload } from '../../internal/otlp/payload.ts';
import type { Event, Link, Span } from '../../internal/otlp/view/span.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';
import { resourceHeading, scopeHeading } from './headings.ts';
import { brief, hex, named, scopeTitle, Text, time } from './text.ts';

const kinds = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const codes = ['Unset', 'Ok', 'Error'];

/** One line for each span. */
export function normalTraces(batch: Payload): string {
  const text = new Text();
  const walk = walkSpans(batch);
  for (let r = 0; walk.nextResource(); r++) {
    const { resource } = walk;
    text.line(
      `ResourceTraces #${r}${resource.schemaUrl && ` [${resource.schemaUrl}]`}${brief(resource.resource.attributes)}`,
    );
    for (let s = 0; walk.nextScope(); s++) {
      const { scope } = walk;
      text.line(`ScopeTraces #${s}${scopeTitle(scope.scope, scope.schemaUrl)}${brief(scope.scope.attributes)}`);
      while (walk.nextRecord() && text.record()) {
        const span = walk.record;
        text.line(`${span.name} ${hex(span.traceId)} ${hex(span.spanId)}${brief(span.attributes)}`);
      }
    }
  }
  return text.toString();
}

/** Everything there is, on many lines. */
export function detailedTraces(batch: Payload): string {
  const text = new Text();
  const walk = walkSpans(batch);
  for (let r = 0; walk.nextResource(); r++) {
    resourceHeading(text, 'ResourceSpans', r, walk.resource);
    for (let s = 0; walk.nextScope(); s++) {
      scopeHeading(text, 'ScopeSpans', s, walk.scope);
      for (let i = 0; walk.nextRecord() && text.record(); i++) writeSpan(text, i, walk.record);
    }
  }
  return text.toString();
}

function writeSpan(text: Text, index: number, span: Span): void {
  const field = (name: string, value: string) => text.line(`    ${name.padEnd(15)}: ${value}`);
  text.line(`Span #${index}`);
  field('Trace ID', hex(span.traceId));
  field('Parent ID', hex(span.parentSpanId));
  field('ID', hex(span.spanId));
  field('Name', span.name);
  field('Kind', named(kinds, span.kind));
  if (span.traceState) field('TraceState', span.traceState);
  field('Start time', time(span.startTimeUnixNano));
  field('End time', time(span.endTimeUnixNano));
  field('Status code', named(codes, span.status.code));
  field('Status message', span.status.message);
  field('DroppedAttributesCount', String(span.droppedAttributesCount));
  field('DroppedEventsCount', String(span.droppedEventsCount));
  field('DroppedLinksCount', String(span.droppedLinksCount));
  text.attributes('Attributes', span.attributes);
  const { events, links } = span;
  for (let i = 0, event: Event | undefined; (event = events.next()); i++) {
    if (i === 0) text.line('Events:');
    writeEvent(text, i, event);
  }
  for (let i = 0, link: Link | undefined; (link = links.next()); i++) {
    if (i === 0) text.line('Links:');
    writeLink(text, i, link);
  }
}

function writeEvent(text: Text, index: number, event: Event): void {
  text.line(`SpanEvent #${index}`);
  text.line(`     -> Name: ${event.name}`);
  text.line(`     -> Timestamp: ${time(event.timeUnixNano)}`);
  text.line(`     -> DroppedAttributesCount: ${event.droppedAttributesCount}`);
  text.attributes('-> Attributes', event.attributes, '     ');
}

function writeLink(text: Text, index: number, link: Link): void {
  text.line(`SpanLink #${index}`);
  text.line(`     -> Trace ID: ${hex(link.traceId)}`);
  text.line(`     -> ID: ${hex(link.spanId)}`);
  text.line(`     -> TraceState: ${link.traceState}`);
  text.line(`     -> DroppedAttributesCount: ${link.droppedAttributesCount}`);
  text.attributes('-> Attributes', link.attributes, '     ');
}
