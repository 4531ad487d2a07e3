import { expect, test } from 'vitest';
import { counting, generateRequest, randomRequest } from '../testkit/generate.ts';
import { loadOracle } from '../testkit/oracle.ts';
import { checkRequest, isMalformed, MAX_DEPTH, readRequest } from './check.ts';
import type { Signal } from './payload.ts';
import { seededRandom } from './sample.ts';
import { countItems } from './shape.ts';
import { Writer } from './writer.ts';

const oracle = await loadOracle();
const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];

test('sample telemetry passes, and every item is counted', () => {
  for (const signal of signals) {
    for (const items of [1, 7, 512]) {
      const bytes = generateRequest(signal, { items, resources: 2 });
      expect(checkRequest(signal, bytes)).toEqual({ items });
      expect(countItems(signal, bytes)).toBe(items);
    }
  }
});

test('an empty request passes with no items', () => {
  for (const signal of signals) expect(checkRequest(signal, new Uint8Array(0))).toEqual({ items: 0 });
});

test('whatever protobuf allows passes: unknown fields, padding, disorder', () => {
  for (const signal of signals) {
    for (let seed = 1; seed <= 120; seed++) {
      const bytes = randomRequest(signal, seed, { unknown: true, padded: true, disorder: true });
      expect(checkRequest(signal, bytes), `${signal}, seed ${seed}`).toEqual({ items: countItems(signal, bytes) });
    }
  }
});

test('a payload holds the bytes themselves', () => {
  const bytes = generateRequest('logs', { items: 3 });
  const payload = readRequest('logs', bytes);
  expect(payload).toMatchObject({ signal: 'logs', itemCount: 3, byteLength: bytes.length });
  expect('chunks' in payload && payload.chunks[0]).toBe(bytes);
});

test('the answer does not depend on where the request lies in memory', () => {
  const bytes = randomRequest('traces', 5, { unknown: true });
  for (let shift = 0; shift < 8; shift++) {
    const memory = new Uint8Array(bytes.length + 16).fill(0xff);
    memory.set(bytes, shift);
    const there = memory.subarray(shift, shift + bytes.length);
    expect(checkRequest('traces', there)).toEqual(checkRequest('traces', bytes));
  }
});

/** A request with one span that consists of these bytes. */
function spanOf(...bytes: number[]): Uint8Array {
  return wrap(wrap(wrap(Uint8Array.from(bytes), 2), 2), 1);
}

function wrap(content: Uint8Array, field: number): Uint8Array {
  const writer = new Writer(content.length + 16);
  writer.bytes(field, content);
  return writer.finish();
}

