import { ResourceGroup, type ScopeGroup } from '../otlp/view/resource.ts';
import { Span } from '../otlp/view/span.ts';
import type { BufferedTrace, Facts } from './decider.ts';
import type { Heads } from './heads.ts';
import { fieldEnd, fieldStart, type SpanLog } from './span_log.ts';
import { BYTES, END, FIRST, FLAGS, HAS_ERROR, HAS_ROOT, ROW, SPANS, START, type TraceRows } from './trace_rows.ts';

/** A row, as deciders see it. */
export class TraceView implements BufferedTrace {
  traceIdAt = 0;
  readonly #rows: TraceRows;
  readonly #walk: SpanWalk;
  #row = 0;
  #from = -1;

  constructor(rows: TraceRows, log: SpanLog, heads: Heads) {
    this.#rows = rows;
    this.#walk = new SpanWalk(log, heads);
  }

  /** @param from the first span to visit, by its place */
  show(row: number, from = this.#rows.i32[row * ROW + FIRST]!): this {
    this.#row = row;
    this.#from = from;
    this.traceIdAt = row * ROW * 4;
    return this;
  }

  get traceIds(): Uint8Array {
    return this.#rows.u8;
  }
  get spanCount(): number {
    return this.#rows.u32[this.#row * ROW + SPANS]!;
  }
  get byteLength(): number {
    return this.#rows.f64[(this.#row * ROW + BYTES) >> 1]!;
  }
  get startTimeUnixNano(): bigint {
    return this.#time(START);
  }
  get endTimeUnixNano(): bigint {
    return this.#time(END);
  }
  get durationNanos(): number {
    const { u32 } = this.#rows;
    const at = this.#row * ROW;
    const high = u32[at + END + 1]! - u32[at + START + 1]!;
    return high * 0x1_0000_0000 + (u32[at + END]! - u32[at + START]!);
  }
  get hasRoot(): boolean {
    return (this.#rows.u32[this.#row * ROW + FLAGS]! & HAS_ROOT) !== 0;
  }
  get hasError(): boolean {
    return (this.#rows.u32[this.#row * ROW + FLAGS]! & HAS_ERROR) !== 0;
  }
  get facts(): Facts {
    return this.#rows.factsOf(this.#row);
  }

  visit(each: (span: Span, resource: ResourceGroup, scope: ScopeGroup) => void): void {
    const walk = this.#walk.begin(this.#from);
    while (walk.next()) each(walk.span, walk.resource, walk.scope);
  }

  #time(word: number): bigint {
    const { u32 } = this.#rows;
    const at = this.#row * ROW + word;
    return (BigInt(u32[at + 1]!) << 32n) | BigInt(u32[at]!);
  }
}

/** Reads buffered spans again, one after the other. */
export class SpanWalk {
  readonly span = new Span();
  readonly resource = new ResourceGroup('ResourceSpans');
  /** `next` came to a span of another group than the one before. */
  entered = false;
  readonly #scopes: { readonly current: ScopeGroup };
  readonly #log: SpanLog;
  readonly #heads: Heads;
  #place = -1;
  #group = -1;

  constructor(log: SpanLog, heads: Heads) {
    this.#log = log;
    this.#heads = heads;
    this.#scopes = this.resource.scopes;
  }

  get scope(): ScopeGroup {
    return this.#scopes.current;
  }

  begin(place: number): this {
    this.#place = place;
    this.#group = -1;
    return this;
  }

  next(): boolean {
    const place = this.#place;
    if (place < 0) return false;
    const log = this.#log;
    const buf = log.bytesOf(place);
    const at = log.offsetOf(place);
    const group = log.groupOf(place);
    this.entered = group !== this.#group;
    if (this.entered) this.#enter(group);
    this.span.reset(buf, fieldStart(buf, at), fieldEnd(buf, at));
    this.#place = log.next(place);
    return true;
  }

  #enter(group: number): void {
    this.#group = group;
    const { head, resource } = this.#heads.of(group);
    this.resource.reset(resource.head, 0, resource.head.length);
    this.scope.reset(head, 0, head.length);
  }
}
