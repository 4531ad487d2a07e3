import assert from 'node:assert/strict';
import { expect, test } from 'vitest';
import { asPayload, counting, generateRequest, type RandomOptions, randomRequest } from '../../testkit/generate.ts';
import { loadOracle } from '../../testkit/oracle.ts';
import { Payload, type Signal } from '../payload.ts';
import { seededRandom } from '../sample.ts';
import { Writer } from '../writer.ts';
import type { Cursor, Messages } from './cursor.ts';
import type { LogRecord } from './log_record.ts';
import type { Metric, MetricData } from './metric.ts';
import {
  type Buckets,
  type DataPoint,
  type Exemplar,
  ExponentialHistogramPoint,
  HistogramPoint,
  NumberPoint,
  SummaryPoint,
} from './point.ts';
import type { EntityRef, ResourceGroup, ScopeGroup } from './resource.ts';
import { type Event, type Link, Span } from './span.ts';
import { AnyValue, type KeyValue } from './value.ts';
import { type Walk, walkLogs, walkMetrics, walkSpans } from './walk.ts';

const oracle = await loadOracle();
const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];

const shapes: Record<string, RandomOptions> = {
  'random messages': {},
  'unknown fields at every level': { unknown: true },
  'padded varints, tags and lengths': { padded: true },
  'fields out of order, repeated singular fields, split packed fields': { disorder: true },
  'all of it, deeper': { unknown: true, padded: true, disorder: true, depth: 9 },
};

for (const [shape, options] of Object.entries(shapes)) {
  test(`the views read as protobufjs reads: ${shape}`, () => {
    for (const signal of signals) {
      for (let seed = 1; seed <= 80; seed++) {
        const bytes = randomRequest(signal, seed, options);
        expect(read(signal, bytes), `${signal}, seed ${seed}`).toEqual(oracle.read(signal, bytes));
      }
    }
  });
}

test('the views read sample telemetry as protobufjs does', () => {
  for (const signal of signals) {
    const bytes = generateRequest(signal, { items: 200, resources: 3 });
    expect(read(signal, bytes)).toEqual(oracle.read(signal, bytes));
  }
});

test('an empty request has no resources', () => {
  for (const signal of signals) expect(read(signal, new Uint8Array(0))).toEqual({});
});

test('an attribute is found by its key wherever protobufjs has it first, and not where it has not', () => {
  const keys = ['', 'a', 'http.method', 'grüße', 'x'.repeat(130), 'x'.repeat(200), 'absent'];
  let found = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const bytes = randomRequest('traces', seed, seed % 2 ? {} : { unknown: true, padded: true, disorder: true });
    const tree: any = oracle.read('traces', bytes);
    const resources = tree.resourceSpans ?? [];
    const spans = resources.flatMap((r: any) => (r.scopeSpans ?? []).flatMap((s: any) => s.spans ?? []));
    const walk = walkSpans(asPayload('traces', bytes));
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const { attributes = [] } = spans.shift();
          for (const key of keys) {
            const want = attributes.find((pair: any) => (pair.key ?? '') === key);
            const pair = walk.record.attributes.find(Buffer.from(key));
            assert.deepEqual(pair && keyValue(pair), want, `seed ${seed}, key ${key}`);
            if (pair) found++;
          }
        }
      }
    }
  }
  expect(found).toBeGreaterThan(100);
});

test('a text that is asked for first is the one that is there after all fields were looked at', () => {
  const texts = (signal: 'traces' | 'logs', seed: number, options: RandomOptions, first: boolean) => {
    const payload = asPayload(signal, randomRequest(signal, seed, options));
    const walk: Walk<Span> | Walk<LogRecord> = signal === 'traces' ? walkSpans(payload) : walkLogs(payload);
    const found: string[] = [];
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const { raw } = walk.record;
          if (!first) raw.has(1);
          found.push(raw.text(signal === 'traces' ? 5 : 3), raw.text(3));
        }
      }
    }
    return found;
  };
  let all = 0;
  for (const options of Object.values(shapes)) {
    for (const signal of ['traces', 'logs'] as const) {
      for (let seed = 1; seed <= 60; seed++) {
        const found = texts(signal, seed, options, true);
        expect(found, `${signal}, seed ${seed}`).toEqual(texts(signal, seed, options, false));
        all += found.filter((text) => text !== '').length;
      }
    }
  }
  expect(all).toBeGreaterThan(1000);
});

