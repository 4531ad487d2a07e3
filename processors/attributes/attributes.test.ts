import { expect, test } from 'vitest';
import type { BatchContext } from '../../internal/core/consumer.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import { seededRandom } from '../../internal/otlp/sample.ts';
import type { Attributes, Plain } from '../../internal/otlp/view/value.ts';
import { walkLogs, walkMetrics, walkSpans } from '../../internal/otlp/view/walk.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload, generatePayload, randomRequest } from '../../internal/testkit/generate.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import resource from '../resource/index.ts';
import attributes from './index.ts';

type Map = Record<string, Plain>;

function putAll(out: Writer, field: number, map: Map): void {
  for (const [key, value] of Object.entries(map))
    out.raw(encodeField(field, Buffer.from(key), encodeValue(value)).bytes);
}

/** A request with one span, named `work`, of kind server. */
function span(map: Map, about: Map = { 'service.name': 'shop' }): Payload {
  const out = new Writer();
  const group = out.open(1);
  const resource = out.open(1);
  putAll(out, 1, about);
  out.close(resource);
  const scope = out.open(2);
  const library = out.open(1);
  out.string(1, 'lib');
  out.string(2, '1.0');
  out.close(library);
  const record = out.open(2);
  out.bytes(1, Buffer.alloc(16, 1));
  out.string(5, 'work');
  out.varint(6, 2);
  putAll(out, 9, map);
  out.close(record);
  out.close(scope);
  out.close(group);
  return asPayload('traces', out.finish());
}

function through(
  factory: typeof attributes | typeof resource,
  signal: Signal,
  config: object,
  payload: Payload,
  ctx: BatchContext = noContext,
): Payload {
  const next = new RecordingConsumer();
  const parsed = (factory.schema as unknown as { parse(config: object): never }).parse(config);
  const processor = factory.create(testSettings({ kind: 'processor', signal }), parsed, next);
  void processor.consume(payload, ctx);
  return next.taken[0]!;
}

function pairsOf(list: Attributes): [string, Plain][] {
  const pairs: [string, Plain][] = [];
  for (let pair = list.next(); pair; pair = list.next()) pairs.push([pair.key, pair.value.plain()]);
  return pairs;
}

function attributesOf(payload: Payload): [string, Plain][] {
  const walk = walkSpans(payload);
  walk.nextResource();
  walk.nextScope();
  walk.nextRecord();
  return pairsOf(walk.record.attributes);
}

function check(actions: object[], before: Map, after: Map, ctx?: BatchContext): void {
  const out = through(attributes, 'traces', { actions }, span(before), ctx);
  expect(attributesOf(out)).toEqual(Object.entries(after));
  asPayload('traces', Buffer.concat(out.chunks));
}

test('insert sets what is not there, update what is, upsert both', () => {
  check([{ key: 'b', value: 'new', action: 'insert' }], { a: 'x' }, { a: 'x', b: 'new' });
  check([{ key: 'a', value: 'new', action: 'insert' }], { a: 'x' }, { a: 'x' });
  check([{ key: 'a', value: 1, action: 'update' }], { a: 'x', z: true }, { a: 1n, z: true });
  check([{ key: 'b', value: 1.5, action: 'update' }], { a: 'x' }, { a: 'x' });
  check([{ key: 'a', value: [1, 'b'], action: 'UPSERT' }], { a: 'x' }, { a: [1n, 'b'] });
  check([{ key: 'b', value: false, action: 'upsert' }], {}, { b: false });
});

test('a value may come from another attribute, the request, or the default', () => {
  const copy = (more: object) => [{ key: 'b', action: 'upsert', ...more }];
  check(copy({ from_attribute: 'a' }), { a: 2n ** 60n }, { a: 2n ** 60n, b: 2n ** 60n });
  check(copy({ from_attribute: 'none' }), { a: 1n }, { a: 1n });
  check(copy({ from_attribute: 'none', default_value: 'd' }), { a: 1n }, { a: 1n, b: 'd' });
  const ctx: BatchContext = {
    metadata: new Map([['tenant', ['t1', 't2']]]),
    auth: { subject: 'me' },
    clientAddress: '[::1]:4000',
  };
  check(copy({ from_context: 'metadata.Tenant' }), {}, { b: 't1;t2' }, ctx);
  check(copy({ from_context: 'tenant' }), {}, { b: 't1;t2' }, ctx);
  check(copy({ from_context: 'auth.subject' }), {}, { b: 'me' }, ctx);
  check(copy({ from_context: 'client.address' }), {}, { b: '::1' }, ctx);
  check(copy({ from_context: 'metadata.other', default_value: 5 }), {}, { b: 5n }, ctx);
  check(copy({ from_context: 'metadata.other' }), { a: 1n }, { a: 1n }, ctx);
});

test('delete takes a key, those that a pattern finds, or both', () => {
  const before = { 'card.number': '1', a: 1n, 'card.holder': 'x', b: 2n };
  check([{ key: 'a', action: 'delete' }], before, { 'card.number': '1', 'card.holder': 'x', b: 2n });
  check([{ pattern: '^card\\.', action: 'delete' }], before, { a: 1n, b: 2n });
  check([{ key: 'b', pattern: '(?i)HOLDER', action: 'delete' }], before, { 'card.number': '1', a: 1n });
});

