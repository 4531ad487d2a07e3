/**
 * Consistent probability sampling: every sampler compares the same 56 random bits R of a trace with a threshold T of
 * its own and keeps the trace where R >= T. So a trace that a strict sampler keeps, a lenient one keeps too.
 *
 *     T = (1 - probability) * 2^56        adjusted count = 2^56 / (2^56 - T)
 *
 * Source: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
 */

/** Keeps every trace. */
export const ALWAYS = 0n;
/** Above each R, so that it keeps none. The `th` of it cannot be written. */
export const NEVER = 1n << 56n;
/** R of what must pass every threshold but `NEVER`. */
export const MAX_RANDOMNESS = NEVER - 1n;
/** Hexadecimal digits of 56 bits: the most that `th` may have, and just as many as `rv` has. */
export const MAX_DIGITS = 14;

const TWO_56 = 2 ** 56;
/** 2^-56. */
export const MIN_PROBABILITY = 1 / TWO_56;

/**
 * The threshold of a probability.
 * @param precision hexadecimal digits of it to write, 1 to 14, beside those that are all 0 or all f at its beginning
 * @returns `NEVER` for a probability below 2^-56, `ALWAYS` for 1 and above
 */
export function thresholdOf(probability: number, precision = MAX_DIGITS): bigint {
  if (!(probability >= MIN_PROBABILITY)) return NEVER;
  if (probability >= 1) return ALWAYS;
  const leading = Math.max(leadingDigits(probability), leadingDigits(1 - probability));
  const digits = Math.min(MAX_DIGITS, precision + leading);
  const exact = NEVER - BigInt(Math.round(probability * TWO_56));
  const shift = BigInt(4 * (MAX_DIGITS - digits));
  return shift === 0n ? exact : ((exact + (1n << (shift - 1n))) >> shift) << shift;
}

/** Digits 0 that a number above 0 and at most 1 has behind the point in base 16; a carry makes none of them. */
function leadingDigits(x: number): number {
  const [exponent] = new Uint16Array(new Float64Array([x]).buffer, 6);
  return Math.max(0, Math.trunc((1022 - (exponent! >>> 4)) / 4));
}

/** 0 to 1. */
export function probabilityOf(threshold: bigint): number {
  return Number(NEVER - threshold) / TWO_56;
}

/** How many traces one that was kept stands for; 0 for `NEVER`. */
export function adjustedCount(threshold: bigint): number {
  return threshold >= NEVER ? 0 : 1 / probabilityOf(threshold);
}

/** The `th` of a threshold, 1 to 14 hexadecimal digits without zeros at the end; empty for `NEVER`. */
export function encodeThreshold(threshold: bigint): string {
  if (threshold >= NEVER) return '';
  return threshold === ALWAYS ? '0' : encodeRandomness(threshold).replace(/0+$/, '');
}

/** Undefined for what is no `th`. */
export function decodeThreshold(th: string): bigint | undefined {
  if (!/^[0-9a-fA-F]{1,14}$/.test(th)) return undefined;
  return BigInt(`0x${th.padEnd(MAX_DIGITS, '0')}`);
}

/** The `rv` of a randomness: 14 hexadecimal digits. */
export function encodeRandomness(randomness: bigint): string {
  return randomness.toString(16).padStart(MAX_DIGITS, '0');
}

/** Undefined for what is no `rv`. */
export function decodeRandomness(rv: string): bigint | undefined {
  return /^[0-9a-fA-F]{14}$/.test(rv) ? BigInt(`0x${rv}`) : undefined;
}

/** R of a trace without `rv`: the last 56 bits of its id, the 16 bytes at `at`. */
export function randomnessOfTraceId(traceIds: Uint8Array, at: number): bigint {
  return (BigInt(highRandomness(traceIds, at)) << 32n) | BigInt(lowRandomness(traceIds, at));
}

function highRandomness(traceIds: Uint8Array, at: number): number {
  return (traceIds[at + 9]! << 16) | (traceIds[at + 10]! << 8) | traceIds[at + 11]!;
}

function lowRandomness(traceIds: Uint8Array, at: number): number {
  return (
    ((traceIds[at + 12]! << 24) | (traceIds[at + 13]! << 16) | (traceIds[at + 14]! << 8) | traceIds[at + 15]!) >>> 0
  );
}

/** A threshold in two halves, to compare trace ids with where they lie: no bigint per trace. */
export class Cut {
  #threshold = ALWAYS;
  #high = 0;
  #low = 0;

  constructor(threshold = ALWAYS) {
    this.threshold = threshold;
  }

  get threshold(): bigint {
    return this.#threshold;
  }

  set threshold(threshold: bigint) {
    this.#threshold = threshold;
    this.#high = Number(threshold >> 32n);
    this.#low = Number(threshold & 0xffff_ffffn);
  }

  /** Whether R of the trace id at `at` reaches the threshold. */
  keeps(traceIds: Uint8Array, at: number): boolean {
    const high = highRandomness(traceIds, at);
    return high > this.#high || (high === this.#high && lowRandomness(traceIds, at) >= this.#low);
  }
}
