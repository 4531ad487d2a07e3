import { expect, test } from 'vitest';
import { seededRandom } from '../otlp/sample.ts';
import { TraceHash, TraceId } from './trace_hash.ts';

const kinds: [string, (i: number) => [number, number, number, number]][] = [
  ['share their first 8 bytes', (i) => [1, 2, i, 7]],
  ['share their last 8 bytes', (i) => [i, 2, 3, 4]],
  ['differ in high bits only', (i) => [0, i << 14, 0, 0]],
  ['repeat one word', (i) => [i, i, i, i]],
];

test.each(kinds)('ids that %s spread over a table', (_name, words) => {
  const hash = new TraceHash(seededRandom(7));
  const slots = new Uint8Array(2 ** 17);
  for (let i = 0; i < 2 ** 16; i++) slots[hash.of(...words(i)) & (slots.length - 1)]!++;
  // At random, 39% of the slots are taken (1 - 1/√e), the fullest of them by 7 or so.
  const taken = slots.reduce((sum, count) => sum + Math.min(count, 1), 0);
  expect(taken / slots.length).toBeGreaterThan(0.385);
  expect(taken / slots.length).toBeLessThan(0.402);
  expect(slots.reduce((most, count) => Math.max(most, count), 0)).toBeLessThan(12);
});

test('another key gives another order, the same key the same', () => {
  const hashes = (seed: number) => {
    const hash = new TraceHash(seededRandom(seed));
    return Array.from({ length: 100 }, (_, i) => hash.of(0, 0, 0, i));
  };
  expect(hashes(1)).toEqual(hashes(1));
  expect(hashes(1).filter((value, i) => value === hashes(2)[i])).toEqual([]);
});

test('an id says whether it is a new one, and hashes only then', () => {
  const hash = new TraceHash(seededRandom(1));
  const id = new TraceId(hash);
  expect(id.hash).toBe(hash.of(0, 0, 0, 0));
  expect(id.read(Buffer.alloc(17), 1)).toBe(false);
  const bytes = Buffer.from('ff0102030405060708090a0b0c0d0e0f10', 'hex');
  expect(id.read(bytes, 1)).toBe(true);
  expect(id.read(bytes, 1)).toBe(false);
  expect(id.hash).toBe(hash.of(0x04030201, 0x08070605, 0x0c0b0a09, 0x100f0e0d));
});
