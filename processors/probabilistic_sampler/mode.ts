import { MAX_DIGITS, MIN_PROBABILITY, NEVER, probabilityOf, thresholdOf } from '../../internal/sampling/consistent.ts';
import type { ProbabilisticConfig } from './config.ts';

/** How an item is judged: what its randomness is, and which threshold it must reach. */
export interface Mode {
  /** `hash`: a hash of the trace id or an attribute; `consistent`: `rv` or the trace id; `none`: everything is left out. */
  readonly randomness: 'hash' | 'consistent' | 'none';
  /** T for an item that arrived without one. */
  readonly threshold: bigint;
  /** T for an item that arrived with `incoming`. */
  next(incoming: bigint): bigint;
}

const none: Mode = { randomness: 'none', threshold: NEVER, next: () => NEVER };
const BUCKETS = 1 << 14;

/** The arithmetic, float32 here and there, is upstream's, so that the same items are kept to the last bit. */
export function modeOf(config: ProbabilisticConfig): Mode {
  const percentage = Math.min(100, Math.fround(config.sampling_percentage));
  if (percentage === 0) return none;
  const probability = Math.max(percentage / 100, MIN_PROBABILITY);
  switch (config.mode) {
    case 'equalizing': {
      const threshold = thresholdOf(probability, config.sampling_precision);
      return { randomness: 'consistent', threshold, next: (incoming) => (incoming > threshold ? incoming : threshold) };
    }
    case 'proportional': {
      const of = (incoming: number) => thresholdOf(incoming * probability, config.sampling_precision);
      return { randomness: 'consistent', threshold: of(1), next: (incoming) => of(probabilityOf(incoming)) };
    }
    default: {
      const accepted = Math.trunc(Math.fround(percentage * Math.fround(BUCKETS / 100)));
      if (accepted === 0) return none;
      const threshold = BigInt(BUCKETS - accepted) << BigInt(4 * MAX_DIGITS - 14);
      return { randomness: 'hash', threshold, next: () => threshold };
    }
  }
}
