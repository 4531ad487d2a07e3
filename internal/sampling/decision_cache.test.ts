import { expect, test } from 'vitest';
import { seededRandom } from '../otlp/sample.ts';
import { DecisionCache } from './decision_cache.ts';
import { TraceHash, TraceId } from './trace_hash.ts';

function rig(capacity: number) {
  const id = new TraceId(new TraceHash(seededRandom(1)));
  const cache = new DecisionCache(capacity);
  const idOf = (n: number) => {
    id.set(0, 1, n, 2);
    return id;
  };
  const put = (n: number, to = cache) => to.put(idOf(n), n & 0xffff, n, n + 1, n * 100);
  const has = (n: number, of = cache) => of.find(idOf(n)) >= 0;
  return { id, cache, idOf, put, has };
}

test('remembers what was put, and again what was put twice', () => {
  const { cache, idOf, put } = rig(10);
  put(3);
  put(4);
  cache.put(idOf(3), 9, 8, 7, 123_456);
  const entry = cache.find(idOf(3));
  expect(cache.policyOf(entry)).toBe(9);
  expect([cache.thresholdLow(entry), cache.thresholdHigh(entry)]).toEqual([8, 7]);
  expect(cache.decidedAt(entry)).toBe(123_400);
  expect(cache.size).toBe(2);
});

test('a capacity of nothing remembers nothing', () => {
  const { cache, has } = rig(0);
  expect(has(1)).toBe(false);
  expect(cache.bytes).toBeLessThan(100);
});

test('the oldest go first, except those that were asked for', () => {
  const { put, has, cache } = rig(100);
  for (let n = 0; n < 100; n++) put(n);
  for (let n = 0; n < 10; n++) expect(has(n)).toBe(true);
  for (let n = 100; n < 150; n++) put(n);
  for (let n = 0; n < 10; n++) expect(has(n)).toBe(true);
  for (let n = 10; n < 60; n++) expect(has(n)).toBe(false);
  for (let n = 60; n < 150; n++) expect(has(n)).toBe(true);
  expect(cache.size).toBe(100);
});

test('always answers as a Map would for what it has, through a hundred thousand changes', () => {
  const { put, has, cache, idOf } = rig(1000);
  const random = seededRandom(3);
  const newest = new Map<number, number>();
  for (let i = 0; i < 100_000; i++) {
    const n = Math.floor(random() * 5000);
    put(n);
    newest.delete(n);
    newest.set(n, i);
    if (i % 100 === 0) {
      const m = Math.floor(random() * 5000);
      const entry = cache.find(idOf(m));
      if (entry >= 0) expect([newest.has(m), cache.thresholdLow(entry)]).toEqual([true, m]);
    }
  }
  expect(cache.size).toBe(1000);
  let found = 0;
  for (let n = 0; n < 5000; n++) if (has(n)) found++;
  expect(found).toBe(1000);
});

test('another capacity keeps the newest', () => {
  for (const full of [true, false]) {
    const { put, has, cache, id } = rig(full ? 100 : 1000);
    for (let n = 0; n < 150; n++) put(n);
    const smaller = cache.resized(50, id);
    for (let n = 0; n < 150; n++) expect(has(n, smaller)).toBe(n >= 100);
    const larger = smaller.resized(200, id);
    for (let n = 150; n < 300; n++) put(n, larger);
    for (let n = 0; n < 300; n++) expect(has(n, larger)).toBe(n >= 100);
    expect(cache.resized(cache.capacity, id)).toBe(cache);
  }
});
