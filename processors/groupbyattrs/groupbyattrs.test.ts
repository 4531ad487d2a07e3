import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { permanent, retryable } from '../../internal/core/outcome.ts';
import { Payload, type Signal } from '../../internal/otlp/payload.ts';
import { settled } from '../../internal/testkit/clock.ts';
import { asPayload, generateRequest, randomRequest, stampsOf } from '../../internal/testkit/generate.ts';
import { loadOracle, type Oracle } from '../../internal/testkit/oracle.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const oracle = await loadOracle();
const signals = ['traces', 'logs', 'metrics'] as const;
const shapes = {
  traces: { groups: 'resourceSpans', scopes: 'scopeSpans', records: 'spans' },
  logs: { groups: 'resourceLogs', scopes: 'scopeLogs', records: 'logRecords' },
  metrics: { groups: 'resourceMetrics', scopes: 'scopeMetrics', records: 'metrics' },
} as const;

/** Requests as protobufjs has them. */
type Loose = any;

function request(signal: Signal, groups: Loose[]): Uint8Array {
  const type = oracle.request(signal);
  return type.encode(type.fromObject({ [shapes[signal].groups]: groups })).finish();
}

const attributes = (of: Record<string, string | number>) =>
  Object.entries(of).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { intValue: value },
  }));
const spans = (...all: Loose[]) => [{ scope: { name: 'lib' }, spans: all }];
const span = (name: string, of: Record<string, string | number> = {}) => ({ name, attributes: attributes(of) });
const from = (of: Record<string, string | number>, scopeSpans: Loose[], more: Loose = {}) => ({
  resource: { attributes: attributes(of) },
  scopeSpans,
  ...more,
});

function through(keys: string[], signal: Signal, payload: Payload) {
  const next = new RecordingConsumer();
  const settings = testSettings({ id: 'groupbyattrs', kind: 'processor', signal, account: new TestAccount() });
  const processor = factory.create(settings, schema.parse({ keys }), next);
  void processor.consume(payload, noContext);
  return { next, settings, out: next.calls[0]?.batch ?? new Payload(signal, [], 0, 0) };
}

/** What came out, short: resource attributes, then the names of the scopes' records with their attributes. */
function short(payload: Payload): Loose[] {
  const read = oracle.read(payload.signal, Buffer.concat(payload.chunks)) as Loose;
  const { groups, scopes, records } = shapes[payload.signal];
  const plain = (list: Loose[] = []) =>
    Object.fromEntries(list.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]));
  return (read[groups] ?? []).map((group: Loose) => [
    plain(group.resource?.attributes),
    ...(group[scopes] ?? []).map((scope: Loose) =>
      Object.fromEntries(scope[records].map((each: Loose) => [each.name, plain(each.attributes)])),
    ),
  ]);
}

test('spans with a key move to a resource that has it, the others stay', async () => {
  const payload = asPayload(
    'traces',
    request('traces', [
      from({ host: 'a' }, spans(span('1', { team: 'x', n: 1 }), span('2', { n: 2 }), span('3', { team: 'x' }))),
      from({ host: 'a', team: 'x' }, spans(span('4'))),
    ]),
  );
  const { out, settings } = through(['team', 'other'], 'traces', payload);
  expect(short(out)).toEqual([
    [
      { host: 'a', team: 'x' },
      { 1: { n: 1 }, 3: {}, 4: {} },
    ],
    [{ host: 'a' }, { 2: { n: 2 } }],
  ]);
  expect(out.itemCount).toBe(4);
  const count = (name: string) => settings.meter.value(`otelcol_processor_groupbyattrs_${name}`, labels);
  const labels = { processor: 'groupbyattrs' };
  await settled();
  expect([count('num_grouped_spans'), count('num_non_grouped_spans')]).toEqual([2, 2]);
  expect(settings.meter.recorded('otelcol_processor_groupbyattrs_span_groups', labels)).toEqual([2]);
});

