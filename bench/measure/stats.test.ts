import { expect, test } from 'vitest';
import { judge } from './result.ts';
import { seriesValue } from './scrape.ts';
import { median, percentile, ratio, spread } from './stats.ts';

const even = (value: number) => ({ median: value, min: value, max: value });

test('the median is the middle one, whatever the order', () => {
  expect(median([3])).toBe(3);
  expect(median([9, 1, 5])).toBe(5);
  expect(median([10, 2, 4, 8])).toBe(6);
  expect(() => median([])).toThrow(RangeError);
});

test('percentiles are values that occurred, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(percentile(hundred, 0.5)).toBe(50);
  expect(percentile(hundred, 0.99)).toBe(99);
  expect(percentile(hundred, 1)).toBe(100);
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([1, 2], 0)).toBe(1);
  expect(() => percentile([], 0.5)).toThrow(RangeError);
});

test('a ratio is that of the medians, with the widest range the runs allow', () => {
  expect(ratio(spread([300, 330, 360]), spread([90, 100, 110]))).toEqual({ median: 3.3, min: 300 / 110, max: 4 });
});

test('a goal is met by the median, at the bound too', () => {
  const sluice = { rate: { median: 300, min: 100, max: 900 }, rss: even(110) };
  expect(judge({ figure: 'rate', atLeastTimes: 3 }, sluice, { rate: even(100) })).toMatchObject({ met: true });
  expect(judge({ figure: 'rate', atLeastTimes: 3 }, sluice, { rate: even(101) })).toMatchObject({ met: false });
  expect(judge({ figure: 'rate', atMostTimes: 1 }, sluice, { rate: even(300) })).toMatchObject({ met: true });
  expect(judge({ figure: 'rate', atMostTimes: 1 }, sluice, { rate: even(299) })).toMatchObject({ met: false });
  expect(judge({ figure: 'rss', atMost: 110 }, sluice, undefined)).toMatchObject({ met: true });
  expect(judge({ figure: 'rss', atMost: 109 }, sluice, undefined)).toMatchObject({ met: false });
});

test('a comparison with a subject that was not measured is left out', () => {
  expect(judge({ figure: 'rate', atLeastTimes: 3 }, { rate: even(1) }, undefined)).toBeUndefined();
  expect(judge({ figure: 'rate', atMost: 3 }, undefined, { rate: even(1) })).toBeUndefined();
});

test('a series is found by its whole name and its label', () => {
  const text = '# HELP delay x\ndelay_max 9\ndelay{quantile="0.5"} 0.001\ndelay{quantile="1"} 0.25\nplain 1e-3\n';
  expect(seriesValue(text, 'delay', 'quantile="1"')).toBe(0.25);
  expect(seriesValue(text, 'plain')).toBe(0.001);
  expect(seriesValue(text, 'missing')).toBeUndefined();
});
