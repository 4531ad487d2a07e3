import { fixed32At } from '../otlp/wire.ts';

/**
 * Whole milliseconds of a fixed64 of nanoseconds, rounded down and exact, without a bigint.
 * @param at where the value lies; negative: 0
 */
export function milliseconds(buf: Uint8Array, at: number): number {
  if (at < 0) return 0;
  const low = fixed32At(buf, at);
  const high = fixed32At(buf, at + 4);
  // 2^32 = 4294 * 10^6 + 967296: both products stay below 2^53.
  return high * 4294 + Math.floor((high * 967_296 + low) / 1e6);
}
