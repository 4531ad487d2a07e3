import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { accepted, partial, permanent, retryable } from '../../internal/core/outcome.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import { walkLogs, walkSpans } from '../../internal/otlp/view/walk.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload } from '../../internal/testkit/generate.ts';
import { type Answer, RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

interface Item {
  /** 32 hex digits; default: one whose randomness is below every threshold above 0. */
  readonly id?: string;
  readonly state?: string;
  readonly attributes?: Readonly<Record<string, string | bigint | number | boolean>>;
}

const low = '00112233445566770000000000000001';
const middle = '00112233445566770080000000000000';
const high = '001122334455667700ffffffffffffff';

function batchOf(signal: Signal, items: readonly Item[]): Payload {
  const out = new Writer();
  const resource = out.open(1);
  const scope = out.open(2);
  for (const { id = low, state, attributes = {} } of items) {
    const record = out.open(2);
    out.bytes(signal === 'traces' ? 1 : 9, Buffer.from(id, 'hex'));
    if (state !== undefined) out.string(3, state);
    for (const [key, value] of Object.entries(attributes)) {
      const pair = out.open(signal === 'traces' ? 9 : 6);
      out.string(1, key);
      const any = out.open(2);
      if (typeof value === 'string') out.string(1, value);
      else if (typeof value === 'boolean') out.varint(2, value ? 1 : 0);
      else if (typeof value === 'bigint') out.varint64(3, value);
      else out.double(4, value);
      out.close(any);
      out.close(pair);
    }
    out.close(record);
  }
  out.close(scope);
  out.close(resource);
  return asPayload(signal, out.finish());
}

function rig(signal: Signal, config: object, answer: Answer = () => accepted) {
  const account = new TestAccount();
  const settings = testSettings({ id: 'probabilistic_sampler', kind: 'processor', signal, account });
  const next = new RecordingConsumer(answer);
  const sampler = factory.create(settings, schema.parse(config), next);
  return {
    ...settings,
    account,
    next,
    put: (items: readonly Item[]) => sampler.consume(batchOf(signal, items), noContext),
  };
}

/** The tracestates of the spans kept. */
async function spansKept(config: object, items: readonly Item[]): Promise<string[]> {
  const { put, next } = rig('traces', config);
  expect(await put(items)).toBe(accepted);
  const states: string[] = [];
  for (const batch of next.taken) {
    const walk = walkSpans(batch);
    while (walk.nextResource()) while (walk.nextScope()) while (walk.nextRecord()) states.push(walk.record.traceState);
  }
  return states;
}

/** The attributes of the log records kept. */
async function logsKept(config: object, items: readonly Item[]): Promise<Record<string, unknown>[]> {
  const { put, next } = rig('logs', config);
  expect(await put(items)).toBe(accepted);
  const kept: Record<string, unknown>[] = [];
  for (const batch of next.taken) {
    const walk = walkLogs(batch);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const found: Record<string, unknown> = {};
          for (const { attributes } = walk.record; attributes.next(); ) {
            found[attributes.current.key] = attributes.current.value.plain();
          }
          kept.push(found);
        }
      }
    }
  }
  return kept;
}

const half = { mode: 'equalizing', sampling_percentage: 50 };

