import type { Span } from '../otlp/view/span.ts';
import { fixed32At } from '../otlp/wire.ts';
import { END, FLAGS, HAS_ERROR, HAS_ROOT, HAS_TIMES, ROW, START, type TraceRows } from './trace_rows.ts';

const START_TIME = 7;
const END_TIME = 8;

/** Notes what the engine itself knows of a trace: earliest start, latest end, root and error. Without a bigint for each span. */
export function noteSpan(rows: TraceRows, row: number, span: Span, root: boolean, error: boolean): void {
  const { u32 } = rows;
  const at = row * ROW;
  const { buf } = span;
  const start = span.valueStart(START_TIME);
  const end = span.valueStart(END_TIME);
  const startLow = start < 0 ? 0 : fixed32At(buf, start);
  const startHigh = start < 0 ? 0 : fixed32At(buf, start + 4);
  const endLow = end < 0 ? 0 : fixed32At(buf, end);
  const endHigh = end < 0 ? 0 : fixed32At(buf, end + 4);
  const flags = u32[at + FLAGS]!;
  const first = (flags & HAS_TIMES) === 0;
  if (first || isLess(startLow, startHigh, u32[at + START]!, u32[at + START + 1]!)) {
    u32[at + START] = startLow;
    u32[at + START + 1] = startHigh;
  }
  if (first || isLess(u32[at + END]!, u32[at + END + 1]!, endLow, endHigh)) {
    u32[at + END] = endLow;
    u32[at + END + 1] = endHigh;
  }
  u32[at + FLAGS] = flags | HAS_TIMES | (root ? HAS_ROOT : 0) | (error ? HAS_ERROR : 0);
}

function isLess(lowA: number, highA: number, lowB: number, highB: number): boolean {
  return highA < highB || (highA === highB && lowA < lowB);
}
