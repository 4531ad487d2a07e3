import type { Payload, Signal } from '../otlp/payload.ts';
import type { Range } from '../otlp/regroup.ts';
import { type Patch, rewriteLogs, rewriteMetrics, rewriteSpans, Tools } from '../otlp/rewrite.ts';
import type { ResourceGroup } from '../otlp/view/resource.ts';
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
  const options = { tools: new Tools() };
  const rewrites = {
    traces: (batch: Payload) =>
      rewriteSpans(
        batch,
        {
          resource,
          record: (span, patch) => visit.item({ attributes: span.attributes, span }, span, spanAttributes, patch),
        },
        options,
      ),
    logs: (batch: Payload) =>
      rewriteLogs(
        batch,
        {
          resource,
          record: (log, patch) => visit.item({ attributes: log.attributes, log }, log, logAttributes, patch),
        },
        options,
      ),
    metrics: (batch: Payload) =>
      rewriteMetrics(
        batch,
        {
          resource,
          point: (point, patch, metric) =>
            visit.item({ attributes: point.attributes, point, metric }, point, point.attributesField, patch),
        },
        options,
      ),
  };
  return rewrites[signal];
}
