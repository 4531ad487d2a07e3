import { expect, test } from 'vitest';
import { seededRandom } from '../otlp/sample.ts';
import { Writer } from '../otlp/writer.ts';
import { fieldEnd, SpanLog } from './span_log.ts';
import { TraceHash, TraceId } from './trace_hash.ts';
import { TraceRows } from './trace_rows.ts';

/** A log beside a model of it: for each row the contents of its spans in order. */
function rig(slabBytes: number) {
  const rows = new TraceRows(16);
  const log = new SpanLog(rows, slabBytes);
  const id = new TraceId(new TraceHash(seededRandom(1)));
  const model = new Map<number, string[]>();
  const row = () => {
    const made = rows.make(id, 0);
    model.set(made, []);
    return made;
  };
  const put = (spans: readonly { row: number; text: string }[]) => {
    const out = new Writer(1024);
    const ranges = spans.map(({ text }) => {
      const at = out.length;
      out.string(2, text);
      return [at, out.length] as const;
    });
    const buf = out.finish();
    spans.forEach(({ row, text }, i) => {
      log.add(buf, ranges[i]![0], ranges[i]![1], row, text.length);
      model.get(row)!.push(text);
    });
    log.flush();
  };
  const read = (of: number) => {
    const texts: string[] = [];
    for (let place = log.firstOf(of); place >= 0; place = log.next(place)) {
      const bytes = log.bytesOf(place);
      const at = log.offsetOf(place);
      const end = fieldEnd(bytes, at);
      expect(log.sizeOf(place)).toBe(end - at);
      const text = bytes.subarray(end - log.groupOf(place), end).toString();
      texts.push(text);
    }
    return texts;
  };
  const drop = (of: number, count = Number.POSITIVE_INFINITY) => {
    for (let i = 0; i < count; i++) {
      const place = log.shift(of);
      if (place < 0) break;
      log.remove(place);
      model.get(of)!.shift();
    }
    if (model.get(of)!.length > 0) return;
    model.delete(of);
    rows.release(of);
  };
  const check = () => {
    for (const [of, texts] of model) expect(read(of)).toEqual(texts);
    expect(log.live).toBe([...model.values()].reduce((sum, texts) => sum + texts.length, 0));
  };
  return { rows, log, model, row, put, drop, check };
}

test('spans come back in their order, from runs and from pieces, over slabs', () => {
  const { row, put, check } = rig(1000);
  const [a, b] = [row(), row()];
  for (let i = 0; i < 200; i++)
    put([0, 1, 2].map((j) => ({ row: (i + j) % 3 === 0 ? a : b, text: `${i} ${j} ${'x'.repeat(i)}` })));
  check();
});

test('a model agrees through additions, removals and compaction at random, and memory follows what is live', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const random = seededRandom(seed);
    const { log, model, row, put, drop, check } = rig(4096);
    let compactions = 0;
    let peak = 0;
    for (let step = 0; step < 3000; step++) {
      const open = [...model.keys()];
      const pick = () => open[Math.floor(random() * open.length)]!;
      const growing = step % 1000 < 500;
      if (open.length < 5 || random() < (growing ? 0.6 : 0.3)) {
        const rows = [row(), ...(open.length > 0 ? [pick()] : [])];
        const count = Math.floor(random() * 10);
        const spans = Array.from({ length: count + 1 }, (_, i) => ({
          row: rows[i % rows.length]!,
          text: `${step} ${i} ${'x'.repeat(Math.floor(random() * (random() < 0.01 ? 9000 : 200)))}`,
        }));
        put(spans);
      } else drop(pick(), random() < 0.3 ? 1 + Math.floor(random() * 3) : undefined);
      if (random() < 0.2 && log.compact()) compactions++;
      peak = Math.max(peak, log.bytes);
      if (step % 50 === 0) check();
    }
    check();
    while (log.compact()) compactions++;
    check();
    expect(compactions).toBeGreaterThan(20);
    for (const of of [...model.keys()]) drop(of);
    expect(log.live).toBe(0);
    // Spare slabs are let go, but for a few.
    expect(log.bytes).toBeLessThan(peak / 2);
  }
});

test('spans of one row can be given to another', () => {
  const { log, row, put, model, check } = rig(1000);
  const [a, b, c] = [row(), row(), row()];
  put(['1', '2', '3'].flatMap((text) => [a, c].map((of) => ({ row: of, text }))));
  log.handTo(a, b);
  model.set(b, model.get(a)!);
  model.set(a, []);
  log.handTo(a, b);
  check();
  put([b, a].map((of) => ({ row: of, text: '4' })));
  check();
});

test('growth is told before it happens, and is never more than told', () => {
  const random = seededRandom(5);
  const { log, row, put } = rig(65_536);
  for (let i = 0; i < 300; i++) {
    const spans = Array.from({ length: 1 + Math.floor(random() * 40) }, () => ({
      row: row(),
      text: 'x'.repeat(Math.floor(random() * 1000)),
    }));
    const bytes = spans.reduce((sum, { text }) => sum + text.length + 4, 0);
    const before = log.bytes;
    const told = log.growthFor(bytes, spans.length);
    put(spans);
    expect(log.bytes - before).toBeLessThanOrEqual(told);
  }
});
