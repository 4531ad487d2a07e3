import { expect, test } from 'vitest';
import type { BatchContext } from '../../internal/core/consumer.ts';
import { MemoryBudget } from '../../internal/core/memory.ts';
import { accepted, type Outcome, partial, permanent, retryable } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { settled } from '../../internal/testkit/clock.ts';
import {
  type Answer,
  deferred,
  RecordingConsumer,
  TestAccount,
  type TestSettings,
  testSettings,
} from '../../internal/testkit/settings.ts';
import { idsOf, stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';

function rig(
  config: Record<string, unknown> = {},
  answer: Answer = () => accepted,
  over: { memory?: MemoryBudget } = {},
) {
  const account = new TestAccount();
  const settings: TestSettings = testSettings({ id: 'batch', kind: 'processor', pipeline: 'traces', account, ...over });
  const next = new RecordingConsumer(answer);
  const batch = factory.create(settings, schema.parse(config), next);
  const put = (ids: string[], ctx: BatchContext = {}) => batch.consume(stamped('traces', ids), ctx);
  const stop = (abort = new AbortController().signal) => batch.shutdown!(abort);
  const arrived = () => next.taken.map(idsOf);
  return { ...settings, account, next, batch, put, stop, arrived };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `id${from + i}`);
const tenant = (name: string, more?: string): BatchContext => ({
  metadata: new Map([
    ['tenant', [name]],
    ['other', [more ?? '']],
  ]),
});

test('the defaults are upstream’s', () => {
  expect(schema.parse({})).toEqual({
    send_batch_size: 8192,
    timeout: 200,
    send_batch_max_size: 0,
    metadata_keys: [],
    metadata_cardinality_limit: 1000,
  });
});

test.each([
  [{ send_batch_size: 10, send_batch_max_size: 5 }, 'send_batch_max_size'],
  [{ metadata_keys: ['a', 'A'] }, 'metadata_keys'],
])('%j is refused because of %s', (config, field) => {
  expect(schema.safeParse(config).error?.issues[0]?.path).toEqual([field]);
});

test('says yes at once and sends the requests’ own bytes together when the size is reached', async () => {
  const { put, arrived, account, memory, next, meter } = rig({ send_batch_size: 3 });
  expect((await put(['a', 'b'])).status).toBe('accepted');
  expect(account.held).toBe(2);
  expect(memory.used).toBeGreaterThan(0);
  await put(['c']);
  await settled();
  expect(arrived()).toEqual([['a', 'b', 'c']]);
  expect(next.taken[0]?.chunks.length).toBe(2);
  expect(account).toMatchObject({ held: 0, handedOn: 3, lost: {} });
  expect(memory.used).toBe(0);
  expect(meter.value('otelcol_processor_batch_batch_size_trigger_send', { processor: 'batch' })).toBe(1);
  expect(meter.recorded('otelcol_processor_batch_batch_send_size', { processor: 'batch' })).toEqual([3]);
});

test('a batch goes after the timeout, counted from its first request', async () => {
  const { put, arrived, clock, meter } = rig();
  await put(['a']);
  await clock.advance(199);
  await put(['b']);
  expect(arrived()).toEqual([]);
  await clock.advance(1);
  expect(arrived()).toEqual([['a', 'b']]);
  expect(clock.timers).toBe(0);
  expect(meter.value('otelcol_processor_batch_timeout_trigger_send', { processor: 'batch' })).toBe(1);
});

test('a batch begun after one went by its size has its whole timeout', async () => {
  const { put, arrived, clock } = rig({ send_batch_size: 2 });
  await put(['a']);
  await clock.advance(150);
  await put(['b']);
  await put(['c']);
  await clock.advance(199);
  expect(arrived()).toEqual([['a', 'b']]);
  await clock.advance(1);
  expect(arrived()).toEqual([['a', 'b'], ['c']]);
});

test('timeout 0 sends each request at once', async () => {
  const { put, arrived } = rig({ timeout: '0s' });
  await put(['a']);
  await put(['b', 'c']);
  await settled();
  expect(arrived()).toEqual([['a'], ['b', 'c']]);
});

test('send_batch_max_size splits, and a rest that is no whole batch waits', async () => {
  const { put, arrived, clock, account, memory, stop } = rig({ send_batch_size: 3, send_batch_max_size: 3 });
  await put(range(0, 8));
  await settled();
  expect(arrived()).toEqual([range(0, 3), range(3, 6)]);
  expect(account).toMatchObject({ held: 2, handedOn: 6 });
  await clock.advance(200);
  expect(arrived()[2]).toEqual(range(6, 8));
  await put(range(8, 9));
  await stop();
  expect(account).toMatchObject({ held: 0, handedOn: 9 });
  expect(memory.used).toBe(0);
});

test('requests are batched by the metadata keys, and only these travel on', async () => {
  const { put, next, clock, meter } = rig({ metadata_keys: ['Tenant'] });
  await put(['a1'], tenant('a', 'x'));
  await put(['b1'], tenant('b'));
  await put(['a2'], tenant('a', 'y'));
  await put(['none']);
  expect(meter.value('otelcol_processor_batch_metadata_cardinality', { processor: 'batch', pipeline: 'traces' })).toBe(
    3,
  );
  await clock.advance(200);
  const seen = next.calls.map(({ batch, ctx }) => [
    idsOf(batch),
    ctx.metadata?.get('tenant'),
    ctx.metadata?.has('other'),
  ]);
  expect(seen).toEqual([
    [['a1', 'a2'], ['a'], false],
    [['b1'], ['b'], false],
    [['none'], undefined, false],
  ]);
  expect(clock.timers).toBe(0);
});

test('without metadata keys, what the request carried ends here', async () => {
  const { put, next, clock } = rig();
  await put(['a'], { ...tenant('a'), auth: { user: 'u' }, clientAddress: 'c' });
  await clock.advance(200);
  expect(next.calls[0]?.ctx).toEqual({ abort: expect.any(AbortSignal), persistent: true });
});

test('beyond the cardinality limit a new combination is refused, and let in once there is room', async () => {
  const { put, clock, account, memory } = rig({ metadata_keys: ['tenant'], metadata_cardinality_limit: 2 });
  await put(['a'], tenant('a'));
  await put(['b'], tenant('b'));
  expect(await put(['c'], tenant('c'))).toMatchObject({ status: 'permanent', code: 'rejected' });
  expect((await put(['a2'], tenant('a'))).status).toBe('accepted');
  await clock.advance(200);
  expect((await put(['c'], tenant('c'))).status).toBe('accepted');
  await clock.advance(200);
  expect(account).toMatchObject({ held: 0, handedOn: 4 });
  expect(memory.used).toBe(0);
});

test('what the next component refuses for now is kept and tried again until it is taken', async () => {
  let busy = 5;
  const { put, arrived, clock, account, logger } = rig({}, () =>
    busy-- > 0 ? retryable('queue full', 1000) : accepted,
  );
  await put(['a', 'b']);
  await clock.advance(60_000);
  expect(arrived()).toEqual([['a', 'b']]);
  expect(account).toMatchObject({ held: 0, handedOn: 2, lost: {} });
  expect(logger.lines.map(({ message }) => message)).toEqual([
    'the next component refuses for now: batches are kept and tried again',
    'the next component takes batches again',
  ]);
});

test('what the next component refuses for good is lost for its reason, and said', async () => {
  const { put, clock, account, memory, logger } = rig({}, () => permanent('too_large', 'limit is 4 MiB'));
  await put(['a', 'b']);
  await clock.advance(200);
  expect(account).toMatchObject({ held: 0, handedOn: 0, lost: { too_large: 2 } });
  expect(memory.used).toBe(0);
  expect(logger.warnings().length).toBe(1);
});

test('what is rejected of a batch is lost as partial success', async () => {
  const { put, clock, account } = rig({}, () => partial(1, 'bad'));
  await put(['a', 'b']);
  await clock.advance(200);
  expect(account).toMatchObject({ held: 0, handedOn: 1, lost: { partial_success: 1 } });
});

test('a slow batch does not hold up the next ones', async () => {
  const slow = deferred<Outcome>();
  const { put, arrived } = rig({ send_batch_size: 1 }, (_batch, call) => (call === 0 ? slow.promise : accepted));
  await put(['a']);
  await put(['b']);
  await settled();
  expect(arrived()).toEqual([['b']]);
  slow.resolve(accepted);
  await settled();
  expect(arrived()).toEqual([['b'], ['a']]);
});

test('a next component that never answers: 16 batches under way, 1000 waiting, then refusal, and nothing lost after', async () => {
  const stuck = deferred<Outcome>();
  const { put, next, account } = rig({ send_batch_size: 1 }, () => stuck.promise);
  let taken = 0;
  for (let i = 0; i < 2000; i++) {
    const outcome = await put([`id${i}`]);
    if (outcome.status === 'accepted') taken++;
    else expect(outcome).toMatchObject({ status: 'retryable', retryAfterMs: 1000 });
  }
  expect(next.calls.length).toBe(16);
  expect(taken).toBe(1016);
  expect(account.held).toBe(1016);
  stuck.resolve(accepted);
  await settled();
  expect(next.items).toBe(1016);
  expect(account).toMatchObject({ held: 0, handedOn: 1016 });
});

test('takes a batch over in a full budget, and refuses only when far too much is held', async () => {
  const one = stamped('traces', ['a']).byteLength;
  const memory = new MemoryBudget(one * 4);
  const { put, account, clock } = rig({}, () => accepted, { memory });
  expect(memory.tryReserve(one * 4)).toBe(true);
  expect((await put(['a'])).status).toBe('accepted');
  memory.takeOver(one * 2);
  expect(await put(['b'])).toMatchObject({ status: 'retryable', retryAfterMs: 1000 });
  expect(account.held).toBe(1);
  await clock.advance(200);
  expect(memory.used).toBe(one * 6);
  expect((await put(['b'])).status).toBe('accepted');
});

test('shutdown sends what is there, keeps trying, and ends when all is taken', async () => {
  let busy = 3;
  const { put, stop, clock, arrived, account } = rig({}, () => (busy-- > 0 ? retryable('busy') : accepted));
  await put(['a']);
  let stopped = false;
  const stopping = stop().then(() => (stopped = true));
  await settled();
  expect(stopped).toBe(false);
  expect((await put(['late'])).status).toBe('retryable');
  await clock.advance(10_000);
  await stopping;
  expect(arrived()).toEqual([['a']]);
  expect(account).toMatchObject({ held: 0, handedOn: 1 });
  expect(clock.timers).toBe(0);
});

test('at the deadline what is left is lost to the shutdown, counted, logged and cancelled', async () => {
  const signals: (AbortSignal | undefined)[] = [];
  const { put, stop, account, memory, logger, next, clock } = rig({ send_batch_size: 1 }, () => new Promise(() => {}));
  for (let i = 0; i < 20; i++) await put([`id${i}`]);
  signals.push(next.calls[0]?.ctx.abort);
  const deadline = new AbortController();
  const stopping = stop(deadline.signal);
  await settled();
  expect(account.held).toBe(20);
  deadline.abort();
  await stopping;
  expect(account).toMatchObject({ held: 0, lost: { shutdown: 20 } });
  expect(memory.used).toBe(0);
  expect(signals[0]?.aborted).toBe(true);
  expect(logger.lines.at(-1)).toMatchObject({ level: 'error', fields: { items: 20 } });
  expect(clock.timers).toBe(0);
});

test('an answer after the deadline is not counted a second time', async () => {
  const late = deferred<Outcome>();
  const { put, stop, account, memory } = rig({ send_batch_size: 1 }, () => late.promise);
  await put(['a']);
  await stop(AbortSignal.abort());
  late.resolve(accepted);
  await settled();
  expect(account).toMatchObject({ held: 0, handedOn: 0, lost: { shutdown: 1 } });
  expect(memory.used).toBe(0);
});

test('shuts down twice and without anything taken', async () => {
  const { stop } = rig();
  await stop();
  await stop();
});

test('whatever the next component answers, each id arrives exactly once or is counted as lost', async () => {
  const answers = (batch: Payload, call: number): Outcome => {
    if (call % 3 === 0) return retryable('busy');
    return idsOf(batch).includes('id7') ? permanent('invalid', 'id7') : accepted;
  };
  const { put, stop, arrived, account, memory, clock } = rig({ send_batch_size: 4, send_batch_max_size: 5 }, answers);
  for (let i = 0; i < 100; i += 3) {
    await put(range(i, i + 3));
    await clock.advance(i % 2 === 0 ? 10 : 300);
  }
  const stopping = stop();
  await clock.advance(60_000);
  await stopping;
  const ids = arrived().flat();
  expect(new Set(ids).size).toBe(ids.length);
  expect(account).toMatchObject({ held: 0, handedOn: ids.length });
  expect(ids.length + account.lost.invalid!).toBe(102);
  expect(memory.used).toBe(0);
});
