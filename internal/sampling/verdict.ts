import type { Decision } from './decider.ts';

export type Verdict = Decision['verdict'];
/** By their number: 0 is none yet. */
export const verdicts = ['pending', 'sampled', 'not_sampled', 'dropped'] as const;

/** The high half that says: no threshold. */
export const NO_THRESHOLD = 0xffff_ffff;

export function lowHalf(threshold: bigint): number {
  return threshold < 0n ? 0 : Number(threshold & 0xffff_ffffn);
}

export function highHalf(threshold: bigint): number {
  return threshold < 0n ? NO_THRESHOLD : Number(threshold >> 32n);
}

/** -1n for none. */
export function thresholdOf(low: number, high: number): bigint {
  return high === NO_THRESHOLD ? -1n : (BigInt(high) << 32n) | BigInt(low);
}
