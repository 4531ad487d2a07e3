import type { Account } from '../core/ledger.ts';
import type { Payload } from '../otlp/payload.ts';
import { leadsOn, shapeOf } from '../otlp/shape.ts';
import { Fields } from '../otlp/view/fields.ts';
import { ResourceGroup, type ScopeGroup } from '../otlp/view/resource.ts';
import { Span } from '../otlp/view/span.ts';
import type { Decider } from './decider.ts';
import type { DecisionCache } from './decision_cache.ts';
import type { Decisions } from './decisions.ts';
import type { TailObserver, TailOptions } from './engine_types.ts';
import { noteSpan } from './gathering.ts';
import { LateSpans } from './late_spans.ts';
import { isError, isRoot, traceIdAt } from './span_facts.ts';
import type { TailState } from './tail_state.ts';
import { TraceId } from './trace_hash.ts';
import {
  ARRIVAL,
  BYTES,
  FLAGS,
  LAST,
  MATCHED,
  NO_LIST,
  ROOTED,
  ROW,
  SINCE,
  SPANS,
  TOUCHED,
  VERDICT,
  WAITING,
  WAITING_PRECIOUS,
} from './trace_rows.ts';

const [REQUEST, RESOURCE, SCOPE] = shapeOf('traces');

/* What is known of the trace under way besides its row. */
const UNDECIDED = 0;
const LATE_KEPT = 1;
const LATE_LEFT_OUT = 2;

/** What the engine sees to while a batch comes in. */
export interface IntakeHost {
  /** Makes room for one trace more. */
  makeRoomForTrace(now: number): void;
}

/** Takes batches apart: each span into the row of its trace, or the way that its trace's decision has gone. */
export class Intake {
  readonly #state: TailState;
  readonly #options: TailOptions;
  readonly #decider: Decider;
  readonly #decisions: Decisions;
  readonly #observer: TailObserver;
  readonly #account: Account;
  readonly #host: IntakeHost;
  readonly #fields = [new Fields(), new Fields(), new Fields()] as const;
  readonly #resource = new ResourceGroup('ResourceSpans');
  readonly #scope: ScopeGroup;
  readonly #span = new Span();
  #now = 0;
  /** The trace of the span before. Spans of one trace often stand together. */
  readonly #id: TraceId;
  #known = false;
  #row = -1;
  #kind = UNDECIDED;
  readonly #late: LateSpans;
  #newTraces = 0;
  #withoutTraceId = 0;
  /** Rows for which `gather` has asked for a decision. */
  #matched: number[] = [];
  /** Rows that the resource under way has brought spans for, and the first of these by place. */
  #touched: number[] = [];
  #touchedFrom: number[] = [];

  constructor(
    state: TailState,
    options: TailOptions,
    decider: Decider,
    decisions: Decisions,
    observer: TailObserver,
    account: Account,
    host: IntakeHost,
  ) {
    this.#state = state;
    this.#options = options;
    this.#decider = decider;
    this.#decisions = decisions;
    this.#observer = observer;
    this.#account = account;
    this.#host = host;
    this.#scope = this.#resource.scopes.current;
    this.#id = new TraceId(state.hash);
    this.#late = new LateSpans(state, decider, decisions, observer);
  }

  /** Takes all spans of the batch, which the account holds. There must be room. */
  take(batch: Payload, now: number): void {
    this.#now = now;
    for (const chunk of batch.chunks) {
      const fields = this.#fields[0].reset(chunk, 0, chunk.length);
      while (fields.next()) if (leadsOn(REQUEST!, fields)) this.#resourceSpans(chunk, fields.from, fields.to);
    }
    this.#endTrace();
    this.#state.log.flush();
    this.#decideMatched();
    this.#count();
  }

