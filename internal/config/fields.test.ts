import { expect, test } from 'vitest';
import { z } from 'zod';
import * as fields from './fields.ts';

const durations: [string, number | undefined][] = [
  ['200ms', 200],
  ['1h30m', 5_400_000],
  ['1.5s', 1500],
  ['.5s', 500],
  ['0', 0],
  ['-2s', -2000],
  ['100us', 0.1],
  ['100µs', 0.1],
  ['5', undefined],
  ['5 s', undefined],
  ['1d', undefined],
  ['', undefined],
  ['s', undefined],
];
test.each(durations)('the duration %j is %j ms', (text, want) => expect(fields.parseDuration(text)).toBe(want));

/** What a field makes of values, and its words about those it refuses. */
function check(schema: z.ZodType, accepted: [unknown, unknown][], refused: [unknown, string][]) {
  for (const [input, want] of accepted) expect(schema.parse(input)).toEqual(want);
  for (const [input, want] of refused) {
    const parsed = schema.safeParse(input);
    expect(parsed.success ? 'accepted' : parsed.error.issues[0]?.message).toBe(want);
  }
}

test('duration', () =>
  check(
    fields.duration('5s'),
    [
      [undefined, 5000],
      ['1m', 60_000],
      [0, 0],
    ],
    [
      ['abc', 'expected a duration such as 200ms, got "abc"'],
      ['30', 'expected a duration such as 200ms, got "30"; did you mean "30s" or "30ms"?'],
      ['2d', 'expected a duration such as 200ms, got "2d"; did you mean "48h"?'],
      ['-1s', 'expected a duration of at least 0, got "-1s"'],
    ],
  ));

test('endpoint', () =>
  check(
    fields.endpoint(),
    [':4317', 'localhost:4317', '0.0.0.0:0', '[::1]:4317', 'a-b.example:1'].map((text) => [text, text]),
    [
      ['localhost', 'expected host:port such as localhost:4317, got "localhost": the port is missing'],
      [
        'http://localhost:4317',
        'expected host:port such as localhost:4317, got "http://localhost:4317": leave http:// away',
      ],
      [
        '::1:4317',
        'expected host:port such as localhost:4317, got "::1:4317": put an IPv6 address in brackets, [::1]:4317',
      ],
      [
        'localhost:70000',
        'expected host:port such as localhost:4317, got "localhost:70000": the port is at most 65535',
      ],
      ['localhost:1/v1', 'expected host:port such as localhost:4317, got "localhost:1/v1": an address has no path'],
      ['a b:1', 'expected host:port such as localhost:4317, got "a b:1"'],
    ],
  ));

test('url', () =>
  check(
    fields.url(),
    [['https://a.example/x', 'https://a.example/x']],
    [
      [
        'collector:4318',
        'expected a URL such as http://host:4318, got "collector:4318"; did you mean "http://collector:4318"?',
      ],
      ['ftp://a', 'expected a URL such as http://host:4318, got "ftp://a"'],
    ],
  ));

test('headers take both forms', () => {
  check(
    fields.headers(),
    [
      [undefined, {}],
      [
        { a: 'x', b: 'y' },
        { a: 'x', b: 'y' },
      ],
      [[{ name: 'a', value: 'x' }], { a: 'x' }],
    ],
    [],
  );
  expect(fields.headers().safeParse({ a: 1 }).success).toBe(false);
  expect(fields.headers().safeParse([{ name: 'a' }]).success).toBe(false);
});

test('numbers keep to their bounds', () => {
  const inside = (schema: z.ZodType, input: unknown) => schema.safeParse(input).success;
  expect([-1, 0, 1.5].map((input) => inside(fields.byteSize(), input))).toEqual([false, true, false]);
  expect([-1, 0, 512, 1.5].map((input) => inside(fields.mebibytes(), input))).toEqual([false, true, true, false]);
  expect([-1, 0, 12.5, 100, 101].map((input) => inside(fields.percentage(), input))).toEqual([
    false,
    true,
    true,
    true,
    false,
  ]);
  expect([0, 1, 65_535, 65_536].map((input) => inside(fields.port(), input))).toEqual([false, true, true, false]);
  expect([1, 1.5, 'a'].map((input) => inside(fields.integer(), input))).toEqual([true, false, false]);
});

test('a section is off when absent and on when empty; a defaulted part is always on', () => {
  const schema = fields.object({
    off: fields.section(fields.object({ a: z.number().default(1) })),
    on: fields.defaulted(fields.object({ a: z.number().default(1) })),
  });
  expect(schema.parse({})).toEqual({ on: { a: 1 } });
  expect(schema.parse({ off: null, on: null })).toEqual({ off: { a: 1 }, on: { a: 1 } });
});
