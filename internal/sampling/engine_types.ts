import type { Decision, Trigger } from './decider.ts';

/** How a tail sampler waits, and how much it may keep. Sizes of 0 mean off where that is said, never "no limit". */
export interface TailOptions {
  /** Milliseconds from the first span of a trace to its decision. */
  readonly decisionWaitMs: number;
  /** Milliseconds from the first root span, if that comes earlier; 0: off. */
  readonly decisionWaitAfterRootMs: number;
  /** Traces held undecided. */
  readonly numTraces: number;
  /** Bytes of everything that the buffer holds: spans, indexes, resources and scopes, decision caches. */
  readonly maxBufferBytes: number;
  /** A trace that reaches one of these is decided with what is there (trigger `trace_too_large`); 0: off. */
  readonly maxTraceBytes: number;
  readonly maxTraceSpans: number;
  /** A trace above it is not sampled, without evaluation (upstream's `maximum_trace_size_bytes`); 0: off. */
  readonly dropTraceBytes: number;
  /**
   * A full buffer makes senders wait (retryable) rather than the oldest traces go early. A request is taken whole or not at all,
   * so that `numTraces` may be passed by those of one request.
   */
  readonly blockOnOverflow: boolean;
  /** What is undecided at the end counts as dropped for `shutdown` instead of being decided with what is there. */
  readonly dropPendingOnShutdown: boolean;
  /**
   * Decisions remembered by trace id; 0: a decided trace keeps its place among `numTraces`, as long as no new one needs it.
   * Both together take at most a quarter of `maxBufferBytes`.
   */
  readonly sampledCacheSize: number;
  readonly nonSampledCacheSize: number;
  /** Bytes of the log behind `explain`; less than 4096: off. */
  readonly explainBytes: number;
  /** Kept roots say in an attribute why they were kept. */
  readonly stampExplanation: boolean;
  /**
   * A decision's threshold has nothing to do with the randomness of the trace: it multiplies with what a span carries.
   * Default: both are of one randomness, and the greater one holds.
   */
  readonly multiplyThresholds?: boolean | undefined;
  /**
   * Upstream's strategy `span-ingest`: the spans that one resource of a batch brings for a trace are shown to
   * `decide` (trigger `first_match`) by themselves as they come: facts, times, root and error are of these alone, `spanCount` and
   * `byteLength` of the whole trace. `not_sampled` then means not yet. What is left when the time is up is not sampled, unasked.
   */
  readonly spanIngest: boolean;
}

/** What a processor counts. Calls happen within intake and decisions: they must be cheap and must not throw. */
export interface TailObserver {
  /** Traces that began with this batch. */
  newTraces(traces: number): void;
  /** One decision. `decision` is good until the call returns. @param lagMs milliseconds since it fell due; negative: before */
  decided(decision: Readonly<Decision>, spans: number, bytes: number, trigger: Trigger, lagMs: number): void;
  /**
   * Spans that came after their trace's decision and followed it.
   * @param ageMs since the decision
   * @param cached known from a decision cache (upstream's early release), else from the trace's place in the buffer
   */
  late(sampled: boolean, spans: number, ageMs: number, cached: boolean): void;
  /** A trace was decided early for want of room. */
  evicted(reason: EvictionReason): void;
  /** A trace was above `dropTraceBytes`. */
  tooLarge(): void;
  /** Spans without a trace id: they are one trace, that of the id zero. */
  withoutTraceId(spans: number): void;
  /** A trace left the buffer. @param ageMs since its first span */
  removed(ageMs: number): void;
  /** Milliseconds that one row of decisions took. */
  ticked(ms: number): void;
}

export type EvictionReason = 'num_traces' | 'bytes';

/** Counts nothing. */
export const noTailObserver: TailObserver = {
  newTraces() {},
  decided() {},
  late() {},
  evicted() {},
  tooLarge() {},
  withoutTraceId() {},
  removed() {},
  ticked() {},
};
