/**
 * How likely a trace like this one is to be kept, over all that is left to chance: trace ids and moments. Everything
 * else about the trace is as it is.
 *
 * Where a hash of the trace id decides, it is the range of hashes (as shares of all of them) under which the trace is
 * kept, so that two policies with one salt, which keep the same traces first, are combined as what they are. Whatever
 * has another source of chance counts as independent.
 */
export interface Chance {
  /** What the range is a range of; `undefined`: of nothing shared with others. */
  readonly salt: string | undefined;
  readonly from: number;
  readonly to: number;
}

export const certain: Chance = { salt: undefined, from: 0, to: 1 };
export const never: Chance = { salt: undefined, from: 0, to: 0 };
/** A policy that fails takes no part, and its opposite does not either. */
export const failed: Chance = { salt: undefined, from: 0, to: 0 };

export function independent(probability: number): Chance {
  return probability >= 1 ? certain : { salt: undefined, from: 0, to: Math.max(0, probability) };
}

export function probability({ from, to }: Chance): number {
  return Math.max(0, to - from);
}

export function both(a: Chance, b: Chance): Chance {
  if (a === certain) return b;
  if (b === certain) return a;
  const from = Math.max(a.from, b.from);
  if (a.salt !== undefined && a.salt === b.salt)
    return { salt: a.salt, from, to: Math.max(from, Math.min(a.to, b.to)) };
  return independent(probability(a) * probability(b));
}

export function either(a: Chance, b: Chance): Chance {
  const [p, q] = [probability(a), probability(b)];
  if (p === 0) return b;
  if (q === 0) return a;
  if (a.salt === undefined || a.salt !== b.salt) return independent(p + q - p * q);
  const touch = a.from <= b.to && b.from <= a.to;
  if (!touch) return independent(p + q);
  return { salt: a.salt, from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };
}

export function opposite(a: Chance): Chance {
  if (a === failed) return failed;
  if (a.salt !== undefined && a.from === 0) return { salt: a.salt, from: a.to, to: 1 };
  if (a.salt !== undefined && a.to === 1) return { salt: a.salt, from: 0, to: a.from };
  return independent(1 - probability(a));
}
