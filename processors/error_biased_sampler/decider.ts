import type { Settings } from '../../internal/core/component.ts';
import type { Vote } from '../../internal/core/explain.ts';
import type { ResourceGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { type Class, classNames, SHARE } from '../../internal/sampling/budget.ts';
import { adjustedCount, NEVER, probabilityOf, randomnessOfTraceId } from '../../internal/sampling/consistent.ts';
import { TraceState } from '../../internal/sampling/consistent_tracestate.ts';
import type { BufferedTrace, Decider, Decision, Facts, Trigger } from '../../internal/sampling/decider.ts';
import { isRoot } from '../../internal/sampling/span_facts.ts';
import { type ErrorBiasedConfig, mannerOf } from './config.ts';
import { Errors, NO_ERROR } from './errors.ts';
import { BIT_WORDS, DURATION, HAS_KEY, HAS_ROOT, IS_SLOW, NUMBERS, QUANTILE, STANDS_FOR, TraceFacts } from './facts.ts';
import type { Metrics } from './metrics.ts';
import { classOf, type Model } from './model.ts';
import { type Compared, MAX_NOTES, NoteWriter, readNotes } from './notes.ts';

const TRACE_STATE = 3;
const NAME = 5;
const STATUS = 15;

/** Decides on whole traces. A trace is of the service and operation of its root span, or of its first one without a root. */
export class ErrorBiasedDecider implements Decider {
  readonly bitWords = BIT_WORDS;
  readonly numbers = NUMBERS;
  /** By class. What is kept for the sake of another item is not of whole traces. */
  readonly policies = classNames.slice(0, SHARE + 1).map((name) => ({ name, type: 'error_biased_sampler' }));
  readonly maxNotes = MAX_NOTES;
  readonly #settings: Settings;
  readonly #config: ErrorBiasedConfig;
  readonly #countsTraces: boolean;
  readonly #model: Model;
  readonly #metrics: Metrics;
  readonly #errors: Errors;
  readonly #facts = new TraceFacts();
  readonly #notes = new NoteWriter();
  /** The last decision. */
  readonly #compared: Compared = {
    kind: SHARE,
    kept: false,
    errorReason: NO_ERROR,
    hasRoot: false,
    duration: 0,
    quantile: 0,
    perMinute: 0,
    probability: 0,
    randomness: 0,
    service: 0,
    operation: 0,
  };
  /** Of the resource at hand. */
  #service = 0;
  #now = 0;

  constructor(settings: Settings, config: ErrorBiasedConfig, model: Model, metrics: Metrics) {
    this.#settings = settings;
    this.#config = config;
    this.#countsTraces = mannerOf(config, settings.signal).countsTraces;
    this.#model = model;
    this.#metrics = metrics;
    this.#errors = new Errors(config.errors);
  }

  enter(resource: ResourceGroup): void {
    this.#now = this.#settings.clock.monotonic();
    this.#service = this.#model.serviceOf(resource, this.#now);
  }

  gather(span: Span, of: Facts): boolean {
    const facts = this.#facts.of(of);
    if (facts.errorReason === NO_ERROR) facts.errorReason = this.#errors.ofSpan(span);
    if (!facts.has(HAS_ROOT)) this.#gatherKey(span, facts);
    if (span.valueEnd(TRACE_STATE) > span.valueStart(TRACE_STATE)) gatherState(span, facts);
    return false;
  }

  decide(trace: BufferedTrace, _trigger: Trigger, into: Decision): void {
    const now = this.#settings.clock.monotonic();
    const model = this.#model;
    model.tick(now);
    const facts = this.#facts.of(trace.facts);
    const { service } = facts;
    const kind = this.#classOf(facts, now);
    const cost = this.#countsTraces ? 1 : trace.spanCount;
    model.budget.seen(service, kind, cost, cost * Math.max(1, facts.number(STANDS_FOR)));
    const { threshold } = model.budget.cutOf(service, kind);
    const randomness = facts.randomness ?? randomnessOfTraceId(trace.traceIds, trace.traceIdAt);
    const kept = randomness >= threshold;
    if (kept) model.budget.spend(kind, cost, now);
    into.verdict = kept ? 'sampled' : 'not_sampled';
    into.policy = kind;
    into.threshold = kept ? threshold : -1n;
    into.scopeAttributes = undefined;
    this.#remember(facts, kind, kept, threshold, randomness);
    this.#metrics.judged(kind, kept, 1);
    this.#metrics.judgedOf(service, kept, 1);
  }

  precious({ facts: of, hasError }: BufferedTrace): 0 | 1 {
    const facts = this.#facts.of(of);
    return hasError || facts.errorReason !== NO_ERROR || facts.has(IS_SLOW) ? 1 : 0;
  }

  takeNotes(into: Uint8Array, at: number): number {
    return this.#notes.write(this.#compared, this.#model.services, this.#model.operations, into, at);
  }

  readNotes(notes: Uint8Array): readonly Vote[] {
    const { slow, rare } = this.#config;
    return readNotes(notes, { quantile: slow.quantile, maxPerMinute: rare.max_per_minute });
  }

  #gatherKey(span: Span, facts: TraceFacts): void {
    const root = isRoot(span);
    if (!root && facts.has(HAS_KEY)) return;
    const model = this.#model;
    const { buf } = span;
    const operation = model.operationOf(this.#service, buf, span.valueStart(NAME), span.valueEnd(NAME), this.#now);
    facts.setKey(this.#service, operation);
    if (!root) return;
    facts.set(HAS_ROOT);
    facts.status = span.has(STATUS) ? span.status.code : 0;
    const duration = span.endTimeRounded - span.startTimeRounded;
    facts.setNumber(DURATION, duration);
    facts.setNumber(QUANTILE, model.sketches.quantileOf(operation) ?? 0);
    if (model.isSlow(operation, duration)) facts.set(IS_SLOW);
  }

  #classOf(facts: TraceFacts, now: number): Class {
    const rare = this.#model.isRare(facts.operation, facts.status, now);
    this.#compared.perMinute = this.#model.perMinute;
    return classOf(facts.errorReason !== NO_ERROR, facts.has(IS_SLOW), rare);
  }

  #remember(facts: TraceFacts, kind: Class, kept: boolean, threshold: bigint, randomness: bigint): void {
    const it = this.#compared;
    it.kind = kind;
    it.kept = kept;
    it.errorReason = facts.errorReason;
    it.hasRoot = facts.has(HAS_ROOT);
    it.duration = facts.number(DURATION);
    it.quantile = facts.number(QUANTILE);
    it.probability = probabilityOf(threshold);
    it.randomness = Number(randomness) / Number(NEVER);
    it.service = facts.service;
    it.operation = facts.operation;
  }
}

/** The first span that names them is believed. */
function gatherState(span: Span, facts: TraceFacts): void {
  const known = facts.randomness !== undefined && facts.number(STANDS_FOR) > 0;
  const state = known ? undefined : TraceState.parse(span.traceState);
  if (!state) return;
  if (facts.randomness === undefined && state.randomness !== undefined) facts.randomness = state.randomness;
  if (facts.number(STANDS_FOR) === 0 && state.threshold !== undefined) {
    facts.setNumber(STANDS_FOR, adjustedCount(state.threshold));
  }
}
