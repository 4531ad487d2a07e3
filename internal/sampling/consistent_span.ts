import type { Patch } from '../otlp/patch.ts';
import type { Span } from '../otlp/view/span.ts';
import { varintSize } from '../otlp/wire.ts';
import { Writer } from '../otlp/writer.ts';

const TRACE_ID = 1;
const TRACE_STATE = 3;

/** Where the trace id lies; -1 for none, which is also one of zeros or of another length. */
export function traceIdOf(span: Span): number {
  const { buf } = span;
  const at = span.valueStart(TRACE_ID);
  if (at < 0 || span.valueEnd(TRACE_ID) - at !== 16) return -1;
  for (let i = at + 15; i >= at; i--) if (buf[i] !== 0) return at;
  return -1;
}

/** In the place of the one that is there; behind everything, where it counts as the last, if it is there in another form. */
export function writeTraceState(span: Span, text: string, patch: Patch): void {
  const field = traceStateField(text);
  const from = span.valueStart(TRACE_STATE);
  const to = span.valueEnd(TRACE_STATE);
  const single = from >= 0 && from - 1 - varintSize(to - from) === span.firstTag(TRACE_STATE);
  if (single) patch.splice(span.firstTag(TRACE_STATE), to, field);
  else patch.append(field);
}

/** The whole field `trace_state`. */
export function traceStateField(text: string): Uint8Array {
  const out = new Writer(text.length + 6);
  out.string(TRACE_STATE, text);
  return out.finish();
}
