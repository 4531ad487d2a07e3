import type { Count } from '../otlp/counts.ts';
import type { Dense } from '../otlp/exponential.ts';
import type { Patch } from '../otlp/patch.ts';
import { Fields } from '../otlp/view/fields.ts';
import type { DataPoint, ExponentialHistogramPoint, HistogramPoint, NumberPoint } from '../otlp/view/point.ts';
import { Writer } from '../otlp/writer.ts';
import type { Explicit, Exponentially } from './histogram.ts';

/** Numbers of the fields that are written anew, a bit for each. */
const numberFields = fieldSet(2, 4, 6);
const explicitFields = fieldSet(2, 4, 5, 6, 11, 12);
const exponentialFields = fieldSet(2, 4, 5, 6, 7, 8, 9, 12, 13, 14);
const startField = fieldSet(2);

/** Gives points other starts and values, in their bytes; all else of them stays. Reused from point to point. */
export class PointEdit {
  readonly #out = new Writer(256);
  /** Eight bytes each, good until the next point. */
  readonly #start = new Uint8Array(8);
  readonly #value = new Uint8Array(8);
  readonly #startView = new DataView(this.#start.buffer);
  readonly #valueView = new DataView(this.#value.buffer);
  readonly #fields = new Fields();

  start(point: DataPoint, patch: Patch, start: bigint): void {
    this.#out.clear();
    this.#time(start);
    this.#replace(startField, point, patch);
  }

  /** @param value a bigint becomes as_int */
  number(point: NumberPoint, patch: Patch, start: bigint, value: number | bigint): void {
    if (this.#numberInPlace(point, patch, start, value)) return;
    const out = this.#out;
    out.clear();
    this.#time(start);
    if (typeof value === 'number') out.double(4, value);
    else out.fixed64(6, value);
    this.#replace(numberFields, point, patch);
  }

  /** Both fields are there as they are wanted, as nearly always: only their eight bytes change. */
  #numberInPlace(point: NumberPoint, patch: Patch, start: bigint, value: number | bigint): boolean {
    const isDouble = typeof value === 'number';
    const startAt = point.valueStart(2);
    const valueAt = point.valueStart(isDouble ? 4 : 6);
    if (startAt < 0 || valueAt < 0 || point.has(isDouble ? 6 : 4)) return false;
    this.#startView.setBigUint64(0, start, true);
    if (isDouble) this.#valueView.setFloat64(0, value, true);
    else this.#valueView.setBigInt64(0, value, true);
    patch.splice(startAt, startAt + 8, this.#start);
    patch.splice(valueAt, valueAt + 8, this.#value);
    return true;
  }

  /** All but the bounds. */
  explicit(point: HistogramPoint, patch: Patch, start: bigint, { count, counts, sum, extremes }: Explicit): void {
    const out = this.#out;
    out.clear();
    this.#time(start);
    this.#count(4, count);
    if (counts.length > 0) {
      const at = out.open(6);
      for (const each of counts) out.packedFixed64(each);
      out.close(at);
    }
    if (extremes.hasSum) out.double(5, sum);
    if (extremes.min !== undefined) out.double(11, extremes.min);
    if (extremes.max !== undefined) out.double(12, extremes.max);
    this.#replace(explicitFields, point, patch);
  }

  exponential(
    point: ExponentialHistogramPoint,
    patch: Patch,
    start: bigint,
    { value: { scale, count, sum, zeroCount, zeroThreshold, positive, negative }, extremes }: Exponentially,
  ): void {
    const out = this.#out;
    out.clear();
    this.#time(start);
    this.#count(4, count);
    if (extremes.hasSum) out.double(5, sum);
    this.#sint32(6, scale);
    this.#count(7, zeroCount);
    this.#buckets(8, positive);
    this.#buckets(9, negative);
    if (extremes.min !== undefined) out.double(12, extremes.min);
    if (extremes.max !== undefined) out.double(13, extremes.max);
    if (zeroThreshold !== 0) out.double(14, zeroThreshold);
    this.#replace(exponentialFields, point, patch);
  }

  /** Puts what was written in the place of all fields in this set. */
  #replace(fields: number, { buf, start, end }: DataPoint, patch: Patch): void {
    const each = this.#fields.reset(buf, start, end);
    // Fields that stand side by side are cut in one piece.
    let from = start;
    let to = start;
    while (each.next()) {
      const number = each.tag >>> 3;
      if (number > 31 || (fields & (1 << number)) === 0) continue;
      if (each.at > to) {
        if (to > from) patch.cut(from, to);
        from = each.at;
      }
      to = each.to;
    }
    if (to > from) patch.cut(from, to);
    const { buffer, length } = this.#out;
    // A window will do: the patch is written before the next point comes.
    if (length > 0) patch.append(new Uint8Array(buffer.buffer, buffer.byteOffset, length));
  }

  // proto3 leaves out what is 0.

  #time(nanoseconds: bigint): void {
    if (nanoseconds !== 0n) this.#out.fixed64(2, nanoseconds);
  }

  #count(field: number, count: Count): void {
    if (count) this.#out.fixed64(field, BigInt(count));
  }

  #sint32(field: number, value: number): void {
    if (value !== 0) this.#out.varint(field, ((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** `message Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2; }` */
  #buckets(field: number, { offset, counts }: Dense): void {
    const out = this.#out;
    const at = out.open(field);
    if (counts.length > 0) {
      this.#sint32(1, offset);
      const list = out.open(2);
      for (const count of counts) out.packedVarint64(count);
      out.close(list);
    }
    out.close(at);
  }
}

function fieldSet(...numbers: number[]): number {
  return numbers.reduce((set, number) => set | (1 << number), 0);
}
