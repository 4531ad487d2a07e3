import { expect, test } from 'vitest';
import { asPayload, generatePayload, type RandomOptions, randomRequest, stampsOf } from '../testkit/generate.ts';
import { loadOracle } from '../testkit/oracle.ts';
import { Payload, type Signal } from './payload.ts';
import { splitByBytes, splitByItems } from './split.ts';

const oracle = await loadOracle();
const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];
const shapes: readonly RandomOptions[] = [{}, { unknown: true }, { unknown: true, padded: true }];

/** That each part is what it claims to be. */
function verify(parts: readonly Payload[], whole: Payload): void {
  for (const part of parts) {
    const bytes = Buffer.concat(part.chunks);
    expect(part.byteLength).toBe(bytes.length);
    expect(asPayload(part.signal, bytes).itemCount).toBe(part.itemCount);
    expect(part.signal).toBe(whole.signal);
  }
  expect(parts.reduce((sum, part) => sum + part.itemCount, 0)).toBe(whole.itemCount);
}

const path = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
} as const;
const dataFields = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'];

/** Every item together with all that describes it, in order. */
function described(payloads: readonly Payload[]): unknown[] {
  const items: unknown[] = [];
  for (const payload of payloads) {
    const [resources, scopes, records] = path[payload.signal];
    const tree: any = oracle.read(payload.signal, Buffer.concat(payload.chunks));
    for (const { [scopes]: inside, ...resource } of tree[resources] ?? []) {
      for (const { [records]: list, ...scope } of inside ?? []) {
        for (const record of list ?? []) {
          if (payload.signal !== 'metrics') items.push([resource, scope, record]);
          else items.push(...pointsOf(record).map((point) => [resource, scope, point]));
        }
      }
    }
  }
  return items;
}

function pointsOf(metric: any): unknown[] {
  const kind = dataFields.find((field) => metric[field]);
  if (!kind) return [];
  const { [kind]: data, ...head } = metric;
  const { dataPoints, ...rest } = data;
  return (dataPoints ?? []).map((point: unknown) => [head, kind, rest, point]);
}

test('splitting by items keeps each item, its order and what describes it', () => {
  for (const signal of signals) {
    for (const options of shapes) {
      for (let seed = 1; seed <= 15; seed++) {
        const payload = asPayload(signal, randomRequest(signal, seed, options));
        for (const max of [1, 2, 5]) {
          const where = `${signal}, seed ${seed}, max ${max}`;
          const parts = splitByItems(payload, max);
          verify(parts, payload);
          for (const part of parts) expect(part.itemCount, where).toBeLessThanOrEqual(max);
          // A oneof's overwritten data points are items on the wire that no reader sees: parted, they would be seen.
          if (signal !== 'metrics' || !overwrites(payload))
            expect(described(parts), where).toEqual(described([payload]));
        }
      }
    }
  }
});

function overwrites(payload: Payload): boolean {
  return described([payload]).length !== payload.itemCount;
}

test('splitting by bytes keeps each item, and only an item alone may be too large', () => {
  for (const signal of signals) {
    for (const options of shapes) {
      for (let seed = 1; seed <= 15; seed++) {
        const payload = asPayload(signal, randomRequest(signal, seed, options));
        for (const max of [50, 400, 1500]) {
          const where = `${signal}, seed ${seed}, max ${max}`;
          const parts = splitByBytes(payload, max);
          verify(parts, payload);
          for (const part of parts) if (part.itemCount > 1) expect(part.byteLength, where).toBeLessThanOrEqual(max);
          if (signal !== 'metrics' || !overwrites(payload))
            expect(described(parts), where).toEqual(described([payload]));
        }
      }
    }
  }
});

test('parts are filled: all but the last of a chunk have as many items as they may', () => {
  for (const signal of signals) {
    const parts = splitByItems(generatePayload(signal, { items: 100, resources: 7 }), 30);
    expect(parts.map((part) => part.itemCount)).toEqual([30, 30, 30, 10]);
  }
});

test('a batch that fits is passed on as it is, and no limit is no limit', () => {
  const payload = generatePayload('logs', { items: 10 });
  for (const max of [10, 11, 0, -1]) expect(splitByItems(payload, max)).toEqual([payload]);
  expect(splitByItems(payload, 10)[0]).toBe(payload);
  expect(splitByBytes(payload, payload.byteLength)[0]).toBe(payload);
  expect(splitByBytes(payload, 0)[0]).toBe(payload);
});

test('chunks that fit are used without a copy', () => {
  const chunks = [1, 2, 3, 4].map((seed) => generatePayload('traces', { items: 10, seed }));
  const parts = splitByItems(Payload.concat('traces', chunks), 25);
  expect(parts.map((part) => part.chunks.map((chunk) => chunks.findIndex((own) => own.chunks[0] === chunk)))).toEqual([
    [0, 1],
    [2, 3],
  ]);
});

test('a chunk that is cut shares its last part with the chunks behind it', () => {
  const chunks = [1, 2].map((seed) => generatePayload('traces', { items: 15, seed }));
  const batch = Payload.concat('traces', [chunks[0]!, generatePayload('traces', { items: 3, seed: 9 })]);
  const parts = splitByItems(batch, 10);
  expect(parts.map((part) => part.itemCount)).toEqual([10, 8]);
  expect(parts.flatMap(stampsOf)).toEqual(stampsOf(batch));
});

test('cutting between resources copies nothing', () => {
  const payload = generatePayload('traces', { items: 40, resources: 4 });
  const { buffer } = payload.chunks[0]!;
  expect(splitByItems(payload, 10).map((part) => part.chunks[0]!.buffer === buffer)).toEqual([true, true, true, true]);
});

test('one metric with more data points than a part may have is cut between its points', () => {
  const payload = generatePayload('metrics', { items: 4 });
  const parts = splitByItems(payload, 3);
  expect(parts.map((part) => part.itemCount)).toEqual([3, 1]);
  expect(described(parts)).toEqual(described([payload]));
  expect(parts.flatMap(stampsOf)).toEqual(stampsOf(payload));
});
