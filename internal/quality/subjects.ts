import type { Payload, Signal } from '../otlp/payload.ts';
import type { Range } from '../otlp/regroup.ts';
import {
  type MetricVisitor,
  type Patch,
  rewriteLogs,
  rewriteMetrics,
  rewriteSpans,
  Tools,
  type Visitor,
} from '../otlp/rewrite.ts';
import type { LogRecord } from '../otlp/view/log_record.ts';
import type { ResourceGroup } from '../otlp/view/resource.ts';
import type { Span } from '../otlp/view/span.ts';
import type { Subject } from './checks.ts';

const spanAttributes = 9;
const logAttributes = 6;

/** Sees each resource of a batch, and behind it, unless that is left out, its spans, log records or data points. */
export interface Visit {
  resource(group: ResourceGroup, patch: Patch): void;
  /** @param field the number of the field in `message` in which its attributes are */
  item(subject: Subject, message: Range, field: number, patch: Patch): void;
}

/** @returns what takes a batch of the signal along `visit`, each time in the same order */
export function rewriteOf(signal: Signal, visit: Visit): (batch: Payload) => Payload {
  const resource = (group: ResourceGroup, patch: Patch) => visit.resource(group, patch);
  const spans: Visitor<Span> = {
    resource,
    record: (span, patch) => visit.item({ attributes: span.attributes, span }, span, spanAttributes, patch),
  };
  const logs: Visitor<LogRecord> = {
    resource,
    record: (log, patch) => visit.item({ attributes: log.attributes, log }, log, logAttributes, patch),
  };
  const metrics: MetricVisitor = {
    resource,
    point: (point, patch, metric) =>
      visit.item({ attributes: point.attributes, point, metric }, point, point.attributesField, patch),
  };
  const options = { tools: new Tools() };
  const rewrites = {
    traces: (batch: Payload) => rewriteSpans(batch, spans, options),
    logs: (batch: Payload) => rewriteLogs(batch, logs, options),
    metrics: (batch: Payload) => rewriteMetrics(batch, metrics, options),
  };
  return rewrites[signal];
}
