import type { Payload } from '../../internal/otlp/payload.ts';
import { type Patch, rewriteSpans, Tools, type Visitor } from '../../internal/otlp/rewrite.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { type Walk, walkSpans } from '../../internal/otlp/view/walk.ts';
import type { Class } from '../../internal/sampling/budget.ts';
import { traceIdOf, traceStateField, writeTraceState } from '../../internal/sampling/consistent_span.ts';
import { raiseThreshold, TraceState, withoutContradiction } from '../../internal/sampling/consistent_tracestate.ts';
import { type Errors, NO_ERROR } from './errors.ts';
import { classOf, type Model } from './model.ts';
import type { Carried, Kind } from './pass.ts';

const TRACE_STATE = 3;
const NAME = 5;
const STATUS = 15;

export class SpanKind implements Kind<Span> {
  readonly #model: Model;
  readonly #options = { tools: new Tools() };
  readonly #errors: Errors;
  /** The last field written: most are alike. */
  #last: { readonly threshold: bigint; readonly field: Uint8Array } | undefined;

  constructor(model: Model, errors: Errors) {
    this.#model = model;
    this.#errors = errors;
  }

  walk(batch: Payload): Walk<Span> {
    return walkSpans(batch);
  }

  rewrite(batch: Payload, visitor: Visitor<Span>): Payload {
    return rewriteSpans(batch, visitor, this.#options);
  }

  judge(span: Span, service: number, now: number): Class {
    const model = this.#model;
    const operation = model.operationOf(service, span.buf, span.valueStart(NAME), span.valueEnd(NAME), now);
    const slow = model.isSlow(operation, span.endTimeRounded - span.startTimeRounded);
    const rare = model.isRare(operation, span.has(STATUS) ? span.status.code : 0, now);
    return classOf(this.#errors.ofSpan(span) !== NO_ERROR, slow, rare);
  }

  traceIdAt(span: Span): number {
    return traceIdOf(span);
  }

  carried(span: Span): Carried | undefined {
    return hasTraceState(span) ? TraceState.parse(span.traceState) : undefined;
  }

  stamp(span: Span, patch: Patch, threshold: bigint): void {
    if (!hasTraceState(span)) {
      if (this.#last?.threshold !== threshold) {
        this.#last = { threshold, field: traceStateField(raiseThreshold('', threshold)) };
      }
      patch.append(this.#last.field);
      return;
    }
    const before = span.traceState;
    const id = traceIdOf(span);
    const after = raiseThreshold(id < 0 ? before : withoutContradiction(before, span.buf, id), threshold);
    if (after !== before) writeTraceState(span, after, patch);
  }
}

function hasTraceState(span: Span): boolean {
  return span.valueEnd(TRACE_STATE) > span.valueStart(TRACE_STATE);
}
