import { decodeJson, encodeJson } from '../../../internal/otlp/json.ts';
import type { Payload } from '../../../internal/otlp/payload.ts';
import { isMalformed } from '../../../internal/otlp/wire.ts';
import { durationOf, durationText, type Frame } from './frame.ts';
import { recordFromJson, recordToJson } from './record.ts';
import { type Kind, kindsBySignal, pointFields } from './specs.ts';
import { equal, type Fields, type Value } from './values.ts';

type Json = Record<string, any>;

/** Where a metric of each type has its points. */
const dataOf: Readonly<Record<string, string>> = {
  gauge: 'gauge',
  sum: 'sum',
  histogram: 'histogram',
  exponential_histogram: 'exponentialHistogram',
  summary: 'summary',
};

/** One batch of these records, of which neighbours with the same resource and scope share a group. @throws Error that says what OTLP does not allow */
export function toPayload(kind: Kind, records: readonly Fields[], frame: Frame): Payload {
  const groups: Json[] = [];
  let last: Fields | undefined;
  for (const record of records) {
    const { resource, schemaUrl, scope, ...json } = recordToJson(kind.spec, record, frame) as Json;
    const same = (key: string) => last !== undefined && equal(last.get(key), record.get(key));
    if (!same('resource') || !same('schema_url')) {
      groups.push({ resource: { attributes: resource }, schemaUrl, [kind.scopes]: [] });
    }
    const scopes: Json[] = groups.at(-1)![kind.scopes];
    if (scopes.length === 0 || !same('scope')) scopes.push({ scope, [kind.records]: [] });
    scopes.at(-1)![kind.records].push(outgoing(kind, record, json, frame));
    last = record;
  }
  const batch = decodeJson(kind.signal, JSON.stringify({ [kind.groups]: groups }));
  if (isMalformed(batch)) throw new Error(batch.malformed);
  return batch;
}

function outgoing({ one }: Kind, record: Fields, json: Json, frame: Frame): Json {
  if (one === 'span') {
    const { duration, ...rest } = json;
    const start = record.get('start') as string;
    const from = start === 'unset' ? 0n : frame.timeOf(start)!;
    return { ...rest, endTimeUnixNano: String(from + durationOf(String(duration))!) };
  }
  if (one === 'log') return record.get('body') === null ? { ...json, body: undefined } : json;
  checkPoints(record);
  const { type, aggregationTemporality, isMonotonic, dataPoints, ...rest } = json;
  const name = dataOf[String(record.get('type'))];
  if (!name) return rest;
  const data: Json = { dataPoints };
  if (name !== 'gauge' && name !== 'summary') data.aggregationTemporality = aggregationTemporality;
  if (name === 'sum') data.isMonotonic = isMonotonic;
  return { ...rest, [name]: data };
}

/** What OTLP/JSON would pass over. */
function checkPoints(metric: Fields): void {
  const type = String(metric.get('type'));
  const known = pointFields[type];
  for (const point of (metric.get('points') as readonly Fields[]) ?? []) {
    const foreign = [...point.keys()].find((key) => known && !known.includes(key));
    if (foreign) throw new Error(`a point of type ${type} has no ${foreign}: expected ${known!.join(', ')}`);
  }
}

/** The records of a batch with what stands around them, all fields with their values. */
export function fromPayload(batch: Payload, frame: Frame): Fields[] {
  const kind = kindsBySignal[batch.signal];
  const json: Json = JSON.parse(Buffer.from(encodeJson(batch)).toString());
  const records: Fields[] = [];
  for (const group of json[kind.groups] ?? []) {
    for (const scope of group[kind.scopes] ?? []) {
      const outside = { resource: group.resource?.attributes, schemaUrl: group.schemaUrl, scope: scope.scope };
      for (const record of scope[kind.records] ?? []) {
        records.push(recordFromJson(kind.spec, { ...incoming(kind, record), ...outside }, frame));
      }
    }
  }
  return records;
}

/** Each record as a batch of its own, with what stands around it. */
export function singles(batch: Payload): Payload[] {
  const { groups, scopes, records, signal } = kindsBySignal[batch.signal];
  const json: Json = JSON.parse(Buffer.from(encodeJson(batch)).toString());
  const each: Payload[] = [];
  for (const group of json[groups] ?? []) {
    for (const scope of group[scopes] ?? []) {
      for (const record of scope[records] ?? []) {
        const one = { [groups]: [{ ...group, [scopes]: [{ ...scope, [records]: [record] }] }] };
        const payload = decodeJson(
          signal,
          JSON.stringify(one, (_, value) => (Object.is(value, -0) ? '-0' : value)),
        );
        if (!isMalformed(payload)) each.push(payload);
      }
    }
  }
  return each;
}

function incoming({ one }: Kind, json: Json): Json {
  if (one === 'log') return json;
  if (one === 'span') {
    const [from, to] = [BigInt(json.startTimeUnixNano ?? 0), BigInt(json.endTimeUnixNano ?? 0)];
    return { ...json, duration: durationText(to - from) };
  }
  const names = Object.keys(dataOf);
  const type = names.find((name) => json[dataOf[name]!]);
  const data = type ? json[dataOf[type]!] : {};
  return { ...json, ...data, type: type ? names.indexOf(type) + 1 : 0 };
}

/** Spans and log records, and of metrics the points. */
export function itemsIn({ one }: Kind, records: readonly Fields[]): number {
  if (one !== 'metric') return records.length;
  return records.reduce((sum, record) => sum + ((record.get('points') as readonly Value[])?.length ?? 0), 0);
}
