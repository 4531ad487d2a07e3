import type { Signal } from '../../internal/otlp/payload.ts';

/**
 * A second, independent reader of OTLP bytes: what arrives is counted by code that shares nothing with the subject.
 * It reads well-formed messages only and throws on anything else, because here that is a finding, not an input.
 */

/** Called for each span, log record or data point with the range of its bytes. */
export type Visit = (start: number, end: number) => void;

const VARINT = 0;
const FIXED64 = 1;
const LEN = 2;
const FIXED32 = 5;

/** Where the varint just read ended. One object per reader: a returned pair would cost an allocation per field. */
export class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) throw new Error(`varint runs past ${this.end}`);
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new Error(`varint longer than 10 bytes before ${this.at}`);
  }

  /** After a tag: the length of the value, which starts at `at`; a varint's is found by reading it. */
  span(wireType: number): number {
    if (wireType === LEN) return this.varint();
    if (wireType === FIXED64) return 8;
    if (wireType === FIXED32) return 4;
    if (wireType !== VARINT) throw new Error(`wire type ${wireType} before ${this.at}`);
    const start = this.at;
    this.varint();
    const length = this.at - start;
    this.at = start;
    return length;
  }
}

/** Every value of field `number` in the message at [start, end). */
export function eachField(bytes: Uint8Array, start: number, end: number, number: number, visit: Visit): void {
  const cursor = new Cursor(bytes, start, end);
  const wanted = number * 8 + LEN;
  while (cursor.at < end) {
    const tag = cursor.varint();
    const length = cursor.span(tag % 8);
    const from = cursor.at;
    const to = from + length;
    if (to > end) throw new Error(`field ${Math.floor(tag / 8)} at ${from} runs past ${end}`);
    if (tag === wanted) visit(from, to);
    cursor.at = to;
  }
}

// Metric: gauge 5, sum 7, histogram 9, exponential_histogram 10, summary 11; in each data_points is field 1.
const METRIC_DATA = [5, 7, 9, 10, 11];

/**
 * Visits the records of an Export*ServiceRequest: resource (1), scope (2), record (2), and for metrics their points.
 *
 * @throws Error when the bytes are not such a message
 */
export function eachRecord(signal: Signal, bytes: Uint8Array, visit: Visit): void {
  const perRecord = signal === 'metrics' ? (start: number, end: number) => eachPoint(bytes, start, end, visit) : visit;
  const perScope = (start: number, end: number) => eachField(bytes, start, end, 2, perRecord);
  const perResource = (start: number, end: number) => eachField(bytes, start, end, 2, perScope);
  eachField(bytes, 0, bytes.length, 1, perResource);
}

function eachPoint(bytes: Uint8Array, start: number, end: number, visit: Visit): void {
  for (const data of METRIC_DATA) {
    eachField(bytes, start, end, data, (from, to) => eachField(bytes, from, to, 1, visit));
  }
}

/** Tag of the field that carries the stamp: span_id (2, bytes), LogRecord.time_unix_nano (1), point.time_unix_nano (3). */
const STAMP_TAG: Readonly<Record<Signal, number>> = {
  traces: 2 * 8 + LEN,
  logs: 1 * 8 + FIXED64,
  metrics: 3 * 8 + FIXED64,
};

/** Where the 8 bytes of a record's stamp start; -1 when it has none. */
export function stampOffset(signal: Signal, bytes: Uint8Array, start: number, end: number): number {
  return valueOffset(STAMP_TAG[signal], 8, bytes, start, end);
}

/** Where the 16 bytes of a span's trace_id (1, bytes) start; -1 when it has none. */
export function traceIdOffset(bytes: Uint8Array, start: number, end: number): number {
  return valueOffset(1 * 8 + LEN, 16, bytes, start, end);
}

function valueOffset(wanted: number, size: number, bytes: Uint8Array, start: number, end: number): number {
  const cursor = new Cursor(bytes, start, end);
  while (cursor.at < end) {
    const tag = cursor.varint();
    const length = cursor.span(tag % 8);
    if (tag === wanted) return length === size && cursor.at + size <= end ? cursor.at : -1;
    cursor.at += length;
  }
  return -1;
}
