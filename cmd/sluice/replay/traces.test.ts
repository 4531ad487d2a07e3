import { expect, test } from 'vitest';
import { seededRandom } from '../../../internal/otlp/sample.ts';
import { TraceTable } from './traces.ts';

/** Ids that share their first 8 bytes, as some clients make them. */
function id(n: number): Uint8Array {
  const bytes = Buffer.alloc(16, 0xab);
  bytes.writeUInt32BE(n, 12);
  return bytes;
}

test('a trace keeps its row and its columns while the table grows', () => {
  const table = new TraceTable(seededRandom(1));
  for (let n = 0; n < 10_000; n++) {
    const row = table.row(id(n), true);
    expect(row).toBe(n);
    table.sawSpan(row, n % 50, true, n % 3 === 0, true);
    table.keep(row, n % 32);
    table.setPolicy(row, n % 100);
  }
  expect(table.size).toBe(10_000);
  for (const n of [0, 1, 1023, 1024, 5000, 9999]) {
    expect(table.row(id(n), false)).toBe(n);
    expect(table.id(n)).toBe(Buffer.from(id(n)).toString('hex'));
    expect(table.service(n)).toBe(n % 50);
    expect(table.hasError(n)).toBe(n % 3 === 0);
    expect(table.kept(n)).toBe((1 << (n % 32)) >>> 0);
    expect(table.policy(n)).toBe(n % 100);
  }
  expect(table.row(id(10_000), false)).toBe(-1);
});

test('beyond its limit the table knows the traces it has and takes no new one', () => {
  const table = new TraceTable(seededRandom(1), 2);
  expect([1, 2, 3, 1].map((n) => table.row(id(n), true))).toEqual([0, 1, -1, 0]);
});

test('a trace belongs to the service of its first root, and until then of its first span', () => {
  const table = new TraceTable(seededRandom(1));
  const row = table.row(id(1), true);
  table.sawSpan(row, 7, false, false, true);
  table.sawSpan(row, 8, false, false, false);
  expect(table.service(row)).toBe(7);
  table.sawSpan(row, 9, true, false, false);
  table.sawSpan(row, 10, true, true, false);
  expect(table.service(row)).toBe(9);
  expect(table.hasError(row)).toBe(true);
});

test('spans without a valid trace id are one trace', () => {
  const table = new TraceTable(seededRandom(1));
  expect(table.row(new Uint8Array(0), true)).toBe(0);
  expect(table.row(new Uint8Array(16), true)).toBe(0);
});
