import { expect, test } from 'vitest';
import batch from '../../processors/batch/index.ts';
import { accepted, type Outcome, retryable } from '../core/outcome.ts';
import { settled } from '../testkit/clock.ts';
import { Inlet, Outlet, runningCollector, type TestConfig } from '../testkit/collector.ts';
import { Queued } from '../testkit/exporter.ts';
import { stamped } from '../testkit/stamped.ts';

const never = () => new AbortController().signal;
const batching = (over: Record<string, unknown> = {}) => ({
  factory: batch,
  config: {
    send_batch_size: 8192,
    timeout: 200,
    send_batch_max_size: 0,
    metadata_keys: [],
    metadata_cardinality_limit: 1000,
    ...over,
  },
});

test('a changed exporter: the new one starts first and gets what the old one could not send', async () => {
  const inlet = new Inlet();
  const queued = new Queued();
  const config = (target: string): TestConfig => ({
    receivers: { inlet },
    exporters: { queued: queued.part(target, { num_consumers: 1 }) },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['queued'] } },
  });
  queued.answer = (target) => (target === 'alive' ? accepted : retryable('down'));
  const { collector, reload, clock, memory } = await runningCollector(config('dead'));
  for (const id of ['a', 'b', 'c']) await inlet.send(stamped('traces', [id]));
  await clock.advance(1000);
  await reload(config('also dead'));
  await settled();
  expect(queued.instances).toEqual([
    'create dead',
    'start dead',
    'create also dead',
    'start also dead',
    'shutdown dead',
  ]);
  await inlet.send(stamped('traces', ['d']));
  await clock.advance(20_000);
  expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ received: 4, sent: 0, held: 4 }] });
  await reload(config('alive'));
  await settled();
  expect(queued.arrived.sort()).toEqual(['alive:a', 'alive:b', 'alive:c', 'alive:d']);
  expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ received: 4, sent: 4, held: 0 }] });
  expect(queued.instances.filter((event) => event.startsWith('shutdown'))).toEqual([
    'shutdown dead',
    'shutdown also dead',
  ]);
  expect(inlet.events).toEqual(['create 1', 'start 1']);
  expect(memory.used).toBe(0);
});

test('a successor that is stopped waits for the last try of the one before it', async () => {
  const inlet = new Inlet();
  const queued = new Queued();
  const config = (target: string): TestConfig => ({
    receivers: { inlet },
    exporters: { queued: queued.part(target) },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['queued'] } },
  });
  const lastTry = Promise.withResolvers<Outcome>();
  queued.answer = (target) => (target === 'slow' ? lastTry.promise : accepted);
  const { collector, reload } = await runningCollector(config('slow'));
  await inlet.send(stamped('traces', ['a']));
  await reload(config('quick'));
  const stopped = collector.shutdown(never());
  await settled();
  lastTry.resolve(retryable('down'));
  await stopped;
  expect(queued.arrived).toEqual(['quick:a']);
  expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ received: 1, sent: 1, held: 0 }] });
});

test('a removed exporter keeps what it holds, inherited work included, until it is delivered', async () => {
  const inlet = new Inlet();
  const queued = new Queued();
  const outlet = new Outlet();
  const config = (target: string, exporters: string[]): TestConfig => ({
    receivers: { inlet },
    exporters: { queued: queued.part(target), outlet },
    pipelines: { traces: { receivers: ['inlet'], exporters } },
  });
  queued.answer = () => retryable('down');
  const { collector, reload, clock } = await runningCollector(config('one', ['queued']));
  await inlet.send(stamped('traces', ['a']));
  await reload(config('two', ['queued']));
  await reload(config('two', ['outlet']));
  await inlet.send(stamped('traces', ['b']));
  await clock.advance(60_000);
  expect(queued.instances).not.toContain('shutdown two');
  queued.answer = () => accepted;
  await clock.advance(60_000);
  expect(queued.arrived).toEqual(['two:a']);
  expect(queued.instances.at(-1)).toBe('shutdown two');
  expect(collector.ledger()).toMatchObject({
    balanced: true,
    branches: [
      { received: 1, sent: 1 },
      { received: 1, sent: 1 },
    ],
  });
});

