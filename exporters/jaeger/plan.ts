import type { Payload } from '../../internal/otlp/payload.ts';
import type { Cursor } from '../../internal/otlp/view/cursor.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';

/** Where a message lies. */
export interface Place {
  readonly buf: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export interface PlannedSpan extends Place {
  readonly scope: Place;
  /** Index of the span in its batch. */
  readonly item: number;
}

/** The spans of one Jaeger process. */
export interface Group {
  readonly resource: Place;
  readonly spans: PlannedSpan[];
}

/** Some of a group's spans. */
export interface Piece {
  readonly group: Group;
  readonly from: number;
  readonly to: number;
}

/**
 * Spans by their resource, since a Jaeger message has one process: a batch made of many requests of few services becomes few
 * messages. Resources are the same where their bytes are.
 */
export function groupByResource(batch: Payload): Group[] {
  const groups = new Map<string, Group>();
  const walk = walkSpans(batch);
  let item = 0;
  while (walk.nextResource()) {
    const resource = placeOf(walk.resource.resource);
    const { buf, start, end } = resource;
    const key = Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('latin1');
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { resource, spans: [] }));
    while (walk.nextScope()) {
      const scope = placeOf(walk.scope.scope);
      while (walk.nextRecord()) {
        group.spans.push({ buf: walk.buf, start: walk.start, end: walk.end, scope, item: item++ });
      }
    }
  }
  return [...groups.values()].filter(({ spans }) => spans.length > 0);
}

function placeOf({ buf, start, end }: Cursor): Place {
  return { buf, start, end };
}
