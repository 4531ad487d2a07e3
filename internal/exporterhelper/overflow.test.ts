import { expect, test } from 'vitest';
import { MemoryBudget } from '../core/memory.ts';
import { accepted, type Outcome, retryable } from '../core/outcome.ts';
import { settled } from '../testkit/clock.ts';
import { exporterRig, queue } from '../testkit/exporter.ts';
import { deferred, testSettings } from '../testkit/settings.ts';
import { stamped } from '../testkit/stamped.ts';
import { sendingQueue } from './schema.ts';

/** A backend that says nothing until told, one batch at a time. */
function rig(over: Record<string, unknown>, settings = testSettings()) {
  const backend = deferred<Outcome>();
  const made = exporterRig({ sending_queue: queue({ num_consumers: 1, ...over }) }, () => backend.promise, settings);
  return { ...made, backend };
}

const failed = ['otelcol_exporter_enqueue_failed_spans', { exporter: 'test' }] as const;

test('drop_new: a full queue says yes, gives up what comes, and keeps what it has', async () => {
  const { put, backend, arrived, account, meter } = rig({ queue_size: 2, on_overflow: 'drop_new' });
  for (const id of ['a', 'b', 'c', 'd']) expect(await put(id)).toEqual(accepted);
  expect(account).toMatchObject({ held: 2, lost: { queue_full: 2 } });
  expect(meter.value(...failed)).toBe(2);
  backend.resolve(accepted);
  await settled();
  expect(arrived).toEqual(['a', 'b']);
  expect(account).toMatchObject({ held: 0, delivered: 2, lost: { queue_full: 2 } });
});

test('drop_oldest: what has waited longest makes room; what is being sent stays', async () => {
  const { put, backend, arrived, account, meter, memory } = rig({ queue_size: 3, on_overflow: 'drop_oldest' });
  for (const id of ['a', 'b', 'c', 'd', 'e']) expect(await put(id)).toEqual(accepted);
  expect(account).toMatchObject({ held: 3, lost: { queue_full: 2 } });
  expect(meter.value(...failed)).toBe(2);
  backend.resolve(accepted);
  await settled();
  expect(arrived).toEqual(['a', 'd', 'e']);
  expect(account).toMatchObject({ held: 0, delivered: 3, lost: { queue_full: 2 } });
  expect(memory.used).toBe(0);
});

test('drop_oldest: where all there is is being sent, what comes is given up', async () => {
  const { put, account, backend, arrived } = rig({ queue_size: 1, on_overflow: 'drop_oldest' });
  await put('a');
  expect(await put('b', 'c')).toEqual(accepted);
  expect(account.lost).toEqual({ queue_full: 2 });
  backend.resolve(accepted);
  await settled();
  expect(arrived).toEqual(['a']);
});

test('drop_oldest: one large batch takes the place of as many small ones as it needs', async () => {
  const { put, backend, arrived, account } = rig({ sizer: 'items', queue_size: 6, on_overflow: 'drop_oldest' });
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await put(id);
  await put('x', 'y', 'z');
  expect(account.lost).toEqual({ queue_full: 3 });
  backend.resolve(accepted);
  await settled();
  expect(arrived).toEqual(['a', 'e', 'f', 'x', 'y', 'z']);
});

test.each(['drop_new', 'drop_oldest'])('%s: a queue may be bounded in bytes', async (on_overflow) => {
  const one = stamped('traces', ['0']).byteLength;
  const { put, account, memory } = rig({ sizer: 'bytes', queue_size: 3 * one + 1, on_overflow });
  for (const id of ['0', '1', '2', '3', '4']) await put(id);
  expect(account).toMatchObject({ held: 3, lost: { queue_full: 2 } });
  expect(memory.used).toBe(3 * one);
});

test('drop_oldest: of a batch made of several requests each is told', async () => {
  const over = {
    sizer: 'items',
    queue_size: 4,
    on_overflow: 'drop_oldest',
    batch: { min_size: 2, flush_timeout: '1s' },
  };
  const { put, backend, arrived, account } = rig(over);
  for (const id of ['a', 'b', 'c', 'd']) await put(id);
  await put('e');
  expect(account).toMatchObject({ held: 3, lost: { queue_full: 2 } });
  await put('f');
  backend.resolve(accepted);
  await settled();
  expect(arrived).toEqual(['a', 'b', 'e', 'f']);
  expect(account).toMatchObject({ held: 0, delivered: 4 });
});

