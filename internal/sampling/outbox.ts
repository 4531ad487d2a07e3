import { Assembly } from '../otlp/assembly.ts';
import { Payload } from '../otlp/payload.ts';
import { Fields } from '../otlp/view/fields.ts';
import { ScopeGroup } from '../otlp/view/resource.ts';
import { Span } from '../otlp/view/span.ts';
import { LEN } from '../otlp/wire.ts';
import { Writer } from '../otlp/writer.ts';
import { multiplyThreshold, raiseThreshold } from './consistent_tracestate.ts';
import type { Heads, ResourceHead, ScopeHead } from './heads.ts';
import { isRoot } from './span_facts.ts';
import { fieldEnd, fieldStart, type SpanLog } from './span_log.ts';
import { BYTES, ROW, SPANS, THRESHOLD, type TraceRows } from './trace_rows.ts';
import { thresholdOf } from './verdict.ts';

/** A batch is full with so many spans or bytes; one span more than that goes by itself. */
const maxSpans = 8192;
export const maxBatchBytes = 4 * 1024 * 1024;

const RESOURCE_SPANS = (1 << 3) | LEN;
const SCOPE_SPANS = (2 << 3) | LEN;
const SCOPE = (1 << 3) | LEN;
const SPAN = (2 << 3) | LEN;
const TRACE_STATE = (3 << 3) | LEN;

/** Spans of one scope that get the same attributes on it, by their places, each with its trace beside it. */
interface Bucket {
  readonly scope: ScopeHead;
  readonly attributes: Uint8Array | undefined;
  readonly places: number[];
  readonly traces: Trace[];
}

/** What all kept spans of a trace get. */
interface Trace {
  readonly threshold: bigint;
  /** Encoded `attributes` fields for the root. */
  readonly stamp: Uint8Array | undefined;
}

const plain: Trace = { threshold: -1n, stamp: undefined };

/** Kept traces on their way out: rows in a queue, made into batches in which each resource and scope stands once. */
export class Outbox {
  /** Spans in the queue, and about their bytes. */
  spans = 0;
  bytes = 0;
  readonly #rows: TraceRows;
  readonly #log: SpanLog;
  readonly #heads: Heads;
  /** The queue, of which the first `#gone` have left. */
  #queue: number[] = [];
  #attributes: (Uint8Array | undefined)[] = [];
  #stamps: (Uint8Array | undefined)[] = [];
  #gone = 0;
  readonly #writer: BatchWriter;

  constructor(rows: TraceRows, log: SpanLog, heads: Heads) {
    this.#rows = rows;
    this.#log = log;
    this.#heads = heads;
    this.#writer = new BatchWriter(log);
  }

  /** See `TailOptions.multiplyThresholds`. */
  set multiplyThresholds(multiply: boolean) {
    this.#writer.stampWith(multiply ? multiplyThreshold : raiseThreshold);
  }

  /** As much as a batch takes is there. */
  get full(): boolean {
    return this.spans >= maxSpans || this.bytes >= maxBatchBytes;
  }

  /** Takes the row, which is in no list and not known any more. */
  add(row: number, attributes: Uint8Array | undefined, stamp: Uint8Array | undefined): void {
    this.#queue.push(row);
    this.#attributes.push(attributes);
    this.#stamps.push(stamp);
    this.spans += this.#rows.u32[row * ROW + SPANS]!;
    this.bytes += this.#rows.f64[(row * ROW + BYTES) >> 1]!;
  }

  /** The next batch, in a buffer of its own; undefined if there is none. Its spans leave the buffer. */
  next(): Payload | undefined {
    if (this.spans === 0) return undefined;
    const buckets = new Buckets();
    let spans = 0;
    let bytes = 0;
    while (spans < maxSpans && this.#gone < this.#queue.length) {
      const row = this.#queue[this.#gone]!;
      const attributes = this.#attributes[this.#gone];
      const trace = this.#traceAt(this.#gone);
      let place = this.#log.firstOf(row);
      while (place >= 0 && spans < maxSpans) {
        const size = this.#log.sizeOf(place);
        if (spans > 0 && bytes + size > maxBatchBytes) break;
        this.#log.shift(row);
        buckets.add(this.#heads.of(this.#log.groupOf(place)), attributes, place, trace);
        spans++;
        bytes += size;
        place = this.#log.firstOf(row);
      }
      if (place >= 0) break;
      this.#rows.release(row);
      this.#gone++;
    }
    this.spans -= spans;
    this.bytes -= bytes;
    this.#forgetGone();
    const chunk = this.#writer.write(buckets.byResource, bytes);
    this.#remove(buckets);
    return new Payload('traces', [chunk], spans, chunk.length);
  }

  #traceAt(i: number): Trace {
    const at = this.#queue[i]! * ROW + THRESHOLD;
    const { u32 } = this.#rows;
    const stamp = this.#stamps[i];
    const threshold = thresholdOf(u32[at]!, u32[at + 1]!);
    return threshold < 0n && !stamp ? plain : { threshold, stamp };
  }

  #remove({ byResource }: Buckets): void {
    for (const buckets of byResource.values()) {
      for (const { scope, places } of buckets) {
        for (const place of places) {
          this.#log.remove(place);
          this.#heads.release(scope.group);
        }
      }
    }
  }

  #forgetGone(): void {
    if (this.#gone < 1024 && this.#gone < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#gone);
    this.#attributes = this.#attributes.slice(this.#gone);
    this.#stamps = this.#stamps.slice(this.#gone);
    this.#gone = 0;
  }
}

