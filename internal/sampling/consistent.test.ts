import { expect, test } from 'vitest';
import { seededRandom } from '../otlp/sample.ts';
import {
  ALWAYS,
  adjustedCount,
  Cut,
  decodeRandomness,
  decodeThreshold,
  encodeRandomness,
  encodeThreshold,
  MAX_RANDOMNESS,
  MIN_PROBABILITY,
  NEVER,
  probabilityOf,
  randomnessOfTraceId,
  thresholdOf,
} from './consistent.ts';

// The table of the specification and upstream's tests of pkg/sampling.
test.each([
  [1, 4, '0'],
  [0.5, 4, '8'],
  [0.25, 4, 'c'],
  [1 / 3, 14, 'aaaaaaaaaaaaac'],
  [1 / 3, 4, 'aaab'],
  [1 / 3, 3, 'aab'],
  [1 / 3, 1, 'b'],
  [2 / 3, 3, '555'],
  [0.1, 4, 'e666'],
  [0.01, 4, 'fd70a'],
  [0.001, 4, 'ffbe77'],
  [0.999, 4, '004189'],
  [2 ** -55, 4, 'fffffffffffffe'],
  [2 ** -56, 4, 'ffffffffffffff'],
])('probability %d with %i digits is th:%s', (probability, precision, th) => {
  expect(encodeThreshold(thresholdOf(probability, precision))).toBe(th);
});

test('a probability too small to be written keeps nothing, one above 1 everything', () => {
  expect(thresholdOf(0)).toBe(NEVER);
  expect(thresholdOf(MIN_PROBABILITY / 2)).toBe(NEVER);
  expect(thresholdOf(Number.NaN)).toBe(NEVER);
  expect(thresholdOf(1.5)).toBe(ALWAYS);
  expect(encodeThreshold(NEVER)).toBe('');
});

test('th and rv are read back as they were written, for any 56 bits', () => {
  const random = seededRandom(7);
  for (let i = 0; i < 1000; i++) {
    const value = (BigInt(Math.floor(random() * 2 ** 28)) << 28n) | BigInt(Math.floor(random() * 2 ** 28));
    expect(decodeThreshold(encodeThreshold(value))).toBe(value);
    expect(decodeRandomness(encodeRandomness(value))).toBe(value);
  }
});

test.each(['', 'g', '0x1', '-1', '123456789012345', ' 8'])('"%s" is no th', (th) => {
  expect(decodeThreshold(th)).toBeUndefined();
});

test.each(['', '1234567890123', '123456789012345', '1234567890123g'])('"%s" is no rv', (rv) => {
  expect(decodeRandomness(rv)).toBeUndefined();
});

test('the adjusted count is the inverse of the probability', () => {
  expect(adjustedCount(ALWAYS)).toBe(1);
  expect(adjustedCount(thresholdOf(0.25))).toBe(4);
  expect(adjustedCount(NEVER)).toBe(0);
  expect(probabilityOf(thresholdOf(0.25))).toBe(0.25);
  expect(adjustedCount(MAX_RANDOMNESS)).toBe(2 ** 56);
});

test('the last seven bytes of a trace id are its randomness', () => {
  const ids = Buffer.from(`ff${'00'.repeat(9)}aabbccddeeff01ff`, 'hex');
  expect(randomnessOfTraceId(ids, 1)).toBe(0xaabbccddeeff01n);
});

test('a cut in two halves decides as the 56 bits do, at and around the threshold', () => {
  const random = seededRandom(3);
  const id = Buffer.alloc(16);
  for (let i = 0; i < 2000; i++) {
    for (let byte = 9; byte < 16; byte++) id[byte] = Math.floor(random() * 256);
    const randomness = randomnessOfTraceId(id, 0);
    for (const threshold of [randomness, randomness + 1n, randomness - 1n, thresholdOf(random(), 4)]) {
      if (threshold < 0n) continue;
      expect(new Cut(threshold).keeps(id, 0)).toBe(randomness >= threshold);
    }
  }
  expect(new Cut(NEVER).keeps(Buffer.alloc(16, 0xff), 0)).toBe(false);
  expect(new Cut(ALWAYS).keeps(Buffer.alloc(16), 0)).toBe(true);
});
