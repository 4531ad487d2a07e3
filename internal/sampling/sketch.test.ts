import { expect, test } from 'vitest';
import { seededRandom } from '../otlp/sample.ts';
import { Sketches } from './sketch.ts';

const ms = 1e6;

function sketches(over: { minSamples?: number; halfLifeMs?: number; quantile?: number } = {}): Sketches {
  return new Sketches(100, over.quantile ?? 0.99, over.minSamples ?? 100, over.halfLifeMs ?? 300_000, 0);
}

test.each([0.5, 0.9, 0.99])('the quantile %d is at most 10% above the true one, over seven decades', (quantile) => {
  const sketch = sketches({ quantile });
  const random = seededRandom(5);
  const values = Array.from({ length: 20_000 }, () => 1e5 * 10 ** (7 * random() ** 2));
  for (const value of values) sketch.add(3, value);
  sketch.refresh(0);
  const exact = values.sort((a, b) => a - b)[Math.ceil(quantile * values.length) - 1]!;
  expect(sketch.quantileOf(3)! / exact).toBeGreaterThanOrEqual(1);
  expect(sketch.quantileOf(3)! / exact).toBeLessThan(1.1001);
});

test('about one in a hundred is above the 99th percentile, none where all are alike', () => {
  const sketch = sketches();
  const random = seededRandom(6);
  let slow = 0;
  for (let i = 0; i < 60_000; i++) {
    if (i % 1000 === 0) sketch.refresh(0);
    if (sketch.add(0, -Math.log(1 - random()) * 50 * ms)) slow++;
    if (sketch.add(1, 20 * ms)) slow += 1e9;
  }
  expect(slow).toBeGreaterThan(300);
  expect(slow).toBeLessThan(650);
});

test('nothing is slow before enough is known', () => {
  const sketch = sketches();
  for (let i = 0; i < 99; i++) sketch.add(0, ms);
  sketch.refresh(0);
  expect(sketch.quantileOf(0)).toBeUndefined();
  expect(sketch.add(0, 1000 * ms)).toBe(false);
  sketch.refresh(0);
  expect(sketch.add(0, 5000 * ms)).toBe(true);
});

test('what was slow becomes the rule after a few half-lives, and weights never overflow', () => {
  const sketch = sketches({ halfLifeMs: 1000 });
  let now = 0;
  for (let i = 0; i < 1000; i++) sketch.add(0, ms);
  sketch.refresh(now);
  expect(sketch.add(0, 10 * ms)).toBe(true);
  for (let second = 0; second < 200; second++) {
    now += 1000;
    for (let i = 0; i < 200; i++) sketch.add(0, 10 * ms);
    sketch.refresh(now);
  }
  expect(sketch.add(0, 10 * ms)).toBe(false);
  expect(sketch.samplesOf(0)).toBeGreaterThan(150);
  expect(sketch.samplesOf(0)).toBeLessThan(500);
});

test('durations that cannot be are ignored, the longest are one bucket', () => {
  const sketch = sketches({ minSamples: 1 });
  for (const nanos of [-1, Number.NaN, Number.NEGATIVE_INFINITY]) sketch.add(0, nanos);
  expect(sketch.samplesOf(0)).toBe(0);
  sketch.add(0, 0);
  sketch.add(0, Number.POSITIVE_INFINITY);
  expect(sketch.samplesOf(0)).toBe(2);
});

test('counts survive being saved and loaded; others are refused', () => {
  const sketch = sketches();
  for (let i = 0; i < 500; i++) sketch.add(70, (1 + (i % 100)) * ms);
  sketch.refresh(60_000);
  const saved = sketch.save(70)!;
  const other = sketches();
  expect(other.load(5, saved)).toBe(true);
  other.refresh(0);
  sketch.refresh(60_000);
  expect(other.quantileOf(5)).toBe(sketch.quantileOf(70));
  expect(sketch.save(71)).toBeUndefined();
  expect(other.load(6, saved.slice(1))).toBe(false);
  expect(
    other.load(
      6,
      saved.map(() => Number.NaN),
    ),
  ).toBe(false);
  sketch.forget(70);
  expect(sketch.save(70)).toBeUndefined();
  expect(sketch.quantileOf(70)).toBeUndefined();
});
