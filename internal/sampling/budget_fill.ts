/**
 * Fair shares by water-filling: each gets what it asks for up to a common level, so that the small ones get all they
 * want and the large ones the same each.
 *
 *     share_i = min(demand_i, max(floor, min(level, ceiling_i)))        sum of share_i = budget
 *
 * Floors are promises: where they alone come to more than the budget, the sum is more than the budget.
 *
 * @param demand of each, per second
 * @param ceiling of each, per second
 * @param into the shares
 * @returns the level; infinity where everybody gets what it asks for or its ceiling
 */
export function fillFairly(
  demand: Float64Array,
  budget: number,
  floor: number,
  ceiling: Float64Array,
  into: Float64Array,
): number {
  const most = fill(demand, Number.POSITIVE_INFINITY, floor, ceiling, into);
  if (most <= budget) return Number.POSITIVE_INFINITY;
  let low = 0;
  let high = demand.reduce((a, b) => Math.max(a, b), 0);
  // Each step halves what is uncertain: 50 of them are exact for all that matters.
  for (let step = 0; step < 50; step++) {
    const level = (low + high) / 2;
    if (fill(demand, level, floor, ceiling, into) > budget) high = level;
    else low = level;
  }
  fill(demand, low, floor, ceiling, into);
  return low;
}

/** @returns the sum of the shares at this level */
function fill(demand: Float64Array, level: number, floor: number, ceiling: Float64Array, into: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < demand.length; i++) {
    sum += into[i] = Math.min(demand[i]!, Math.max(floor, Math.min(level, ceiling[i]!)));
  }
  return sum;
}