const refused: [why: string, bytes: Uint8Array, want: string][] = [
  ['a tag cut off', spanOf(0x80), 'Span: the tag is malformed'],
  ['field number 0', spanOf(0x02, 0), 'Span field 0: no such tag exists'],
  ['field number 0, padded', spanOf(0x82, 0x00, 0), 'Span field 0: no such tag exists'],
  ['wire type 6', spanOf(0x0e), 'Span.traceId: no such tag exists'],
  ['wire type 7 of an unknown field', spanOf(0xff, 0x01, 0), 'no such tag exists'],
  ['an end of a group that never began', spanOf(0x8c, 0x02), 'no such tag exists'],
  ['a group without its end', spanOf(0x8b, 0x02, 0x08, 0x01), 'the unknown field is malformed'],
  ['a group with another end', spanOf(0x8b, 0x02, 0x94, 0x02), 'the unknown field is malformed'],
  ['a trace id as a varint', spanOf(0x08, 0x01), 'Span.traceId: the wire type is wrong'],
  ['a kind as a fixed32', spanOf(0x35, 1, 2, 3, 4), 'Span.kind: the wire type is wrong'],
  ['a trace id of 15 bytes', spanOf(0x0a, 15, ...Array(15).fill(1)), 'Span.traceId: 15 bytes, expected 16 or none'],
  ['a span id of 9 bytes', spanOf(0x12, 9, ...Array(9).fill(1)), 'Span.spanId: 9 bytes, expected 8 or none'],
  ['a parent span id of 1 byte', spanOf(0x22, 1, 1), 'Span.parentSpanId: 1 bytes, expected 8 or none'],
  ['a link with a short trace id', spanOf(0x6a, 3, 0x0a, 1, 1), 'Link.traceId: 1 bytes'],
  ['a length beyond the span', spanOf(0x2a, 5, 0x61), 'Span.name: the length runs past'],
  [
    'a negative length',
    spanOf(0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
    'the length is malformed',
  ],
  ['a length of 4 GiB', spanOf(0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f), 'Span.name: the length runs past'],
  ['a length of more than 32 bits', spanOf(0x2a, 0xff, 0xff, 0xff, 0xff, 0x1f), 'the length is malformed'],
  ['a length cut off', spanOf(0x2a), 'Span.name: the length is malformed or cut off'],
  ['a varint of eleven bytes', spanOf(0x30, ...Array(10).fill(0x80), 0), 'Span.kind: the varint is malformed'],
  ['a varint of more than 64 bits', spanOf(0x30, ...Array(9).fill(0x80), 2), 'Span.kind: the varint is malformed'],
  ['a varint cut off', spanOf(0x30), 'Span.kind: the varint is malformed or cut off'],
  ['a time cut off', spanOf(0x39, 1, 2, 3, 4, 5, 6, 7), 'Span.startTimeUnixNano: cut off'],
  ['flags cut off', spanOf(0x85, 0x01, 1, 2, 3), 'Span.flags: cut off'],
  ['a name that is not UTF-8', spanOf(0x2a, 2, 0xc3, 0x28), 'Span.name: the text is not UTF-8'],
  ['a name with half a character', spanOf(0x2a, 2, 0xe6, 0x97), 'Span.name: the text is not UTF-8'],
  ['a key that is not UTF-8', spanOf(0x4a, 7, 0x0a, 1, 0xff, 0x12, 2, 0x10, 1), 'KeyValue.key: the text is not UTF-8'],
  [
    'a character cut in two by the end of an attribute',
    spanOf(0x4a, 8, 0x0a, 1, 0x61, 0x12, 3, 0x0a, 1, 0xc3, 0x4a, 8, 0x0a, 1, 0xa9, 0x12, 3, 0x0a, 1, 0x61),
    'AnyValue.stringValue: the text is not UTF-8',
  ],
];

for (const [why, bytes, want] of refused) {
  test(`refused: ${why}`, () => {
    const found = checkRequest('traces', bytes);
    expect(isMalformed(found) && found.malformed).toContain(want);
    expect(isMalformed(found) && found.offset).toBeGreaterThanOrEqual(0);
    expect(isMalformed(found) && found.offset).toBeLessThan(bytes.length);
  });
}

test('refused: a packed field that its values do not fill, and an exemplar with a short id', () => {
  const metric = (...point: number[]) => {
    const data = wrap(wrap(Uint8Array.from(point), 1), 9);
    return wrap(wrap(wrap(data, 2), 2), 1);
  };
  expect(checkRequest('metrics', metric(0x32, 9, ...Array(9).fill(0)))).toMatchObject({
    malformed: 'HistogramDataPoint.bucketCounts: the packed values do not fill their length',
  });
  expect(checkRequest('metrics', metric(0x42, 3, 0x22, 1, 1))).toMatchObject({
    malformed: 'Exemplar.spanId: 1 bytes, expected 8 or none',
  });
});

test('every proper prefix of a request is refused or is a request with fewer resources', () => {
  for (const signal of signals) {
    const bytes = generateRequest(signal, { items: 3, resources: 3 });
    const whole = checkRequest(signal, bytes);
    for (let size = 1; size < bytes.length; size++) {
      const found = checkRequest(signal, bytes.subarray(0, size));
      if (!isMalformed(found)) expect(found.items).toBeLessThan((whole as { items: number }).items);
    }
  }
});

function nestedArrays(levels: number): Uint8Array {
  let value = Uint8Array.from([0x10, 1]);
  for (let i = 0; i < levels; i++) value = Uint8Array.from(wrap(wrap(value, 1), 5));
  return wrap(wrap(wrap(wrap(wrap(value, 2), 9), 2), 2), 1);
}

test('AnyValues may be nested as deep as protobuf readers go, and no deeper', () => {
  // Resource, scope, span, attribute and the outermost value are 5 messages; each array in it is 2.
  const deepest = Math.floor((MAX_DEPTH - 5) / 2);
  expect(checkRequest('traces', nestedArrays(deepest))).toEqual({ items: 1 });
  expect(() => oracle.read('traces', nestedArrays(deepest))).not.toThrow();
  expect(checkRequest('traces', nestedArrays(deepest + 1))).toMatchObject({
    malformed: expect.stringContaining(`more than ${MAX_DEPTH} messages inside each other`),
  });
  expect(isMalformed(checkRequest('traces', nestedArrays(5000)))).toBe(true);
});

test('groups inside groups are skipped to a bounded depth', () => {
  const groups = (depth: number) => spanOf(...Array(depth).fill(0xfb), ...[]);
  for (const depth of [1, 10, 100_000]) expect(isMalformed(checkRequest('traces', groups(depth)))).toBe(true);
  const nested = (depth: number) =>
    spanOf(
      ...Array.from({ length: depth }, () => [0x8b, 0x02]).flat(),
      ...Array.from({ length: depth }, () => [0x8c, 0x02]).flat(),
    );
  expect(checkRequest('traces', nested(20))).toEqual({ items: 1 });
  expect(isMalformed(checkRequest('traces', nested(1000)))).toBe(true);
});

test('mutated requests are refused, or protobufjs can read them too', () => {
  for (const signal of signals) {
    for (let seed = 1; seed <= 400; seed++) {
      const bytes = mutate(randomRequest(signal, seed % 50, { unknown: true }), seededRandom(seed));
      const found = checkRequest(signal, bytes);
      const where = `${signal}, seed ${seed}`;
      if (isMalformed(found)) expect(found.offset, where).toBeLessThan(Math.max(1, bytes.length));
      else expect(() => oracle.read(signal, bytes), where).not.toThrow();
    }
  }
});

test('random bytes give an answer', () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const random = seededRandom(seed);
    const bytes = Uint8Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256));
    for (const signal of signals) checkRequest(signal, bytes);
  }
});