test('a value is told in plain JavaScript', () => {
  const out = new Writer();
  const list = out.open(6);
  for (const [key, field] of Object.entries({ flag: 2, number: 3 })) {
    const pair = out.open(1);
    out.string(1, key);
    const value = out.open(2);
    out.varint(field, 1);
    out.close(value);
    out.close(pair);
  }
  const pair = out.open(1);
  out.string(1, 'array');
  const value = out.open(2);
  const array = out.open(5);
  out.bytes(1, Uint8Array.from([0x0a, 1, 0x61]));
  out.bytes(1, new Uint8Array(0));
  out.close(array);
  out.close(value);
  out.close(pair);
  out.close(list);
  const bytes = out.finish();
  expect(new AnyValue().reset(bytes, 0, bytes.length).plain()).toEqual({
    pairs: [
      ['flag', true],
      ['number', 1n],
      ['array', ['a', undefined]],
    ],
  });
});

test('a tag of two bytes is not taken for a row of one-byte tags', () => {
  // Field 16 as bytes is not what the schema says, twice; its tag is 0x82 0x01.
  const bytes = Uint8Array.from([0x82, 0x01, 0x01, 0x00, 0x82, 0x01, 0x01, 0x00, 0x30, 0x03]);
  expect(new Span().reset(bytes, 0, bytes.length).kind).toBe(3);
});

test('on bytes that no check has seen the views stop, and never read out of range or throw', () => {
  for (const signal of signals) {
    for (let seed = 1; seed <= 400; seed++) {
      const random = seededRandom(seed);
      const mutant = Uint8Array.from(randomRequest(signal, seed % 40, { unknown: true, disorder: seed % 2 === 0 }));
      for (let i = 0; i < 4 && mutant.length > 0; i++) {
        mutant[Math.floor(random() * mutant.length)] = Math.floor(random() * 256);
      }
      const cut = mutant.subarray(0, Math.ceil(random() * mutant.length));
      expect(() => readUnchecked(signal, cut), `${signal}, seed ${seed}`).not.toThrow();
    }
  }
});

test('the work of reading everything grows with the length of the request', () => {
  const shapes: [string, number[]][] = [
    ['empty attributes', [0x4a, 0]],
    ['attributes, events and links in turns', [0x4a, 2, 0x0a, 0, 0x5a, 0, 0x6a, 0]],
    ['a status in many pieces', [0x7a, 2, 0x18, 1]],
    ['groups', [0x8b, 0x02, 0x8c, 0x02]],
    ['one array value in many pieces', [0x4a, 8, 0x12, 2, 0x2a, 0, 0x12, 2, 0x2a, 0]],
  ];
  for (const [what, piece] of shapes) {
    const reads = [100, 400].map((pieces) => {
      const bytes = spanOf(Array.from({ length: pieces }, () => piece).flat());
      const { proxy, count } = counting(bytes);
      readUnchecked('traces', proxy);
      return count.reads / bytes.length;
    });
    expect(reads[1], what).toBeLessThan(reads[0]! * 1.2);
    expect(reads[1], what).toBeLessThan(60);
  }
});

function spanOf(bytes: number[]): Uint8Array {
  let content = Uint8Array.from(bytes);
  for (const field of [2, 2, 1]) {
    const out = new Writer(content.length + 16);
    out.bytes(field, content);
    content = Uint8Array.from(out.finish());
  }
  return content;
}

function readUnchecked(signal: Signal, bytes: Uint8Array): unknown {
  return readPayload(new Payload(signal, [bytes], 0, bytes.length));
}

// From here on: the whole request as protobufjs gives it, but read by way of the views. Plain assertions, because
// there are a great many.

function read(signal: Signal, bytes: Uint8Array): unknown {
  return readPayload(asPayload(signal, bytes));
}

function readPayload(payload: Payload): unknown {
  const { signal } = payload;
  if (signal === 'traces') return { ...some('resourceSpans', groups(walkSpans(payload), 'scopeSpans', 'spans', span)) };
  if (signal === 'logs') {
    return { ...some('resourceLogs', groups(walkLogs(payload), 'scopeLogs', 'logRecords', logRecord)) };
  }
  return { ...some('resourceMetrics', groups(walkMetrics(payload), 'scopeMetrics', 'metrics', metric)) };
}

