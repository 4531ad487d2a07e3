/**
 * What Jaeger's query API should show of a span, worked out a second time: from the objects that protobufjs makes of the request,
 * by the words of the specification, with no regard to speed.
 */

export interface Shown {
  readonly trace: string;
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly processTags: readonly string[];
  readonly references: readonly string[];
  /** Microseconds. */
  readonly start: number;
  readonly duration: number;
  readonly tags: readonly string[];
  readonly logs: readonly string[];
}

/** @param otlp over OTLP Jaeger translates by itself, and shows neither counts of dropped things nor attributes of scopes */
export function expected(request: any, otlp: boolean): Shown[] {
  const own = otlp ? () => [] : (list: string[]) => list;
  const shown: Shown[] = [];
  for (const { resource = {}, scopeSpans = [] } of request.resourceSpans ?? []) {
    for (const { scope = {}, spans = [] } of scopeSpans) {
      for (const span of spans) {
        const attributes = (resource.attributes ?? []).filter(({ key }: any) => key !== 'service.name');
        const service = resource.attributes?.find(({ key }: any) => key === 'service.name');
        shown.push({
          trace: hex(span.traceId),
          id: hex(span.spanId),
          name: span.name ?? '',
          service: service.value.stringValue,
          processTags: tags(attributes, own(dropped('attributes', resource.droppedAttributesCount))),
          references: references(span),
          start: micros(span.startTimeUnixNano),
          duration: micros(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)),
          tags: spanTags(span, scope, own),
          logs: (span.events ?? []).map((event: any) => log(event, own)),
        });
      }
    }
  }
  return shown.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function spanTags(span: any, scope: any, own: (list: string[]) => string[]): string[] {
  const kind = ['', 'internal', 'server', 'client', 'producer', 'consumer'][span.kind ?? 0];
  const code = ['', 'OK', 'ERROR'][span.status?.code ?? 0];
  return tags(span.attributes, [
    ...text('otel.scope.name', scope.name),
    ...text('otel.scope.version', scope.version),
    ...own((scope.attributes ?? []).map(tag)),
    ...text('span.kind', kind),
    ...text('otel.status_code', code),
    ...(code === 'ERROR' ? ['error bool true'] : []),
    ...text('otel.status_description', span.status?.message),
    ...text('w3c.tracestate', span.traceState),
    ...own(dropped('attributes', span.droppedAttributesCount)),
    ...own(dropped('events', span.droppedEventsCount)),
    ...own(dropped('links', span.droppedLinksCount)),
  ]);
}

function references(span: any): string[] {
  const refs: string[] = [];
  if (span.parentSpanId?.length) refs.push(`CHILD_OF ${hex(span.traceId)} ${hex(span.parentSpanId)}`);
  for (const link of span.links ?? []) refs.push(`FOLLOWS_FROM ${hex(link.traceId)} ${hex(link.spanId)}`);
  return refs;
}

function log(event: any, own: (list: string[]) => string[]): string {
  const fields = tags(event.attributes, [
    ...text('event', event.name),
    ...own(dropped('attributes', event.droppedAttributesCount)),
  ]);
  return `${micros(event.timeUnixNano)} ${fields.join('; ')}`;
}

function tags(attributes: any[] = [], more: string[] = []): string[] {
  return [...attributes.map(tag), ...more].sort();
}

function text(key: string, value: string | undefined): string[] {
  return value ? [`${key} string ${value}`] : [];
}

function dropped(what: string, count = 0): string[] {
  return count > 0 ? [`otel.dropped_${what}_count int64 ${count}`] : [];
}

function tag({ key = '', value = {} }: any): string {
  if (value.intValue !== undefined) return `${key} int64 ${value.intValue}`;
  if (value.boolValue !== undefined) return `${key} bool ${value.boolValue}`;
  if (value.doubleValue !== undefined) return `${key} float64 ${value.doubleValue}`;
  if (value.bytesValue !== undefined) return `${key} binary ${Buffer.from(value.bytesValue).toString('base64')}`;
  if (value.arrayValue ?? value.kvlistValue) return `${key} string ${JSON.stringify(json(value))}`;
  return `${key} string ${value.stringValue ?? ''}`;
}

/** Small integers only, which JSON.parse of what Jaeger says can hold too. */
function json(value: any): unknown {
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(json);
  if (value.kvlistValue) {
    return Object.fromEntries((value.kvlistValue.values ?? []).map(({ key, value: it }: any) => [key, json(it)]));
  }
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.bytesValue !== undefined) return Buffer.from(value.bytesValue).toString('base64');
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? null;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function micros(nanoseconds: string | bigint = 0n): number {
  return Number(BigInt(nanoseconds) / 1000n);
}

/** What `/api/traces/{id}` answered, in the same form. */
export function shown(data: readonly any[]): Shown[] {
  const spans = data.flatMap(({ spans, processes }) =>
    spans.map((span: any) => ({ span, process: processes[span.processID] })),
  );
  const all = spans.map(({ span, process }) => ({
    trace: span.traceID,
    id: span.spanID,
    name: span.operationName,
    service: process.serviceName,
    processTags: shownTags(process.tags),
    references: span.references.map((it: any) => `${it.refType} ${it.traceID} ${it.spanID}`),
    start: span.startTime,
    duration: span.duration,
    tags: shownTags(span.tags),
    logs: span.logs.map(({ timestamp, fields }: any) => `${timestamp} ${shownTags(fields).join('; ')}`),
  }));
  return all.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function shownTags(tags: readonly any[]): string[] {
  // What the query itself found odd, a missing parent for instance.
  const sent = tags.filter(({ key }) => !key.startsWith('@jaeger@'));
  return sent.map(({ key, type, value }) => `${key} ${type} ${sameJson(value)}`).sort();
}

/** Jaeger escapes what HTML would read. */
function sameJson(value: unknown): unknown {
  return typeof value === 'string' && /^[[{]/.test(value) ? JSON.stringify(JSON.parse(value)) : value;
}
