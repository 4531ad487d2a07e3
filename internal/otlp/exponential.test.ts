import { expect, test } from 'vitest';
import type { Count } from './counts.ts';
import { addExponential, copyOf, differenceOf, type Exponential } from './exponential.ts';
import { seededRandom } from './sample.ts';

const finest = 20;

function histogram(scale: number, offset: number, counts: Count[], more: Partial<Exponential> = {}): Exponential {
  const count = counts.reduce((sum: number, each) => sum + Number(each), 0);
  const none = { offset: 0, counts: [] };
  const positive = { offset, counts };
  return { scale, count, sum: 0, zeroCount: 0, zeroThreshold: 0, positive, negative: none, ...more };
}

const sumOf = (counts: readonly Count[]) => counts.reduce((sum, each) => BigInt(sum) + BigInt(each), 0n);
const everything = ({ positive, negative, zeroCount }: Exponential) =>
  BigInt(sumOf(positive.counts)) + BigInt(sumOf(negative.counts)) + BigInt(zeroCount);

test('adding loses no observation, whatever scales, offsets and zero buckets meet', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const some = () => {
      const wide = below(10) === 0 ? 2 ** 31 : 400;
      const counts = () => Array.from({ length: below(200) }, () => below(5));
      return histogram(below(24) - 3, below(wide) - wide / 2, counts(), {
        negative: { offset: below(wide) - wide / 2, counts: counts() },
        zeroCount: below(10),
        zeroThreshold: below(3) === 0 ? random() : 0,
      });
    };
    const [total, more] = [some(), some()];
    const before = everything(total) + everything(more);
    const untouched = JSON.stringify(more);
    addExponential(total, more, finest);
    expect(everything(total), `seed ${seed}`).toBe(before);
    expect(total.positive.counts.length).toBeLessThanOrEqual(160);
    expect(total.negative.counts.length).toBeLessThanOrEqual(160);
    expect(JSON.stringify(more)).toBe(untouched);
  }
});

test('the difference between a total and what it was before is what was added', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    const some = (scale: number) =>
      histogram(
        scale,
        below(40) - 20,
        Array.from({ length: below(30) }, () => below(9)),
        { zeroCount: below(5) },
      );
    const before = some(4 + below(3));
    const total = copyOf(before);
    const added = some(2 + below(5));
    addExponential(total, added, finest);
    const delta = differenceOf(total, before)!;
    expect([delta.count, delta.zeroCount, everything(delta)]).toEqual([
      added.count,
      added.zeroCount,
      everything(added),
    ]);
    const again = copyOf(before);
    addExponential(again, delta, finest);
    expect(again).toEqual(total);
  }
});

test('what cannot have grown has no difference', () => {
  const before = histogram(2, 0, [3, 4], { zeroCount: 2, zeroThreshold: 0.25 });
  const was = (after: Exponential) => differenceOf(after, before) !== undefined;
  const same = { zeroCount: 2, zeroThreshold: 0.25 };
  expect(was(histogram(2, 0, [3, 4], same))).toBe(true);
  expect(was(histogram(2, 0, [2, 9], same))).toBe(false);
  expect(was(histogram(2, 1, [9], same))).toBe(false);
  expect(was(histogram(3, 0, [9, 9], same))).toBe(false);
  expect(was(histogram(2, 0, [9, 9], { ...same, zeroCount: 1 }))).toBe(false);
  expect(was(histogram(2, 0, [9, 9], { ...same, zeroThreshold: 0.1 }))).toBe(false);
  expect(was({ ...histogram(2, 0, [9, 9], same), count: 1 })).toBe(false);
});

test('counts beyond 2^53 stay exact', () => {
  const large = 2n ** 60n + 1n;
  const total = histogram(0, 0, [large], { count: large });
  addExponential(total, histogram(0, 0, [1]), finest);
  expect(total.positive.counts).toEqual([large + 1n]);
  expect(differenceOf(total, histogram(0, 0, [large], { count: large }))).toMatchObject({ count: 1 });
});
