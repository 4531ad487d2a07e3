import type { Decider } from './decider.ts';
import type { DecisionCache } from './decision_cache.ts';
import type { Decisions } from './decisions.ts';
import type { TailObserver } from './engine_types.ts';
import type { TailState } from './tail_state.ts';
import { TraceId } from './trace_hash.ts';
import { FLAGS, POLICY, ROW, SINCE, THRESHOLD, VERDICT, VERDICT_SHIFT } from './trace_rows.ts';
import { verdicts } from './verdict.ts';

const SAMPLED = verdicts.indexOf('sampled');

/** Spans of one trace that came after its decision, and follow it. */
export class LateSpans {
  /** Of the trace under way. */
  spans = 0;
  kept = false;
  /** Spans that were not kept, of all traces since this was last set to 0. */
  leftOut = 0;
  readonly #state: TailState;
  readonly #decider: Decider;
  readonly #decisions: Decisions;
  readonly #observer: TailObserver;
  readonly #id: TraceId;
  #row = -1;
  #policy = -1;
  #ageMs = 0;
  #cached = false;

  constructor(state: TailState, decider: Decider, decisions: Decisions, observer: TailObserver) {
    this.#state = state;
    this.#decider = decider;
    this.#decisions = decisions;
    this.#observer = observer;
    this.#id = new TraceId(state.hash);
  }

  /** A trace whose decision its row tells. @returns the row to put spans into; -1: they are left out */
  beginRemembered(id: TraceId, row: number, now: number): number {
    const { u32, f64 } = this.#state.rows;
    const at = row * ROW;
    this.kept = (u32[at + FLAGS]! & VERDICT) >>> VERDICT_SHIFT === SAMPLED;
    this.#begin(id, now - f64[(at + SINCE) >> 1]!, false);
    if (!this.kept) return -1;
    return this.#newRow(u32[at + POLICY]!, u32[at + THRESHOLD]!, u32[at + THRESHOLD + 1]!, now);
  }

  /** A trace whose decision a cache tells. @returns as `beginRemembered` */
  beginCached(id: TraceId, cache: DecisionCache, entry: number, now: number): number {
    this.kept = cache === this.#state.sampled;
    this.#begin(id, Math.max(0, now - cache.decidedAt(entry)), true);
    if (!this.kept) return -1;
    return this.#newRow(cache.policyOf(entry), cache.thresholdLow(entry), cache.thresholdHigh(entry), now);
  }

  /** The trace under way brings no more for now. */
  end(): void {
    const { spans, kept } = this;
    if (spans === 0) return;
    this.spans = 0;
    if (kept) this.#state.outbox.add(this.#row, this.#decider.lateScopeAttributes?.(this.#policy), undefined);
    else this.leftOut += spans;
    this.#state.explain?.late(this.#id, spans);
    this.#observer.late(kept, spans, this.#ageMs, this.#cached);
  }

  #begin(id: TraceId, ageMs: number, cached: boolean): void {
    this.#id.copy(id);
    this.#ageMs = ageMs;
    this.#cached = cached;
  }

  /** Kept spans go out by way of a row of their own, which nobody can find. */
  #newRow(policy: number, thresholdLow: number, thresholdHigh: number, now: number): number {
    const { rows } = this.#state;
    const row = rows.make(this.#id, now);
    rows.u32[row * ROW + THRESHOLD] = thresholdLow;
    rows.u32[row * ROW + THRESHOLD + 1] = thresholdHigh;
    this.#row = row;
    this.#policy = this.#decisions.policies.indexOf(policy);
    return row;
  }
}
