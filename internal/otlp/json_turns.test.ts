import { expect, test } from 'vitest';
import { asPayload, generatePayload, randomRequest } from '../testkit/generate.ts';
import { loadOracle } from '../testkit/oracle.ts';
import { decodeJson, encodeJson } from './json.ts';
import { decodeJsonInTurns, encodeJsonInTurns } from './json_turns.ts';
import { Payload, type Signal } from './payload.ts';
import { seededRandom } from './sample.ts';
import { isMalformed } from './wire.ts';

const oracle = await loadOracle();
const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];
const noLimit = Number.POSITIVE_INFINITY;

async function decode(signal: Signal, json: string | Uint8Array, maxBytes = noLimit) {
  let turns = 0;
  const found = await decodeJsonInTurns(signal, Buffer.from(json), maxBytes, async () => void turns++);
  return { found, turns };
}

/** A document that is larger than a piece, with this in it. */
const large = (part: string) => `{"other":"${'x'.repeat(300_000)}",${part}}`;
const ofSpans = (spans: string) => large(`"resourceSpans":[{"scopeSpans":[{"spans":[${spans}]}]}]`);

test('large documents become the same bytes as in one go, with turns in between', async () => {
  for (const signal of signals) {
    const json = encodeJson(generatePayload(signal, { items: 4000, seed: 1 }));
    const { found, turns } = await decode(signal, json);
    expect(found).toEqual(decodeJson(signal, json));
    expect(turns, signal).toBeGreaterThan(json.length / 2 ** 20);
  }
});

test('whatever the document holds is read as in one go, also where single values are larger than a piece', async () => {
  for (const signal of signals) {
    for (let seed = 1; seed <= 12; seed++) {
      const requests = Array.from({ length: 40 }, (_, i) =>
        asPayload(signal, randomRequest(signal, seed * 100 + i, { disorder: true, depth: 8 })),
      );
      const one = Buffer.from(encodeJson(Payload.concat(signal, requests))).toString();
      // Three of its texts become large, with all that could be taken for JSON in them.
      let left = 3;
      const text = one.replace(/"xxx/g, (begin) => (left-- > 0 ? `"${'é\\n\\"[{'.repeat(60_000)}` : begin));
      const { found } = await decode(signal, text);
      const want = decodeJson(signal, text);
      if (isMalformed(found) || isMalformed(want)) throw new Error(JSON.stringify([found, want]));
      expect(found.itemCount).toBe(want.itemCount);
      expect(oracle.read(signal, found.chunks[0]!)).toEqual(oracle.read(signal, want.chunks[0]!));
    }
  }
});

test('integers that a number cannot hold are exact here too', async () => {
  const json = ofSpans('{"startTimeUnixNano":1700000000123456789}');
  expect((await decode('traces', json)).found).toEqual(decodeJson('traces', json));
});

test.each([
  ['a wrong value', ofSpans('{},{"name":5}'), 'spans[1].name: expected a string, got "5"'],
  ['a wrong value far back', ofSpans(`${'{},'.repeat(200_000)}{"name":5}`), 'spans[200000].name: expected a string'],
  ['a large value of the wrong kind', large(`"resourceSpans":{"a":[${'[],'.repeat(90_000)}[]]}`), 'expected an array'],
  [
    'a large list for a text',
    ofSpans(`{"name":[${'[],'.repeat(90_000)}[]]}`),
    'spans[0].name: expected a single value',
  ],
  ['a large list in a list', ofSpans(`[${'[],'.repeat(90_000)}[]]`), 'expected an object'],
  ['no object', `[${'{},'.repeat(90_000)}{}]`, 'expected an object'],
  ['a comma too many', ofSpans('{},'), 'OTLP/JSON: '],
  ['a comma too many in a long list', ofSpans(`${'{},'.repeat(200_000)}`), 'unexpected "]"'],
  ['a comma missing', ofSpans('{} {}'), 'OTLP/JSON: '],
  ['a comma missing between members', large('"resourceSpans":[] "a":1'), 'unexpected "\\""'],
  ['a key without quotes', large('resourceSpans:[]'), 'unexpected "r"'],
  ['text that ends early', ofSpans('{').slice(0, -5), 'OTLP/JSON: '],
  ['a string that ends early', `${large('"a":"')}`.slice(0, -1), 'the text ends too early'],
  ['something behind the end', `${large('"a":1')} x`, 'unexpected "x"'],
  ['no UTF-8', Buffer.concat([Buffer.from(large('"a":1')), Buffer.from([0xff])]), 'not UTF-8'],
])('refused, as in one go: %s', async (_what, json, want) => {
  const { found } = await decode('traces', json);
  expect(isMalformed(found) && found.malformed).toContain(want);
  expect(isMalformed(decodeJson('traces', Buffer.from(json)))).toBe(true);
});

test('the place of what is no JSON is told', async () => {
  const json = ofSpans('{"name" 5}');
  expect((await decode('traces', json)).found).toMatchObject({ offset: json.lastIndexOf('5') });
});

test('what would grow over the limit as protobuf is refused before it has', async () => {
  const counts = `"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[${'1,'.repeat(500_000)}1]}]}}]}]}]`;
  const { found } = await decode('metrics', large(counts), 2 ** 20);
  expect(isMalformed(found) && found.malformed).toContain('more than 1048576 bytes as protobuf');
  expect(isMalformed((await decode('metrics', large(counts))).found)).toBe(false);
});

test('mutated large documents are refused or read as in one go', async () => {
  const document = encodeJson(generatePayload('traces', { items: 700, seed: 3 }));
  expect(document.length).toBeGreaterThan(2 * 256 * 1024);
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    const mutant = Uint8Array.from(document);
    const from = Math.floor(random() * mutant.length);
    mutant.copyWithin(Math.floor(random() * mutant.length), from, from + 1 + Math.floor(random() * 3));
    const [{ found }, want] = [await decode('traces', mutant), decodeJson('traces', mutant)];
    expect(isMalformed(found), `seed ${seed}`).toBe(isMalformed(want));
    if (!isMalformed(found)) expect(asPayload('traces', found.chunks[0]!).itemCount).toBe(found.itemCount);
  }
});

test('what is written in pieces is one document that says the same', async () => {
  for (const signal of signals) {
    const payload = generatePayload(signal, { items: 3000, seed: 2 });
    let turns = 0;
    const chunks = await encodeJsonInTurns(payload, async () => void turns++);
    expect(turns).toBeGreaterThan(2);
    const found = decodeJson(signal, Buffer.concat(chunks));
    if (isMalformed(found)) throw new Error(found.malformed);
    expect(found.itemCount).toBe(payload.itemCount);
    const items = (read: Payload) =>
      JSON.stringify(oracle.read(signal, Buffer.concat(read.chunks))).match(/"(timeUnixNano|spanId)":"[^"]*"/g);
    expect(items(found)).toEqual(items(payload));
  }
  expect(Buffer.concat(await encodeJsonInTurns(new Payload('logs', [], 0, 0), async () => {})).toString()).toBe('{}');
});
