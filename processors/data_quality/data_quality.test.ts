import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { retryable } from '../../internal/core/outcome.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import { attributesOf, batchOf, type Item } from '../../internal/quality/test/batches.ts';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

function make(config: object, signal: Signal = 'traces', next = new RecordingConsumer()) {
  const account = new TestAccount();
  const settings = testSettings({ id: 'data_quality', kind: 'processor', signal, account });
  const judge = factory.create(settings, schema.parse(config), next);
  const value = (name: string, labels: object) =>
    settings.meter.value(`sluice_data_quality_${name}`, {
      kind: 'processor',
      id: 'data_quality',
      'otel.signal': signal,
      ...labels,
    });
  return {
    send: (batch: Payload) => judge.consume(batch, noContext),
    report: () => judge.quality!(),
    judge,
    next,
    account,
    value,
    clock: settings.clock,
  };
}

const cart = { 'service.name': 'cart' };

/** Each check: what passes, and what does not, with the example that is shown. */
const cases: [string, Signal, object, Item, Item, string][] = [
  ['required', 'traces', { required: ['a'] }, { attributes: { a: 0n } }, { attributes: { a: '' } }, 'a'],
  ['forbidden', 'logs', { forbidden: ['a', 'b'] }, { attributes: { c: 1n } }, { attributes: { b: 1n } }, 'b'],
  [
    'allowed',
    'metrics',
    { allowed: { attribute: 'm', values: ['GET', '5'] } },
    { attributes: { m: 5n } },
    { attributes: { m: 'get' } },
    'm=get',
  ],
  [
    'type',
    'traces',
    { type: { attribute: 'code', is: 'int' } },
    { attributes: { code: 5n } },
    { attributes: { code: '5' } },
    'code is string',
  ],
  ['pattern of a span', 'traces', { name_pattern: '^[a-z ]+$' }, { name: 'get users' }, { name: 'get /7' }, 'get /7'],
  ['pattern of a metric', 'metrics', { name_pattern: '^[a-z.]+$' }, { name: 'a.b' }, { name: 'A_b' }, 'A_b'],
  [
    'past',
    'traces',
    { timestamp_within: { past: '1h', future: '1m' } },
    { age: 3600 },
    { age: 3601 },
    '-3601 s from now',
  ],
  ['future', 'logs', { timestamp_within: { past: '1h', future: '1m' } }, { age: -60 }, { age: -61 }, '61 s from now'],
  ['time of points', 'metrics', { timestamp_within: {} }, {}, { age: 90_000 }, '-90000 s from now'],
  ['ids', 'traces', { valid_ids: true }, { id: 3 }, { id: 0 }, `trace id ${'0'.repeat(32)}, span id ${'0'.repeat(16)}`],
  [
    'parents',
    'traces',
    { parent_present: true },
    { id: 5, parent: 5 },
    { id: 6, parent: 7 },
    'n: no parent 0707070707070707 in the batch',
  ],
  ['units', 'metrics', { unit_present: true }, { unit: 'By' }, { name: 'bare' }, 'bare'],
  [
    'cardinality',
    'logs',
    { max_cardinality: { attribute: 'u', limit: 1 } },
    { attributes: { u: 'a' } },
    { attributes: { u: 'b' } },
    'u=b',
  ],
  ['cardinality of names', 'traces', { max_cardinality: { limit: 1 } }, { name: 'a' }, { name: 'b' }, 'name=b'],
];

test.each(cases)(
  '%s (%s): counted with an example, tagged, or left out',
  async (_, signal, check, good, bad, example) => {
    const rule = { name: 'r', ...check };
    const batch = batchOf(signal, cart, good, bad, good);
    const counting = make({ rules: [rule] }, signal);
    await counting.send(batch);
    expect(counting.next.taken[0]).toBe(batch);
    expect(counting.report().services).toEqual([
      {
        service: 'cart',
        items: 3,
        score: 66.7,
        violations: [{ rule: 'r', action: 'count', count: 1, checked: 3, example }],
      },
    ]);
    expect(counting.value('violations_total', { rule: 'r', action: 'count' })).toBe(1);
    expect(counting.value('score', { service: 'cart' })).toBe(66.7);

    const tagging = make({ rules: [{ ...rule, action: 'tag' }] }, signal);
    await tagging.send(batch);
    const tags = attributesOf(tagging.next.taken[0]!).map(({ item }) => item['data_quality.violations']);
    expect(tags).toEqual([undefined, ['r'], undefined]);

    const dropping = make({ rules: [{ ...rule, action: 'drop' }] }, signal);
    await dropping.send(batch);
    expect([dropping.next.items, dropping.account.left]).toEqual([2, 1]);
  },
);

test('resources are judged, tagged and left out as a whole', async () => {
  const rule = { name: 'r', on: 'resource', required: ['service.name'], action: 'tag' };
  const tagging = make({ rules: [rule], tag_attribute: 'bad' });
  await tagging.send(batchOf('traces', { bad: 'old', x: 1n }, {}, {}));
  await tagging.send(batchOf('traces', cart, {}));
  expect(tagging.next.taken.flatMap(attributesOf).map(({ resource }) => resource)).toEqual([
    { bad: ['r'], x: 1n },
    { bad: ['r'], x: 1n },
    cart,
  ]);
  expect(tagging.report().services.map(({ service, score }) => [service, score])).toEqual([
    ['(none)', 0],
    ['cart', 100],
  ]);
  const dropping = make({ rules: [{ ...rule, action: 'drop' }] });
  await dropping.send(batchOf('traces', {}, {}, {}));
  expect([dropping.next.calls.length, dropping.account.left]).toEqual([0, 2]);
});