function groups<R extends Cursor>(walk: Walk<R>, scopes: string, records: string, readRecord: (record: R) => unknown) {
  const resources: unknown[] = [];
  while (walk.nextResource()) {
    const inside: unknown[] = [];
    while (walk.nextScope()) {
      const items: unknown[] = [];
      while (walk.nextRecord()) items.push(readRecord(walk.record));
      inside.push({ ...scopeOf(walk.scope), ...some(records, items) });
    }
    resources.push({ ...resourceOf(walk.resource), ...some(scopes, inside) });
  }
  return resources;
}

function resourceOf(group: ResourceGroup) {
  const { resource } = group;
  const read = {
    ...some('attributes', each(resource.attributes, keyValue)),
    ...set('droppedAttributesCount', resource.droppedAttributesCount),
    ...some('entityRefs', each(resource.entityRefs, entityRef)),
  };
  return { ...(group.has(1) ? { resource: read } : {}), ...set('schemaUrl', group.schemaUrl) };
}

function entityRef(ref: EntityRef) {
  return {
    ...set('schemaUrl', ref.schemaUrl),
    ...set('type', ref.type),
    ...some('idKeys', ref.idKeys),
    ...some('descriptionKeys', ref.descriptionKeys),
  };
}

function scopeOf(group: ScopeGroup) {
  const { scope } = group;
  const read = {
    ...set('name', scope.name),
    ...set('version', scope.version),
    ...some('attributes', each(scope.attributes, keyValue)),
    ...set('droppedAttributesCount', scope.droppedAttributesCount),
  };
  return { ...(group.has(1) ? { scope: read } : {}), ...set('schemaUrl', group.schemaUrl) };
}

function span(span: Span) {
  assert.equal(span.startTimeRounded, Number(span.startTimeUnixNano));
  const { status } = span;
  return {
    ...set('traceId', span.traceId),
    ...set('spanId', span.spanId),
    ...set('traceState', span.traceState),
    ...set('parentSpanId', span.parentSpanId),
    ...set('flags', span.flags),
    ...set('name', span.name),
    ...set('kind', span.kind),
    ...set('startTimeUnixNano', span.startTimeUnixNano),
    ...set('endTimeUnixNano', span.endTimeUnixNano),
    ...some('attributes', each(span.attributes, keyValue)),
    ...set('droppedAttributesCount', span.droppedAttributesCount),
    ...some('events', each(span.events, event)),
    ...set('droppedEventsCount', span.droppedEventsCount),
    ...some('links', each(span.links, link)),
    ...set('droppedLinksCount', span.droppedLinksCount),
    ...(span.has(15) ? { status: { ...set('message', status.message), ...set('code', status.code) } } : {}),
  };
}

function event(event: Event) {
  return {
    ...set('timeUnixNano', event.timeUnixNano),
    ...set('name', event.name),
    ...some('attributes', each(event.attributes, keyValue)),
    ...set('droppedAttributesCount', event.droppedAttributesCount),
  };
}

function link(link: Link) {
  return {
    ...set('traceId', link.traceId),
    ...set('spanId', link.spanId),
    ...set('traceState', link.traceState),
    ...some('attributes', each(link.attributes, keyValue)),
    ...set('droppedAttributesCount', link.droppedAttributesCount),
    ...set('flags', link.flags),
  };
}

function logRecord(record: LogRecord) {
  return {
    ...set('timeUnixNano', record.timeUnixNano),
    ...set('observedTimeUnixNano', record.observedTimeUnixNano),
    ...set('severityNumber', record.severityNumber),
    ...set('severityText', record.severityText),
    ...(record.has(5) ? { body: anyValue(record.body) } : {}),
    ...some('attributes', each(record.attributes, keyValue)),
    ...set('droppedAttributesCount', record.droppedAttributesCount),
    ...set('flags', record.flags),
    ...set('traceId', record.traceId),
    ...set('spanId', record.spanId),
    ...set('eventName', record.eventName),
  };
}

function metric(metric: Metric) {
  const { kind, data } = metric;
  return {
    ...set('name', metric.name),
    ...set('description', metric.description),
    ...set('unit', metric.unit),
    ...(kind && data ? { [kind]: metricData(data) } : {}),
    ...some('metadata', each(metric.metadata, keyValue)),
  };
}

function metricData(data: MetricData<DataPoint>) {
  return {
    ...some('dataPoints', each(data.points, point)),
    ...set('aggregationTemporality', data.aggregationTemporality),
    ...set('isMonotonic', data.isMonotonic),
  };
}

function point(point: DataPoint) {
  assert.equal(point.noRecordedValue, point.flags % 2 === 1);
  return {
    ...some('attributes', each(point.attributes, keyValue)),
    ...set('startTimeUnixNano', point.startTimeUnixNano),
    ...set('timeUnixNano', point.timeUnixNano),
    ...set('flags', point.flags),
    ...values(point),
  };
}