test.each([
  ['drop_new', {}, 25],
  ['drop_oldest', {}, 25],
  ['drop_new', { budget_percentage: 50 }, 50],
  ['refuse', { budget_percentage: 10 }, 10],
  ['refuse', {}, 100],
])('%s %j: the queue takes at most %i in a hundred of the memory budget', async (on_overflow, over, percent) => {
  const memory = new MemoryBudget(stamped('traces', ['00']).byteLength * 100);
  const { put } = rig({ on_overflow, ...over }, testSettings({ memory }));
  const answers: string[] = [];
  // What a sender without a door of its own would bring in.
  for (let n = 0; n < 100; n++) answers.push((await put(String(n).padStart(2, '0'))).status);
  expect(memory.used).toBeLessThanOrEqual((memory.capacity * percent) / 100);
  expect(memory.used).toBeGreaterThan((memory.capacity * (percent - 2)) / 100);
  expect(new Set(answers)).toEqual(
    new Set(on_overflow === 'refuse' && percent < 100 ? ['accepted', 'retryable'] : ['accepted']),
  );
});

test('a batch that can never fit is given up too, and not refused for all of a fan-out', async () => {
  const { put, account } = rig({ sizer: 'items', queue_size: 2, on_overflow: 'drop_oldest' });
  await put('a');
  await put('b');
  expect(await put('x', 'y', 'z')).toEqual(accepted);
  // In vain it would be to make room for it.
  expect(account).toMatchObject({ held: 2, lost: { queue_full: 3 } });
});

test('it is told once in ten seconds how much was given up', async () => {
  const { put, clock, logger } = rig({ queue_size: 1, on_overflow: 'drop_new' });
  await put('a');
  for (let n = 0; n < 50; n++) await put('x', 'y');
  await clock.advance(10_000);
  await put('z');
  const told = logger.lines.filter(({ message }) => message.includes('giving items up for good'));
  expect(told.map(({ fields }) => fields?.items)).toEqual([2, 99]);
});

test('what was given up is not lost once more at the stop', async () => {
  const { put, stop, account, clock } = rig({ queue_size: 2, on_overflow: 'drop_oldest' });
  for (const id of ['a', 'b', 'c']) await put(id);
  const stopped = stop(AbortSignal.abort());
  await clock.advance(1000);
  await stopped;
  expect(account).toMatchObject({ held: 0, delivered: 0, lost: { queue_full: 1, shutdown: 2 } });
});

test('a queue that gives up lets nobody wait: the two do not go together', () => {
  for (const field of ['block_on_overflow', 'wait_for_result']) {
    const { error } = sendingQueue().safeParse({ on_overflow: 'drop_new', [field]: true });
    expect(error?.issues).toMatchObject([{ path: [field], message: expect.stringContaining('on_overflow: drop_new') }]);
  }
  expect(sendingQueue().safeParse({ budget_percentage: 0 }).success).toBe(false);
  const { error } = sendingQueue().safeParse({ on_overflow: 'drop_new', enabled: false });
  expect(error?.issues).toMatchObject([{ path: ['on_overflow'], message: expect.stringContaining('needs a queue') }]);
});

test('a backend that is back gets what was kept', async () => {
  const clockSettings = testSettings();
  let down = true;
  const config = { sending_queue: queue({ queue_size: 3, num_consumers: 1, on_overflow: 'drop_oldest' }) };
  const retry = {
    enabled: true,
    initial_interval: 1000,
    randomization_factor: 0,
    multiplier: 1,
    max_interval: 1000,
    max_elapsed_time: 0,
  };
  const { put, arrived, account } = exporterRig(
    { ...config, retry_on_failure: retry },
    () => (down ? retryable('down') : accepted),
    clockSettings,
  );
  for (let n = 0; n < 10; n++) {
    await put(`${n}`);
    await clockSettings.clock.advance(5000);
  }
  down = false;
  await clockSettings.clock.advance(5000);
  expect(arrived).toEqual(['0', '8', '9']);
  expect(account).toMatchObject({ held: 0, delivered: 3, lost: { queue_full: 7 } });
});
