import { expect, test } from 'vitest';
import { accepted, type Outcome, partial, permanent, retryable } from '../core/outcome.ts';
import { settled } from '../testkit/clock.ts';
import { exporterRig, queue, retries } from '../testkit/exporter.ts';
import { deferred, testSettings } from '../testkit/settings.ts';
import { exporter } from './stack.ts';

const host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };

test('a permanent refusal drops the batch for that reason and is not tried again', async () => {
  const { put, account, sent, clock, meter, logger, reports } = exporterRig(
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
  const { put, account, meter, logger } = exporterRig({ sending_queue: queue() }, () => partial(1, 'span has no name'));
  for (let i = 0; i < 5; i++) await put('a', 'b', 'c');
  await settled();
  expect(account).toMatchObject({ held: 0, delivered: 10, lost: { partial_success: 5 } });
  expect(meter.value('otelcol_exporter_sent_spans', { exporter: 'test' })).toBe(10);
  expect(meter.value('otelcol_exporter_send_failed_spans', { exporter: 'test' })).toBe(5);
  expect(logger.lines.filter(({ fields }) => fields.reason === 'span has no name').length).toBe(1);
});

test('a sender that throws is a bug: the batch is dropped, the exporter goes on', async () => {
  const { put, account, arrived } = exporterRig(
    { sending_queue: queue(), retry_on_failure: retries() },
    (_b, _c, call) => {
      if (call === 0) throw new Error('oops');
      return accepted;
    },
  );
  await put('a');
  await put('b');
  await settled();
  expect(arrived).toEqual(['b']);
  expect(account).toMatchObject({ held: 0, delivered: 1, lost: { bug: 1 } });
});

test('an outage is two log lines: when it begins, with what is held, and when it ends', async () => {
  let down = true;
  const { put, logger, clock, reports } = exporterRig({ sending_queue: queue(), retry_on_failure: retries() }, () =>
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
  const { put, stop, account, arrived, closed, clock } = exporterRig(
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
  const { put, stop, account, logger, memory } = exporterRig(
    { sending_queue: queue(), retry_on_failure: retries() },
    () => retryable('down'),
  );
  for (const id of ['a', 'b', 'c']) await put(id, `${id}2`);
  await stop();
  expect(account).toMatchObject({ held: 0, delivered: 0, lost: { shutdown: 6 } });
  expect(memory.used).toBe(0);
  expect(logger.lines.at(-1)).toMatchObject({ level: 'error', fields: { items: 6 } });
});

test('at the deadline even a sender that ignores its signal does not hold the shutdown up', async () => {
  const { put, stop, account, memory, sent } = exporterRig(
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
  const { put, stop } = exporterRig({ sending_queue: queue() }, (_b, ctx, call) => {
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
  const { put, stop, account } = exporterRig(config, () => new Promise(() => {}));
  await put('a');
  await stop(AbortSignal.abort());
  expect(account).toMatchObject({ held: 0, lost: { shutdown: 1 } });
});

test('an exporter that was never started shuts down', async () => {
  const { stop, closed } = exporterRig({ sending_queue: queue({ batch: {} }), retry_on_failure: retries() });
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
  const { put, stop, meter } = exporterRig({ sending_queue: queue() }, () => backend.promise);
  await put('a');
  const labels = { exporter: 'test', data_type: 'traces' };
  expect(meter.value('otelcol_exporter_in_flight_requests', labels)).toBe(1);
  backend.resolve(accepted);
  await stop();
  expect(meter.value('otelcol_exporter_in_flight_requests', labels)).toBe(0);
  expect(meter.value('otelcol_exporter_queue_capacity', labels)).toBe(0);
});