/** The spans of one batch, by resource and scope. */
class Buckets {
  readonly byResource = new Map<ResourceHead, Bucket[]>();
  /** One for each set of attributes, of which there are few. */
  readonly #byScope = new Map<ScopeHead, Bucket[]>();
  #last: Bucket | undefined;

  add(scope: ScopeHead, attributes: Uint8Array | undefined, place: number, trace: Trace): void {
    let bucket = this.#last;
    // Spans come in rows of the same scope.
    if (bucket?.scope !== scope || bucket.attributes !== attributes) bucket = this.#find(scope, attributes);
    this.#last = bucket;
    bucket.places.push(place);
    bucket.traces.push(trace);
  }

  #find(scope: ScopeHead, attributes: Uint8Array | undefined): Bucket {
    let same = this.#byScope.get(scope);
    if (!same) this.#byScope.set(scope, (same = []));
    for (const bucket of same) if (sameBytes(bucket.attributes, attributes)) return bucket;
    const bucket: Bucket = { scope, attributes, places: [], traces: [] };
    same.push(bucket);
    const inResource = this.byResource.get(scope.resource);
    if (inResource) inResource.push(bucket);
    else this.byResource.set(scope.resource, [bucket]);
    return bucket;
  }
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);
}

type Stamp = (traceState: string, threshold: bigint) => string;

/** The field `trace_state` after a stamp, empty where nothing changed. */
interface Stamped {
  readonly before: string;
  readonly threshold: bigint;
  readonly field: Uint8Array;
}

const nothingStamped: Stamped = { before: '', threshold: -1n, field: new Uint8Array(0) };

class BatchWriter {
  readonly #log: SpanLog;
  readonly #out = new Assembly();
  readonly #span = new Span();
  readonly #scope = new ScopeGroup('ScopeSpans');
  readonly #fields = new Fields();
  #stamp: Stamp = raiseThreshold;
  #traceStates: Stamped = nothingStamped;

  constructor(log: SpanLog) {
    this.#log = log;
  }

  /** What becomes of a tracestate from now on. */
  stampWith(stamp: Stamp): void {
    this.#stamp = stamp;
    this.#traceStates = nothingStamped;
  }

  /** @param expected bytes, more or less */
  write(byResource: ReadonlyMap<ResourceHead, readonly Bucket[]>, expected: number): Uint8Array {
    const out = this.#out;
    out.expect(expected);
    for (const [{ head }, buckets] of byResource) {
      const sizes = buckets.map((bucket) => this.#sizeOf(bucket));
      out.open(
        RESOURCE_SPANS,
        undefined,
        0,
        0,
        sizes.reduce((sum, size) => sum + size, head.length),
      );
      out.copy(head, 0, head.length);
      for (const [i, bucket] of buckets.entries()) {
        out.open(SCOPE_SPANS, undefined, 0, 0, sizes[i]);
        this.#scopeHead(bucket);
        this.#spans(bucket);
        out.close();
      }
      out.close();
    }
    return out.finish();
  }

  /** Bytes of the spans, so that there is room for a length of the right size before they are written. */
  #sizeOf({ places }: Bucket): number {
    let bytes = 0;
    for (const place of places) bytes += this.#log.sizeOf(place);
    return bytes;
  }

  #spans({ places, traces }: Bucket): void {
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!;
      const buf = this.#log.bytesOf(place);
      const at = this.#log.offsetOf(place);
      if (traces[i] === plain) this.#out.copy(buf, at, at + this.#log.sizeOf(place));
      else this.#stamped(buf, at, traces[i]!);
    }
  }

  /** Attributes go into the scope message itself: not every reader merges two. */
  #scopeHead({ scope: { head }, attributes }: Bucket): void {
    const out = this.#out;
    if (!attributes) {
      out.copy(head, 0, head.length);
      return;
    }
    const { scope } = this.#scope.reset(head, 0, head.length);
    out.open(SCOPE);
    out.copy(scope.buf, scope.start, scope.end);
    out.copy(attributes, 0, attributes.length);
    out.close();
    const fields = this.#fields.reset(head, 0, head.length);
    while (fields.next()) if (fields.tag !== SCOPE) out.copy(head, fields.at, fields.to);
  }

  #stamped(buf: Uint8Array, at: number, { threshold, stamp }: Trace): void {
    const out = this.#out;
    const span = this.#span.reset(buf, fieldStart(buf, at), fieldEnd(buf, at));
    const traceState = threshold >= 0n ? this.#raised(span.traceState, threshold) : undefined;
    const onRoot = stamp && isRoot(span) ? stamp : undefined;
    if (!traceState && !onRoot) {
      out.copy(buf, at, span.end);
      return;
    }
    out.open(SPAN, undefined, 0, at, span.end);
    const fields = this.#fields.reset(buf, span.start, span.end);
    while (fields.next()) if (!traceState || fields.tag !== TRACE_STATE) out.copy(buf, fields.at, fields.to);
    if (traceState) out.copy(traceState, 0, traceState.length);
    if (onRoot) out.copy(onRoot, 0, onRoot.length);
    out.close();
  }

  /** The field `trace_state` with the threshold in it; undefined where nothing changes. The last answer is kept: most are alike. */
  #raised(before: string, threshold: bigint): Uint8Array | undefined {
    const last = this.#traceStates;
    if (last.before !== before || last.threshold !== threshold) {
      const after = this.#stamp(before, threshold);
      const out = new Writer(64);
      if (after !== before) out.string(3, after);
      this.#traceStates = { before, threshold, field: out.finish() };
    }
    const { field } = this.#traceStates;
    return field.length > 0 ? field : undefined;
  }
}