test("a record's attribute wins over the resource's own, in its place, and keeps its type", () => {
  const payload = asPayload(
    'traces',
    request('traces', [
      from({ a: '1', team: 'mine', b: '2' }, spans(span('1', { team: 7 }), span('2', { team: '7' }))),
    ]),
  );
  expect(short(through(['team'], 'traces', payload).out)).toEqual([
    [{ a: '1', team: 7, b: '2' }, { 1: {} }],
    [{ a: '1', team: '7', b: '2' }, { 2: {} }],
  ]);
});

test('without keys equal resources and scopes become one, whatever the order of their attributes', () => {
  const group = (of: Record<string, string>, name: string) => from(of, spans(span(name)));
  const list = [group({ a: '1', b: '2' }, 'x'), group({ b: '2', a: '1' }, 'y'), group({ a: '1' }, 'z')];
  const bytes = request('traces', list);
  expect(short(through([], 'traces', asPayload('traces', bytes)).out)).toEqual([
    [
      { a: '1', b: '2' },
      { x: {}, y: {} },
    ],
    [{ a: '1' }, { z: {} }],
  ]);
});

test('what tells resources and scopes apart keeps them apart: schema URL, type of a value, attributes of a scope', () => {
  const differ = [
    from({ a: '1' }, spans(span('1'))),
    from({ a: 1 }, spans(span('2'))),
    from({ a: '1' }, spans(span('3')), { schemaUrl: 'https://a' }),
    from({ a: '1' }, [{ scope: { name: 'lib', attributes: attributes({ k: 'v' }) }, spans: [span('4')] }]),
    from({ a: '1' }, [{ scope: { name: 'lib' }, spans: [span('5')], schemaUrl: 'https://b' }]),
  ];
  const { out } = through([], 'traces', asPayload('traces', request('traces', differ)));
  expect(short(out)).toEqual([
    [{ a: '1' }, { 1: {} }, { 4: {} }, { 5: {} }],
    [{ a: 1 }, { 2: {} }],
    [{ a: '1' }, { 3: {} }],
  ]);
});

const sum = (name: string, more: Loose, ...points: Loose[]) => ({
  name,
  sum: { dataPoints: points, aggregationTemporality: 2, isMonotonic: true },
  ...more,
});
const point = (value: number, of: Record<string, string> = {}) => ({ asInt: value, attributes: attributes(of) });

test('points move with their metric, and metrics that are one come together: the first description stays', () => {
  const metrics = [
    sum('m', { unit: 's', description: 'first' }, point(1, { team: 'x' }), point(2)),
    sum('m', { unit: 's', description: 'second' }, point(3, { team: 'x' })),
    sum('m', { unit: 'ms' }, point(4, { team: 'x' })),
    { name: 'm', unit: 's', gauge: { dataPoints: [point(5, { team: 'x' })] } },
    { name: 'empty' },
  ];
  const group = { resource: { attributes: attributes({ host: 'a' }) }, scopeMetrics: [{ metrics }] };
  const { out } = through(['team'], 'metrics', asPayload('metrics', request('metrics', [group])));
  const read = oracle.read('metrics', Buffer.concat(out.chunks)) as Loose;
  const found = read.resourceMetrics.map(({ resource, scopeMetrics }: Loose) => [
    resource.attributes.map(({ key }: Loose) => key),
    scopeMetrics[0].metrics.map(({ unit, description, sum, gauge }: Loose) => [
      unit,
      description,
      ...(sum ?? gauge).dataPoints.map(({ asInt }: Loose) => Number(asInt)),
    ]),
  ]);
  expect(found).toEqual([
    [
      ['host', 'team'],
      [
        ['s', 'first', 1, 3],
        ['ms', undefined, 4],
        ['s', undefined, 5],
      ],
    ],
    [['host'], [['s', 'first', 2]]],
  ]);
  expect(out.itemCount).toBe(5);
});