  #resourceSpans(buf: Uint8Array, from: number, to: number): void {
    this.#resource.reset(buf, from, to);
    this.#state.heads.enterResource(buf, from, to);
    const fields = this.#fields[1].reset(buf, from, to);
    while (fields.next()) if (leadsOn(RESOURCE!, fields)) this.#scopeSpans(buf, fields.from, fields.to);
    if (this.#touched.length > 0) this.#decideTouched();
  }

  #scopeSpans(buf: Uint8Array, from: number, to: number): void {
    const { heads } = this.#state;
    this.#scope.reset(buf, from, to);
    const group = heads.enterScope(buf, from, to);
    this.#decider.enter(this.#resource, this.#scope);
    this.#decisions.elsewhere = false;
    const fields = this.#fields[2].reset(buf, from, to);
    while (fields.next()) if (leadsOn(SCOPE!, fields)) this.#oneSpan(buf, fields, group);
    heads.release(group);
  }

  #oneSpan(buf: Uint8Array, { at, from, to }: Fields, group: number): void {
    const span = this.#span.reset(buf, from, to);
    const idAt = traceIdAt(span);
    const other = idAt < 0 ? this.#id.set(0, 0, 0, 0) : this.#id.read(buf, idAt);
    if (other || !this.#known) this.#beginTrace();
    if (this.#id.isZero) this.#withoutTraceId++;
    if (this.#kind === LATE_LEFT_OUT) {
      this.#late.spans++;
      return;
    }
    const { log, heads, rows } = this.#state;
    const row = this.#row;
    if (this.#options.spanIngest && this.#kind === UNDECIDED) this.#touch(row);
    log.add(buf, at, to, row, group);
    heads.use(group);
    rows.u32[row * ROW + SPANS]!++;
    rows.f64[(row * ROW + BYTES) >> 1]! += to - at;
    if (this.#kind === LATE_KEPT) this.#late.spans++;
    else this.#gather(row, span);
  }

  #gather(row: number, span: Span): void {
    const { rows } = this.#state;
    const root = isRoot(span);
    noteSpan(rows, row, span, root, isError(span));
    if (this.#decisions.elsewhere) this.#enterAgain();
    if (this.#decider.gather(span, rows.factsOf(row))) this.#match(row);
    if (root && this.#options.decisionWaitAfterRootMs > 0) this.#rooted(row);
    this.#limit(row);
  }

  /** A root has come: the decision falls due sooner, unless it does anyway. */
  #rooted(row: number): void {
    const { rows } = this.#state;
    const list = rows.listOf(row);
    if (list !== WAITING && list !== WAITING_PRECIOUS) return;
    const { decisionWaitMs, decisionWaitAfterRootMs } = this.#options;
    const at = (row * ROW + ARRIVAL) >> 1;
    if (this.#now + decisionWaitAfterRootMs >= rows.f64[at]! + decisionWaitMs) return;
    rows.f64[(row * ROW + SINCE) >> 1] = this.#now;
    rows.move(row, ROOTED);
  }

  #limit(row: number): void {
    const { maxTraceBytes, maxTraceSpans, dropTraceBytes } = this.#options;
    const { rows } = this.#state;
    const spans = rows.u32[row * ROW + SPANS]!;
    const bytes = rows.f64[(row * ROW + BYTES) >> 1]!;
    if (dropTraceBytes > 0 && this.#sizeOf(row, bytes) > dropTraceBytes) this.#decisions.dropTooLarge(row, this.#now);
    else if ((maxTraceSpans > 0 && spans >= maxTraceSpans) || (maxTraceBytes > 0 && bytes >= maxTraceBytes)) {
      this.#decisions.decide(row, 'trace_too_large', this.#now, this.#now);
    } else return;
    this.#known = false;
  }

  /** As the decider counts it, if it does. */
  #sizeOf(row: number, bytes: number): number {
    return this.#decider.sizeOf?.(this.#state.rows.factsOf(row)) ?? bytes;
  }

  #enterAgain(): void {
    this.#decider.enter(this.#resource, this.#scope);
    this.#decisions.elsewhere = false;
  }

  #beginTrace(): void {
    this.#endTrace();
    this.#known = true;
    const { rows, sampled, notSampled } = this.#state;
    const row = rows.find(this.#id);
    if (row >= 0) this.#beginInRow(row);
    else if (!this.#beginCached(sampled) && !this.#beginCached(notSampled)) this.#beginNew();
  }

  #beginCached(cache: DecisionCache): boolean {
    const entry = cache.find(this.#id);
    if (entry < 0) return false;
    this.#beginLate(this.#late.beginCached(this.#id, cache, entry, this.#now));
    return true;
  }

  #beginNew(): void {
    const { rows } = this.#state;
    this.#host.makeRoomForTrace(this.#now);
    const row = rows.make(this.#id, this.#now);
    rows.know(row);
    rows.move(row, WAITING);
    this.#row = row;
    this.#kind = UNDECIDED;
    this.#newTraces++;
  }

  #beginInRow(row: number): void {
    const { u32 } = this.#state.rows;
    if ((u32[row * ROW + FLAGS]! & VERDICT) !== 0) {
      this.#beginLate(this.#late.beginRemembered(this.#id, row, this.#now));
      return;
    }
    this.#row = row;
    this.#kind = UNDECIDED;
    if (this.#decisions.gatherAgain(row)) this.#match(row);
  }

  #beginLate(row: number): void {
    this.#row = row;
    this.#kind = row < 0 ? LATE_LEFT_OUT : LATE_KEPT;
  }

  #endTrace(): void {
    this.#known = false;
    this.#late.end();
  }

  #match(row: number): void {
    const { u32 } = this.#state.rows;
    if (u32[row * ROW + FLAGS]! & MATCHED) return;
    u32[row * ROW + FLAGS]! |= MATCHED;
    this.#matched.push(row);
  }

  /** What `gather` has asked for, at the end of the batch, so that a trace's spans in it go one way. */
  #decideMatched(): void {
    const { rows } = this.#state;
    for (const row of this.#matched) {
      // In between it may have been decided for another reason, and its row may be another trace's.
      const flags = rows.u32[row * ROW + FLAGS]!;
      if (rows.listOf(row) === NO_LIST || (flags & MATCHED) === 0) continue;
      this.#decisions.decide(row, 'first_match', this.#now, this.#now);
    }
    this.#matched.length = 0;
  }

  #touch(row: number): void {
    const { rows } = this.#state;
    const flags = rows.u32[row * ROW + FLAGS]!;
    if (flags & TOUCHED) return;
    rows.resetGathered(row);
    rows.u32[row * ROW + FLAGS]! |= TOUCHED;
    this.#touched.push(row);
    this.#touchedFrom.push(rows.i32[row * ROW + LAST]!);
  }

  /** Span ingest: shows each trace's new spans to the decider. */
  #decideTouched(): void {
    this.#endTrace();
    const { rows, log } = this.#state;
    for (let i = 0; i < this.#touched.length; i++) {
      const row = this.#touched[i]!;
      if (rows.listOf(row) === NO_LIST || (rows.u32[row * ROW + FLAGS]! & TOUCHED) === 0) continue;
      rows.u32[row * ROW + FLAGS]! &= ~TOUCHED;
      const before = this.#touchedFrom[i]!;
      this.#decisions.decideOnIngest(row, before < 0 ? log.firstOf(row) : log.next(before), this.#now);
    }
    this.#touched.length = 0;
    this.#touchedFrom.length = 0;
  }

  #count(): void {
    if (this.#late.leftOut > 0) this.#account.filtered(this.#late.leftOut, true);
    if (this.#newTraces > 0) this.#observer.newTraces(this.#newTraces);
    if (this.#withoutTraceId > 0) this.#observer.withoutTraceId(this.#withoutTraceId);
    this.#late.leftOut = 0;
    this.#newTraces = 0;
    this.#withoutTraceId = 0;
  }
}
