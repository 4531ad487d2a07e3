import { expect, test } from 'vitest';
import { asPayload, generatePayload, type RandomOptions, randomRequest } from '../testkit/generate.ts';
import { loadOracle } from '../testkit/oracle.ts';
import { decodeJson, encodeJson } from './json.ts';
import { Payload, type Signal } from './payload.ts';
import { seededRandom } from './sample.ts';
import { isMalformed } from './wire.ts';

const oracle = await loadOracle();
const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];
const shapes: readonly RandomOptions[] = [{}, { unknown: true, padded: true, disorder: true, depth: 6 }];

function text(payload: Payload): string {
  return Buffer.from(encodeJson(payload)).toString('utf8');
}

function decoded(signal: Signal, json: unknown): Payload {
  const payload = decodeJson(signal, typeof json === 'string' ? json : JSON.stringify(json));
  if (isMalformed(payload)) throw new Error(payload.malformed);
  return payload;
}

/** protobufjs's reading as OTLP/JSON has it: ids in hex, numbers that JSON lacks as strings. */
function asOtlpJson(value: unknown, key = ''): unknown {
  if (typeof value === 'string' && /(trace|span)Id$/i.test(key)) return Buffer.from(value, 'base64').toString('hex');
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return value.map((item) => asOtlpJson(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, asOtlpJson(inner, name)]));
}

test('what is written is what protobufjs reads, on one line', () => {
  for (const signal of signals) {
    for (const options of shapes) {
      for (let seed = 1; seed <= 40; seed++) {
        const bytes = randomRequest(signal, seed, options);
        const json = text(asPayload(signal, bytes));
        expect(json).not.toContain('\n');
        expect(JSON.parse(json), `${signal}, seed ${seed}`).toEqual(asOtlpJson(oracle.read(signal, bytes)));
      }
    }
  }
});

test('what is written and read again says the same', () => {
  for (const signal of signals) {
    for (let seed = 1; seed <= 40; seed++) {
      const payload = asPayload(signal, randomRequest(signal, seed, { disorder: true, depth: 6 }));
      const again = decoded(signal, text(payload));
      const where = `${signal}, seed ${seed}`;
      expect(again.itemCount, where).toBe(asPayload(signal, Buffer.concat(again.chunks)).itemCount);
      expect(oracle.read(signal, Buffer.concat(again.chunks)), where).toEqual(
        oracle.read(signal, Buffer.concat(payload.chunks)),
      );
    }
  }
});

test('several chunks become one document', () => {
  const parts = [1, 2].map((seed) => generatePayload('logs', { items: 2, seed }));
  const batch = Payload.concat('logs', parts);
  expect(JSON.parse(text(batch)).resourceLogs).toHaveLength(2);
  expect(decoded('logs', text(batch)).itemCount).toBe(4);
  expect(text(new Payload('logs', [], 0, 0))).toBe('{}');
});

const span = (fields: object) => ({ resourceSpans: [{ scopeSpans: [{ spans: [fields] }] }] });
const point = (fields: object) => ({
  resourceMetrics: [{ scopeMetrics: [{ metrics: [{ gauge: { dataPoints: [fields] } }] }] }],
});

function readSpan(json: string | object): any {
  const payload = decoded('traces', typeof json === 'string' ? json : span(json));
  return (oracle.read('traces', payload.chunks[0]!) as any).resourceSpans[0].scopeSpans[0].spans[0];
}

test('the example of the specification is read', () => {
  const traceId = '5B8EFFF798038103D269B633813FC60C';
  const spanId = 'EEE19B7EC3C1B174';
  const found = readSpan({ traceId, spanId, name: 'I am a span', kind: 2, startTimeUnixNano: '1544712660000000000' });
  expect(found).toEqual({
    traceId: Buffer.from(traceId, 'hex').toString('base64'),
    spanId: Buffer.from(spanId, 'hex').toString('base64'),
    name: 'I am a span',
    kind: 2,
    startTimeUnixNano: '1544712660000000000',
  });
});

test('names in snake_case, unknown keys and null are taken as proto3 has it', () => {
  expect(readSpan({ start_time_unix_nano: '5', parent_span_id: '', name: null, newField: [{ deep: {} }] })).toEqual({
    startTimeUnixNano: '5',
  });
});

test('integers are taken as strings and as numbers, exactly to the last bit', () => {
  const json = JSON.stringify(span({ startTimeUnixNano: 7, endTimeUnixNano: 'X' })).replace(
    '"X"',
    '1700000000123456789',
  );
  expect(readSpan(json)).toEqual({ startTimeUnixNano: '7', endTimeUnixNano: '1700000000123456789' });
  expect(readSpan({ droppedAttributesCount: '12', flags: 257 })).toEqual({ droppedAttributesCount: 12, flags: 257 });
  expect(readSpan(JSON.stringify(span({ endTimeUnixNano: 0 })).replace(':0', ':1.5e9'))).toEqual({
    endTimeUnixNano: '1500000000',
  });
  expect(readSpan(JSON.stringify(span({ endTimeUnixNano: 0 })).replace(':0', ':1e19'))).toEqual({
    endTimeUnixNano: '10000000000000000000',
  });
});

test('names of enum values are taken, as the Go collector does', () => {
  expect(readSpan({ kind: 'SPAN_KIND_CLIENT', status: { code: 'STATUS_CODE_ERROR' } })).toEqual({
    kind: 3,
    status: { code: 2 },
  });
  const log = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ severityNumber: 'SEVERITY_NUMBER_WARN2' }] }] }] };
  const read: any = oracle.read('logs', decoded('logs', log).chunks[0]!);
  expect(read.resourceLogs[0].scopeLogs[0].logRecords[0]).toEqual({ severityNumber: 14 });
});

