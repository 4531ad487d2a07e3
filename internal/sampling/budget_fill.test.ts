import { expect, test } from 'vitest';
import { fillFairly } from './budget_fill.ts';

const none = Number.POSITIVE_INFINITY;

function check(demand: number[], budget: number, floor: number, ceiling: number[] | number, want: number[]): void {
  const into = new Float64Array(demand.length);
  const ceilings = typeof ceiling === 'number' ? demand.map(() => ceiling) : ceiling;
  fillFairly(Float64Array.from(demand), budget, floor, Float64Array.from(ceilings), into);
  for (const [i, share] of want.entries()) expect(into[i]).toBeCloseTo(share, 6);
}

test('the small get what they ask for, the large the same each', () => {
  check([1, 2, 1000, 3000], 103, 0, none, [1, 2, 50, 50]);
});

test('everybody gets all where there is enough', () => {
  check([1, 2, 3], 10, 0, none, [1, 2, 3]);
});

test('a ceiling leaves more to the others', () => {
  check([100, 100, 100], 150, 0, [10, none, none], [10, 70, 70]);
  check([100, 100], 1000, 0, 20, [20, 20]);
});

test('floors are kept even where they come to more than the budget', () => {
  check([5, 0.5, 100], 0, 1, none, [1, 0.5, 1]);
  check([5, 100], 10, 1, none, [5, 5]);
});

test('a floor goes before a ceiling', () => {
  check([100, 100], 50, 5, [0, none], [5, 45]);
});

test('nobody asks, nobody gets', () => {
  check([], 10, 1, none, []);
  check([0, 0], 10, 1, none, [0, 0]);
});
