import { expect, test } from 'vitest';
import type { BatchContext } from '../core/consumer.ts';
import { accepted, type Outcome, partial, permanent, retryable } from '../core/outcome.ts';
import { Payload } from '../otlp/payload.ts';
import { settled } from '../testkit/clock.ts';
import { TestAccount, testSettings } from '../testkit/settings.ts';
import { idsOf, stamped } from '../testkit/stamped.ts';
import { retryOnFailure, sendingQueue } from './schema.ts';
import { exporter, type SendContext } from './stack.ts';

/** A queue with a batcher whose sender answers by what is in the batch. */
function rig(
  batch: Record<string, unknown>,
  answer: (ids: string[], ctx: SendContext) => Outcome = () => accepted,
  queue: Record<string, unknown> = {},
) {
  const settings = testSettings();
  const sent: string[][] = [];
  const arrived: string[] = [];
  const config = {
    sending_queue: sendingQueue().parse({ ...queue, batch }),
    retry_on_failure: retryOnFailure().parse({}),
  };
  const built = exporter(settings, config, {
    async send(payload, ctx) {
      const ids = idsOf(payload);
      sent.push(ids);
      const outcome = answer(ids, ctx);
      if (outcome.status === 'accepted' && !outcome.rejectedItems) arrived.push(...ids);
      return outcome;
    },
  });
  const account = new TestAccount();
  const put = (ids: string[], ctx: BatchContext = {}, into = account) =>
    built.consume(stamped('traces', ids), { account: into, ...ctx });
  return { ...settings, built, account, put, sent, arrived };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `id${from + i}`);

test('requests are sent together once min_size is reached', async () => {
  const { put, sent, account } = rig({ min_size: 4 });
  await put(['a', 'b']);
  await settled();
  expect(sent).toEqual([]);
  expect(account.held).toBe(2);
  await put(['c', 'd']);
  await settled();
  expect(sent).toEqual([['a', 'b', 'c', 'd']]);
  expect(account).toMatchObject({ held: 0, delivered: 4 });
});

test('a batch that is still small goes after flush_timeout', async () => {
  const { put, sent, clock } = rig({});
  await put(['a']);
  await clock.advance(150);
  await put(['b']);
  await clock.advance(49);
  expect(sent).toEqual([]);
  await clock.advance(1);
  expect(sent).toEqual([['a', 'b']]);
  expect(clock.timers).toBe(0);
});

test('max_size splits, and a rest smaller than min_size waits for more', async () => {
  const { put, sent, account, clock } = rig({ min_size: 4, max_size: 4 });
  await put(range(0, 10));
  await settled();
  expect(sent).toEqual([range(0, 4), range(4, 8)]);
  expect(account).toMatchObject({ held: 2, delivered: 8 });
  await put(range(10, 12));
  await settled();
  expect(sent[2]).toEqual(range(8, 12));
  expect(account).toMatchObject({ held: 0, delivered: 12 });
  expect(clock.timers).toBe(0);
});

test('the sizer bytes batches by bytes', async () => {
  const size = stamped('traces', ['a']).byteLength;
  const { put, sent } = rig({ sizer: 'bytes', min_size: size * 2, max_size: size * 2 });
  for (const id of ['a', 'b', 'c']) await put([id]);
  await settled();
  expect(sent).toEqual([['a', 'b']]);
});

test('requests of different metadata are kept apart, and each batch carries its own', async () => {
  const tenants: unknown[] = [];
  const { put, sent, clock } = rig({ partition: { metadata_keys: ['X-Tenant'] } }, (_ids, ctx) => {
    tenants.push(ctx.metadata?.get('x-tenant'), ctx.metadata?.get('other'));
    return accepted;
  });
  const of = (tenant: string) => ({
    metadata: new Map([
      ['x-tenant', [tenant]],
      ['other', ['gone']],
    ]),
  });
  await put(['a1'], of('a'));
  await put(['b1'], of('b'));
  await put(['a2'], of('a'));
  await clock.advance(200);
  expect(sent).toEqual([['a1', 'a2'], ['b1']]);
  expect(tenants).toEqual([['a'], undefined, ['b'], undefined]);
});

test('each pipeline of a merged batch is credited for its own items, wherever the batch was split', async () => {
  const { put, clock } = rig({ min_size: 100, max_size: 100 }, (ids) =>
    ids.includes('id150') ? partial(0, '') : accepted,
  );
  const [first, second] = [new TestAccount(), new TestAccount()];
  await put(range(0, 130), {}, first);
  await put(range(130, 170), {}, second);
  await clock.advance(1000);
  expect(first).toMatchObject({ held: 0, delivered: 130 });
  expect(second).toMatchObject({ held: 0, delivered: 40 });
});

test('with wait_for_result, every sender of a merged batch hears of it', async () => {
  const { put, account } = rig({ min_size: 2 }, () => accepted, { wait_for_result: true });
  const answers = await Promise.all([put(['a']), put(['b'])]);
  expect(answers.map(({ status }) => status)).toEqual(['accepted', 'accepted']);
  expect(account).toMatchObject({ held: 0, delivered: 2 });
});

