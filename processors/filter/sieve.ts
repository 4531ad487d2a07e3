import type { Payload } from '../../internal/otlp/payload.ts';
import {
  type MetricVisitor,
  type Patch,
  type Place,
  rewriteLogs,
  rewriteMetrics,
  rewriteSpans,
  type Tools,
  type Visitor,
} from '../../internal/otlp/rewrite.ts';
import type { Cursor } from '../../internal/otlp/view/cursor.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { Metric } from '../../internal/otlp/view/metric.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import type { Scene } from '../../internal/ottl/index.ts';
import type { Judge, Round } from './judges.ts';

/** Leaves out of a batch what the judges of one round say; what is emptied by that, or came empty, goes with it. */
export function sieve(batch: Payload, round: Round, tools: Tools, scene: Scene): Payload {
  const options = { tools, dropEmpty: true };
  const visitor = { ...onResource(round, scene), ...onScope(round, scene) };
  if (batch.signal === 'traces') return rewriteSpans(batch, { ...visitor, ...onSpans(round, scene) }, options);
  if (batch.signal === 'logs') {
    const record = onRecord<LogRecord>(round.log, scene, (log) => {
      scene.log = log;
    });
    return rewriteLogs(batch, { ...visitor, ...record }, options);
  }
  const record = onRecord<Metric>(round.metric, scene, (metric) => {
    scene.metric = metric;
  });
  return rewriteMetrics(batch, { ...visitor, ...record, ...onPoints(round.datapoint, scene) }, options);
}

function onResource({ resource }: Round, scene: Scene): Pick<Visitor<Cursor>, 'resource'> {
  if (!resource) return {};
  return {
    resource(group, patch) {
      scene.resource = group;
      if (resource(scene)) patch.drop();
    },
  };
}

function onScope({ scope }: Round, scene: Scene): Pick<Visitor<Cursor>, 'scope'> {
  if (!scope) return {};
  return {
    scope(group, patch, place) {
      scene.resource = place.resource;
      scene.scope = group;
      if (scope(scene)) patch.drop();
    },
  };
}

function onRecord<R extends Cursor>(judge: Judge | undefined, scene: Scene, look: (record: R) => void): Visitor<R> {
  if (!judge) return {};
  return {
    record(record: R, patch: Patch, { resource, scope }: Place) {
      scene.resource = resource;
      scene.scope = scope;
      look(record);
      if (judge(scene)) patch.drop();
    },
  };
}

function onSpans({ span, spanevent }: Round, scene: Scene): Visitor<Span> {
  const onSpan = onRecord<Span>(span, scene, (record) => {
    scene.span = record;
  });
  if (!spanevent) return onSpan;
  return {
    record(record, patch, place) {
      scene.resource = place.resource;
      scene.scope = place.scope;
      scene.span = record;
      if (span?.(scene)) {
        patch.drop();
        return;
      }
      const events = record.events;
      scene.eventIndex = 0;
      for (let event = events.next(); event; event = events.next()) {
        const { at } = events;
        const { end } = event;
        scene.event = event;
        if (spanevent(scene)) patch.cut(at, end);
        scene.eventIndex++;
      }
    },
  };
}

function onPoints(judge: Judge | undefined, scene: Scene): Pick<MetricVisitor, 'point'> {
  if (!judge) return {};
  return {
    point(point, patch, metric, { resource, scope }) {
      scene.resource = resource;
      scene.scope = scope;
      scene.metric = metric;
      scene.point = point;
      if (judge(scene)) patch.drop();
    },
  };
}
