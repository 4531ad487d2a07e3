import { expect, test } from 'vitest';
import type { Signal } from '../../internal/otlp/payload.ts';
import { encodeRequest } from './template.ts';
import { eachRecord, stampOffset } from './walk.ts';

const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs'];

function count(signal: Signal, bytes: Uint8Array): number {
  let items = 0;
  eachRecord(signal, bytes, (start, end) => {
    items++;
    expect(stampOffset(signal, bytes, start, end)).toBeGreaterThan(start);
  });
  return items;
}

test.each(SIGNALS)('every item of %s is found, and a place for its stamp', (signal) => {
  for (const items of [1, 2, 7, 512]) expect(count(signal, encodeRequest(signal, items, 3))).toBe(items);
});

test('what cannot be laid out as asked is refused', () => {
  expect(() => encodeRequest('traces', 9, 1, { services: 10 })).toThrow(/cannot share 9 spans/);
  expect(() => encodeRequest('traces', 20_000, 1, { services: 10_001 })).toThrow(/10001 services wanted of 10000/);
  expect(() => encodeRequest('logs', 20, 1, { services: 10 })).toThrow(/logs have no layout/);
});

test('two requests written one after the other count as both', () => {
  const both = Buffer.concat([encodeRequest('metrics', 5, 1), encodeRequest('metrics', 9, 2)]);
  expect(count('metrics', both)).toBe(14);
});

test('what is not a request is an error, not a number', () => {
  const good = encodeRequest('traces', 3, 1);
  expect(() => count('traces', good.subarray(0, good.length - 1))).toThrow(/runs past/);
  expect(() => count('traces', Buffer.from('not protobuf'))).toThrow();
  expect(() => count('logs', Buffer.alloc(12, 0xff))).toThrow(/varint/);
});

test('a record without a stamp is told', () => {
  // name = 5 of a span, nothing else.
  const nameOnly = Buffer.from([0x2a, 1, 0x61]);
  expect(stampOffset('traces', nameOnly, 0, nameOnly.length)).toBe(-1);
  // A span_id of another length than 8.
  const shortId = Buffer.from([0x12, 4, 1, 2, 3, 4]);
  expect(stampOffset('traces', shortId, 0, shortId.length)).toBe(-1);
});

test('the telemetry has the size that results are stated for', () => {
  const sizes = SIGNALS.map((signal) => encodeRequest(signal, 512, 1).length / 512);
  for (const [index, wanted] of [470, 220, 190].entries()) {
    expect(Math.abs(sizes[index]! / wanted - 1)).toBeLessThan(0.03);
  }
});
