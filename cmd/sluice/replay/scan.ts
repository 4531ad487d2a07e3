import type { Payload } from '../../../internal/otlp/payload.ts';
import type { Attributes } from '../../../internal/otlp/view/value.ts';
import { walkLogs, walkMetrics, walkSpans } from '../../../internal/otlp/view/walk.ts';

const serviceName = Buffer.from('service.name');
const statusError = 2;

/** What a walk through a batch tells. Windows on the batch's bytes are good during the call only. */
export interface Seen {
  /** Once for each resource, before its items. */
  service(name: string): void;
  span(traceId: Uint8Array, isRoot: boolean, isError: boolean): void;
  /** Log records and data points. */
  items(count: number): void;
}

/** Goes through a batch once. */
export function scan(batch: Payload, seen: Seen): void {
  if (batch.signal === 'traces') scanSpans(batch, seen);
  else if (batch.signal === 'logs') scanLogs(batch, seen);
  else scanMetrics(batch, seen);
}

function scanSpans(batch: Payload, seen: Seen): void {
  const walk = walkSpans(batch);
  while (walk.nextResource()) {
    seen.service(serviceOf(walk.resource.resource.attributes));
    while (walk.nextScope()) {
      while (walk.nextRecord()) {
        const span = walk.record;
        const isError = span.has(15) && span.status.code === statusError;
        seen.span(span.traceId, span.parentSpanId.length === 0, isError);
      }
    }
  }
}

function scanLogs(batch: Payload, seen: Seen): void {
  const walk = walkLogs(batch);
  while (walk.nextResource()) {
    seen.service(serviceOf(walk.resource.resource.attributes));
    while (walk.nextScope()) while (walk.nextRecord()) seen.items(1);
  }
}

function scanMetrics(batch: Payload, seen: Seen): void {
  const walk = walkMetrics(batch);
  while (walk.nextResource()) {
    seen.service(serviceOf(walk.resource.resource.attributes));
    while (walk.nextScope()) while (walk.nextRecord()) seen.items(walk.record.data?.points.count() ?? 0);
  }
}

function serviceOf(attributes: Attributes): string {
  return attributes.find(serviceName)?.value.stringValue || '(no service.name)';
}

/** The times of a batch's items, milliseconds since 1970. */
export interface Times {
  /** The latest end of a span or time of a record; undefined where no item has one. */
  readonly latest: number | undefined;
  readonly median: number | undefined;
}

export function timesOf(batch: Payload): Times {
  const times: number[] = [];
  const add = (rounded: number) => {
    if (rounded > 0) times.push(Math.floor(rounded / 1e6));
  };
  if (batch.signal === 'traces') {
    const walk = walkSpans(batch);
    while (walk.nextResource()) while (walk.nextScope()) while (walk.nextRecord()) add(walk.record.endTimeRounded);
  } else if (batch.signal === 'logs') {
    const walk = walkLogs(batch);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) add(Number(walk.record.observedTimeUnixNano || walk.record.timeUnixNano));
      }
    }
  } else {
    const walk = walkMetrics(batch);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const points = walk.record.data?.points;
          for (let point = points?.next(); point; point = points?.next()) add(Number(point.timeUnixNano));
        }
      }
    }
  }
  if (times.length === 0) return { latest: undefined, median: undefined };
  times.sort((a, b) => a - b);
  return { latest: times.at(-1), median: times[times.length >> 1] };
}