test.each<[string, object, Item, string[]]>([
  ['randomness below the threshold', half, { id: low }, []],
  ['randomness at the threshold', half, { id: middle }, ['ot=th:8']],
  ['entries of others', half, { id: high, state: 'a=1,b=2' }, ['ot=th:8,a=1,b=2']],
  ['a higher threshold stays', half, { id: high, state: 'a=1,ot=th:c' }, ['ot=th:c,a=1']],
  ['a lower threshold is raised', half, { id: high, state: 'ot=th:4;x:y' }, ['ot=th:8;x:y']],
  ['rv goes before the trace id', half, { id: high, state: 'ot=rv:00000000000001' }, []],
  ['rv is kept', half, { id: low, state: 'ot=rv:80000000000000' }, ['ot=rv:80000000000000;th:8']],
  ['no trace id', half, { id: '' }, []],
  ['no trace id, but rv', half, { id: '00'.repeat(16), state: 'ot=rv:80000000000000' }, ['ot=rv:80000000000000;th:8']],
  ['a contradictory threshold', half, { id: middle, state: 'ot=th:c' }, []],
  ['… fails open', { ...half, fail_closed: false }, { id: middle, state: 'ot=th:c,a=1' }, ['ot=th:0,a=1']],
  ['a malformed tracestate', half, { id: high, state: 'ot=th:nonsense' }, []],
  [
    '… fails open, untouched',
    { ...half, fail_closed: false },
    { id: low, state: 'ot=th:nonsense' },
    ['ot=th:nonsense'],
  ],
  ['a priority of 0', half, { id: high, attributes: { 'sampling.priority': 0n } }, []],
  ['a priority above 0', half, { id: low, attributes: { 'sampling.priority': '1' } }, ['ot=th:0']],
  ['a priority that is no number', half, { id: high, attributes: { 'sampling.priority': true } }, ['ot=th:8']],
  [
    'a priority never lowers',
    half,
    { id: high, state: 'ot=th:c', attributes: { 'sampling.priority': 1 } },
    ['ot=th:c'],
  ],
  ['0 percent', { sampling_percentage: 0 }, { id: high }, []],
  ['0 percent and a priority', {}, { id: low, attributes: { 'sampling.priority': 2n } }, ['ot=th:0']],
  ['100 percent', { ...half, sampling_percentage: 250 }, { id: low }, ['ot=th:0']],
  ['halves multiply', { mode: 'proportional', sampling_percentage: 50 }, { id: high, state: 'ot=th:8' }, ['ot=th:c']],
  ['proportional, nothing before', { mode: 'proportional', sampling_percentage: 25 }, { id: high }, ['ot=th:c']],
  ['hash_seed beside consistent sampling', { sampling_percentage: 99 }, { id: low, state: 'ot=th:0' }, []],
])('spans: %s', async (_, config, item, want) => {
  expect(await spansKept(config, [item])).toEqual(want);
});

test('hash_seed keeps the same spans with the same seed, and writes what it judged by', async () => {
  const ids = Array.from({ length: 1000 }, (_, i) => ({
    id: (BigInt(i + 1) * 0x9e37_79b9_7f4a_7c15n).toString(16).padStart(32, '0'),
  }));
  const kept = await spansKept({ sampling_percentage: 30, hash_seed: 5 }, ids);
  expect(kept.length).toBeGreaterThan(250);
  expect(kept.length).toBeLessThan(350);
  for (const state of kept) expect(state).toMatch(/^ot=rv:[b-f][0-9a-f]{13};th:b334$/);
  expect(await spansKept({ sampling_percentage: 30, hash_seed: 5 }, ids)).toEqual(kept);
  expect(await spansKept({ sampling_percentage: 30, hash_seed: 6 }, ids)).not.toEqual(kept);
});

test.each<[string, object, Item, Record<string, unknown>[]]>([
  ['randomness below the threshold', half, { id: low }, []],
  ['randomness at the threshold', half, { id: middle }, [{ 'sampling.threshold': '8' }]],
  ['no trace id', half, { id: '' }, []],
  [
    'a lower threshold is raised in its place',
    half,
    { id: high, attributes: { a: 1n, 'sampling.threshold': '4', b: 'x' } },
    [{ a: 1n, 'sampling.threshold': '8', b: 'x' }],
  ],
  ['a malformed threshold', half, { id: high, attributes: { 'sampling.threshold': 'z' } }, []],
  [
    'a contradictory threshold',
    { ...half, fail_closed: false },
    { id: low, attributes: { 'sampling.threshold': 'c' } },
    [{ 'sampling.threshold': '0' }],
  ],
  [
    'a priority of 100 percent',
    { ...half, sampling_priority: 'p' },
    { id: low, attributes: { p: 100n } },
    [{ p: 100n, 'sampling.threshold': '0' }],
  ],
  [
    'a priority of 0',
    { ...half, sampling_priority: 'p' },
    { id: high, attributes: { p: 0n } },
    [{ p: 0n, 'sampling.threshold': '8' }],
  ],
])('log records: %s', async (_, config, item, want) => {
  expect(await logsKept(config, [item])).toEqual(want);
});

