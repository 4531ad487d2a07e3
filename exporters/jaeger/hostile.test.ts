import { describe, expect, test } from 'vitest';
import { asPayload, generatePayload, randomRequest, stampsOf } from '../../internal/testkit/generate.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import { type Form, forms, messages, oneSpan, traces } from './test/messages.ts';
import type { ReadSpan } from './test/read.ts';

const oracle = await loadOracle();
/* Text that is not UTF-8 does not come here: receivers refuse it (internal/otlp/check.test.ts). */
const ids = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) };
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

/** Thrift has microseconds. */
function inMicros({ start, duration, logs, ...span }: ReadSpan): object {
  const cut = (time: bigint) => (time / 1000n) * 1000n;
  return {
    ...span,
    start: cut(start),
    duration: cut(duration),
    logs: logs.map((log) => ({ ...log, time: cut(log.time) })),
  };
}

describe.each(Object.keys(forms) as Form[])('%s', (form) => {
  const only = (span: object) => messages(form, oneSpan({ ...ids, ...span }))[0]!.spans[0]!;

  test.each([
    ['no times at all', 0n, 0n],
    ['no end', 1_700_000_000_000_000_000n, 0n],
    ['an end before the start', 2_000_000_000n, 1_250_000_000n],
    ['a duration of less than a second less than nothing', 1_000_001_000n, 1_000_000_000n],
    ['a start behind 2^53', 9_223_372_036_000_000_000n, 9_223_372_036_854_775_000n],
    ['the last nanoseconds there are', 18_446_744_073_709_551_000n, 18_446_744_073_709_551_000n],
  ])('%s: start and duration are exact', (_, start, end) => {
    const span = only({ startTimeUnixNano: String(start), endTimeUnixNano: String(end) });
    expect(span).toMatchObject({ start, duration: end - start });
  });

  test.each([
    [0n, 2n ** 64n - 1n, 2n ** 63n - 1n],
    [2n ** 64n - 1n, 0n, 1n - 2n ** 63n],
  ])('a duration from %s to %s is the longest that Go knows', (start, end, want) => {
    const { duration } = only({ startTimeUnixNano: String(start), endTimeUnixNano: String(end) });
    expect(duration / 1000n).toBe(want / 1000n);
  });

  test('ten thousand attributes, values of a megabyte, keys that are there twice or empty', () => {
    const many = Array.from({ length: 10_000 }, (_, n) => text(`key.${n}`, `value ${n}`));
    const large = 'ä'.repeat(512 * 1024);
    const span = only({
      attributes: [...many, text('large', large), text('twice', '1'), text('twice', '2'), text('', '')],
    });
    expect(span.tags).toHaveLength(10_004);
    expect(span.tags[9999]).toEqual(['string', 'key.9999', 'value 9999']);
    expect(span.tags.slice(10_000)).toEqual([
      ['string', 'large', large],
      ['string', 'twice', '1'],
      ['string', 'twice', '2'],
      ['string', '', ''],
    ]);
  });

  test('a span without a name, and keys and events of all lengths', () => {
    const lengths = [0, 1, 23, 24, 25, 100, 127, 128, 129, 16_383, 16_384, 20_000];
    const span = only({
      attributes: lengths.map((length) => text('k'.repeat(length), 'v'.repeat(length))),
      events: lengths.map((length) => ({ name: 'e'.repeat(length) })),
    });
    expect(span.name).toBe('');
    expect(span.tags).toEqual(lengths.map((length) => ['string', 'k'.repeat(length), 'v'.repeat(length)]));
    expect(span.logs.map(({ fields }) => fields[0]?.[2] ?? '')).toEqual(lengths.map((length) => 'e'.repeat(length)));
  });

  test('attributes nested as deep as a request may be', () => {
    let value: object = { stringValue: 'deep' };
    for (let depth = 0; depth < 20; depth++) value = { arrayValue: { values: [value] } };
    expect(only({ attributes: [{ key: 'nested', value }] }).tags).toEqual([
      ['string', 'nested', `${'['.repeat(20)}"deep"${']'.repeat(20)}`],
    ]);
  });

  test.each([20_000, 70_000, 1 << 20])('messages of at most %i bytes hold every span once', (most) => {
    const batch = generatePayload('traces', { items: 400, resources: 3 });
    const sent = messages(form, batch, most);
    for (const { byteLength } of sent) expect(byteLength).toBeLessThanOrEqual(most);
    const arrived = sent.flatMap(({ spans }) => spans.map(({ id }) => id));
    expect(arrived.toSorted()).toEqual(stampsOf(batch).toSorted());
    expect(new Set(sent.map(({ service }) => service)).size).toBe(3);
    // Each says in full what it belongs to.
    for (const { service, tags } of sent) expect(tags).toEqual(sent.find((other) => other.service === service)!.tags);
  });

  test('a span that is larger than a message may be goes alone', () => {
    const spans = ['x', 'large', 'y', 'z'].map((name) => ({
      ...ids,
      name,
      attributes: [text('a', name === 'large' ? 'a'.repeat(200_000) : 'a')],
    }));
    const sent = messages(form, traces({ scopeSpans: [{ spans }] }), 100_000);
    expect(sent.map((message) => message.spans.map(({ name }) => name))).toEqual([['x'], ['large'], ['y', 'z']]);
  });

  test('however a request is written, it becomes the same: fields in any order, padded, twice, unknown', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const request = randomRequest('traces', seed, { unknown: true, padded: true, disorder: true });
      const type = oracle.request('traces');
      const plain = type.encode(type.decode(request)).finish();
      expect(spansOf(form, request), `seed ${seed}`).toEqual(spansOf(form, plain));
    }
  });
});

function spansOf(form: Form, request: Uint8Array): object[] {
  const sent = messages(form, asPayload('traces', request));
  return sent.flatMap(({ service, tags, spans }) => spans.map((span) => ({ service, processTags: tags, ...span })));
}

test('both forms say the same', () => {
  for (let seed = 1; seed <= 150; seed++) {
    const batch = asPayload('traces', randomRequest('traces', seed));
    const [api, thrift] = [messages('api_v2', batch), messages('thrift', batch)];
    const read = (sent: typeof api) =>
      sent.map(({ service, tags, spans }) => ({ service, tags, spans: spans.map(inMicros) }));
    expect(read(thrift), `seed ${seed}`).toEqual(read(api));
  }
});
