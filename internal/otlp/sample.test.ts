import { expect, test } from 'vitest';
import { asPayload, SAMPLE_TIME, stamp, stampsOf } from '../testkit/generate.ts';
import { loadOracle } from '../testkit/oracle.ts';
import type { Signal } from './payload.ts';
import { Sample, seededRandom } from './sample.ts';
import { walkSpans } from './view/walk.ts';

const oracle = await loadOracle();
const sizes: [Signal, number][] = [
  ['traces', 470],
  ['logs', 190],
  ['metrics', 220],
];

test('items have the size of everyday telemetry', () => {
  for (const [signal, size] of sizes) {
    const bytes = new Sample(signal, { items: 512 }).next(SAMPLE_TIME);
    const mean = bytes.length / 512;
    expect(mean, signal).toBeGreaterThan(size * 0.9);
    expect(mean, signal).toBeLessThan(size * 1.1);
  }
});

test('items are stamped with the seed and their number, from request to request', () => {
  for (const [signal] of sizes) {
    const sample = new Sample(signal, { items: 5, resources: 2, seed: 77 });
    const stamps = [1, 2].flatMap(() => stampsOf(asPayload(signal, sample.next(SAMPLE_TIME))));
    expect(stamps).toEqual(Array.from({ length: 10 }, (_, i) => stamp(77, i + 1)));
    expect(sample.made).toBe(10);
  }
});

test('the same seed gives the same bytes, another gives others', () => {
  for (const [signal] of sizes) {
    const make = (seed: number) => new Sample(signal, { items: 20, seed }).next(SAMPLE_TIME);
    expect(make(3)).toEqual(make(3));
    expect(make(3)).not.toEqual(make(4));
  }
});

test('what was made stays as it is when more is made', () => {
  const sample = new Sample('traces', { items: 3 });
  const first = sample.next(SAMPLE_TIME);
  const before = Buffer.from(first);
  sample.next(SAMPLE_TIME + 1n);
  expect(first).toEqual(before);
});

test('spans form traces: one root, the others its children, and times end now', () => {
  const payload = asPayload('traces', new Sample('traces', { items: 16 }).next(SAMPLE_TIME));
  const walk = walkSpans(payload);
  const roots = new Map<string, string>();
  let spans = 0;
  while (walk.nextResource()) {
    while (walk.nextScope()) {
      while (walk.nextRecord()) {
        const trace = Buffer.from(walk.record.traceId).toString('hex');
        const id = Buffer.from(walk.record.spanId).toString('hex');
        const parent = Buffer.from(walk.record.parentSpanId).toString('hex');
        if (!roots.has(trace)) {
          expect(parent).toBe('');
          roots.set(trace, id);
        } else expect(parent).toBe(roots.get(trace));
        expect(walk.record.endTimeUnixNano).toBe(SAMPLE_TIME);
        expect(walk.record.startTimeUnixNano).toBeLessThan(SAMPLE_TIME);
        spans++;
      }
    }
  }
  expect([roots.size, spans]).toEqual([2, 16]);
});

test('all five kinds of metrics appear, and protobufjs reads them', () => {
  const bytes = new Sample('metrics', { items: 400 }).next(SAMPLE_TIME);
  const tree: any = oracle.read('metrics', bytes);
  const kinds = new Set(
    tree.resourceMetrics[0].scopeMetrics[0].metrics.flatMap((metric: object) => Object.keys(metric)),
  );
  expect([...kinds]).toEqual(expect.arrayContaining(['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']));
});

test('the random numbers are spread', () => {
  const random = seededRandom(1);
  const tenths = new Array(10).fill(0);
  for (let i = 0; i < 10_000; i++) tenths[Math.floor(random() * 10)]++;
  for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
});
