import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { noContext } from '../core/consumer.ts';
import { MemoryBudget } from '../core/memory.ts';
import { accepted, type Outcome, partial, permanent, retryable } from '../core/outcome.ts';
import { settled } from '../testkit/clock.ts';
import { exporterRig, queue } from '../testkit/exporter.ts';
import { deferred, testSettings } from '../testkit/settings.ts';
import { stamped } from '../testkit/stamped.ts';

test('with a queue, the sender hears yes before the backend has answered', async () => {
  const backend = deferred<Outcome>();
  const { put, account, memory } = exporterRig({ sending_queue: queue() }, () => backend.promise);
  expect(await put('a', 'b')).toEqual(accepted);
  expect(account.held).toBe(2);
  expect(memory.used).toBeGreaterThan(0);
  backend.resolve(accepted);
  await settled();
  expect(account).toMatchObject({ held: 0, delivered: 2, lost: {} });
  expect(memory.used).toBe(0);
});

test('without a queue, the sender hears what the backend said and nothing is held', async () => {
  const answers = [accepted, retryable('busy'), permanent('invalid', 'no'), partial(1, 'one is bad')];
  const { put, account } = exporterRig({}, (_batch, _ctx, call) => answers[call]!);
  for (const answer of answers) expect(await put('a', 'b')).toMatchObject(answer);
  expect(account).toMatchObject({ held: 0, delivered: 3, lost: {} });
});

test('a full queue refuses with a hint and counts it; room lets the next one in', async () => {
  const backend = deferred<Outcome>();
  const { put, account, meter } = exporterRig({ sending_queue: queue({ queue_size: 2 }) }, () => backend.promise);
  expect((await put('a')).status).toBe('accepted');
  expect((await put('b')).status).toBe('accepted');
  expect(await put('c', 'd')).toMatchObject({ status: 'retryable', retryAfterMs: 1000 });
  expect(meter.value('otelcol_exporter_enqueue_failed_spans', { exporter: 'test' })).toBe(2);
  expect(meter.value('otelcol_exporter_queue_size', { exporter: 'test', data_type: 'traces' })).toBe(2);
  expect(meter.value('otelcol_exporter_queue_capacity', { exporter: 'test', data_type: 'traces' })).toBe(2);
  expect(meter.recorded('otelcol_exporter_enqueue_size', { exporter: 'test' })).toEqual([1, 1]);
  backend.resolve(accepted);
  await settled();
  expect((await put('e')).status).toBe('accepted');
  expect(account.lost).toEqual({});
});

test.each([
  ['items', 3],
  ['bytes', stamped('traces', ['a', 'b', 'c']).byteLength],
])('the sizer %s counts what it says', async (sizer, queue_size) => {
  const backend = deferred<Outcome>();
  const { put } = exporterRig({ sending_queue: queue({ sizer, queue_size }) }, () => backend.promise);
  expect((await put('a', 'b', 'c', 'd')).status).toBe('permanent');
  expect((await put('a', 'b', 'c')).status).toBe('accepted');
  expect((await put('d')).status).toBe('retryable');
});

test('block_on_overflow lets the sender wait its turn, in order, until it leaves', async () => {
  const first = deferred<Outcome>();
  const config = queue({ queue_size: 1, block_on_overflow: true });
  const { built, put, arrived, account } = exporterRig({ sending_queue: config }, (_b, _c, call) =>
    call === 0 ? first.promise : accepted,
  );
  await put('a');
  const order: string[] = [];
  const b = put('b').then((outcome) => order.push(`b ${outcome.status}`));
  const gone = new AbortController();
  const left = built.consume(stamped('traces', ['c']), { account, abort: gone.signal });
  const d = put('d').then((outcome) => order.push(`d ${outcome.status}`));
  gone.abort();
  expect((await left).status).toBe('retryable');
  first.resolve(accepted);
  await Promise.all([b, d]);
  expect(order).toEqual(['b accepted', 'd accepted']);
  await settled();
  expect(arrived).toEqual(['a', 'b', 'd']);
  expect(account).toMatchObject({ held: 0, delivered: 3 });
});

test('a large batch that waits for room is not overtaken by small ones', async () => {
  const first = deferred<Outcome>();
  const config = queue({ sizer: 'items', queue_size: 4, block_on_overflow: true });
  const { put, sent } = exporterRig({ sending_queue: config }, (_b, _c, call) =>
    call === 0 ? first.promise : accepted,
  );
  await put('a', 'b');
  const large = put('c', 'd', 'e');
  const small = put('f');
  await settled();
  expect(sent).toEqual([['a', 'b']]);
  first.resolve(accepted);
  await Promise.all([large, small]);
  expect(sent.slice(1)).toEqual([['c', 'd', 'e'], ['f']]);
});

