import type { Cursor } from '../otlp/view/cursor.ts';
import { LogRecord } from '../otlp/view/log_record.ts';
import { Metric } from '../otlp/view/metric.ts';
import { type DataPoint, NumberPoint } from '../otlp/view/point.ts';
import { ResourceGroup, type ScopeGroup } from '../otlp/view/resource.ts';
import { Event, Span } from '../otlp/view/span.ts';
import { Writer } from '../otlp/writer.ts';
import { Draft } from './draft.ts';
import { Overlay } from './overlay.ts';
import { ValueMap } from './values.ts';

/** What a statement may be about: upstream's names, as they begin its paths. */
export type Context = 'resource' | 'scope' | 'span' | 'spanevent' | 'metric' | 'datapoint' | 'log';

/**
 * What a condition or statement looks at: one object that is pointed from record to record. Set what its context
 * stands in (a `datapoint` condition sees `metric`, `scope` and `resource` too); the rest is not looked at.
 */
export class Scene {
  resource: ResourceGroup = new ResourceGroup('ResourceSpans');
  scope: ScopeGroup = this.resource.scopes.current;
  event: Event = new Event();
  /** Of the event in its span. */
  eventIndex = 0;
  metric: Metric = new Metric();
  point: DataPoint = new NumberPoint();
  /** `cache`: what statements keep from one to the next. */
  cache: ValueMap = emptyMap;

  /** Metrics that statements made, whole messages: they come behind the others of the scope. */
  readonly added: Uint8Array[] = [];

  /** The span or log record that a pass is about, as statements have left it so far. */
  readonly overlay = new Overlay();
  #span = new Span();
  #log = new LogRecord();

  get span(): Span {
    this.overlay.settle(this.#span);
    return this.#span;
  }
  set span(span: Span) {
    this.#span = span;
  }
  get log(): LogRecord {
    this.overlay.settle(this.#log);
    return this.#log;
  }
  set log(log: LogRecord) {
    this.#log = log;
  }
  /** For those who do not look at attributes: statements may have changed them in `overlay` alone. */
  get spanFields(): Span {
    this.overlay.settleFields(this.#span);
    return this.#span;
  }
  get logFields(): LogRecord {
    this.overlay.settleFields(this.#log);
    return this.#log;
  }

  /** Fields on their way into a message: good until more are written. */
  readonly #scratch = new Writer(256);
  readonly #drafts = new Map<Cursor, Draft>();

  /** Whole fields, to be put into a message at once. */
  write(fields: (out: Writer) => void): Writer {
    this.#scratch.clear();
    fields(this.#scratch);
    return this.#scratch;
  }

  /** Where changes to the message that `cursor` stands on are written. */
  draftFor(cursor: Cursor): Draft {
    let draft = this.#drafts.get(cursor);
    if (!draft) this.#drafts.set(cursor, (draft = new Draft()));
    return draft;
  }
}

const emptyMap = new ValueMap([]);