test('the doubles that JSON lacks are strings', () => {
  for (const asDouble of ['NaN', 'Infinity', '-Infinity', '1.5']) {
    const payload = decoded('metrics', point({ asDouble }));
    const read: any = oracle.read('metrics', payload.chunks[0]!);
    expect(read.resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0].asDouble).toBe(Number(asDouble));
  }
});

const wrong: [what: string, signal: Signal, json: unknown, want: string][] = [
  ['no object', 'traces', [], 'expected an object, got an array'],
  ['a string for an array', 'traces', { resourceSpans: 'x' }, 'resourceSpans: expected an array, got "x"'],
  ['null in an array', 'traces', { resourceSpans: [null] }, 'resourceSpans[0]: expected an object, got null'],
  ['a short trace id', 'traces', span({ traceId: 'abcd' }), 'spans[0].traceId: expected 32 hex digits, got "abcd"'],
  ['a span id in base64', 'traces', span({ spanId: 'AAECAwQFBgc=' }), 'spans[0].spanId: expected 16 hex digits'],
  ['a name that is a number', 'traces', span({ name: 5 }), 'spans[0].name: expected a string, got "5"'],
  [
    'a time before 1970',
    'traces',
    span({ startTimeUnixNano: '-1' }),
    'expected an integer from 0 to 18446744073709551615',
  ],
  ['a time that is no integer', 'traces', span({ startTimeUnixNano: 1.5 }), 'startTimeUnixNano: expected an integer'],
  ['a time of too many digits', 'traces', span({ startTimeUnixNano: '9'.repeat(50_000) }), 'expected an integer'],
  ['an empty number', 'traces', span({ startTimeUnixNano: '' }), 'expected an integer'],
  ['an unknown kind', 'traces', span({ kind: 'SPAN_KIND_ODD' }), 'spans[0].kind: expected an integer from -2147483648'],
  ['a kind of 33 bits', 'traces', span({ kind: 2 ** 32 }), 'spans[0].kind: expected an integer'],
  [
    'a bool as a string',
    'metrics',
    { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ sum: { isMonotonic: 'true' } }] }] }] },
    'sum.isMonotonic: expected true or false',
  ],
  ['a double that is none', 'metrics', point({ asDouble: 'many' }), 'dataPoints[0].asDouble: expected a number, "NaN"'],
  [
    'bytes that are not base64',
    'traces',
    span({ attributes: [{ key: 'a', value: { bytesValue: '%%' } }] }),
    'spans[0].attributes[0].value.bytesValue: expected bytes in base64',
  ],
  [
    'a bucket count that is none',
    'metrics',
    {
      resourceMetrics: [
        { scopeMetrics: [{ metrics: [{ histogram: { dataPoints: [{ bucketCounts: ['1', 'x'] }] } }] }] },
      ],
    },
    'dataPoints[0].bucketCounts[1]: expected an integer',
  ],
];

for (const [what, signal, json, want] of wrong) {
  test(`refused with its path: ${what}`, () => {
    const found = decodeJson(signal, JSON.stringify(json));
    expect(isMalformed(found) && found.malformed).toContain(want);
  });
}

test('what is no JSON is refused with where', () => {
  expect(decodeJson('traces', '{"resourceSpans": [] x')).toMatchObject({ offset: 21 });
  expect(decodeJson('traces', Uint8Array.from([0x7b, 0xff, 0x7d]))).toMatchObject({
    malformed: 'OTLP/JSON: the text is not UTF-8',
  });
  for (const json of ['', 'null', '"x"', '5', '[[[']) expect(isMalformed(decodeJson('logs', json))).toBe(true);
});

test('nesting is bounded, known or unknown, and never throws', () => {
  const nested = (levels: number) => `${'{"arrayValue":{"values":['.repeat(levels)}{}${']}}'.repeat(levels)}`;
  const request = (value: string) => `{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":${value}}]}}]}`;
  expect(isMalformed(decodeJson('traces', request(nested(30))))).toBe(false);
  expect(decodeJson('traces', request(nested(100)))).toMatchObject({
    malformed: expect.stringContaining('messages inside each other'),
  });
  expect(isMalformed(decodeJson('traces', request(nested(50_000))))).toBe(true);
  const unknown = '['.repeat(50_000) + ']'.repeat(50_000);
  expect(isMalformed(decodeJson('traces', `{"other":${unknown}}`))).toBe(false);
  expect(isMalformed(decodeJson('traces', '['.repeat(1_000_000)))).toBe(true);
});

test('mutated documents are refused or read, and what is read passes the check', () => {
  for (const signal of signals) {
    const document = encodeJson(generatePayload(signal, { items: 3 }));
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const mutant = Uint8Array.from(document);
      for (let i = 0; i < 3; i++) {
        const from = Math.floor(random() * mutant.length);
        // Moves pieces about, so that what comes out is often still JSON.
        mutant.copyWithin(Math.floor(random() * mutant.length), from, from + 1 + Math.floor(random() * 3));
      }
      const found = decodeJson(signal, mutant);
      if (!isMalformed(found)) {
        expect(asPayload(signal, found.chunks[0]!).itemCount, `${signal}, seed ${seed}`).toBe(found.itemCount);
      }
    }
  }
});