test('deltas do not come into cumulative sums of the same name', () => {
  const delta = { name: 'm', sum: { dataPoints: [point(1)], aggregationTemporality: 1, isMonotonic: true } };
  const metrics = [sum('m', {}, point(2)), delta];
  const list = [{ scopeMetrics: [{ metrics }] }, { scopeMetrics: [{ metrics }] }];
  const { out } = through([], 'metrics', asPayload('metrics', request('metrics', list)));
  const read = oracle.read('metrics', Buffer.concat(out.chunks)) as Loose;
  const [scope] = read.resourceMetrics[0].scopeMetrics;
  expect(scope.metrics.map((each: Loose) => each.sum.aggregationTemporality)).toEqual([2, 1]);
  expect(scope.metrics.map((each: Loose) => each.sum.dataPoints.length)).toEqual([2, 2]);
});

test('a batch that is in order already travels on as it is', () => {
  for (const signal of signals) {
    // Points of one metric.
    const items = signal === 'metrics' ? 4 : 40;
    const payload = asPayload(signal, generateRequest(signal, { items, resources: signal === 'metrics' ? 1 : 3 }));
    expect(through(['none'], signal, payload).out === payload, signal).toBe(true);
  }
});

test('of an attribute that stands twice the first moves, the other stays as it does in the Go collector', () => {
  const twice = { name: 's', attributes: [...attributes({ team: 'x' }), ...attributes({ team: 'y', n: 1 })] };
  const payload = asPayload('traces', request('traces', [from({ team: 'a' }, spans(twice))]));
  expect(short(through(['team'], 'traces', payload).out)).toEqual([[{ team: 'x' }, { s: { team: 'y', n: 1 } }]]);
});

test('a batch that is refused is not counted', async () => {
  for (const answer of [retryable('later'), permanent('rejected', 'no')]) {
    const next = new RecordingConsumer(() => answer);
    const settings = testSettings({ id: 'g', kind: 'processor', signal: 'traces' });
    const processor = factory.create(settings, schema.parse({ keys: ['team'] }), next);
    const bytes = request('traces', [from({}, spans(span('1', { team: 'x' })))]);
    expect(await processor.consume(asPayload('traces', bytes), noContext)).toBe(answer);
    expect(settings.meter.value('otelcol_processor_groupbyattrs_num_grouped_spans', { processor: 'g' })).toBe(0);
  }
});

test('keys: empty and repeated ones are left away, and none are allowed', () => {
  expect(schema.parse({ keys: ['a', '', 'a', 'b'] }).keys).toEqual(['a', 'b']);
  expect(schema.parse({ keys: null }).keys).toEqual([]);
  expect(schema.parse({}).keys).toEqual([]);
});

/** Every item with its resource and scope, in one line; attributes in the order of their keys. */
function items(oracle: Oracle, signal: Signal, bytes: Uint8Array, keys: readonly string[]): string[] {
  const { groups, scopes, records } = shapes[signal];
  const read = oracle.read(signal, bytes) as Loose;
  const lines: string[] = [];
  for (const { resource = {}, schemaUrl, [scopes]: inner = [] } of read[groups] ?? []) {
    for (const { [records]: all = [], ...scope } of inner) {
      for (const record of all) {
        for (const [item, rest] of signal === 'metrics' ? pointsOf(record) : [[record, {}]]) {
          lines.push(line(item, { resource, schemaUrl, scope, rest }, keys));
        }
      }
    }
  }
  return lines.sort();
}

function pointsOf({ description: _, ...metric }: Loose): [Loose, Loose][] {
  const kind = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'].find((each) => metric[each]);
  if (!kind) return [];
  const { [kind]: data, ...rest } = metric;
  const { dataPoints = [], ...more } = data;
  return dataPoints.map((each: Loose) => [each, { ...rest, kind, more }]);
}

