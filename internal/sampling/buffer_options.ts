import { defaultBufferBytes } from './buffer_bytes.ts';
import type { TailOptions } from './engine_types.ts';

const mib = 2 ** 20;
/** Upstream's advice for the size of its caches. */
const cachedPerTrace = 10;

/** The fields that every tail sampler has by these names. Durations are milliseconds. */
export interface BufferConfig {
  readonly decision_wait: number;
  readonly decision_wait_after_root_received: number;
  readonly num_traces: number;
  readonly max_trace_spans: number;
  readonly max_buffer_mib?: number | undefined;
  readonly decision_cache: {
    readonly sampled_cache_size?: number | undefined;
    readonly non_sampled_cache_size?: number | undefined;
  };
  readonly explain: { readonly log_mib: number; readonly attributes: boolean };
}

/** What these fields come to; the rest is off. */
export function bufferOptions(config: BufferConfig): TailOptions {
  const { decision_cache: caches, num_traces: numTraces, explain } = config;
  return {
    decisionWaitMs: config.decision_wait,
    decisionWaitAfterRootMs: config.decision_wait_after_root_received,
    numTraces,
    maxBufferBytes: config.max_buffer_mib === undefined ? defaultBufferBytes() : config.max_buffer_mib * mib,
    maxTraceBytes: 0,
    maxTraceSpans: config.max_trace_spans,
    dropTraceBytes: 0,
    blockOnOverflow: false,
    dropPendingOnShutdown: false,
    sampledCacheSize: caches.sampled_cache_size ?? cachedPerTrace * numTraces,
    nonSampledCacheSize: caches.non_sampled_cache_size ?? cachedPerTrace * numTraces,
    explainBytes: explain.log_mib * mib,
    stampExplanation: explain.attributes,
    spanIngest: false,
  };
}
