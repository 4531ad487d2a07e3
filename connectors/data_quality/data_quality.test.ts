import { expect, test } from 'vitest';
import { type BatchContext, type Consumer, noContext } from '../../internal/core/consumer.ts';
import { accepted, type Outcome, partial, permanent, retryable } from '../../internal/core/outcome.ts';
import { Payload, type Signal } from '../../internal/otlp/payload.ts';
import { attributesOf, batchOf, type Item } from '../../internal/quality/test/batches.ts';
import { connectorOutputs } from '../../internal/testkit/connector.ts';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { type Answer, RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const tag = 'data_quality.violations';
const cart = { 'service.name': 'cart' };
const needsA = { name: 'needs a', required: ['a'], action: 'route' };
const good: Item = { attributes: { a: 1n } };
const bad: Item = { attributes: { b: 2n } };

function make(
  rules: readonly object[],
  { signal = 'traces' as Signal, ...more }: Record<string, unknown> & { signal?: Signal } = {},
) {
  const account = new TestAccount();
  const settings = testSettings({ id: 'data_quality', kind: 'connector', signal, account });
  const [fine, dead] = [new RecordingConsumer(), new RecordingConsumer()];
  const fed: Record<string, Consumer> = { [signal]: fine, [`${signal}/dead`]: dead };
  const config = schema.parse({ rules, dead_letter_pipelines: [`${signal}/dead`], ...more });
  const connector = factory.create(settings, config, connectorOutputs(fed));
  const send = (batch: Payload, ctx: BatchContext = noContext) => connector.consume(batch, ctx);
  return { send, connector, fine, dead, account, settings };
}

const items = (of: RecordingConsumer) => of.taken.flatMap(attributesOf).map(({ item }) => item);

test.each(['traces', 'logs', 'metrics'] as const)(
  '%s: what breaks a rule goes to the dead letters, tagged, the rest on',
  async (signal) => {
    const { send, fine, dead, connector, settings, account } = make([needsA], { signal });
    expect(await send(batchOf(signal, cart, good, bad, good, bad))).toBe(accepted);
    expect(items(fine)).toEqual([{ a: 1n }, { a: 1n }]);
    expect(items(dead)).toEqual([
      { b: 2n, [tag]: ['needs a'] },
      { b: 2n, [tag]: ['needs a'] },
    ]);
    expect(dead.taken.flatMap(attributesOf).map(({ resource }) => resource)).toEqual([cart, cart]);
    expect(connector.quality!().services).toMatchObject([{ service: 'cart', items: 4, score: 50 }]);
    const labels = { kind: 'connector', id: 'data_quality', 'otel.signal': signal, rule: 'needs a', action: 'route' };
    expect(settings.meter.value('sluice_data_quality_violations_total', labels)).toBe(2);
    expect(account.left).toBe(0);
  },
);

test('a batch that breaks nothing passes as it is, one that breaks all goes whole', async () => {
  const { send, fine, dead } = make([needsA]);
  const batch = batchOf('traces', cart, good, good);
  await send(batch);
  await send(batchOf('traces', cart, bad));
  expect(fine.taken).toEqual([batch]);
  expect(fine.taken[0]).toBe(batch);
  expect(dead.items).toBe(1);
});

test('a resource that breaks a rule takes its items along, and is tagged itself; others of the batch go on', async () => {
  const owner = { name: 'owner', on: 'resource', required: ['team'], action: 'route' };
  const { send, fine, dead } = make([owner, needsA]);
  const parts = [
    batchOf('traces', cart, bad, good),
    batchOf('traces', { team: 'x' }, good, bad),
    batchOf('traces', { team: 'y' }, good),
    batchOf('traces', cart, good),
  ];
  await send(Payload.concat('traces', parts));
  expect(fine.taken.flatMap(attributesOf)).toEqual([
    { resource: { team: 'x' }, item: { a: 1n } },
    { resource: { team: 'y' }, item: { a: 1n } },
  ]);
  expect(dead.taken.flatMap(attributesOf)).toEqual([
    { resource: { ...cart, [tag]: ['owner'] }, item: { b: 2n } },
    { resource: { ...cart, [tag]: ['owner'] }, item: { a: 1n } },
    { resource: { team: 'x' }, item: { b: 2n, [tag]: ['needs a'] } },
    { resource: { ...cart, [tag]: ['owner'] }, item: { a: 1n } },
  ]);
});

test('drop goes before route, and both tag and route name their rules', async () => {
  const { send, fine, dead, account } = make([
    needsA,
    { name: 'tagged', forbidden: ['t'], action: 'tag' },
    { name: 'dropped', forbidden: ['d'], action: 'drop' },
    { name: 'counted', forbidden: ['b'] },
  ]);
  const attributes = [{ t: 1n }, { a: 1n, t: 1n }, { d: 1n }, { a: 1n }, { b: 1n }];
  await send(batchOf('traces', cart, ...attributes.map((each) => ({ attributes: each }))));
  expect(items(fine)).toEqual([{ a: 1n, t: 1n, [tag]: ['tagged'] }, { a: 1n }]);
  expect(items(dead)).toEqual([
    { t: 1n, [tag]: ['needs a', 'tagged'] },
    { b: 1n, [tag]: ['needs a'] },
  ]);
  expect(account.left).toBe(1);
});

const yes: Answer = () => accepted;
const later: Answer = () => retryable('busy', 700);
const never: Answer = () => permanent('rejected', 'no');
const partly: Answer = () => partial(1, 'too old');
const verdicts: [string, Answer, Answer, Partial<Outcome> & Record<string, unknown>][] = [
  ['both take it', yes, yes, { status: 'accepted' }],
  ['the dead letters are busy', yes, later, { status: 'retryable', retryAfterMs: 700 }],
  ['the good half is busy', later, yes, { status: 'retryable', reason: 'busy' }],
  ['one is busy, one refuses for good', never, later, { status: 'retryable' }],
  ['the dead letters refuse for good', yes, never, { status: 'permanent', code: 'rejected' }],
  ['both reject a part', partly, partly, { status: 'accepted', rejectedItems: 2, reason: 'too old' }],
];
test.each(verdicts)(
  '%s: the sender hears the worse, and only what was taken counts',
  async (_, toGood, toBad, want) => {
    const { send, fine, dead, connector, account } = make([needsA, { name: 'd', forbidden: ['d'], action: 'drop' }]);
    fine.answer = toGood;
    dead.answer = toBad;
    const outcome = await send(batchOf('traces', cart, good, bad, { attributes: { d: 1n } }));
    expect(outcome).toMatchObject(want);
    const taken = want.status === 'accepted';
    expect(connector.quality!().services.map((row) => row.items)).toEqual(taken ? [3] : []);
    expect(account.left).toBe(taken ? 1 : 0);
  },
);

test('one who offers a batch until it is taken has no half of it taken twice', async () => {
  const { send, fine, dead, settings } = make([needsA]);
  let refusals = 3;
  dead.answer = () => (refusals-- > 0 ? retryable('busy') : accepted);
  const answer = send(batchOf('traces', cart, good, bad), { persistent: true });
  await settings.clock.advance(60_000);
  expect((await answer).status).toBe('accepted');
  expect([fine.calls.length, fine.items, dead.calls.length, dead.items]).toEqual([1, 1, 4, 1]);
});

test.each(['traces', 'logs', 'metrics'] as const)(
  '%s of every shape come to two well-formed halves that add up',
  async (signal) => {
    const rules = [
      { name: 'names', name_pattern: '^[a-m]', action: 'route' },
      { name: 'kept', required: ['never there'], action: 'tag' },
      { name: 'dropped', forbidden: ['k2'], action: 'drop' },
      { name: 'owners', on: 'resource', forbidden: ['k1'], action: 'route' },
    ];
    let routed = 0;
    for (let seed = 1; seed < 80; seed++) {
      const { send, fine, dead, account } = make(rules, { signal });
      const batch = asPayload(signal, randomRequest(signal, seed, { disorder: true, unknown: true }));
      await send(batch);
      for (const taken of [...fine.taken, ...dead.taken]) {
        expect(asPayload(signal, Buffer.concat(taken.chunks)).itemCount).toBe(taken.itemCount);
      }
      expect(fine.items + dead.items + account.left).toBe(batch.itemCount);
      routed += dead.items;
    }
    expect(routed).toBeGreaterThan(0);
  },
);

test('fields that no OTLP version has stay with both halves', async () => {
  const unknown = Buffer.from([0xfa, 0x3e, 3, 1, 2, 3]);
  const batch = batchOf('traces', cart, good, bad);
  const { send, fine, dead } = make([needsA]);
  await send(asPayload('traces', Buffer.concat([...batch.chunks, unknown])));
  for (const half of [fine, dead]) expect(Buffer.concat(half.taken[0]!.chunks).includes(unknown)).toBe(true);
});

test('default_pipelines are those that get the rest, and no others', async () => {
  const [one, two, dead] = [new RecordingConsumer(), new RecordingConsumer(), new RecordingConsumer()];
  const config = schema.parse({
    rules: [needsA],
    dead_letter_pipelines: ['traces/dead'],
    default_pipelines: ['traces/one'],
  });
  const settings = testSettings({ kind: 'connector' });
  const outputs = connectorOutputs({ 'traces/one': one, 'traces/dead': dead, 'traces/two': two });
  await factory.create(settings, config, outputs).consume(batchOf('traces', cart, good, bad), noContext);
  expect([one.items, two.items, dead.items]).toEqual([1, 0, 1]);
});

test('a signal that lacks a pipeline for one of its halves is told at once', () => {
  const next = new RecordingConsumer();
  const create = (fed: Record<string, Consumer>, signal: Signal) => () => {
    const config = schema.parse({ rules: [needsA], dead_letter_pipelines: ['traces/dead'] });
    factory.create(testSettings({ id: 'data_quality', kind: 'connector', signal }), config, connectorOutputs(fed));
  };
  expect(create({ 'traces/dead': next }, 'traces')).toThrow('no pipeline of traces takes what breaks no rule');
  expect(create({ 'traces/dead': next, logs: next }, 'logs')).toThrow(
    'rule "needs a" routes logs, and no such pipeline takes them: add one to dead_letter_pipelines',
  );
});

const route = { name: 'r', required: ['a'], action: 'route' };
test.each([
  [{ rules: [route] }, 'rules.0.action'],
  [{ rules: [{ ...route, action: 'tag' }], dead_letter_pipelines: ['traces/dead'] }, 'dead_letter_pipelines'],
  [
    { rules: [route], dead_letter_pipelines: ['traces/dead'], default_pipelines: ['traces', 'traces/dead'] },
    'default_pipelines.1',
  ],
  [{ dead_letter_pipelines: [] }, 'rules'],
])('%j is refused at %s', (config, path) => {
  const paths = schema.safeParse(config).error?.issues.map((issue) => issue.path.join('.'));
  expect(paths).toContain(path);
});
