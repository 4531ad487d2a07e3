import type { Span } from '../otlp/view/span.ts';

const TRACE_ID = 1;
const PARENT_SPAN_ID = 4;
const STATUS = 15;
const ERROR = 2;

/** Where the 16 bytes of the trace id lie; -1 if it has none. */
export function traceIdAt(span: Span): number {
  const at = span.valueStart(TRACE_ID);
  return at >= 0 && span.valueEnd(TRACE_ID) - at === 16 ? at : -1;
}

/** Whether it has no parent: an id of zeros is none. */
export function isRoot(span: Span): boolean {
  const { buf } = span;
  const end = span.valueEnd(PARENT_SPAN_ID);
  for (let at = span.valueStart(PARENT_SPAN_ID); at < end; at++) if (buf[at] !== 0) return false;
  return true;
}

/** Whether its status is ERROR. */
export function isError(span: Span): boolean {
  return span.has(STATUS) && span.status.code === ERROR;
}
