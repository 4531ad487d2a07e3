import type { Settings } from '../core/component.ts';
import type { Vote } from '../core/explain.ts';
import { Notice } from '../core/notice.ts';
import { Writer } from '../otlp/writer.ts';
import type { Decider, Decision, Trigger } from './decider.ts';
import type { TailObserver, TailOptions } from './engine_types.ts';
import { noteSpan } from './gathering.ts';
import { isError, isRoot } from './span_facts.ts';
import type { TailState } from './tail_state.ts';
import { TraceId } from './trace_hash.ts';
import {
  ARRIVAL,
  BYTES,
  DECIDED,
  DISCARDED,
  FIRST,
  FLAGS,
  HAS_ROOT,
  MATCHED,
  NO_LIST,
  POLICY,
  ROW,
  SINCE,
  SPANS,
  THRESHOLD,
  TOUCHED,
  VERDICT,
  VERDICT_SHIFT,
} from './trace_rows.ts';
import { highHalf, lowHalf, verdicts } from './verdict.ts';

/** Traces of more spans than this are removed a piece at a time. */
const manySpans = 4096;
/** Characters of an explanation on a root. */
const maxStamp = 2048;

/** Asks the decider, and does what it says. */
export class Decisions {
  /** The decider has been at other groups since this was set to false: `enter` must come again before `gather`. */
  elsewhere = false;
  /** Numbers in `PolicyNames` by the decider's own. */
  readonly policies: readonly number[];
  readonly #settings: Settings;
  readonly #options: TailOptions;
  readonly #decider: Decider;
  readonly #observer: TailObserver;
  readonly #state: TailState;
  readonly #id: TraceId;
  readonly #bugs: Notice;
  readonly #notes: Uint8Array;
  readonly #decision: Decision = { verdict: 'not_sampled', policy: -1, threshold: -1n, scopeAttributes: undefined };
  readonly #logged = {
    verdict: 'not_sampled' as Decision['verdict'],
    trigger: 'decision_wait' as Trigger,
    policy: 0,
    thresholdLow: 0,
    thresholdHigh: 0,
    firstSeenAt: 0,
    decidedAt: 0,
    spans: 0,
  };

  constructor(settings: Settings, options: TailOptions, decider: Decider, observer: TailObserver, state: TailState) {
    this.#settings = settings;
    this.#options = options;
    this.#decider = decider;
    this.#observer = observer;
    this.#state = state;
    this.#id = new TraceId(state.hash);
    this.#bugs = new Notice(settings.clock);
    this.#notes = new Uint8Array(options.stampExplanation ? decider.maxNotes : 0);
    this.policies = state.names.numbersOf(decider.policies);
    state.explain?.begin(decider);
  }

  /** Decides a row that is waiting. @param dueAt monotonic */
  decide(row: number, trigger: Trigger, now: number, dueAt: number): void {
    this.#state.log.flush();
    const asked = !this.#options.spanIngest;
    const decision = asked ? this.#ask(row, trigger) : this.#unasked();
    this.#tell(row, decision, trigger, now - dueAt);
    this.#settle(row, decision, trigger, now, asked);
  }

  /** Span ingest: asks about what has come from `place` on, and decides only if the answer is one. */
  decideOnIngest(row: number, place: number, now: number): void {
    this.#state.log.flush();
    const decision = this.#ask(row, 'first_match', place);
    if (decision.verdict === 'not_sampled') return;
    this.#tell(row, decision, 'first_match', 0);
    this.#settle(row, decision, 'first_match', now, true);
  }

  /** Above `dropTraceBytes`: not sampled, whatever the policies say. */
  dropTooLarge(row: number, now: number): void {
    this.#observer.tooLarge();
    this.#settle(row, this.#unasked(), 'trace_too_large', now, false);
  }

  /** How well off the trace is. */
  precious(row: number): 0 | 1 {
    this.gatherAgain(row);
    return this.#decider.precious(this.#state.view.show(row));
  }

  /** Reads all spans of the row once more if another decider has gathered its facts. @returns whether this one asks for a decision */
  gatherAgain(row: number): boolean {
    const { rows, walk, log } = this.#state;
    if (rows.hasCurrentFacts(row)) return false;
    this.elsewhere = true;
    log.flush();
    rows.resetGathered(row);
    walk.begin(log.firstOf(row));
    let matched = false;
    while (walk.next()) {
      if (walk.entered) this.#decider.enter(walk.resource, walk.scope);
      noteSpan(rows, row, walk.span, isRoot(walk.span), isError(walk.span));
      matched = this.#decider.gather(walk.span, rows.factsOf(row)) || matched;
    }
    return matched;
  }

  /** Removes spans of what was discarded, `most` at a time. @returns whether there are more */
  discardSome(most: number): boolean {
    const { rows, log, heads } = this.#state;
    for (let row = rows.headOf(DISCARDED); row >= 0; row = rows.headOf(DISCARDED)) {
      for (let place = log.shift(row); place >= 0; place = log.shift(row)) {
        heads.release(log.groupOf(place));
        log.remove(place);
        if (--most === 0) return true;
      }
      rows.move(row, NO_LIST);
      rows.release(row);
    }
    return false;
  }

  /** Forgets the trace that was decided longest ago, of those remembered in their rows. */
  forgetOldest(now: number): boolean {
    const { rows } = this.#state;
    const row = rows.headOf(DECIDED);
    if (row < 0) return false;
    this.#observer.removed(now - rows.f64[(row * ROW + ARRIVAL) >> 1]!);
    rows.move(row, NO_LIST);
    rows.forget(row);
    rows.release(row);
    return true;
  }

  /** @param from show it only the spans from this place on */
  #ask(row: number, trigger: Trigger, from?: number): Decision {
    if (from === undefined) this.gatherAgain(row);
    this.elsewhere = true;
    const decision = this.#unasked();
    try {
      this.#decider.decide(this.#state.view.show(row, from), trigger, decision);
    } catch (error) {
      this.#bugs.event((leftOut) => {
        const fields = { error, left_out_before: leftOut };
        this.#settings.logger.error('a bug: a policy threw instead of answering; the trace is kept', fields);
      });
      this.#unasked().verdict = 'sampled';
    }
    return decision;
  }

  #unasked(): Decision {
    const decision = this.#decision;
    decision.verdict = 'not_sampled';
    decision.policy = -1;
    decision.threshold = -1n;
    decision.scopeAttributes = undefined;
    return decision;
  }

  #tell(row: number, decision: Decision, trigger: Trigger, lagMs: number): void {
    const { u32, f64 } = this.#state.rows;
    const at = row * ROW;
    this.#observer.decided(decision, u32[at + SPANS]!, f64[(at + BYTES) >> 1]!, trigger, lagMs);
  }

  #settle(row: number, decision: Decision, trigger: Trigger, now: number, asked: boolean): void {
    const { rows, outbox } = this.#state;
    const at = row * ROW;
    const spans = rows.u32[at + SPANS]!;
    const kept = decision.verdict === 'sampled';
    rows.move(row, NO_LIST);
    rows.u32[at + FLAGS]! &= ~(MATCHED | TOUCHED | VERDICT);
    rows.u32[at + POLICY] = this.policies[decision.policy] ?? 0;
    rows.u32[at + THRESHOLD] = lowHalf(decision.threshold);
    rows.u32[at + THRESHOLD + 1] = highHalf(decision.threshold);
    this.#logDecision(row, decision, trigger, now, asked);
    const hasRoot = (rows.u32[at + FLAGS]! & HAS_ROOT) !== 0;
    const stamp = kept && hasRoot && this.#options.stampExplanation ? this.#stamp(decision, trigger, spans) : undefined;
    const leaving = this.#remember(row, decision, now);
    if (kept) outbox.add(leaving, decision.scopeAttributes, stamp);
    else {
      this.#settings.account.filtered(spans, true);
      if (spans > manySpans) rows.move(leaving, DISCARDED);
      else this.#discard(leaving);
    }
  }

  #discard(row: number): void {
    const { rows, log, heads } = this.#state;
    for (let place = rows.i32[row * ROW + FIRST]!; place >= 0; ) {
      const next = log.next(place);
      heads.release(log.groupOf(place));
      log.remove(place);
      place = next;
    }
    rows.release(row);
  }

  /** For spans that come late. @returns the row that has the spans now, not to be found any more */
  #remember(row: number, decision: Decision, now: number): number {
    const { rows, log, sampled, notSampled } = this.#state;
    const cache = decision.verdict === 'sampled' ? sampled : notSampled;
    const at = row * ROW;
    const id = this.#id.load(rows.u32, at);
    if (cache.capacity > 0 || id.isZero) {
      // Spans without an id have nothing in common: what was decided of some says nothing of others.
      if (!id.isZero) {
        cache.put(id, rows.u32[at + POLICY]!, rows.u32[at + THRESHOLD]!, rows.u32[at + THRESHOLD + 1]!, now);
      }
      this.#observer.removed(now - rows.f64[(at + ARRIVAL) >> 1]!);
      rows.forget(row);
      return row;
    }
    const leaving = rows.make(id, now);
    const { u32, f64 } = rows;
    const to = leaving * ROW;
    log.handTo(row, leaving);
    for (const word of [SPANS, THRESHOLD, THRESHOLD + 1]) u32[to + word] = u32[at + word]!;
    f64[(to + BYTES) >> 1] = f64[(at + BYTES) >> 1]!;
    u32[at + SPANS] = 0;
    u32[at + FLAGS]! |= verdicts.indexOf(decision.verdict) << VERDICT_SHIFT;
    f64[(at + SINCE) >> 1] = now;
    rows.move(row, DECIDED);
    return leaving;
  }

  #logDecision(row: number, { verdict }: Decision, trigger: Trigger, now: number, asked: boolean): void {
    const { explain, rows } = this.#state;
    if (!explain) return;
    const at = row * ROW;
    const logged = this.#logged;
    const wall = this.#settings.clock.now();
    logged.verdict = verdict;
    logged.trigger = trigger;
    logged.policy = rows.u32[at + POLICY]!;
    logged.thresholdLow = rows.u32[at + THRESHOLD]!;
    logged.thresholdHigh = rows.u32[at + THRESHOLD + 1]!;
    logged.decidedAt = wall;
    logged.firstSeenAt = wall - (now - rows.f64[(at + ARRIVAL) >> 1]!);
    logged.spans = rows.u32[at + SPANS]!;
    explain.add(this.#id.load(rows.u32, at), logged, asked);
  }

  /** The attribute for a root: the explanation in one line. */
  #stamp({ policy }: Decision, trigger: Trigger, spans: number): Uint8Array {
    const size = this.#decider.takeNotes(this.#notes, 0);
    const votes = this.#decider.readNotes(this.#notes.subarray(0, size)).map(voteInWords);
    const name = this.#decider.policies[policy]?.name ?? 'no policy';
    const text = [`${name} (${trigger}, spans: ${spans})`, ...votes].join('; ').slice(0, maxStamp);
    const out = new Writer(text.length + 64);
    const attribute = out.open(9);
    out.string(1, 'sluice.sampling.explanation');
    const value = out.open(2);
    out.string(1, text);
    out.close(value);
    out.close(attribute);
    return out.finish();
  }
}

function voteInWords({ policy, vote, compared }: Vote): string {
  return compared === '' ? `${policy}: ${vote}` : `${policy}: ${vote}, ${compared}`;
}
