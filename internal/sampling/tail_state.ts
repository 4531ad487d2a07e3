import { SpanWalk, TraceView } from './buffered_trace.ts';
import { DecisionCache } from './decision_cache.ts';
import type { TailOptions } from './engine_types.ts';
import { ExplainLog } from './explain_log.ts';
import { Heads } from './heads.ts';
import { Outbox } from './outbox.ts';
import { PolicyNames } from './policy_names.ts';
import { SpanLog } from './span_log.ts';
import { TraceHash, TraceId } from './trace_hash.ts';
import { TraceRows } from './trace_rows.ts';

const largestSlab = 1024 * 1024;
const smallestSlab = 64 * 1024;
/** Half of what a span log can number: the rest is for spans larger than a slab. */
const slabsAtMost = 32_768;
/** A buffer has at least so many slabs, so that one that is nearly empty does not weigh much. */
const slabsAtLeast = 64;
/** Bytes: the rows are made for as many traces as this leaves room for. */
const expectedTrace = 1024;
/** Decided traces that have not left yet. */
const rowsOnTheWay = 1024;
const smallestExplainLog = 4096;

/** All that a tail sampler knows: what a reload gives to the successor. */
export class TailState {
  readonly hash: TraceHash;
  readonly rows: TraceRows;
  readonly heads = new Heads();
  readonly log: SpanLog;
  readonly outbox: Outbox;
  readonly view: TraceView;
  readonly walk: SpanWalk;
  readonly names = new PolicyNames();
  sampled = new DecisionCache(0);
  notSampled = new DecisionCache(0);
  explain: ExplainLog | undefined;
  /** Milliseconds from a root to the decision of the traces in the list ROOTED. */
  rootWaitMs = 0;

  constructor(random: () => number, { maxBufferBytes, numTraces }: TailOptions) {
    this.hash = new TraceHash(random);
    this.rows = new TraceRows(Math.ceil(Math.min(numTraces, maxBufferBytes / expectedTrace)) + rowsOnTheWay);
    this.log = new SpanLog(this.rows, slabSizeFor(maxBufferBytes));
    this.outbox = new Outbox(this.rows, this.log, this.heads);
    this.view = new TraceView(this.rows, this.log, this.heads);
    this.walk = new SpanWalk(this.log, this.heads);
  }

  /** Adapts what is there to (other) options. @returns entries that the decision caches hold in all */
  configure(options: TailOptions): number {
    const { sampledCacheSize, nonSampledCacheSize, explainBytes, maxBufferBytes } = options;
    const wanted = sampledCacheSize + nonSampledCacheSize;
    const share = Math.min(1, DecisionCache.entriesIn(maxBufferBytes / 4) / Math.max(1, wanted));
    const id = new TraceId(this.hash);
    this.sampled = this.sampled.resized(Math.floor(sampledCacheSize * share), id);
    this.notSampled = this.notSampled.resized(Math.floor(nonSampledCacheSize * share), id);
    if (explainBytes < smallestExplainLog) this.explain = undefined;
    else if (this.explain?.capacity !== explainBytes) this.explain = new ExplainLog(explainBytes);
    this.outbox.multiplyThresholds = options.multiplyThresholds === true;
    if (options.decisionWaitAfterRootMs > 0) this.rootWaitMs = options.decisionWaitAfterRootMs;
    return this.sampled.capacity + this.notSampled.capacity;
  }

  /** Bytes of everything but the explain log, which has a budget of its own. */
  get bytes(): number {
    return this.log.bytes + this.rows.bytes + this.heads.bytes + this.sampled.bytes + this.notSampled.bytes;
  }
}

function slabSizeFor(maxBytes: number): number {
  const size = 2 ** Math.floor(Math.log2(Math.max(1, maxBytes / slabsAtLeast)));
  const usual = Math.min(largestSlab, Math.max(smallestSlab, size));
  return Math.max(usual, 2 ** Math.ceil(Math.log2(maxBytes / slabsAtMost)));
}