test('one poisoned request does not take the others with it', async () => {
  const { put, arrived, account, sent } = rig({ min_size: 8 }, (ids) =>
    ids.includes('id5') ? permanent('invalid', 'bad span') : accepted,
  );
  for (const id of range(0, 8)) await put([id]);
  await settled();
  expect(arrived.sort()).toEqual(range(0, 8).filter((id) => id !== 'id5'));
  expect(account).toMatchObject({ held: 0, delivered: 7, lost: { invalid: 1 } });
  // 8, then 4+4, 2+2, 1+1
  expect(sent.length).toBe(7);
});

test('only the sender of the poisoned request hears no', async () => {
  const { put, account } = rig(
    { min_size: 4 },
    (ids) => (ids.includes('c') ? permanent('invalid', 'bad span') : accepted),
    { wait_for_result: true },
  );
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map((id) => put([id])));
  expect(answers.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'permanent', 'accepted']);
  expect(account).toMatchObject({ held: 0, delivered: 3, lost: {} });
});

test('the search for poison costs at most 32 more sends; what was not found alone is lost with it', async () => {
  const poisoned = new Set(range(0, 64).filter((_, i) => i % 2 === 0));
  const { put, account, sent, arrived } = rig({ min_size: 64 }, (ids) =>
    ids.some((id) => poisoned.has(id)) ? permanent('invalid', 'bad') : accepted,
  );
  for (const id of range(0, 64)) await put([id]);
  await settled();
  expect(sent.length).toBeLessThanOrEqual(33);
  expect(account.held).toBe(0);
  expect(account.delivered).toBe(arrived.length);
  expect(account.delivered + account.lost.invalid!).toBe(64);
  expect(account.delivered).toBeGreaterThan(0);
});

test('a batch that is too large goes in parts, also when it is one request', async () => {
  const { put, account, arrived } = rig({ min_size: 1 }, (ids) =>
    ids.length > 3 ? permanent('too_large', 'limit is 3') : accepted,
  );
  await put(range(0, 10));
  await settled();
  expect(arrived.sort()).toEqual(range(0, 10).sort());
  expect(account).toMatchObject({ held: 0, delivered: 10, lost: {} });
});

test('a part that must be tried again is, while its poisoned neighbour is lost', async () => {
  let busy = 2;
  const { put, account, clock } = rig({ min_size: 2 }, (ids) => {
    if (ids.includes('bad')) return permanent('invalid', 'bad');
    return busy-- > 0 ? retryable('busy') : accepted;
  });
  await put(['bad']);
  await put(['good']);
  await clock.advance(60_000);
  expect(account).toMatchObject({ held: 0, delivered: 1, lost: { invalid: 1 } });
});

test('a refusal that is not about the contents is not taken apart', async () => {
  const { put, sent, account } = rig({ min_size: 2 }, () => permanent('unauthenticated', 'who are you'));
  await put(['a']);
  await put(['b']);
  await settled();
  expect(sent).toEqual([['a', 'b']]);
  expect(account.lost).toEqual({ unauthenticated: 2 });
});

test('an exporter without a queue takes apart too, and answers with what was rejected', async () => {
  const account = new TestAccount();
  const built = exporter(
    testSettings(),
    {},
    {
      send: async (batch) => (idsOf(batch).includes('bad') ? permanent('invalid', 'bad span') : accepted),
    },
  );
  const parts = [stamped('traces', ['a']), stamped('traces', ['bad']), stamped('traces', ['b'])];
  const outcome = await built.consume(Payload.concat('traces', parts), { account });
  expect(outcome).toMatchObject({ status: 'accepted', rejectedItems: 1, reason: 'bad span' });
  expect(account).toMatchObject({ held: 0, delivered: 2, lost: {} });
});

test('shutdown sends what was still being collected', async () => {
  const { put, built, arrived, account, clock } = rig({});
  await put(['a']);
  await put(['b']);
  await built.shutdown!(new AbortController().signal);
  expect(arrived).toEqual(['a', 'b']);
  expect(account).toMatchObject({ held: 0, delivered: 2 });
  expect(clock.timers).toBe(0);
});

test.each([
  [{ batch: { min_size: 10, max_size: 5 } }, 'max_size'],
  [{ sizer: 'items', queue_size: 5, batch: { min_size: 10 } }, 'min_size'],
  [{ batch: { flush_timeout: '0s' } }, 'flush_timeout'],
])('%j is refused because of %s', (config, field) => {
  const parsed = sendingQueue().safeParse(config);
  expect(parsed.error?.issues[0]?.path).toEqual(['batch', field]);
});

test('an empty batch part takes upstream’s defaults, an absent one is off', () => {
  expect(sendingQueue().parse({ batch: null }).batch).toMatchObject({
    flush_timeout: 200,
    min_size: 8192,
    max_size: 0,
  });
  expect(sendingQueue().parse(undefined)).toMatchObject({
    enabled: true,
    queue_size: 1000,
    num_consumers: 10,
    sizer: 'requests',
  });
  expect(sendingQueue().parse({}).batch).toBeUndefined();
});
