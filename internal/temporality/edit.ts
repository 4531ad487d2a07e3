import type { Count } from '../otlp/counts.ts';
import type { Dense } from '../otlp/exponential.ts';
import type { Patch } from '../otlp/patch.ts';
import { Fields } from '../otlp/view/fields.ts';
import type { Metric } from '../otlp/view/metric.ts';
import type { DataPoint } from '../otlp/view/point.ts';
import { LEN } from '../otlp/wire.ts';
import { Writer } from '../otlp/writer.ts';

export const DELTA = 1;
export const CUMULATIVE = 2;
const TEMPORALITY = 2 << 3;
const DATA: ReadonlySet<number> = new Set([5, 7, 9, 10, 11].map((member) => (member << 3) | LEN));

/**
 * Gives the data of a metric another aggregation_temporality, in the bytes that it takes now. Data of the oneof that was
 * overwritten, which no reader sees, goes.
 */
export function retime(metric: Metric, patch: Patch, temporality: number): void {
  const { buf, start, end } = metric;
  const tag = (metric.dataField << 3) | LEN;
  const since = overwrittenUntil(metric, tag);
  const fields = new Fields().reset(buf, start, end);
  const inner = new Fields();
  while (fields.next()) {
    if (!DATA.has(fields.tag)) continue;
    if (fields.tag !== tag || fields.at < since) {
      patch.cut(fields.at, fields.to);
      continue;
    }
    inner.reset(buf, fields.from, fields.to);
    while (inner.next()) {
      if (inner.tag === TEMPORALITY) patch.splice(inner.from, inner.to, varintOf(temporality, inner.to - inner.from));
    }
  }
}

/** Where the last data of another member than this one ends. */
function overwrittenUntil(metric: Metric, tag: number): number {
  const fields = new Fields().reset(metric.buf, metric.start, metric.end);
  let until = -1;
  while (fields.next()) if (DATA.has(fields.tag) && fields.tag !== tag) until = fields.to;
  return until;
}

/** A small number in so many bytes: the length of what is around it stays. */
function varintOf(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(0x80);
  bytes[0]! |= value;
  bytes[size - 1]! &= 0x7f;
  return bytes;
}

/** Field numbers, one bit each. */
export function fieldSet(...numbers: number[]): number {
  return numbers.reduce((set, number) => set | (1 << number), 0);
}

/** Fields of one point anew: what was there of them goes, what is written comes at the end. Reused from point to point. */
export class PointEdit {
  readonly out = new Writer(256);
  readonly #fields = new Fields();

  /** What `out` gets from now on is for the next point. */
  begin(): Writer {
    this.out.clear();
    return this.out;
  }

  /** Puts what was written in the place of all fields in this set. */
  replace(fields: number, { buf, start, end }: DataPoint, patch: Patch): void {
    const each = this.#fields.reset(buf, start, end);
    while (each.next()) {
      const number = each.tag >>> 3;
      if (number < 32 && (fields & (1 << number)) !== 0) patch.cut(each.at, each.to);
    }
    patch.append(Uint8Array.prototype.slice.call(this.out.buffer, 0, this.out.length));
  }
}

/** proto3 leaves out what is 0. */
export function writeTime(out: Writer, field: number, nanoseconds: bigint): void {
  if (nanoseconds !== 0n) out.fixed64(field, nanoseconds);
}

export function writeCount(out: Writer, field: number, count: Count): void {
  if (count) out.fixed64(field, BigInt(count));
}

/** A packed repeated fixed64. */
export function writeCounts(out: Writer, field: number, counts: readonly Count[]): void {
  if (counts.length === 0) return;
  const at = out.open(field);
  for (const count of counts) out.packedFixed64(BigInt(count));
  out.close(at);
}

export function writeSint32(out: Writer, field: number, value: number): void {
  if (value !== 0) out.varint(field, ((value << 1) ^ (value >> 31)) >>> 0);
}

/** `message Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2; }` */
export function writeBuckets(out: Writer, field: number, { offset, counts }: Dense): void {
  const at = out.open(field);
  if (counts.length > 0) {
    writeSint32(out, 1, offset);
    const list = out.open(2);
    for (const count of counts) out.packedVarint64(BigInt(count));
    out.close(list);
  }
  out.close(at);
}