test('the score weighs rules by their impact', async () => {
  const { send, report } = make({
    rules: [
      { name: 'a', required: ['a'], impact: 'critical' },
      { name: 'b', required: ['b'], impact: 'low' },
    ],
  });
  await send(batchOf('traces', cart, { attributes: { a: 1n } }));
  expect(report().services[0]?.score).toBe(80);
});

test('nothing is counted of a batch that is refused, and it may come again', async () => {
  const next = new RecordingConsumer(() => retryable('busy'));
  const { send, report, account, value } = make(
    { rules: [{ name: 'r', required: ['a'], action: 'drop' }] },
    'traces',
    next,
  );
  const batch = batchOf('traces', cart, {}, { attributes: { a: 1n } });
  expect((await send(batch)).status).toBe('retryable');
  expect([report().services, account.left, value('violations_total', { rule: 'r', action: 'drop' })]).toEqual([
    [],
    0,
    0,
  ]);
});

test('cardinality is counted anew after the interval, and long values are told apart', async () => {
  const { send, report, clock } = make({ rules: [{ name: 'r', max_cardinality: { attribute: 'u', limit: 2 } }] });
  const user = (u: string) => send(batchOf('traces', cart, { attributes: { u } }));
  const long = 'x'.repeat(100_000);
  for (const u of [`${long}1`, `${long}2`, `${long}1`, `${long}3`]) await user(u);
  expect(report().services[0]?.violations[0]?.count).toBe(1);
  expect(report().services[0]?.violations[0]?.example.length).toBe(200);
  await clock.advance(3_600_000);
  await user('b');
  expect(report().services[0]?.violations[0]?.count).toBe(1);
});

test('services without end share one row, and so do names that are too long', async () => {
  const { send, report } = make({ rules: [{ name: 'r', required: ['a'] }], max_services: 3 });
  for (let i = 0; i < 500; i++) await send(batchOf('traces', { 'service.name': `s${i}` }, {}));
  await send(batchOf('traces', { 'service.name': 'x'.repeat(1_000_000) }, {}));
  const services = report().services;
  expect(services.length).toBe(4);
  expect(services.find(({ service }) => service === '(other)')?.items).toBe(498);
});

test.each([
  ['instrumentation_score', 'traces', ['RES-001', 'RES-004', 'RES-005', 'SPA-002']],
  ['instrumentation_score', 'metrics', ['MET-002', 'RES-001', 'RES-004', 'RES-005']],
  ['semantic_conventions', 'traces', ['semconv.deprecated', 'semconv.http.request.method', 'semconv.service.name']],
] as const)('preset %s on %s', async (preset, signal, want) => {
  const { send, report } = make({ presets: [preset] }, signal);
  const attributes = { 'service.name': 'x', 'http.method': 'GET', 'http.request.method': 'get' };
  await send(batchOf(signal, {}, { attributes, parent: 9 }));
  expect(
    report()
      .services[0]?.violations.map(({ rule }) => rule)
      .sort(),
  ).toEqual(want);
});

test('a rule with the name of a preset’s stands in its place', async () => {
  const { send, report } = make({
    presets: ['instrumentation_score'],
    rules: [{ name: 'RES-001', on: 'resource', required: ['host.id'] }],
  });
  await send(batchOf('traces', { ...cart, 'host.id': 'h' }, {}));
  expect(report().services[0]?.violations).toEqual([]);
});

test.each(['traces', 'logs', 'metrics'] as const)('%s of every shape stay well-formed and add up', async (signal) => {
  const rules = cases.map(([name, , check], i) => ({ name, action: i % 4 === 3 ? 'drop' : 'tag', ...check }));
  for (let seed = 1; seed < 60; seed++) {
    const { send, next, account } = make({ rules, presets: ['semantic_conventions'] }, signal);
    const batch = asPayload(signal, randomRequest(signal, seed, { disorder: true, unknown: true }));
    await send(batch);
    for (const taken of next.taken) asPayload(signal, Buffer.concat(taken.chunks));
    expect(next.items + account.left).toBe(batch.itemCount);
  }
});

test.each([
  [{}, 'rules'],
  [{ rules: [{ name: 'r' }] }, 'rules.0'],
  [{ rules: [{ name: 'r', required: ['a'], forbidden: ['b'] }] }, 'rules.0'],
  [{ rules: [{ name: 'r', required: ['a'], action: 'route' }] }, 'rules.0.action'],
  [{ rules: [{ name: 'r', on: 'resource', valid_ids: true }] }, 'rules.0.on'],
  [{ rules: [{ name: 'r', on: 'resource', max_cardinality: { limit: 5 } }] }, 'rules.0.max_cardinality'],
  [{ rules: [{ name: 'r', name_pattern: '(' }] }, 'rules.0.name_pattern'],
  [
    {
      rules: [
        { name: 'r', required: ['a'] },
        { name: 'r', required: ['b'] },
      ],
    },
    'rules.1.name',
  ],
])('%j is refused at %s', (config, path) => {
  const paths = schema.safeParse(config).error?.issues.map((issue) => issue.path.join('.'));
  expect(paths).toContain(path);
});
