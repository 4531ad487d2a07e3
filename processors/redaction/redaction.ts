import type { Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import { Assembly } from '../../internal/otlp/assembly.ts';
import { AttributeList } from '../../internal/otlp/attributes/list.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { Range } from '../../internal/otlp/regroup.ts';
import {
  type MetricVisitor,
  Patch,
  rewriteLogs,
  rewriteMetrics,
  rewriteSpans,
  Tools,
  type Visitor,
} from '../../internal/otlp/rewrite.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { DataPoint } from '../../internal/otlp/view/point.ts';
import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { LEN } from '../../internal/otlp/wire.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import type { RedactionConfig } from './config.ts';
import { Redactor } from './redactor.ts';

/** Field numbers of `repeated KeyValue attributes`, and of what else holds values. */
const resourceAttributes = 1;
const scopeAttributes = 3;
const spanName = 5;
const spanAttributes = 9;
const eventAttributes = 3;
const logAttributes = 6;
const spanEvents = (11 << 3) | LEN;
const logBody = 5;

export class Redaction implements Consumer {
  readonly #next: Consumer;
  readonly #redactor: Redactor;
  readonly #list = new AttributeList();
  readonly #inner = new Patch();
  readonly #rewrite: (batch: Payload) => Payload;

  constructor(settings: Settings, config: RedactionConfig, next: Consumer) {
    this.#next = next;
    this.#redactor = new Redactor(config, settings.signal ?? 'traces');
    const groups = {
      resource: ({ resource }: ResourceGroup, patch: Patch) => this.#attributes(resource, resourceAttributes, patch),
      scope: ({ scope }: ScopeGroup, patch: Patch) => this.#attributes(scope, scopeAttributes, patch),
    };
    const spans: Visitor<Span> = { ...groups, record: (span, patch) => this.#span(span, patch) };
    const logs: Visitor<LogRecord> = { ...groups, record: (log, patch) => this.#log(log, patch) };
    const metrics: MetricVisitor = {
      ...groups,
      point: (point: DataPoint, patch: Patch) => this.#attributes(point, point.attributesField, patch),
    };
    const options = { inRoom: true, tools: new Tools() };
    const rewrites = {
      traces: (batch: Payload) => rewriteSpans(batch, spans, options),
      logs: (batch: Payload) => rewriteLogs(batch, logs, options),
      metrics: (batch: Payload) => rewriteMetrics(batch, metrics, options),
    };
    this.#rewrite = rewrites[settings.signal ?? 'traces'];
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    return this.#next.consume(this.#rewrite(batch), ctx);
  }

  #attributes(message: Range, field: number, patch: Patch): void {
    const list = this.#redactor.read(this.#list, message, field);
    this.#redactor.attributes(list, field);
    if (list.changed) list.write(patch);
  }

  #span(span: Span, patch: Patch): void {
    this.#attributes(span, spanAttributes, patch);
    if (this.#redactor.sanitizes) this.#name(span, patch);
    const { events } = span;
    for (let event = events.next(); event; event = events.next()) {
      const inner = this.#inner.reset(event.start, event.end);
      this.#attributes(event, eventAttributes, inner);
      if (!inner.changed) continue;
      const out = new Assembly();
      out.patched(spanEvents, inner, event.buf);
      patch.splice(events.at, event.end, out.finish());
    }
  }

  #name(span: Span, patch: Patch): void {
    const { name } = span;
    const after = this.#redactor.spanName(name, span.kind, this.#list);
    if (after === name) return;
    const out = new Writer(after.length + 16);
    out.string(spanName, after);
    patch.put(span.buf, spanName, out.finish());
  }

  #log(log: LogRecord, patch: Patch): void {
    const list = this.#redactor.read(this.#list, log, logAttributes);
    this.#redactor.attributes(list, logAttributes);
    if (log.has(logBody)) {
      const body = this.#redactor.body(log.body, list, logAttributes);
      if (body) {
        const out = new Writer(body.length + 16);
        out.bytes(logBody, body);
        patch.put(log.buf, logBody, out.finish());
      }
    }
    if (list.changed) list.write(patch);
  }
}