test('a sender that waits in a queue for room or for the result hears from the queue that takes it over', async () => {
  for (const queue of [
    { queue_size: 1, block_on_overflow: true },
    { wait_for_result: true, num_consumers: 1 },
  ]) {
    const inlet = new Inlet();
    const queued = new Queued();
    const config = (target: string): TestConfig => ({
      receivers: { inlet },
      exporters: { queued: queued.part(target, queue) },
      pipelines: { traces: { receivers: ['inlet'], exporters: ['queued'] } },
    });
    queued.answer = (target) => (target === 'alive' ? accepted : retryable('down'));
    const { collector, reload, clock } = await runningCollector(config('dead'));
    const answers = ['a', 'b', 'c'].map((id) => inlet.send(stamped('traces', [id])));
    await clock.advance(1000);
    await reload(config('alive'));
    await settled();
    for (const answer of answers) expect((await answer).status).toBe('accepted');
    await settled();
    expect(queued.arrived.sort()).toEqual(['alive:a', 'alive:b', 'alive:c']);
    expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ received: 3, sent: 3, held: 0 }] });
    expect(queued.instances.at(-1)).toBe('shutdown dead');
  }
});

test('batches still being collected go to the successor too, and an exporter without a queue gets nothing', async () => {
  const inlet = new Inlet();
  const queued = new Queued();
  const config = (target: string, queue: Record<string, unknown>): TestConfig => ({
    receivers: { inlet },
    exporters: { queued: queued.part(target, queue) },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['queued'] } },
  });
  const collecting = { batch: { flush_timeout: '60s' } };
  const { collector, reload, clock } = await runningCollector(config('one', collecting));
  await inlet.send(stamped('traces', ['a']));
  await reload(config('two', {}));
  await settled();
  expect(queued.arrived).toEqual(['two:a']);
  await reload(config('three', collecting));
  await inlet.send(stamped('traces', ['b']));
  await reload(config('four', { enabled: false }));
  await clock.advance(60_000);
  expect(queued.arrived).toEqual(['two:a', 'three:b']);
  expect(queued.instances).toContain('shutdown three');
  expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ received: 2, sent: 2, held: 0 }] });
});

test('a shutdown does not wait for what a replaced exporter cannot deliver, and counts it', async () => {
  const inlet = new Inlet();
  const queued = new Queued();
  const config = (target: string): TestConfig => ({
    receivers: { inlet },
    exporters: { queued: queued.part(target) },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['queued'] } },
  });
  queued.answer = () => retryable('down');
  const { collector, reload } = await runningCollector(config('old'));
  await inlet.send(stamped('traces', ['a', 'b']));
  await reload(config('new'));
  await collector.shutdown(never());
  expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ dropped: { shutdown: 2 }, held: 0 }] });
  expect(queued.instances).toContain('shutdown old');
});

test('a batch held against a dead backend goes to the new one after the reload', async () => {
  const inlet = new Inlet();
  const queued = new Queued();
  queued.answer = (target) => (target === 'dead' ? retryable('down') : accepted);
  const config = (target: string): TestConfig => ({
    receivers: { inlet },
    processors: { batch: batching() },
    // wait_for_result: the batch stays with the processor until the backend has it
    exporters: { queued: queued.part(target, { wait_for_result: true }) },
    pipelines: { traces: { receivers: ['inlet'], processors: ['batch'], exporters: ['queued'] } },
  });
  const { collector, reload, clock } = await runningCollector(config('dead'));
  await inlet.send(stamped('traces', ['a']));
  await clock.advance(1000);
  await reload(config('alive'));
  await clock.advance(400_000);
  expect(queued.arrived).toEqual(['alive:a']);
  expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ received: 1, sent: 1, held: 0 }] });
});

test('a batch of which a part has arrived goes to the successor whole: rather twice than lost', async () => {
  const inlet = new Inlet();
  const queued = new Queued();
  const config = (target: string): TestConfig => ({
    receivers: { inlet },
    exporters: { queued: queued.part(target, { num_consumers: 1 }) },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['queued'] } },
  });
  const away = retryable('away');
  // As a sender says it that sends a batch in several messages.
  queued.answer = (target) =>
    target === 'old' ? ({ ...away, losses: [{ from: 1, items: 2, outcome: away }] } as Outcome) : accepted;
  const { collector, reload, clock, memory } = await runningCollector(config('old'));
  await inlet.send(stamped('traces', ['a', 'b', 'c']));
  await clock.advance(1000);
  await reload(config('new'));
  await settled();
  expect(queued.arrived).toEqual(['new:a', 'new:b', 'new:c']);
  expect(collector.ledger()).toMatchObject({
    balanced: true,
    branches: [{ received: 3, sent: 3, held: 0, dropped: {} }],
  });
  expect(memory.used).toBe(0);
});
