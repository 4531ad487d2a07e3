import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { noContext } from '../core/consumer.ts';
import { MemoryBudget } from '../core/memory.ts';
import { accepted, type Outcome, partial, permanent, retryable } from '../core/outcome.ts';
import type { Payload } from '../otlp/payload.ts';
import { settled } from '../testkit/clock.ts';
import { deferred, TestAccount, type TestSettings, testSettings } from '../testkit/settings.ts';
import { idsOf, stamped } from '../testkit/stamped.ts';
import { type QueueConfig, type RetryConfig, retryOnFailure, sendingQueue } from './schema.ts';
import { exporter, type SendContext, type StackConfig } from './stack.ts';

const host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };

function queue(over: Record<string, unknown> = {}): QueueConfig {
  return sendingQueue().parse(over);
}

function retries(over: Record<string, unknown> = {}): RetryConfig {
  return retryOnFailure().parse(over);
}

type Send = (batch: Payload, ctx: SendContext, call: number) => Outcome | Promise<Outcome>;

/** An exporter whose sender answers as told; `arrived` are the ids that it said yes to. */
function rig(config: StackConfig, send: Send = () => accepted, settings: TestSettings = testSettings()) {
  const sent: string[][] = [];
  const arrived: string[] = [];
  let closed = 0;
  const built = exporter(settings, config, {
    async send(batch, ctx) {
      const call = sent.push(idsOf(batch)) - 1;
      const outcome = await send(batch, ctx, call);
      if (outcome.status === 'accepted' && !outcome.rejectedItems) arrived.push(...idsOf(batch));
      return outcome;
    },
    shutdown: async () => void closed++,
  });
  const account = new TestAccount();
  const put = (...ids: string[]) => built.consume(stamped('traces', ids), { account });
  const stop = (abort = new AbortController().signal) => built.shutdown!(abort);
  return { ...settings, settings, built, account, sent, arrived, put, stop, closed: () => closed };
}

test('with a queue, the sender hears yes before the backend has answered', async () => {
  const backend = deferred<Outcome>();
  const { put, account, memory } = rig({ sending_queue: queue() }, () => backend.promise);
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
  const { put, account } = rig({}, (_batch, _ctx, call) => answers[call]!);
  for (const answer of answers) expect(await put('a', 'b')).toMatchObject(answer);
  expect(account).toMatchObject({ held: 0, delivered: 3, lost: {} });
});

test('a full queue refuses with a hint and counts it; room lets the next one in', async () => {
  const backend = deferred<Outcome>();
  const { put, account, meter } = rig({ sending_queue: queue({ queue_size: 2 }) }, () => backend.promise);
  expect((await put('a')).status).toBe('accepted');
  expect((await put('b')).status).toBe('accepted');
  expect(await put('c', 'd')).toMatchObject({ status: 'retryable', retryAfterMs: 1000 });
  expect(meter.value('otelcol_exporter_enqueue_failed_spans', { exporter: 'test' })).toBe(2);
  expect(meter.value('otelcol_exporter_queue_size', { exporter: 'test', data_type: 'traces' })).toBe(2);
  expect(meter.value('otelcol_exporter_queue_capacity', { exporter: 'test', data_type: 'traces' })).toBe(2);
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
  const { put } = rig({ sending_queue: queue({ sizer, queue_size }) }, () => backend.promise);
  expect((await put('a', 'b', 'c', 'd')).status).toBe('permanent');
  expect((await put('a', 'b', 'c')).status).toBe('accepted');
  expect((await put('d')).status).toBe('retryable');
});

