import type { ClientMetadata } from '../../internal/core/consumer.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import type { Cursor } from '../../internal/otlp/view/cursor.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { type Walk, walkLogs, walkSpans } from '../../internal/otlp/view/walk.ts';
import { AttributeTable } from './attributes.ts';
import { Bulk } from './bulk.ts';
import { addEcsContext, addEcsLog, addEcsSpan } from './ecs.ts';
import { FieldList } from './fields.ts';
import { JsonBytes } from './json.ts';
import { ITEMS_PER_TURN, MetricEncoder } from './metrics.ts';
import { OtelWriter } from './otel.ts';
import { addPlainContext, addPlainLog, addPlainSpan } from './plain.ts';
import { DOCUMENT_ID, PIPELINE, type Route, Router, type RoutingConfig } from './routing.ts';
import { type ModeConfig, type ScopeState, Scopes } from './scopes.ts';
import { writeValue } from './values.ts';

/** A buffer grows beyond this only as it is filled. */
const MAX_AT_ONCE = 16 * 1024 * 1024;

export interface EncodingConfig extends RoutingConfig {
  readonly mapping: ModeConfig;
  readonly logs_dynamic_id: { readonly enabled: boolean };
  readonly traces_dynamic_id: { readonly enabled: boolean };
  readonly logs_dynamic_pipeline: { readonly enabled: boolean };
  readonly document_ids: 'server' | 'stable';
}

/** Writes one record of a scope's. */
type Encode<R> = (record: R, scope: ScopeState, resource: ResourceGroup, item: number) => void;

/** Turns batches of one signal into bodies of bulk requests, one batch at a time. */
export class BulkEncoder {
  readonly bulk: Bulk;
  readonly #config: EncodingConfig;
  readonly #scopes: Scopes;
  readonly #otel: OtelWriter;
  readonly #metrics: MetricEncoder;
  readonly #table: AttributeTable;
  readonly #event: AttributeTable;
  readonly #fields = new FieldList(new JsonBytes(16 * 1024));

  /**
   * @param now wall time, milliseconds
   * @param seed any number, better not the same in every process
   */
  constructor(config: EncodingConfig, signal: Signal, now: () => number, seed: number) {
    this.#config = config;
    this.bulk = new Bulk(config.document_ids === 'stable');
    this.#scopes = new Scopes(new Router(config, now), config.mapping, signal, seed);
    this.#otel = new OtelWriter(this.bulk.out, seed);
    this.#metrics = new MetricEncoder(this.bulk, this.#scopes, seed);
    this.#table = new AttributeTable(seed);
    this.#event = new AttributeTable(seed);
  }

  /**
   * Writes the batch to `bulk`, which holds it until the next call. The same batch makes the same documents in the same order.
   *
   * @param withoutValue told of metric points that carry none
   */
  encode(payload: Payload, metadata?: ClientMetadata, withoutValue: () => void = () => {}): void {
    for (const _ of this.#steps(payload, metadata, withoutValue));
  }

  /** The same with a turn of the event loop after some hundred records: a large batch takes tens of milliseconds. */
  async encodeInTurns(
    payload: Payload,
    metadata: ClientMetadata | undefined,
    withoutValue: () => void,
    turn: () => Promise<unknown>,
  ): Promise<void> {
    for (const _ of this.#steps(payload, metadata, withoutValue)) await turn();
  }

  #steps(payload: Payload, metadata: ClientMetadata | undefined, withoutValue: () => void): Iterable<void> {
    // Documents are about twice as long as what they are made of: room for them at once, rather than by doubling.
    this.bulk.reset(payload.itemCount, Math.min(payload.byteLength * 2.5, MAX_AT_ONCE) | 0);
    this.#scopes.reset(metadata);
    if (payload.signal === 'logs')
      return this.#records(walkLogs(payload), (log, scope, resource, item) => this.#log(log, scope, resource, item));
    if (payload.signal === 'traces') {
      return this.#records(walkSpans(payload), (span, scope, resource, item) =>
        this.#span(span, scope, resource, item),
      );
    }
    return this.#metrics.steps(payload, withoutValue);
  }

