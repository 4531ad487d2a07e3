import type { Patch } from '../otlp/patch.ts';
import { Fields } from '../otlp/view/fields.ts';
import type { Metric } from '../otlp/view/metric.ts';
import { LEN } from '../otlp/wire.ts';

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