test('no listener stays on a caller’s signal', async () => {
  const caller = new AbortController();
  const configs = [
    {},
    { timeout: 1000 },
    { sending_queue: queue({ wait_for_result: true }), timeout: 1000 },
    { sending_queue: queue({ queue_size: 1, block_on_overflow: true }) },
  ];
  for (const config of configs) {
    const { built, stop } = exporterRig(config);
    const batch = stamped('traces', ['a']);
    const ctx = { abort: caller.signal };
    await Promise.all([built.consume(batch, ctx), built.consume(batch, ctx), built.consume(batch, ctx)]);
    await stop();
    expect(getEventListeners(caller.signal, 'abort').length).toBe(0);
  }
});

test('a sender that waits for room is told to retry when the exporter stops', async () => {
  const backend = deferred<Outcome>();
  const config = queue({ queue_size: 1, block_on_overflow: true });
  const { put, stop } = exporterRig({ sending_queue: config }, () => backend.promise);
  await put('a');
  const waiting = put('b');
  const stopped = stop();
  expect((await waiting).status).toBe('retryable');
  backend.resolve(accepted);
  await stopped;
});

test('wait_for_result answers what the backend answered and holds nothing', async () => {
  const answers = [accepted, retryable('busy'), partial(1, 'one is bad'), permanent('rejected', 'no')];
  const config = { sending_queue: queue({ wait_for_result: true }) };
  const { put, account, memory } = exporterRig(config, (_b, _c, call) => answers[call]!);
  for (const answer of answers) {
    const answered = put('a', 'b');
    expect(account.held).toBe(0);
    expect(memory.used).toBe(0);
    expect(await answered).toMatchObject(answer);
  }
  expect(account).toMatchObject({ delivered: 3, lost: {} });
});

test('a sender that waits for the result and goes is not waited for; its batch is not sent if it was not yet', async () => {
  const backend = deferred<Outcome>();
  const config = { sending_queue: queue({ wait_for_result: true, num_consumers: 1 }) };
  const { built, account, sent } = exporterRig(config, () => backend.promise);
  const caller = new AbortController();
  const ctx = { account, abort: caller.signal };
  const answers = [built.consume(stamped('traces', ['a']), ctx), built.consume(stamped('traces', ['b']), ctx)];
  caller.abort();
  for (const answer of answers) expect((await answer).status).toBe('retryable');
  backend.resolve(accepted);
  await settled();
  expect(sent).toEqual([['a']]);
  expect(account).toMatchObject({ held: 0, delivered: 0, lost: {} });
});

test('a batch changes hands in a full budget, and is refused only when far too much is held', async () => {
  const backend = deferred<Outcome>();
  const one = stamped('traces', ['a']).byteLength;
  const memory = new MemoryBudget(one * 4);
  const { put, account, meter } = exporterRig(
    { sending_queue: queue() },
    () => backend.promise,
    testSettings({ memory }),
  );
  expect(memory.tryReserve(one * 4)).toBe(true);
  expect((await put('a')).status).toBe('accepted');
  memory.takeOver(one * 2);
  expect(await put('b', 'c')).toMatchObject({ status: 'retryable', retryAfterMs: 1000 });
  expect(meter.value('otelcol_exporter_enqueue_failed_spans', { exporter: 'test' })).toBe(2);
  expect(memory.used).toBe(one * 7);
  backend.resolve(accepted);
  await settled();
  expect(memory.used).toBe(one * 6);
  expect(account).toMatchObject({ held: 0, delivered: 1 });
});

test('no more than num_consumers batches are sent at the same time', async () => {
  const gates = Array.from({ length: 5 }, () => deferred<Outcome>());
  const config = { sending_queue: queue({ num_consumers: 2 }) };
  const { put, sent } = exporterRig(config, (_b, _c, call) => gates[call]!.promise);
  for (const id of ['a', 'b', 'c', 'd', 'e']) await put(id);
  await settled();
  expect(sent).toEqual([['a'], ['b']]);
  gates[1]!.resolve(accepted);
  await settled();
  expect(sent).toEqual([['a'], ['b'], ['c']]);
});

test('the caller going away does not cancel what the queue has taken', async () => {
  const backend = deferred<Outcome>();
  let signal: AbortSignal | undefined;
  const { built, account } = exporterRig({ sending_queue: queue() }, (_b, ctx) => {
    signal = ctx.abort;
    return backend.promise;
  });
  const caller = new AbortController();
  await built.consume(stamped('traces', ['a']), { account, abort: caller.signal });
  caller.abort();
  expect(signal?.aborted).toBe(false);
  backend.resolve(accepted);
  await settled();
  expect(account.delivered).toBe(1);
});

test('metadata of the request reaches the sender', async () => {
  let got: unknown;
  const { built } = exporterRig({ sending_queue: queue() }, (_b, ctx) => {
    got = ctx.metadata?.get('tenant');
    return accepted;
  });
  await built.consume(stamped('traces', ['a']), { ...noContext, metadata: new Map([['tenant', ['acme']]]) });
  await settled();
  expect(got).toEqual(['acme']);
});