test('hash is SHA-256 of the value’s bytes; of what has none, an empty text', () => {
  check(
    [{ pattern: '.', action: 'hash' }],
    { s: 'abc', b: true, i: 1n, d: 1.5, l: ['x'] },
    {
      s: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      b: '4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a',
      i: '7c9fa136d4413fa6173637e883b6998d32e1d675f88cddff9dcbcf331820f4b8',
      d: 'e163f8cb0f7067a7fc78ca859a77f849aea3214f38fb75b884e4a16be725c905',
      l: '',
    },
  );
});

test('extract makes attributes of named groups, over those that are there', () => {
  const actions = [{ key: 'url', pattern: '^/(?P<kind>\\w+)/(?P<id>\\d+)(?P<rest>/.*)?$', action: 'extract' }];
  check(actions, { url: '/user/42', id: 'old' }, { url: '/user/42', id: '42', kind: 'user', rest: '' });
  check(actions, { url: '/other' }, { url: '/other' });
  check(actions, { url: 5n }, { url: 5n });
});

test('convert changes the type where the value allows it', () => {
  const convert = (to: string, before: Plain, after: Plain) =>
    check([{ key: 'k', action: 'convert', converted_type: to }], { k: before }, { k: after });
  convert('int', '-12', -12n);
  convert('int', '9223372036854775807', 2n ** 63n - 1n);
  convert('int', '9223372036854775808', '9223372036854775808');
  convert('int', '1.5', '1.5');
  convert('int', -1.9, -1n);
  convert('int', true, 1n);
  convert('double', '1e3', 1000);
  convert('double', 7n, 7);
  convert('double', 'x', 'x');
  convert('string', 2n ** 62n, String(2n ** 62n));
  convert('string', false, 'false');
  convert('string', [1n, 'a'], '[1,"a"]');
});

test('actions see what earlier ones did', () => {
  check(
    [
      { key: 'b', from_attribute: 'a', action: 'insert' },
      { key: 'a', action: 'delete' },
      { key: 'a', value: 'again', action: 'insert' },
      { key: 'b', value: 2, action: 'update' },
    ],
    { a: 1n, c: 3n },
    { c: 3n, b: 2n, a: 'again' },
  );
});

test('only records that include matches and exclude does not are changed', () => {
  const actions = [{ key: 'x', value: 1, action: 'insert' }];
  const changed = (match: object) =>
    attributesOf(through(attributes, 'traces', { actions, ...match }, span({ a: 'v1', n: 5n }))).length === 3;
  const strict = (more: object) => ({ match_type: 'strict', ...more });
  const regexp = (more: object) => ({ match_type: 'regexp', ...more });
  expect(changed({ include: strict({ services: ['other', 'shop'] }) })).toBe(true);
  expect(changed({ include: strict({ services: ['other'] }) })).toBe(false);
  expect(changed({ exclude: regexp({ services: ['^sh'] }) })).toBe(false);
  expect(changed({ include: strict({ span_names: ['work'], span_kinds: ['SPAN_KIND_SERVER'] }) })).toBe(true);
  expect(changed({ include: strict({ span_names: ['work'], span_kinds: ['SPAN_KIND_CLIENT'] }) })).toBe(false);
  expect(changed({ include: strict({ attributes: [{ key: 'n', value: 5 }, { key: 'a' }] }) })).toBe(true);
  expect(changed({ include: strict({ attributes: [{ key: 'n', value: '5' }] }) })).toBe(false);
  expect(changed({ include: regexp({ attributes: [{ key: 'n', value: '^5$' }] }) })).toBe(true);
  expect(changed({ include: strict({ libraries: [{ name: 'lib', version: '1.0' }] }) })).toBe(true);
  expect(changed({ include: strict({ libraries: [{ name: 'lib', version: '' }] }) })).toBe(false);
  expect(changed({ include: strict({ libraries: [{ name: 'lib', version: '2.0' }] }) })).toBe(false);
  expect(changed({ include: strict({ resources: [{ key: 'service.name' }] }) })).toBe(true);
  expect(changed({ include: strict({ services: ['shop'] }), exclude: strict({ span_names: ['work'] }) })).toBe(false);
});

test.each([
  [{ actions: [] }, 'actions'],
  [{ actions: [{ key: 'a', action: 'insert' }] }, 'actions.0.action'],
  [{ actions: [{ action: 'delete' }] }, 'actions.0.key'],
  [{ actions: [{ key: 'a', value: 1, from_attribute: 'b', action: 'upsert' }] }, 'actions.0.action'],
  [{ actions: [{ key: 'a', value: 1, action: 'hash' }] }, 'actions.0.action'],
  [{ actions: [{ key: 'a', pattern: '(', action: 'extract' }] }, 'actions.0.pattern'],
  [{ actions: [{ key: 'a', pattern: '(x)', action: 'extract' }] }, 'actions.0.pattern'],
  [{ actions: [{ key: 'a', action: 'convert' }] }, 'actions.0.converted_type'],
  [{ actions: [{ key: 'a', value: [{ b: 2 ** 53 }], action: 'insert' }] }, 'actions.0.value'],
  [
    { actions: [{ key: 'a', action: 'delete' }], include: { match_type: 'regexp', span_names: ['['] } },
    'include.span_names.0',
  ],
])('%j is refused at %s', (config, path) => {
  const result = attributes.schema as unknown as {
    safeParse(config: object): { error?: { issues: { path: unknown[] }[] } };
  };
  expect(result.safeParse(config).error?.issues.map((issue) => issue.path.join('.'))).toContain(path);
});