function mutate(bytes: Uint8Array, random: () => number): Uint8Array {
  const mutant = Uint8Array.from(bytes);
  for (let i = 1 + Math.floor(random() * 3); i > 0 && mutant.length > 0; i--) {
    mutant[Math.floor(random() * mutant.length)] = Math.floor(random() * 256);
  }
  return random() < 0.2 ? mutant.subarray(0, Math.floor(random() * mutant.length)) : mutant;
}

test('the work grows with the length of the request and nothing else', () => {
  const many = (count: number, ...bytes: number[]) => spanOf(...Array.from({ length: count }, () => bytes).flat());
  const cases: [string, (size: number) => Uint8Array][] = [
    ['empty attributes', (size) => many(size, 0x4a, 0)],
    [
      'attributes in plain rows broken by others',
      (size) => many(size, 0x4a, 7, 0x0a, 1, 0x61, 0x12, 2, 0x10, 1, 0x4a, 2, 0x12, 0),
    ],
    ['attributes whose text is not ASCII', (size) => many(size, 0x4a, 8, 0x0a, 2, 0xc3, 0xa9, 0x12, 2, 0x10, 1)],
    ['short fields', (size) => many(size, 0x30, 1)],
    ['groups', (size) => many(size, 0x8b, 0x02, 0x8c, 0x02)],
    ['deep values', (size) => Buffer.concat(Array.from({ length: Math.ceil(size / 40) }, () => nestedArrays(40)))],
  ];
  for (const [what, make] of cases) {
    for (const size of [1000, 8000]) {
      const bytes = make(size);
      const { proxy, count } = counting(bytes);
      expect(isMalformed(checkRequest('traces', proxy)), what).toBe(false);
      expect(count.reads, `${what}, ${bytes.length} bytes`).toBeLessThan(12 * bytes.length);
    }
  }
});
