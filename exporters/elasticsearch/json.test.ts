import { expect, test } from 'vitest';
import { seededRandom } from '../../internal/otlp/sample.ts';
import { FieldList } from './fields.ts';
import { JsonBytes } from './json.ts';

function written(write: (out: JsonBytes) => void): string {
  const out = new JsonBytes(4);
  write(out);
  return out.buf.toString('utf8', 0, out.pos);
}

const utf8 = (bytes: Uint8Array) => JSON.parse(written((out) => out.text(bytes, 0, bytes.length)));

test('any bytes become a string as the decoder of the platform reads them', () => {
  const random = seededRandom(5);
  const decoder = new TextDecoder();
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 12) }, () => Math.floor(random() * 256));
    const text = utf8(bytes);
    // An ill-formed sequence is one U+FFFD to the decoder and one for each of its bytes here: the rest must be the same.
    expect(text.replaceAll('\ufffd', '')).toBe(
      decoder
        .decode(bytes)
        .replaceAll('\ufffd', '')
        .replace(/^\ufeff/, ''),
    );
    expect(text.includes('\ufffd')).toBe(decoder.decode(bytes).includes('\ufffd'));
  }
});

test('any text comes out as it went in', () => {
  for (const text of [
    '',
    'a"b\\c',
    '\u0000\u0001\b\t\n\f\r\u001f\u007f',
    'ä€\u{1f600}',
    '\ud7ff\ue000\u{10ffff}',
    '</script>\u2028',
  ]) {
    expect(utf8(Buffer.from(text))).toBe(text);
  }
});

test.each([
  [0, '0.0'],
  [-0, '-0.0'],
  [1, '1.0'],
  [-2.5, '-2.5'],
  [1e21, '1e+21'],
  [1e20, '100000000000000000000.0'],
  [5e-324, '5e-324'],
  [Number.NaN, 'null'],
  [Number.POSITIVE_INFINITY, 'null'],
  [Number.NEGATIVE_INFINITY, 'null'],
])('the double %s', (value, want) => expect(written((out) => out.double(value))).toBe(want));

test.each([
  [0n, '1970-01-01T00:00:00.000000000Z', '0.0'],
  [1n, '1970-01-01T00:00:00.000000001Z', '0.000001'],
  [1_705_314_600_123_456_789n, '2024-01-15T10:30:00.123456789Z', '1705314600123.456789'],
  [2n ** 64n - 1n, '2554-07-21T23:34:33.709551615Z', '18446744073709.551615'],
  [2n ** 63n, '2262-04-11T23:47:16.854775808Z', '9223372036854.775808'],
])('%s nanoseconds', (nanos, iso, millis) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(nanos);
  expect(written((out) => out.isoNanos(bytes, 0))).toBe(`"${iso}"`);
  expect(written((out) => out.epochMillis(bytes, 0))).toBe(`"${millis}"`);
});

test.each([0n, 1n, -1n, 127n, 128n, 2n ** 49n - 1n, 2n ** 49n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)])(
  'the integer %s',
  (value) => {
    const bytes: number[] = [];
    for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
      if (rest < 0x80n) {
        bytes.push(Number(rest));
        break;
      }
      bytes.push(Number(rest & 0x7fn) | 0x80);
    }
    expect(written((out) => out.int64(Uint8Array.from(bytes), 0))).toBe(String(value));
  },
);

test.each([0, 9, 10, 999_999_999, 1_000_000_000, Number.MAX_SAFE_INTEGER, -123])('the whole number %s', (value) => {
  expect(written((out) => out.int(value))).toBe(String(value));
});

function fields(entries: readonly (readonly [string, number])[]) {
  const list = new FieldList(new JsonBytes(16));
  for (const [path, value] of entries) list.int(path, value);
  return {
    flat: JSON.parse(written((out) => list.writeFlat(out))),
    nested: JSON.parse(written((out) => list.writeNested(out))),
  };
}

test('of several fields with one path the last counts', () => {
  expect(
    fields([
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ]).flat,
  ).toEqual({ a: 3, b: 2 });
});

test('a path is never both a value and an object', () => {
  const { flat, nested } = fields([
    ['a.b', 1],
    ['a', 2],
    ['a-c', 3],
    ['a.b.c', 4],
    ['ab', 5],
  ]);
  expect(flat).toEqual({ 'a.b.value': 1, 'a.value': 2, 'a-c': 3, 'a.b.c': 4, ab: 5 });
  expect(nested).toEqual({ a: { b: { value: 1, c: 4 }, value: 2 }, 'a-c': 3, ab: 5 });
});

test('a field that has the new name already counts before the one that moves', () => {
  expect(
    fields([
      ['a', 1],
      ['a.value', 2],
    ]).flat,
  ).toEqual({ 'a.value': 2 });
});

test('names that the server would refuse for being empty are underscores', () => {
  expect(
    fields([
      ['', 1],
      ['a..b', 2],
      ['.c', 3],
    ]).nested,
  ).toEqual({ _: { c: 3, value: 1 }, a: { _: { b: 2 } } });
});

test('no fields are an empty object', () => {
  expect(fields([])).toEqual({ flat: {}, nested: {} });
});

test('what belongs to one record is gone with it', () => {
  const list = new FieldList(new JsonBytes(16));
  list.int('shared', 1);
  const { mark } = list;
  list.int('own', 2);
  list.back(mark);
  list.int('next', 3);
  expect(JSON.parse(written((out) => list.writeFlat(out)))).toEqual({ shared: 1, next: 3 });
});