test('a match that says nothing about the signal is refused at the start', () => {
  const config = { actions: [{ key: 'a', action: 'delete' }], include: { match_type: 'strict', span_names: ['x'] } };
  expect(() => through(attributes, 'logs', config, generatePayload('logs', { items: 1 }))).toThrow(
    /span_names is for traces/,
  );
});

test('what nobody changes is passed on as the same batch', () => {
  const payload = generatePayload('traces', { items: 20 });
  const config = { actions: [{ key: 'none', value: 1, action: 'update' }] };
  expect(through(attributes, 'traces', config, payload)).toBe(payload);
});

test('log records and data points of every kind are changed', async () => {
  const config = { actions: [{ key: 'added', value: 'v', action: 'upsert' }] };
  const logs = through(attributes, 'logs', config, generatePayload('logs', { items: 5 }));
  const walk = walkLogs(logs);
  let seen = 0;
  while (walk.nextResource())
    while (walk.nextScope()) while (walk.nextRecord()) if (walk.record.attributes.find(Buffer.from('added'))) seen++;
  expect(seen).toBe(5);
  const metrics = through(attributes, 'metrics', config, generatePayload('metrics', { items: 64 }));
  const points = walkMetrics(metrics);
  const kinds = new Set<string | undefined>();
  while (points.nextResource()) {
    while (points.nextScope()) {
      while (points.nextRecord()) {
        const all = points.record.data?.points;
        for (let point = all?.next(); point; point = all?.next()) {
          expect(point.attributes.find(Buffer.from('added'))?.value.stringValue).toBe('v');
          kinds.add(points.record.kind);
        }
      }
    }
  }
  expect(kinds.size).toBeGreaterThan(2);
});

test('resource: actions on the resource, also where there is none', () => {
  const config = { attributes: [{ key: 'env', value: 'prod', action: 'upsert' }] };
  const walk = walkSpans(through(resource, 'traces', config, span({ a: 1n })));
  walk.nextResource();
  expect(pairsOf(walk.resource.resource.attributes)).toEqual([
    ['service.name', 'shop'],
    ['env', 'prod'],
  ]);
  const bare = new Writer();
  const group = bare.open(1);
  const scope = bare.open(2);
  bare.close(bare.open(2));
  bare.close(scope);
  bare.close(group);
  const out = walkSpans(through(resource, 'traces', config, asPayload('traces', bare.finish())));
  out.nextResource();
  expect(pairsOf(out.resource.resource.attributes)).toEqual([['env', 'prod']]);
});

test('on requests of every shape, what is read afterwards is what a map would hold', async () => {
  const oracle = await loadOracle();
  const actions = [
    { key: 'a', value: 'new', action: 'upsert' },
    { key: 'http.method', action: 'delete' },
    { key: 'b', from_attribute: 'grüße', action: 'insert' },
  ];
  type Pair = { key?: string; value?: unknown };
  const wanted = (pairs: Pair[] = []): Pair[] => {
    const list = pairs.map((pair) => ({ ...pair }));
    const find = (key: string) => list.findIndex((pair) => (pair.key ?? '') === key);
    const a = find('a');
    if (a >= 0) list[a] = { ...list[a], value: { stringValue: 'new' } };
    else list.push({ key: 'a', value: { stringValue: 'new' } });
    const method = find('http.method');
    if (method >= 0) list.splice(method, 1);
    const from = find('grüße');
    if (from >= 0 && find('b') < 0) list.push({ key: 'b', value: list[from]!.value ?? {} });
    return list;
  };
  const random = seededRandom(5);
  for (let run = 0; run < 150; run++) {
    const bytes = randomRequest('traces', Math.floor(random() * 1e9), { unknown: run % 2 === 0, depth: 2 });
    const before = oracle.read('traces', bytes) as {
      resourceSpans?: { scopeSpans?: { spans?: { attributes?: Pair[] }[] }[] }[];
    };
    const out = through(attributes, 'traces', { actions }, asPayload('traces', bytes));
    const after = oracle.read('traces', Buffer.concat(out.chunks)) as typeof before;
    const lists = (request: typeof before) =>
      (request.resourceSpans ?? []).flatMap(({ scopeSpans }) =>
        (scopeSpans ?? []).flatMap(({ spans }) => (spans ?? []).map((each) => each.attributes)),
      );
    expect(lists(after)).toEqual(lists(before).map(wanted));
  }
});
