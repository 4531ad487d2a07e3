import { expect, test } from 'vitest';
import type { Plain } from './value.ts';
import { valueText } from './value_text.ts';

test.each<[Plain, string]>([
  ['a "b"', 'a "b"'],
  [undefined, ''],
  [true, 'true'],
  [9223372036854775807n, '9223372036854775807'],
  [0.000001, '0.000001'],
  [1e-7, '1e-7'],
  [1e21, '1e+21'],
  [-0, '-0'],
  [Number.NaN, 'NaN'],
  [Number.NEGATIVE_INFINITY, '-Infinity'],
  [Uint8Array.of(1, 2, 255), 'AQL/'],
  [['a', 1n, undefined, [Number.NaN]], '["a",1,null,["NaN"]]'],
  [
    {
      pairs: [
        ['b', '<&>'],
        ['a', 1],
        ['b', 'x\u2028'],
        ['__proto__', Uint8Array.of(0)],
      ],
    },
    '{"__proto__":"AA==","a":1,"b":"x\\u2028"}',
  ],
])('%o as text', (value, text) => {
  expect(valueText(value)).toBe(text);
});
