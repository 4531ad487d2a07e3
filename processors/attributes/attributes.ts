import { Actions } from '../../internal/attributes/actions.ts';
import { logMatcher, type Matcher, metricMatcher, spanMatcher } from '../../internal/attributes/match.ts';
import { checkMatch, type MatchConfig } from '../../internal/attributes/match_config.ts';
import { RecordFilter } from '../../internal/attributes/record_filter.ts';
import type { Settings } from '../../internal/core/component.ts';
import { type BatchContext, type Consumer, noContext } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import { AttributeList } from '../../internal/otlp/attributes/list.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import {
  type MetricVisitor,
  type Patch,
  type Place,
  rewriteLogs,
  rewriteMetrics,
  rewriteSpans,
  Tools,
  type Visitor,
} from '../../internal/otlp/rewrite.ts';
import type { Cursor } from '../../internal/otlp/view/cursor.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { Metric } from '../../internal/otlp/view/metric.ts';
import type { DataPoint } from '../../internal/otlp/view/point.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import type { AttributesConfig } from './config.ts';

type Rewrite = (batch: Payload, ctx: BatchContext) => Payload;

/** Field numbers of `repeated KeyValue attributes`. */
const spanAttributes = 9;
const logAttributes = 6;

export class AttributesProcessor implements Consumer {
  readonly #next: Consumer;
  readonly #rewrite: Rewrite;

  constructor(settings: Settings, config: AttributesConfig, next: Consumer) {
    this.#next = next;
    const signal = settings.signal ?? 'traces';
    if (config.include) checkMatch(config.include, 'include', signal);
    if (config.exclude) checkMatch(config.exclude, 'exclude', signal);
    this.#rewrite = { traces: spans, logs, metrics }[signal](config);
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    return this.#next.consume(this.#rewrite(batch, ctx), ctx);
  }
}

function spans(config: AttributesConfig): Rewrite {
  const visitor = new Editor<Span>(config, spanMatcher, spanAttributes);
  const options = { inRoom: true, tools: new Tools() };
  return (batch, ctx) => rewriteSpans(batch, visitor.for(ctx), options);
}

function logs(config: AttributesConfig): Rewrite {
  const visitor = new Editor<LogRecord>(config, logMatcher, logAttributes);
  const options = { inRoom: true, tools: new Tools() };
  return (batch, ctx) => rewriteLogs(batch, visitor.for(ctx), options);
}

/** Changes the records that match. */
class Editor<R extends Cursor> implements Visitor<R> {
  readonly #filter: RecordFilter<R>;
  readonly #actions: Actions;
  readonly #list = new AttributeList();
  #ctx: BatchContext = noContext;

  constructor(config: AttributesConfig, matcher: (match: MatchConfig) => Matcher<R>, field: number) {
    this.#filter = new RecordFilter(config, matcher);
    this.#actions = new Actions(config.actions, field);
  }

  for(ctx: BatchContext): this {
    this.#ctx = ctx;
    this.#filter.reset();
    return this;
  }

  record(record: R, patch: Patch, { resource, scope }: Place): void {
    if (!this.#filter.takes(record, resource, scope)) return;
    const list = this.#actions.read(this.#list, record);
    this.#actions.apply(list, this.#ctx);
    if (list.changed) list.write(patch);
  }
}

function metrics(config: AttributesConfig): Rewrite {
  const filter = new RecordFilter<Metric>(config, metricMatcher);
  const list = new AttributeList();
  const byField = new Map<number, Actions>();
  let current: BatchContext = noContext;
  let chosen = false;
  const options = { inRoom: true, tools: new Tools() };
  const visitor: MetricVisitor = {
    record: (metric, _patch, { resource, scope }) => {
      chosen = filter.takes(metric, resource, scope);
    },
    point: (point: DataPoint, patch: Patch) => {
      if (!chosen) return;
      const field = point.attributesField;
      let actions = byField.get(field);
      if (!actions) byField.set(field, (actions = new Actions(config.actions, field)));
      actions.apply(actions.read(list, point), current);
      if (list.changed) list.write(patch);
    },
  };
  return (batch, ctx) => {
    current = ctx;
    filter.reset();
    return rewriteMetrics(batch, visitor, options);
  };
}