test('an attribute is hashed where there is no trace id, or in its place', async () => {
  const config = { sampling_percentage: 50, from_attribute: 'uid' };
  const items = Array.from({ length: 200 }, (_, i) => ({ id: '', attributes: { uid: `record-${i}` } }));
  const kept = await logsKept(config, items);
  expect(kept.length).toBeGreaterThan(60);
  expect(kept.length).toBeLessThan(140);
  expect(kept[0]).toMatchObject({
    'sampling.threshold': '8',
    'sampling.randomness': expect.stringMatching(/^[0-9a-f]{14}$/),
  });
  const traced = items.map(({ attributes }) => ({ id: low, attributes }));
  expect(await logsKept({ ...config, attribute_source: 'record' }, traced)).toEqual(kept);
  expect(await logsKept(config, [{ id: '' }])).toEqual([]);
});

test('what is left out is counted once the rest was taken', async () => {
  const items = [{ id: low }, { id: high }, { id: low }];
  const answers = [retryable('busy'), permanent('rejected', 'no'), partial(1, 'one too many')];
  const { put, account } = rig('traces', half, (_, call) => answers[call]!);
  expect((await put(items)).status).toBe('retryable');
  expect((await put(items)).status).toBe('permanent');
  expect(account.left).toBe(0);
  expect(await put(items)).toMatchObject({ status: 'accepted', rejectedItems: 1 });
  expect(account.left).toBe(2);
});

test('a batch of which nothing is kept goes nowhere', async () => {
  const { put, account, next } = rig('traces', half);
  expect(await put([{ id: low }])).toBe(accepted);
  expect(next.calls).toEqual([]);
  expect(account.left).toBe(1);
});

test('a batch of which everything is kept as it is travels on as it came', async () => {
  const { put, next, account } = rig('traces', { ...half, fail_closed: false });
  await put([{ state: '!' }]);
  expect(next.taken[0]).toEqual(batchOf('traces', [{ state: '!' }]));
  expect(account.left).toBe(0);
});

test('decisions are counted under upstream’s labels, and what cannot be judged is told', async () => {
  const { put, meter, logger } = rig('traces', half);
  await put([
    { id: low },
    { id: high },
    { id: high },
    { id: '' },
    { id: low, attributes: { 'sampling.priority': 1n } },
  ]);
  const count = (policy: string, sampled: string) =>
    meter.value('otelcol_processor_probabilistic_sampler_count_traces_sampled', { policy, sampled });
  expect(count('trace_id_w3c', 'true')).toBe(2);
  expect(count('trace_id_w3c', 'false')).toBe(1);
  expect(count('missing_randomness', 'false')).toBe(1);
  expect(count('sampling_priority', 'true')).toBe(1);
  expect(logger.lines.map(({ level }) => level)).toEqual(['info']);
});

test.each([
  [{ sampling_percentage: -1 }, 'sampling_percentage'],
  [{ sampling_percentage: 1e-16 }, 'sampling_percentage'],
  [{ sampling_precision: 0 }, 'sampling_precision'],
  [{ sampling_precision: 15 }, 'sampling_precision'],
  [{ attribute_source: 'span' }, 'attribute_source'],
  [{ mode: 'random' }, 'mode'],
  [{ hash_seed: -1 }, 'hash_seed'],
])('%j is refused because of %s', (config, field) => {
  expect(schema.safeParse(config).error?.issues[0]?.path).toEqual([field]);
});

test('the defaults are upstream’s', () => {
  expect(schema.parse({})).toEqual({
    mode: 'hash_seed',
    sampling_percentage: 0,
    hash_seed: 0,
    fail_closed: true,
    sampling_precision: 4,
    attribute_source: 'traceID',
    from_attribute: '',
    sampling_priority: '',
  });
});
