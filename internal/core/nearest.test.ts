import { expect, test } from 'vitest';
import { editDistance, nearest } from './nearest.ts';

const fields = ['timeout', 'send_batch_size', 'endpoint', 'tls', 'headers'];
const guesses: [string, string | undefined][] = [
  ['timout', 'timeout'],
  ['tiemout', 'timeout'],
  ['sendBatchSize', 'send_batch_size'],
  ['send-batch-size', 'send_batch_size'],
  ['Endpoint', 'endpoint'],
  ['tsl', 'tls'],
  ['compression', undefined],
  ['x', undefined],
  ['', undefined],
  ['x'.repeat(300), undefined],
];
test.each(guesses)('%j most likely means %j', (word, want) => expect(nearest(word, fields)).toBe(want));

test('a swap of neighbours is one edit, and long words are not compared letter by letter', () => {
  expect(editDistance('abcd', 'acbd')).toBe(1);
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('a'.repeat(10_000), 'b'.repeat(10_000))).toBe(64);
});
