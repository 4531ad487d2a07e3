import { gzipSync } from 'node:zlib';
import type { Signal } from '../../internal/otlp/payload.ts';
import { STAMP_LIMIT, writeRequest, writeStamp } from './stamp.ts';
import { encodeRequest, type Layout } from './template.ts';
import { eachRecord, stampOffset, traceIdOffset } from './walk.ts';

/** One request of the load, encoded once and sent many times. */
export interface Body {
  /** Its place in the pool; also in every stamp. */
  readonly index: number;
  readonly signal: Signal;
  readonly items: number;
  /** The Export*ServiceRequest. */
  readonly bytes: Uint8Array;
  /** Where each item's stamp starts in `bytes`. */
  readonly stamps: readonly number[];
  /** All places where the request number is written, in ascending order: the stamps, and the trace ids of whole traces. */
  readonly marks: readonly number[];
  /** Where each item starts and ends in `bytes`, two numbers an item. */
  readonly ranges: readonly number[];
  /** Present when it travels compressed: then its stamps cannot change and every request number is 1. */
  readonly gzip?: Uint8Array;
}

export interface BodyShape extends Layout {
  readonly signal: Signal;
  readonly items: number;
  readonly gzip?: boolean;
}

/** Distinct bodies of one shape: other ids, times and values in each. */
export function bodyPool(shape: BodyShape, count: number): Body[] {
  if (count > STAMP_LIMIT || shape.items > STAMP_LIMIT) {
    throw new RangeError(`a stamp has room for ${STAMP_LIMIT} bodies of ${STAMP_LIMIT} items`);
  }
  return Array.from({ length: count }, (_, index) => makeBody(shape, index));
}

function makeBody(shape: BodyShape, index: number): Body {
  const { signal, items, gzip, spansPerTrace } = shape;
  const bytes = encodeRequest(signal, items, index, shape);
  const stamps: number[] = [];
  const marks: number[] = [];
  const ranges: number[] = [];
  eachRecord(signal, bytes, (start, end) => {
    const at = stampOffset(signal, bytes, start, end);
    if (at < 0) throw new Error(`${signal} template: item ${stamps.length} has no stamp`);
    writeStamp(bytes, at, { request: 1, item: stamps.length, body: index });
    stamps.push(at);
    if (spansPerTrace) marks.push(traceIdOffset(bytes, start, end));
    marks.push(at);
    ranges.push(start, end);
  });
  if (stamps.length !== items) throw new Error(`${signal} template: ${stamps.length} items, wanted ${items}`);
  const body = { index, signal, items, bytes, stamps, marks: marks.sort((a, b) => a - b), ranges };
  return gzip ? { ...body, gzip: gzipSync(bytes) } : body;
}

/** Marks every item as belonging to this request. */
export function stampRequest(bytes: Uint8Array, marks: readonly number[], request: number): void {
  for (let i = 0; i < marks.length; i++) writeRequest(bytes, marks[i]!, request);
}
