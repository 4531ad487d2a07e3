import type { Payload } from '../payload.ts';
import { type Cursor, Messages } from './cursor.ts';
import { LogRecord } from './log_record.ts';
import { Metric } from './metric.ts';
import { ResourceGroup, type ScopeGroup } from './resource.ts';
import { Span } from './span.ts';

/**
 * Goes through a batch: resources, the scopes of each, the records of each.
 *
 *   const walk = walkSpans(batch);
 *   while (walk.nextResource()) while (walk.nextScope()) while (walk.nextRecord()) use(walk.record);
 */
export class Walk<R extends Cursor> {
  readonly resource: ResourceGroup;
  readonly record: R;
  readonly #chunks: readonly Uint8Array[];
  readonly #resources: Messages<ResourceGroup>;
  readonly #records: Messages<R>;
  #scopes: Messages<ScopeGroup>;
  #chunk = 0;

  constructor(payload: Payload, resource: ResourceGroup, record: R) {
    this.resource = resource;
    this.record = record;
    this.#chunks = payload.chunks;
    this.#resources = new Messages(resource);
    this.#records = new Messages(record);
    this.#scopes = resource.scopes;
  }

  get scope(): ScopeGroup {
    return this.#scopes.current;
  }

  nextResource(): boolean {
    while (!this.#resources.next()) {
      const chunk = this.#chunks[this.#chunk++];
      if (!chunk) return false;
      this.#resources.over(chunk, 0, chunk.length, 1);
    }
    this.#scopes = this.resource.scopes;
    return true;
  }

  nextScope(): boolean {
    const scope = this.#scopes.next();
    if (!scope) return false;
    this.#records.over(scope.buf, scope.start, scope.end, 2);
    return true;
  }

  nextRecord(): boolean {
    return this.#records.next() !== undefined;
  }

  /** Where the record's tag lies in its `buf`. */
  get at(): number {
    return this.#records.at;
  }
  get buf(): Uint8Array {
    return this.record.buf;
  }
  get start(): number {
    return this.record.start;
  }
  get end(): number {
    return this.record.end;
  }
}

export function walkSpans(payload: Payload): Walk<Span> {
  return new Walk(payload, new ResourceGroup('ResourceSpans'), new Span());
}

export function walkLogs(payload: Payload): Walk<LogRecord> {
  return new Walk(payload, new ResourceGroup('ResourceLogs'), new LogRecord());
}

export function walkMetrics(payload: Payload): Walk<Metric> {
  return new Walk(payload, new ResourceGroup('ResourceMetrics'), new Metric());
}
