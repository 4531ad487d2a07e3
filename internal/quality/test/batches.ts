import { encodeField, encodeValue } from '../../otlp/attributes/encode.ts';
import type { Payload, Signal } from '../../otlp/payload.ts';
import type { Attributes, Plain } from '../../otlp/view/value.ts';
import { walkLogs, walkMetrics, walkSpans } from '../../otlp/view/walk.ts';
import { Writer } from '../../otlp/writer.ts';
import { asPayload } from '../../testkit/generate.ts';

export type Map = Record<string, Plain>;
/** A span, log record or metric with one point. */
export interface Item {
  readonly name?: string;
  readonly attributes?: Map;
  /** Seconds from now. */
  readonly age?: number;
  readonly id?: number;
  readonly parent?: number;
  readonly unit?: string;
}
/** When the fake clock begins, seconds since 1970. */
const now = 1_700_000_000n;
const attributesField = { traces: 9, logs: 6, metrics: 7 } as const;

function put(out: Writer, field: number, map: Map = {}): void {
  for (const [key, value] of Object.entries(map)) {
    out.raw(encodeField(field, Buffer.from(key), encodeValue(value)).bytes);
  }
}

/** One resource with one scope. */
export function batchOf(signal: Signal, resource: Map, ...items: readonly Item[]): Payload {
  const out = new Writer();
  const group = out.open(1);
  const about = out.open(1);
  put(out, 1, resource);
  out.close(about);
  const scope = out.open(2);
  for (const item of items) {
    const record = out.open(2);
    writeItem(out, signal, item);
    out.close(record);
  }
  out.close(scope);
  out.close(group);
  return asPayload(signal, out.finish());
}

function writeItem(out: Writer, signal: Signal, { name = 'n', attributes, age = 0, id = 1, parent, unit }: Item): void {
  const time = (now - BigInt(age)) * 1_000_000_000n;
  if (signal === 'traces') {
    out.bytes(1, Buffer.alloc(16, id && 1));
    out.bytes(2, Buffer.alloc(8, id));
    if (parent) out.bytes(4, Buffer.alloc(8, parent));
    out.string(5, name);
    out.fixed64(8, time);
  } else if (signal === 'logs') {
    out.fixed64(1, time);
    out.string(12, name);
  } else {
    out.string(1, name);
    if (unit) out.string(3, unit);
    const gauge = out.open(5);
    const point = out.open(1);
    out.fixed64(3, time);
    put(out, attributesField.metrics, attributes);
    out.close(point);
    out.close(gauge);
    return;
  }
  put(out, attributesField[signal], attributes);
}

function read(list: Attributes): Map {
  const map: Map = {};
  for (let pair = list.next(); pair; pair = list.next()) map[pair.key] = pair.value.plain();
  return map;
}

/** Of each item, and of its resource. */
export function attributesOf(batch: Payload) {
  const all: { resource: Map; item: Map }[] = [];
  const bytes = asPayload(batch.signal, Buffer.concat(batch.chunks));
  if (batch.signal === 'metrics') {
    const walk = walkMetrics(bytes);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const points = walk.record.gauge.points;
          for (let point = points.next(); point; point = points.next()) {
            all.push({ resource: read(walk.resource.resource.attributes), item: read(point.attributes) });
          }
        }
      }
    }
    return all;
  }
  const walk = batch.signal === 'traces' ? walkSpans(bytes) : walkLogs(bytes);
  while (walk.nextResource()) {
    while (walk.nextScope()) {
      while (walk.nextRecord()) {
        all.push({ resource: read(walk.resource.resource.attributes), item: read(walk.record.attributes) });
      }
    }
  }
  return all;
}