function values(point: DataPoint) {
  if (point instanceof NumberPoint) {
    return { ...number(point.value), ...some('exemplars', each(point.exemplars, exemplar)) };
  }
  if (point instanceof HistogramPoint) {
    return {
      ...set('count', point.count),
      ...optional('sum', point.sum),
      ...some('bucketCounts', point.bucketCounts.map(String)),
      ...some('explicitBounds', point.explicitBounds),
      ...some('exemplars', each(point.exemplars, exemplar)),
      ...optional('min', point.min),
      ...optional('max', point.max),
    };
  }
  if (point instanceof ExponentialHistogramPoint) {
    return {
      ...set('count', point.count),
      ...optional('sum', point.sum),
      ...set('scale', point.scale),
      ...set('zeroCount', point.zeroCount),
      ...(point.has(8) ? { positive: buckets(point.positive) } : {}),
      ...(point.has(9) ? { negative: buckets(point.negative) } : {}),
      ...some('exemplars', each(point.exemplars, exemplar)),
      ...optional('min', point.min),
      ...optional('max', point.max),
      ...set('zeroThreshold', point.zeroThreshold),
    };
  }
  if (!(point instanceof SummaryPoint)) throw new Error('a kind of data point nobody knows');
  return {
    ...set('count', point.count),
    ...set('sum', point.sum),
    ...some(
      'quantileValues',
      each(point.quantileValues, ({ quantile, value }) => ({ ...set('quantile', quantile), ...set('value', value) })),
    ),
  };
}

function buckets(buckets: Buckets) {
  return { ...set('offset', buckets.offset), ...some('bucketCounts', buckets.bucketCounts.map(String)) };
}

function exemplar(exemplar: Exemplar) {
  return {
    ...some('filteredAttributes', each(exemplar.filteredAttributes, keyValue)),
    ...set('timeUnixNano', exemplar.timeUnixNano),
    ...number(exemplar.value),
    ...set('spanId', exemplar.spanId),
    ...set('traceId', exemplar.traceId),
  };
}

function number(value: number | bigint | undefined) {
  return typeof value === 'bigint' ? { asInt: String(value) } : optional('asDouble', value);
}

function keyValue(pair: KeyValue): unknown {
  // Text that is not UTF-8, in unchecked bytes, does not come back as it was.
  if (!pair.key.includes('\ufffd')) assert.equal(pair.keyIs(Buffer.from(pair.key)), true);
  return {
    ...set('key', pair.key),
    ...(pair.has(2) ? { value: anyValue(pair.value) } : {}),
    ...set('keyStrindex', pair.keyStrindex),
  };
}

function anyValue(value: AnyValue): unknown {
  switch (value.kind) {
    case 'empty':
      return {};
    case 'string':
      return { stringValue: value.stringValue };
    case 'bool':
      return { boolValue: value.boolValue };
    case 'int':
      return { intValue: String(value.intValue) };
    case 'double':
      return { doubleValue: value.doubleValue };
    case 'array':
      return { arrayValue: some('values', each(value.arrayValue, anyValue)) };
    case 'kvlist':
      return { kvlistValue: some('values', each(value.kvlistValue, keyValue)) };
    case 'bytes':
      return { bytesValue: Buffer.from(value.bytesValue).toString('base64') };
    case 'strindex':
      return { stringValueStrindex: value.stringValueStrindex };
  }
}

function each<C extends Cursor, T>(list: Messages<C>, read: (item: C) => T): T[] {
  const items: T[] = [];
  const count = list.count();
  for (let item = list.next(); item; item = list.next()) items.push(read(item));
  assert.equal(items.length, count);
  return items;
}

/** A field without presence: protobufjs leaves it out where it has its default value. */
function set(name: string, value: string | number | bigint | boolean | Uint8Array) {
  if (value instanceof Uint8Array) return value.length > 0 ? { [name]: Buffer.from(value).toString('base64') } : {};
  if (typeof value === 'bigint') return value !== 0n ? { [name]: String(value) } : {};
  return value === '' || value === false || Object.is(value, 0) ? {} : { [name]: value };
}

function optional(name: string, value: number | undefined) {
  return value === undefined ? {} : { [name]: value };
}

function some(name: string, items: readonly unknown[]) {
  return items.length > 0 ? { [name]: items } : {};
}
