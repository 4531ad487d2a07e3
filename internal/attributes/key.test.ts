import { expect, test } from 'vitest';
import { encodeField, encodeValue } from '../otlp/attributes/encode.ts';
import { Attributes, type Plain } from '../otlp/view/value.ts';
import { attributesKey } from './key.ts';

function keyOf(...pairs: (readonly [key: string, value: Plain])[]): string {
  return keyOfBytes(
    Buffer.concat(pairs.map(([key, value]) => encodeField(1, Buffer.from(key), encodeValue(value)).bytes)),
  );
}

function keyOfBytes(bytes: Uint8Array): string {
  const list = new Attributes();
  list.over(bytes, 0, bytes.length, 1);
  return attributesKey(list);
}

const values: Plain[] = [
  undefined,
  '',
  'a',
  'x'.repeat(200),
  'grüße',
  true,
  false,
  0n,
  1n,
  -1n,
  300n,
  2n ** 63n - 1n,
  0,
  -0,
  1,
  Number.NaN,
  new Uint8Array(0),
  Buffer.from('a'),
  [],
  ['a'],
  ['a', 'b'],
  ['b', 'a'],
  [['a'], 'b'],
  [['a', 'b']],
  { pairs: [] },
  { pairs: [['a', 1n]] },
  { pairs: [['a', '1']] },
  {
    pairs: [
      ['a', 1n],
      ['b', 2n],
    ],
  },
];

test('different values have different keys, and so have different lists', () => {
  const keys = [
    ...values.map((value) => keyOf(['k', value])),
    ...values.map((value) => keyOf(['k', value], ['l', value])),
    ...values.map((value) => keyOf(['k', [value, value]])),
    keyOf(),
    keyOf(['kl', 'a']),
    keyOf(['k', 'la']),
    keyOf(['', 'a']),
    keyOf(['k', 'a'], ['k', 'a']),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test('the order of attributes, and of the pairs in a value, does not count', () => {
  const pairs: [string, Plain][] = [
    ['a', 1n],
    ['b', ['x', 'y']],
    ['c', { pairs: [] }],
  ];
  const [a, b, c] = [pairs[0]!, pairs[1]!, pairs[2]!];
  expect(keyOf(a, b, c)).toBe(keyOf(c, a, b));
  expect(keyOf(['k', { pairs: [a, b] }])).toBe(keyOf(['k', { pairs: [b, a] }]));
  expect(keyOf(['k', ['x', 'y']])).not.toBe(keyOf(['k', ['y', 'x']]));
});

test('the order does not count in long lists either', () => {
  for (const length of [2, 5, 16, 17, 60]) {
    const list = Array.from({ length }, (_, i): [string, Plain] => [`k${(i * 7) % length}`, BigInt(i % 3)]);
    const want = keyOf(...list);
    expect(keyOf(...list.toReversed())).toBe(want);
    expect(keyOf(...list.slice(length >> 1), ...list.slice(0, length >> 1))).toBe(want);
  }
});

test('how a value is encoded does not count: value before key, longer lengths, a value twice', () => {
  const plain = keyOf(['k', 'v']);
  const pair = (...content: number[]) => keyOfBytes(Buffer.from([0x0a, content.length, ...content]));
  const key = [0x0a, 1, 0x6b];
  const value = [0x12, 3, 0x0a, 1, 0x76];
  expect(pair(...key, ...value)).toBe(plain);
  expect(pair(...value, ...key)).toBe(plain);
  expect(pair(0x0a, 0x81, 0x00, 0x6b, ...value)).toBe(plain);
  expect(pair(...key, 0x12, 0x83, 0x00, 0x0a, 1, 0x76)).toBe(plain);
  expect(pair(...key, 0x12, 4, 0x0a, 0x81, 0x00, 0x76)).toBe(plain);
  expect(pair(...key, 0x12, 2, 0x0a, 0, ...value)).toBe(plain);
  expect(pair(...key, 0x12, 3, 0x18, 0x81, 0x00)).toBe(keyOf(['k', 1n]));
  expect(pair(...key, 0x12, 2, 0x10, 0x7f)).toBe(keyOf(['k', true]));
  expect(pair(...key)).toBe(keyOf(['k', undefined]));
  expect(pair(0x12, 3, 0x0a, 1, 0x76)).toBe(keyOf(['', 'v']));
});
