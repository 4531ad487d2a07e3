import { expect, test } from 'vitest';
import { accepted, type Outcome, permanent, retryable } from '../core/outcome.ts';
import { exporterRig, queue, retries } from '../testkit/exporter.ts';
import { deferred, testSettings } from '../testkit/settings.ts';

test('waits between tries grow by upstream’s numbers and stop at max_elapsed_time', async () => {
  const settings = testSettings();
  const tries: number[] = [];
  const { put, account, clock } = exporterRig(
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
    const { put, clock } = exporterRig(
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
  const { put, sent, clock } = exporterRig({ sending_queue: queue(), retry_on_failure: retries() }, (_b, _c, call) =>
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
  const { put, account, clock } = exporterRig(config, () => retryable('down'));
  await put('a');
  await clock.advance(86_400_000);
  expect(account).toMatchObject({ held: 1, lost: {} });
});

test('a try that takes too long is cancelled and tried again; its late answer is ignored', async () => {
  const late = deferred<Outcome>();
  const signals: AbortSignal[] = [];
  const { put, account, clock, sent } = exporterRig(
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
