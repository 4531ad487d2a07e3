import type { NumberPoint } from '../otlp/view/point.ts';
import { doubleAt, fixed32At } from '../otlp/wire.ts';
import { staleHigh, staleLow } from './series.ts';

/** A point's value. Samples are doubles: an integer beyond 2^53 becomes the nearest one. */
export interface Value {
  value: number;
  /** The double had the bits of a staleness marker, which a number does not keep. */
  stale: boolean;
  /** Whether there was any. */
  present: boolean;
}

export function readValue(point: NumberPoint, into: Value): void {
  const double = point.valueStart(4);
  const int = point.valueStart(6);
  into.present = double >= 0 || int >= 0;
  into.stale = false;
  if (double > int) {
    into.value = doubleAt(point.buf, double);
    if (Number.isNaN(into.value)) into.stale = isStaleBits(point.buf, double);
  } else if (int >= 0) {
    into.value = (fixed32At(point.buf, int + 4) | 0) * 0x1_0000_0000 + fixed32At(point.buf, int);
  }
}

function isStaleBits(buf: Uint8Array, at: number): boolean {
  return fixed32At(buf, at) === staleLow && fixed32At(buf, at + 4) === staleHigh;
}
