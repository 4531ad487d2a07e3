import { expect, test } from 'vitest';
import { Keys, OVERFLOW } from './keys.ts';

function numberOf(keys: Keys, text: string, parent = 0, now = 0): number {
  const bytes = Buffer.from(`__${text}__`);
  return keys.numberOf(parent, bytes, 2, bytes.length - 2, now);
}

test('the same text under the same parent has the same number, others have others', () => {
  const keys = new Keys(5000);
  const seen = new Set<number>();
  for (let parent = 0; parent < 5; parent++) {
    for (let i = 0; i < 900; i++) seen.add(numberOf(keys, `operation ${i}`, parent));
  }
  expect(seen.size).toBe(4500);
  expect(keys.size).toBe(4500);
  for (let i = 0; i < 900; i++) expect(keys.textOf(numberOf(keys, `operation ${i}`, 3))).toBe(`operation ${i}`);
  expect(keys.size).toBe(4500);
});

test('what finds no place shares one, counted', () => {
  const keys = new Keys(4);
  expect(['a', 'b', 'c', 'd', 'e', 'a'].map((text) => numberOf(keys, text))).toEqual([1, 2, 3, OVERFLOW, OVERFLOW, 1]);
  expect(keys.overflows).toBe(2);
  expect(keys.textOf(OVERFLOW)).toBe('(other)');
});

test('numbers that are free again go to new texts, and the others stay', () => {
  const keys = new Keys(100);
  for (let i = 0; i < 99; i++) numberOf(keys, `k${i}`, 0, i);
  keys.removeIf((_, since) => since < 50);
  expect(keys.size).toBe(49);
  expect([...keys]).toHaveLength(49);
  const stayed = numberOf(keys, 'k70');
  expect(keys.textOf(stayed)).toBe('k70');
  for (let i = 0; i < 50; i++) expect(numberOf(keys, `new${i}`)).not.toBe(OVERFLOW);
  expect(numberOf(keys, 'k70')).toBe(stayed);
  expect(numberOf(keys, 'one too many')).toBe(OVERFLOW);
});

test('writes no more than it is told', () => {
  const keys = new Keys(10);
  const key = numberOf(keys, 'abcdef');
  const into = Buffer.alloc(8);
  expect(keys.write(key, into, 1, 3)).toBe(3);
  expect(into.toString('latin1')).toBe('\0abc\0\0\0\0');
});

test('of a long text only the beginning counts, and is kept', () => {
  const keys = new Keys(10);
  const long = 'x'.repeat(1_000_000);
  expect(numberOf(keys, `${long}a`)).toBe(numberOf(keys, `${long}b`));
  expect(keys.textOf(1)).toBe('x'.repeat(128));
});
