import type { Vote } from '../core/explain.ts';
import type { ResourceGroup, ScopeGroup } from '../otlp/view/resource.ts';
import type { Span } from '../otlp/view/span.ts';

/** What made a decision due. */
export type Trigger = 'decision_wait' | 'root_received' | 'first_match' | 'eviction' | 'trace_too_large' | 'shutdown';

/**
 * Where a decider keeps what it learnt of one trace, off the V8 heap: `bits` and `numbers` belong to all traces, and
 * this one's part begins at `bitsAt` and `numbersAt`. Both are zero when a trace begins.
 */
export interface Facts {
  readonly bits: Uint32Array;
  readonly bitsAt: number;
  readonly numbers: Float64Array;
  readonly numbersAt: number;
}

/** One buffered trace, as a decider sees it. One object serves all traces: good until the call it was given to returns. */
export interface BufferedTrace {
  /** 16 bytes, at `traceIdAt` of `traceIds`. */
  readonly traceIds: Uint8Array;
  readonly traceIdAt: number;
  readonly spanCount: number;
  /** Bytes of the spans as protobuf. */
  readonly byteLength: number;
  /** Nanoseconds since 1970 of the earliest start and the latest end; 0 where there is no span. */
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  /** Latest end less earliest start, nanoseconds as a number (exact below 2^53); negative if the clocks say so. */
  readonly durationNanos: number;
  readonly hasRoot: boolean;
  /** A span of status ERROR is there. */
  readonly hasError: boolean;
  readonly facts: Facts;
  /** Reads the spans again: only for what could not be gathered while they came. */
  visit(each: (span: Span, resource: ResourceGroup, scope: ScopeGroup) => void): void;
}

/** A decision, filled in by `decide`. One object serves all decisions. */
export interface Decision {
  verdict: 'sampled' | 'not_sampled' | 'dropped';
  /** Index in `Decider.policies` of the one that settled it; -1: none. */
  policy: number;
  /**
   * Sampling threshold T of consistent probability sampling that the kept spans are to carry, 0 to 2^56; -1n: unknown or not
   * probabilistic, `ot=th` stays as it came.
   */
  threshold: bigint;
  /** Encoded `repeated KeyValue attributes = 3` fields for the scope of each kept span (record policy); undefined: none. */
  scopeAttributes: Uint8Array | undefined;
}

/**
 * What a tail sampler decides by. The engine calls `enter` for each resource and scope of a batch, `gather` for each of
 * its spans while they are copied in, and `decide` once a trace is due. A decider holds no trace's state of its own.
 */
export interface Decider {
  /** 32-bit words of `Facts.bits` and entries of `Facts.numbers` wanted for each trace. */
  readonly bitWords: number;
  readonly numbers: number;
  /** For metrics, explanations and the decision cache. */
  readonly policies: readonly { readonly name: string; readonly type: string }[];
  /** A new resource or scope begins: what depends on them alone may be worked out here, once for all spans. */
  enter(resource: ResourceGroup, scope: ScopeGroup): void;
  /** @returns true if the trace may be decided at once as sampled (`sample_on_first_match` and the like) */
  gather(span: Span, facts: Facts): boolean;
  decide(trace: BufferedTrace, trigger: Trigger, into: Decision): void;
  /** Bytes to hold against `TailOptions.dropTraceBytes`. Absent: those of the spans. */
  sizeOf?(facts: Facts): number;
  /** How well off a trace is that may be evicted: 0 goes first, 1 (errors and what else must stay) goes last. */
  precious(trace: BufferedTrace): 0 | 1;
  /**
   * Notes of the last `decide`, for an explanation, compact: written into `into` at `at`, at most `maxNotes` bytes.
   * @returns their length
   */
  takeNotes(into: Uint8Array, at: number): number;
  readonly maxNotes: number;
  /** The notes in words. */
  readNotes(notes: Uint8Array): readonly Vote[];
  /**
   * Encoded attributes for the scope of spans that came after their trace was sampled, as in `Decision.scopeAttributes`;
   * `policy` as there, -1 where the policy is gone since. Absent: none.
   */
  lateScopeAttributes?(policy: number): Uint8Array | undefined;
}