test('block_on_overflow lets the sender wait its turn, in order, until it leaves', async () => {
  const first = deferred<Outcome>();
  const config = queue({ queue_size: 1, block_on_overflow: true });
  const { built, put, arrived, account } = rig({ sending_queue: config }, (_b, _c, call) =>
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
  const { put, sent } = rig({ sending_queue: config }, (_b, _c, call) => (call === 0 ? first.promise : accepted));
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
    const { built, stop } = rig(config);
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
  const { put, stop } = rig({ sending_queue: config }, () => backend.promise);
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
  const { put, account, memory } = rig(config, (_b, _c, call) => answers[call]!);
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
  const { built, account, sent } = rig(config, () => backend.promise);
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
  const { put, account, meter } = rig({ sending_queue: queue() }, () => backend.promise, testSettings({ memory }));
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
  const { put, sent } = rig(config, (_b, _c, call) => gates[call]!.promise);
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
  const { built, account } = rig({ sending_queue: queue() }, (_b, ctx) => {
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

test('waits between tries grow by upstream’s numbers and stop at max_elapsed_time', async () => {
  const settings = testSettings();
  const tries: number[] = [];
  const { put, account, clock } = rig(
    { sending_queue: queue(), retry_on_failure: retries() },
    () => {
      tries.push(Math.round(settings.clock.monotonic()));
      return retryable('down');
    },
    settings,
  );
  await put('a', 'b');
  await clock.advance(600_000);
  // random is 0.5: no spread. 5, 7.5, 11.25, 16.875, 25.3, then 30 s each, ending before 300 s.
  expect(tries.map((ms) => Math.round(ms / 100) / 10)).toEqual([
    0, 5, 12.5, 23.8, 40.6, 65.9, 95.9, 125.9, 155.9, 185.9, 215.9, 245.9, 275.9,
  ]);
  expect(account).toMatchObject({ held: 0, delivered: 0, lost: { retries_exhausted: 2 } });
  expect(clock.timers).toBe(0);
});

test('the spread of a wait is the randomization factor', async () => {
  for (const [random, want] of [
    [0, 2500],
    [1, 7500],
  ] as const) {
    const tries: number[] = [];
    const settings = testSettings({ random: () => random });
    const { put, clock } = rig(
      { sending_queue: queue(), retry_on_failure: retries() },
      (_b, _c, call) => {
        tries.push(settings.clock.monotonic());
        return call === 0 ? retryable('down') : accepted;
      },
      settings,
    );
    await put('a');
    await clock.advance(10_000);
    expect(tries).toEqual([0, want]);
  }
});

test('a wait is never shorter than the backend asked for', async () => {
  const { put, sent, clock } = rig({ sending_queue: queue(), retry_on_failure: retries() }, (_b, _c, call) =>
    call === 0 ? retryable('slow down', 20_000) : accepted,
  );
  await put('a');
  await clock.advance(19_999);
  expect(sent.length).toBe(1);
  await clock.advance(1);
  expect(sent.length).toBe(2);
});

test('max_elapsed_time 0 tries for ever', async () => {
  const config = { sending_queue: queue(), retry_on_failure: retries({ max_elapsed_time: 0 }) };
  const { put, account, clock } = rig(config, () => retryable('down'));
  await put('a');
  await clock.advance(86_400_000);
  expect(account).toMatchObject({ held: 1, lost: {} });
});

test('a try that takes too long is cancelled and tried again; its late answer is ignored', async () => {
  const late = deferred<Outcome>();
  const signals: AbortSignal[] = [];
  const { put, account, clock, sent } = rig(
    { sending_queue: queue(), retry_on_failure: retries(), timeout: 3000 },
    (_b, ctx, call) => {
      signals.push(ctx.abort);
      return call === 0 ? late.promise : accepted;
    },
  );
  await put('a');
  await clock.advance(3000);
  expect(signals[0]?.aborted).toBe(true);
  late.resolve(permanent('rejected', 'too late'));
  await clock.advance(5000);
  expect(sent.length).toBe(2);
  expect(account).toMatchObject({ held: 0, delivered: 1, lost: {} });
});

test('a permanent refusal drops the batch for that reason and is not tried again', async () => {
  const { put, account, sent, clock, meter, logger, reports } = rig(
    { sending_queue: queue(), retry_on_failure: retries() },
    () => permanent('permission_denied', 'bad token'),
  );
  for (let i = 0; i < 20; i++) await put('a');
  await clock.advance(1000);
  expect(sent.length).toBe(20);
  expect(account).toMatchObject({ held: 0, lost: { permission_denied: 20 } });
  expect(meter.value('otelcol_exporter_send_failed_spans', { exporter: 'test' })).toBe(20);
  expect(logger.warnings().length).toBe(1);
  expect(reports.at(-1)).toEqual({ status: 'permanent_error', error: 'bad token' });
});

test('partial success counts what was rejected as failed and lost, and says so once', async () => {
  const { put, account, meter, logger } = rig({ sending_queue: queue() }, () => partial(1, 'span has no name'));
  for (let i = 0; i < 5; i++) await put('a', 'b', 'c');
  await settled();
  expect(account).toMatchObject({ held: 0, delivered: 10, lost: { partial_success: 5 } });
  expect(meter.value('otelcol_exporter_sent_spans', { exporter: 'test' })).toBe(10);
  expect(meter.value('otelcol_exporter_send_failed_spans', { exporter: 'test' })).toBe(5);
  expect(logger.lines.filter(({ fields }) => fields.reason === 'span has no name').length).toBe(1);
});

test('a sender that throws is a bug: the batch is dropped, the exporter goes on', async () => {
  const { put, account, arrived } = rig({ sending_queue: queue(), retry_on_failure: retries() }, (_b, _c, call) => {
    if (call === 0) throw new Error('oops');
    return accepted;
  });
  await put('a');
  await put('b');
  await settled();
  expect(arrived).toEqual(['b']);
  expect(account).toMatchObject({ held: 0, delivered: 1, lost: { bug: 1 } });
});

test('an outage is two log lines: when it begins, with what is held, and when it ends', async () => {
  let down = true;
  const { put, logger, clock, reports } = rig({ sending_queue: queue(), retry_on_failure: retries() }, () =>
    down ? retryable('connection refused') : accepted,
  );
  for (let i = 0; i < 30; i++) await put('a');
  await clock.advance(11_000);
  down = false;
  await clock.advance(60_000);
  const messages = logger.lines.map(({ message }) => message);
  expect(messages).toEqual(['backend unreachable or overloaded, retrying', 'backend is back, after 13s']);
  expect(logger.lines[0]?.fields).toMatchObject({ reason: 'connection refused' });
  expect(logger.lines[0]?.fields.held_items).toBeGreaterThan(0);
  expect(reports.map(({ status }) => status)).toContain('recoverable_error');
  expect(reports.at(-1)?.status).toBe('ok');
});

test('shutdown ends the waits, gives each batch one last try and closes the sender', async () => {
  let down = true;
  const { put, stop, account, arrived, closed, clock } = rig(
    { sending_queue: queue({ num_consumers: 1 }), retry_on_failure: retries() },
    () => (down ? retryable('down') : accepted),
  );
  for (const id of ['a', 'b', 'c']) await put(id);
  await clock.advance(1000);
  down = false;
  await stop();
  expect(arrived).toEqual(['a', 'b', 'c']);
  expect(account).toMatchObject({ held: 0, delivered: 3 });
  expect(closed()).toBe(1);
  expect(clock.timers).toBe(0);
  await stop();
  expect(closed()).toBe(1);
  expect((await put('late')).status).toBe('retryable');
});

test('what the backend does not take in the last try is lost to the shutdown, counted and logged', async () => {
  const { put, stop, account, logger, memory } = rig({ sending_queue: queue(), retry_on_failure: retries() }, () =>
    retryable('down'),
  );
  for (const id of ['a', 'b', 'c']) await put(id, `${id}2`);
  await stop();
  expect(account).toMatchObject({ held: 0, delivered: 0, lost: { shutdown: 6 } });
  expect(memory.used).toBe(0);
  expect(logger.lines.at(-1)).toMatchObject({ level: 'error', fields: { items: 6 } });
});

test('at the deadline even a sender that ignores its signal does not hold the shutdown up', async () => {
  const { put, stop, account, memory, sent } = rig(
    { sending_queue: queue({ num_consumers: 1 }) },
    () => new Promise(() => {}),
  );
  for (const id of ['a', 'b', 'c']) await put(id);
  const deadline = new AbortController();
  const stopped = stop(deadline.signal);
  await settled();
  expect(account.held).toBe(3);
  deadline.abort();
  await stopped;
  expect(sent).toEqual([['a']]);
  expect(account).toMatchObject({ held: 0, lost: { shutdown: 3 } });
  expect(memory.used).toBe(0);
});

test('the deadline cancels only what is under way', async () => {
  const signals: AbortSignal[] = [];
  const { put, stop } = rig({ sending_queue: queue() }, (_b, ctx, call) => {
    signals.push(ctx.abort);
    return call === 0 ? accepted : new Promise(() => {});
  });
  await put('a');
  await put('b');
  await settled();
  await stop(AbortSignal.abort());
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
});

test('shutdown with a deadline already passed loses what is queued, and ends', async () => {
  const config = { sending_queue: queue({ batch: {} }) };
  const { put, stop, account } = rig(config, () => new Promise(() => {}));
  await put('a');
  await stop(AbortSignal.abort());
  expect(account).toMatchObject({ held: 0, lost: { shutdown: 1 } });
});

test('an exporter that was never started shuts down', async () => {
  const { stop, closed } = rig({ sending_queue: queue({ batch: {} }), retry_on_failure: retries() });
  await stop();
  expect(closed()).toBe(1);
});

test('start passes the host to the sender', async () => {
  let got: unknown;
  const built = exporter(
    testSettings(),
    {},
    { start: async (given) => void (got = given), send: async () => accepted },
  );
  await built.start?.(host);
  expect(got).toBe(host);
});

test('in-flight batches are counted, and the series ends with the exporter', async () => {
  const backend = deferred<Outcome>();
  const { put, stop, meter } = rig({ sending_queue: queue() }, () => backend.promise);
  await put('a');
  const labels = { exporter: 'test', data_type: 'traces' };
  expect(meter.value('otelcol_exporter_in_flight_requests', labels)).toBe(1);
  backend.resolve(accepted);
  await stop();
  expect(meter.value('otelcol_exporter_in_flight_requests', labels)).toBe(0);
  expect(meter.value('otelcol_exporter_queue_capacity', labels)).toBe(0);
});

test('metadata of the request reaches the sender', async () => {
  let got: unknown;
  const { built } = rig({ sending_queue: queue() }, (_b, ctx) => {
    got = ctx.metadata?.get('tenant');
    return accepted;
  });
  await built.consume(stamped('traces', ['a']), { ...noContext, metadata: new Map([['tenant', ['acme']]]) });
  await settled();
  expect(got).toEqual(['acme']);
});
