/** What became of one trace in one component: the answer to `sluice explain <trace id>`. */
export interface Explanation {
  readonly component: string;
  readonly pipeline: string;
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  readonly decision: 'pending' | 'sampled' | 'not_sampled' | 'dropped';
  /** The policy or rule that settled it; absent where none did. */
  readonly policy?: string | undefined;
  /** What made the decision due: `decision_wait`, `root_received`, `first_match`, `eviction`, `trace_too_large`, `shutdown`, … */
  readonly trigger?: string | undefined;
  /** Wall time of the decision, milliseconds since 1970. */
  readonly decidedAt?: number | undefined;
  /** Wall time at which its first span arrived, milliseconds since 1970. */
  readonly firstSeenAt?: number | undefined;
  /** Spans seen when it was decided. */
  readonly spans: number;
  /** Spans that came after the decision. */
  readonly lateSpans: number;
  /** Sampling threshold as in `ot=th`, where one was stamped. */
  readonly threshold?: string | undefined;
  /** One line for each policy, in the order in which they were asked. */
  readonly votes: readonly Vote[];
}

export interface Vote {
  readonly policy: string;
  readonly type: string;
  readonly vote:
    | 'sampled'
    | 'not_sampled'
    | 'dropped'
    | 'inverted_sampled'
    | 'inverted_not_sampled'
    | 'not_asked'
    | 'error';
  /** The values that were compared, in words: `duration 812 ms, threshold 500 ms`. */
  readonly compared: string;
}
