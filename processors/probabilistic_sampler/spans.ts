import type { Patch, Visitor } from '../../internal/otlp/rewrite.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import type { AnyValue } from '../../internal/otlp/view/value.ts';
import {
  ALWAYS,
  Cut,
  encodeThreshold,
  MAX_DIGITS,
  NEVER,
  randomnessOfTraceId,
} from '../../internal/sampling/consistent.ts';
import { traceIdOf, traceStateField, writeTraceState } from '../../internal/sampling/consistent_span.ts';
import { TraceState } from '../../internal/sampling/consistent_tracestate.ts';
import type { ProbabilisticConfig } from './config.ts';
import { bucketOf, hashOf, randomnessOfHash, writeRandomness } from './hash.ts';
import type { Mode } from './mode.ts';
import { traceIdAlone } from './survey.ts';
import type { Count, Tally } from './tally.ts';
import { judge } from './verdict.ts';

/** Behind tag, length and `ot=rv:`. */
const RV_AT = 8;
const priorityKey = Buffer.from('sampling.priority');

/** Keeps spans or leaves them out. Where the trace id alone decides, as mostly, a span is not looked at a second time. */
export class SpanJudge implements Visitor<Span> {
  readonly #mode: Mode;
  readonly #seed: number;
  readonly #failClosed: boolean;
  readonly #tally: Tally;
  readonly #cut: Cut;
  /** The threshold's first 14 bits: a hash has no more. */
  readonly #bucket: number;
  /** The tracestate of kept spans that came without one; in hash mode with room for `rv`. */
  readonly #stamp: Uint8Array;
  readonly #count: Count;

  constructor(config: ProbabilisticConfig, mode: Mode, tally: Tally) {
    this.#mode = mode;
    this.#seed = config.hash_seed;
    this.#failClosed = config.fail_closed;
    this.#tally = tally;
    this.#count = tally.of(mode.randomness === 'hash' ? 'trace_id_hash' : 'trace_id_w3c');
    this.#cut = new Cut(mode.threshold);
    this.#bucket = Number(mode.threshold >> 42n);
    const rv = mode.randomness === 'hash' ? `rv:${'0'.repeat(MAX_DIGITS)};` : '';
    this.#stamp = traceStateField(`ot=${rv}th:${encodeThreshold(mode.threshold)}`);
  }

  record(span: Span, patch: Patch): void {
    const { buf } = span;
    const id = this.#mode.randomness === 'none' ? -1 : traceIdAlone(buf, span.start, span.end);
    if (id < 0) this.#long(span, traceIdOf(span), priorityOf(span), patch);
    else if (this.#mode.randomness === 'hash') this.#byHash(hashOf(this.#seed, buf, id, id + 16), patch);
    else if (this.#cut.keeps(buf, id)) this.#keep(this.#stamp, patch);
    else this.#leave(patch);
  }

  #byHash(hash: number, patch: Patch): void {
    if (bucketOf(hash) < this.#bucket) this.#leave(patch);
    else {
      const stamp = Buffer.from(this.#stamp);
      writeRandomness(stamp, RV_AT, hash);
      this.#keep(stamp, patch);
    }
  }

  #keep(stamp: Uint8Array, patch: Patch): void {
    this.#count.kept++;
    patch.append(stamp);
  }

  #leave(patch: Patch): void {
    this.#count.left++;
    patch.drop();
  }

  #long(span: Span, id: number, priority: bigint | undefined, patch: Patch): void {
    const hashes = this.#mode.randomness === 'hash';
    const { buf } = span;
    const state = TraceState.parse(span.traceState);
    let randomness: bigint | undefined;
    if (id >= 0)
      randomness = hashes ? randomnessOfHash(hashOf(this.#seed, buf, id, id + 16)) : randomnessOfTraceId(buf, id);
    const policy = hashes ? 'trace_id_hash' : 'trace_id_w3c';
    const question = { carrier: state, randomness, policy, priority, alwaysWrites: true } as const;
    const verdict = judge(question, this.#mode, this.#failClosed);
    this.#tally.add(verdict);
    if (!verdict.kept) patch.drop();
    else if (verdict.carrier && state) writeTraceState(span, state.toString(), patch);
  }
}

/**
 * The attribute `sampling.priority` of OpenTracing: 0 asks for never, more than 0 for always.
 * Source: https://github.com/opentracing/specification/blob/master/semantic_conventions.md#span-tags-table
 */
function priorityOf(span: Span): bigint | undefined {
  const value = span.attributes.find(priorityKey)?.value;
  if (!value) return undefined;
  const priority = numberIn(value);
  if (priority === 0) return NEVER;
  return priority > 0 ? ALWAYS : undefined;
}

/** NaN for what is no number. Clients write it as any type. */
function numberIn(value: AnyValue): number {
  switch (value.kind) {
    case 'int':
      return Number(value.intValue);
    case 'double':
      return value.doubleValue;
    case 'string': {
      const text = value.stringValue;
      if (/^\+?inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
      const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
      return Number.isFinite(number) ? number : Number.NaN;
    }
    default:
      return Number.NaN;
  }
}