/** The model: what the item and its resource are after the keys have moved. */
function line(item: Loose, around: Loose, keys: readonly string[]): string {
  const all: Loose[] = item.attributes ?? [];
  const moving = keys.flatMap((key) => all.filter((pair) => (pair.key ?? '') === key).slice(0, 1));
  const has = (pair: Loose) => moving.some(({ key }) => key === pair.key);
  const moves = (pair: Loose) => moving.includes(pair);
  const own = (around.resource.attributes ?? []).filter((pair: Loose) => !has(pair));
  const byKey = (list: Loose[]) => list.map((pair) => JSON.stringify(pair)).sort();
  const { attributes: _own, ...resource } = around.resource;
  const { attributes: _all, ...left } = item;
  const lists = [byKey([...own, ...moving]), byKey(all.filter((pair) => !moves(pair)))];
  const { scope, ...scopeGroup } = around.scope;
  // An empty scope says as much as none.
  const named = scope && Object.keys(scope).length > 0 ? scope : undefined;
  return JSON.stringify([lists, resource, left, around.schemaUrl, named, scopeGroup, around.rest]);
}

test.each(signals)('%s of every shape: each item is where the model says, and nothing else came or went', (signal) => {
  const keys = ['a', 'http.method', 'grüße'];
  let movedAnything = 0;
  for (const unknown of [false, true]) {
    for (let seed = 1; seed <= 150; seed++) {
      const bytes = randomRequest(signal, seed, unknown ? { unknown, padded: true } : {});
      const payload = asPayload(signal, bytes);
      const { out } = through(keys, signal, payload);
      const joined = Buffer.concat(out.chunks);
      expect(asPayload(signal, joined).itemCount).toBe(out.itemCount);
      const want = items(oracle, signal, bytes, keys);
      expect(items(oracle, signal, joined, []), `seed ${seed}`).toEqual(want);
      if (out !== payload) movedAnything++;
    }
  }
  expect(movedAnything).toBeGreaterThan(30);
});

test.each(signals)('%s: fields in any order, in pieces and unknown ones keep every item', (signal) => {
  for (let seed = 1; seed <= 100; seed++) {
    const bytes = randomRequest(signal, seed, { disorder: true, unknown: true });
    const payload = asPayload(signal, bytes);
    const { out } = through(['a'], signal, payload);
    expect(asPayload(signal, Buffer.concat(out.chunks)).itemCount).toBe(out.itemCount);
    if (signal !== 'metrics') expect(out.itemCount).toBe(payload.itemCount);
  }
});

test('unknown fields of resources, scopes, records and requests survive', () => {
  const extra = Buffer.from([0xfa, 0x3e, 3, 1, 2, 3]);
  const wrap = (number: number, ...parts: Uint8Array[]) => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
  };
  const key = wrap(9, wrap(1, Buffer.from('k')), wrap(2, wrap(1, Buffer.from('v'))));
  const record = wrap(2, wrap(5, Buffer.from('s')), extra, key);
  const bytes = Buffer.concat([wrap(1, wrap(1, extra), extra, wrap(2, wrap(1, extra), extra, record)), extra]);
  const out = Buffer.concat(through(['k'], 'traces', asPayload('traces', bytes)).out.chunks);
  expect(out.toString('latin1').split(extra.toString('latin1'))).toHaveLength(7);
});

test('ten thousand values of a key are ten thousand resources, with every span once', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => span(String(i), { id: i }));
  const { out } = through(['id'], 'traces', asPayload('traces', request('traces', [from({}, spans(...many))])));
  expect(out.itemCount).toBe(10_000);
  expect((oracle.read('traces', out.chunks[0]!) as Loose).resourceSpans).toHaveLength(10_000);
});

test('a batch in several chunks is merged across them', () => {
  const parts = [1, 2, 3].map((seed) => generateRequest('logs', { items: 20, resources: 4, seed }));
  const payload = asPayload('logs', Buffer.concat(parts));
  const { out } = through([], 'logs', payload);
  expect(stampsOf(out).sort()).toEqual(stampsOf(payload).sort());
  expect(short(out).length).toBeLessThan(short(payload).length);
});