  *#records<R extends Cursor>(walk: Walk<R>, encode: Encode<R>): Generator<void> {
    let item = 0;
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        const scope = this.#scopes.enter(walk.resource, walk.scope);
        this.#beginFields(scope, walk.resource, walk.scope);
        const mark = this.#fields.mark;
        while (walk.nextRecord()) {
          if (scope.refusal !== undefined) this.bulk.refuse(item, scope.refusal);
          else encode(walk.record, scope, walk.resource, item);
          this.#fields.back(mark);
          if (++item % ITEMS_PER_TURN === 0) yield;
        }
      }
    }
  }

  #log(record: LogRecord, scope: ScopeState, resource: ResourceGroup, item: number): void {
    const { bulk } = this;
    const table = this.#table;
    table.read(record.attributes);
    const route = this.#scopes.route('logs', scope, table);
    const body = scope.mode === 'bodymap' ? record.body : undefined;
    if (body && body.kind !== 'kvlist') {
      bulk.refuse(item, `the mapping mode bodymap needs a map for a body, got ${body.kind}`);
      return;
    }
    this.#begin(route, table, this.#config.logs_dynamic_id.enabled, this.#config.logs_dynamic_pipeline.enabled);
    if (body) writeValue(bulk.out, body.buf, body.start, body.end);
    else if (scope.mode === 'otel') this.#otel.log(record, table, route, scope.context);
    else if (scope.mode === 'ecs') {
      addEcsLog(this.#fields, record, resource, route);
      this.#fields.writeNested(bulk.out);
    } else {
      addPlainLog(this.#fields, record, scope.mode === 'none' ? 'Attributes' : '', route);
      this.#fields.writeFlat(bulk.out);
    }
    bulk.endOf(item);
  }

  #span(span: Span, scope: ScopeState, resource: ResourceGroup, item: number): void {
    const { bulk } = this;
    const table = this.#table;
    table.read(span.attributes);
    const route = this.#scopes.route('traces', scope, table);
    this.#begin(route, table, this.#config.traces_dynamic_id.enabled, false);
    if (scope.mode === 'otel') this.#otel.span(span, table, route, scope.context);
    else if (scope.mode === 'ecs') {
      addEcsSpan(this.#fields, span, resource, route);
      this.#fields.writeNested(bulk.out);
    } else {
      const none = scope.mode === 'none';
      addPlainSpan(this.#fields, span, none ? 'Attributes' : '', none ? 'Events' : '', route);
      this.#fields.writeFlat(bulk.out);
    }
    bulk.endOf(item);
    if (scope.mode === 'otel' && span.has(11)) this.#events(span, scope, item);
  }

  /** Events are documents among the logs, as upstream has it. */
  #events(span: Span, scope: ScopeState, item: number): void {
    const table = this.#event;
    for (let list = span.events, event = list.next(); event; event = list.next()) {
      table.read(event.attributes);
      const route = this.#scopes.route('logs', scope, table);
      this.#begin(route, table, this.#config.traces_dynamic_id.enabled, false);
      this.#otel.event(span, event, table, route, scope.context);
      this.bulk.end(item);
    }
  }

  #begin(route: Route, table: AttributeTable, ids: boolean, pipelines: boolean): void {
    const attribute = (key: Uint8Array) => {
      const at = table.reserved ? table.find(key) : -1;
      return at < 0 ? undefined : table.stringValue(at) || undefined;
    };
    this.bulk.begin({
      route,
      id: ids ? attribute(DOCUMENT_ID) : undefined,
      pipeline: pipelines ? attribute(PIPELINE) : undefined,
    });
  }

  /** Fills in what all records of the scope share, in the modes that join everything on one level. */
  #beginFields({ mode, refusal }: ScopeState, group: ResourceGroup, scopeGroup: ScopeGroup): void {
    this.#fields.back({ fields: 0, pos: 0 });
    if (refusal !== undefined) return;
    if (mode === 'ecs') addEcsContext(this.#fields, group, scopeGroup);
    else if (mode === 'none' || mode === 'raw') addPlainContext(this.#fields, group, scopeGroup);
  }
}
