import { expect, test } from 'vitest';
import forward from '../../connectors/forward/index.ts';
import { defineReceiver, type Settings } from '../core/component.ts';
import { acceptedPromise, partial, permanent, retryable } from '../core/outcome.ts';
import { settled } from '../testkit/clock.ts';
import { Addon, exporterOf, Inlet, Middle, Outlet, testCollector, turning } from '../testkit/collector.ts';
import { idsOf, stamped } from '../testkit/stamped.ts';

const pass = () => new Middle((batch, ctx, next) => next.consume(batch, ctx));
const never = () => new AbortController().signal;

test('a batch goes through the processors in order and to every exporter, as the same object', async () => {
  const inlet = new Inlet();
  const [one, two] = [new Outlet(), new Outlet()];
  const seen: string[] = [];
  const note = (name: string) =>
    new Middle((batch, ctx, next) => {
      seen.push(name);
      return next.consume(batch, ctx);
    });
  const { collector } = testCollector({
    receivers: { inlet },
    processors: { a: note('a'), b: note('b') },
    exporters: { one, two },
    pipelines: { traces: { receivers: ['inlet'], processors: ['a', 'b'], exporters: ['one', 'two'] } },
  });
  await collector.start();
  const batch = stamped('traces', ['x']);
  expect((await inlet.send(batch)).status).toBe('accepted');
  expect(seen).toEqual(['a', 'b']);
  expect(one.taken[0]).toBe(batch);
  expect(two.taken[0]).toBe(batch);
  await collector.shutdown(never());
});

test('one receiver feeds all its pipelines; one exporter serves several, and each is accounted for', async () => {
  const inlet = new Inlet();
  const outlet = new Outlet();
  const { collector } = testCollector({
    receivers: { inlet },
    exporters: { outlet },
    pipelines: {
      traces: { receivers: ['inlet'], exporters: ['outlet'] },
      'traces/copy': { receivers: ['inlet'], exporters: ['outlet'] },
      logs: { receivers: ['inlet'], exporters: ['outlet'] },
    },
  });
  await collector.start();
  expect(inlet.events).toEqual(['create 1', 'start 1']);
  expect(outlet.events.filter((event) => event.startsWith('create')).length).toBe(2);
  await inlet.send(stamped('traces', ['t1', 't2']));
  await inlet.send(stamped('logs', ['l']));
  expect(outlet.items).toBe(5);
  expect(collector.ledger()).toMatchObject({
    balanced: true,
    branches: [
      { pipeline: 'traces', received: 2, sent: 2 },
      { pipeline: 'traces/copy', received: 2, sent: 2 },
      { pipeline: 'logs', received: 1, sent: 1 },
    ],
  });
  expect(Object.keys(inlet.outputs).sort()).toEqual(['logs', 'traces']);
});

test('the fan-out answers with the worst, and counts what came too much', async () => {
  const inlet = new Inlet();
  const [good, bad] = [new Outlet(), new Outlet()];
  const { collector } = testCollector({
    receivers: { inlet },
    exporters: { good, bad },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['good', 'bad'] } },
  });
  await collector.start();
  const answers = [retryable('busy'), permanent('invalid', 'no'), partial(1, 'one bad'), partial(2, 'two bad')];
  for (const answer of answers) {
    bad.answer = () => answer;
    expect(await inlet.send(stamped('traces', ['a', 'b', 'c']))).toEqual(answer);
    expect(collector.ledger().balanced).toBe(true);
  }
  good.answer = () => partial(3, 'all bad');
  expect(await inlet.send(stamped('traces', ['a', 'b', 'c']))).toMatchObject({ rejectedItems: 3 });
  const [first, second] = collector.ledger().branches;
  expect(first).toMatchObject({ received: 15, surplus: 9, sent: 12, refused: 12, difference: 0 });
  expect(second).toMatchObject({ received: 15, surplus: 1, sent: 4, refused: 12, difference: 0 });
});

test('the books balance at every moment, also while one branch of a fan-out still thinks', async () => {
  const inlet = new Inlet();
  const quick = new Outlet();
  const answer = Promise.withResolvers<ReturnType<typeof retryable>>();
  const slow = new Outlet(() => answer.promise);
  const { collector } = testCollector({
    receivers: { inlet },
    exporters: { quick, slow },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['quick', 'slow'] } },
  });
  await collector.start();
  const sent = inlet.send(stamped('traces', ['a', 'b']));
  await settled();
  expect(collector.ledger().branches).toMatchObject([
    { received: 2, sent: 2, held: 0, balanced: true },
    { received: 2, sent: 0, held: 2, balanced: true },
  ]);
  answer.resolve(retryable('no'));
  await sent;
  expect(collector.ledger().branches).toMatchObject([
    { received: 2, surplus: 2, sent: 2, refused: 2, held: 0, balanced: true },
    { received: 2, surplus: 0, sent: 0, refused: 2, held: 0, balanced: true },
  ]);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('oops');
    },
  ],
  ['rejects', () => Promise.reject(new Error('oops'))],
  ['answers nothing', () => undefined as never],
])('a component that %s is a bug: refused for good, counted, logged once', async (_name, consume) => {
  const inlet = new Inlet();
  const outlet = new Outlet();
  const faulty = new Middle(consume);
  const { collector, meter, logger } = testCollector({
    receivers: { inlet },
    processors: { faulty },
    exporters: { outlet },
    pipelines: { traces: { receivers: ['inlet'], processors: ['faulty'], exporters: ['outlet'] } },
  });
  await collector.start();
  for (let i = 0; i < 3; i++) {
    expect(await inlet.send(stamped('traces', ['a']))).toMatchObject({ status: 'permanent', code: 'bug' });
  }
  expect(meter.value('sluice_component_bugs_total', { kind: 'processor', id: 'faulty' })).toBe(3);
  expect(logger.warnings()).toEqual([
    'a bug in processor faulty (traces): it threw instead of answering; the batch is refused',
  ]);
  expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ received: 3, refused: 3 }] });
});

test('an exporter that throws does not harm its neighbour', async () => {
  const inlet = new Inlet();
  const outlet = new Outlet();
  const faulty = exporterOf(() => ({
    consume: () => {
      throw new Error('oops');
    },
  }));
  const { collector } = testCollector({
    receivers: { inlet },
    exporters: { faulty: { factory: faulty }, outlet },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['faulty', 'outlet'] } },
  });
  await collector.start();
  expect(await inlet.send(stamped('traces', ['a']))).toMatchObject({ status: 'permanent', code: 'bug' });
  expect(outlet.items).toBe(1);
  expect(collector.ledger().balanced).toBe(true);
});

test('items on the edges of a processor are counted as upstream names them', async () => {
  const inlet = new Inlet();
  const outlet = new Outlet();
  const drop = new Middle(() => acceptedPromise);
  const { collector, meter } = testCollector({
    receivers: { inlet },
    processors: { pass: pass(), drop },
    exporters: { outlet },
    pipelines: { logs: { receivers: ['inlet'], processors: ['pass', 'drop'], exporters: ['outlet'] } },
  });
  await collector.start();
  await inlet.send(stamped('logs', ['a', 'b']));
  const value = (what: string, processor: string) =>
    meter.value(`otelcol_processor_${what}_items`, { processor, 'otel.signal': 'logs' });
  expect([value('incoming', 'pass'), value('outgoing', 'pass')]).toEqual([2, 2]);
  expect([value('incoming', 'drop'), value('outgoing', 'drop')]).toEqual([2, 0]);
});

test('starts extensions, exporters, processors from the last, then receivers; stops the other way round', async () => {
  const order: string[] = [];
  const settingsSeen: Settings[] = [];
  const step = (name: string) => ({
    start: async () => void order.push(`start ${name}`),
    shutdown: async () => void order.push(`stop ${name}`),
  });
  const receiver = defineReceiver<unknown>({
    type: 'r',
    signals: ['traces'],
    stability: 'development',
    summary: '',
    schema: { _zod: { output: undefined } },
    create: (settings) => {
      settingsSeen.push(settings);
      return step('receiver');
    },
  });
  const processor = (name: string) => ({
    factory: { ...pass().factory, create: () => ({ ...step(name), consume: () => acceptedPromise }) },
  });
  const addon = { factory: { ...new Addon().factory, create: () => step('extension') } };
  const { collector } = testCollector({
    receivers: { r: { factory: receiver } },
    processors: { p1: processor('p1'), p2: processor('p2') },
    exporters: { e: { factory: exporterOf(() => ({ ...step('exporter'), consume: () => acceptedPromise })) } },
    extensions: { x: addon },
    pipelines: { traces: { receivers: ['r'], processors: ['p1', 'p2'], exporters: ['e'] } },
  });
  await collector.start();
  const names = ['extension', 'exporter', 'p2', 'p1', 'receiver'];
  expect(order).toEqual(names.map((name) => `start ${name}`));
  order.length = 0;
  await collector.shutdown(never());
  expect(order).toEqual([...names].reverse().map((name) => `stop ${name}`));
  expect(settingsSeen[0]).toMatchObject({ id: 'r', kind: 'receiver' });
});

test('a start that fails names the component and stops what had started', async () => {
  const [inlet, outlet, addon] = [new Inlet(), new Outlet(), new Addon()];
  inlet.failStart = 'port 4317 is in use: choose another endpoint';
  const { collector } = testCollector({
    receivers: { inlet },
    exporters: { outlet },
    extensions: { addon },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['outlet'] } },
  });
  await expect(collector.start()).rejects.toThrow(
    'receiver inlet did not start: port 4317 is in use: choose another endpoint',
  );
  for (const { events } of [inlet, outlet, addon]) expect(events.at(-1)).toBe('shutdown 1');
  await collector.shutdown(never());
});

test('a factory that throws is told with the component it was for', () => {
  const inlet = new Inlet();
  const bad = exporterOf(() => {
    throw new Error('endpoint is missing');
  });
  expect(() =>
    testCollector({
      receivers: { inlet },
      exporters: { 'made/x': { factory: bad } },
      pipelines: { metrics: { receivers: ['inlet'], exporters: ['made/x'] } },
    }),
  ).toThrow('exporter made/x (metrics) could not be set up: endpoint is missing');
});

test('a collector that was never started shuts down, twice', async () => {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  const { collector } = testCollector({
    receivers: { inlet },
    exporters: { outlet },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['outlet'] } },
  });
  await collector.shutdown(never());
  await collector.shutdown(never());
  expect(inlet.events).toEqual(['create 1', 'shutdown 1']);
});

test('statuses follow each component from starting to stopped, and listeners hear of it', async () => {
  const inlet = new Inlet();
  let report: Settings['report'] = () => {};
  const outlet = exporterOf((settings) => {
    report = settings.report;
    return { consume: () => acceptedPromise };
  });
  const { collector, clock } = testCollector({
    receivers: { inlet },
    exporters: { 'made/a': { factory: outlet } },
    pipelines: {
      traces: { receivers: ['inlet'], exporters: ['made/a'] },
      'traces/2': { receivers: ['inlet'], exporters: ['made/a'] },
    },
  });
  const heard: string[] = [];
  collector.system.onStatus(({ id, status }) => heard.push(`${id} ${status}`));
  await collector.start();
  await clock.advance(5000);
  report('recoverable_error', 'down');
  report('recoverable_error', 'still down');
  expect(collector.system.statuses()).toEqual([
    {
      id: 'made/a',
      kind: 'exporter',
      pipelines: ['traces', 'traces/2'],
      status: 'recoverable_error',
      error: 'down',
      since: clock.now(),
    },
    { id: 'inlet', kind: 'receiver', pipelines: ['traces', 'traces/2'], status: 'ok', since: clock.now() - 5000 },
  ]);
  await collector.shutdown(never());
  expect(heard).toEqual([
    'made/a starting',
    'inlet starting',
    'made/a ok',
    'inlet ok',
    'made/a recoverable_error',
    'inlet stopping',
    'inlet stopped',
    'made/a stopping',
    'made/a stopped',
  ]);
});

test('connectors join pipelines: the end of one is the beginning of others, also of another signal', async () => {
  const inlet = new Inlet();
  const [outlet, other] = [new Outlet(), new Outlet()];
  const { collector } = testCollector({
    receivers: { inlet },
    exporters: { outlet, other },
    connectors: { forward: { factory: forward }, turning: { factory: turning('logs') } },
    pipelines: {
      'traces/in': { receivers: ['inlet'], exporters: ['forward', 'turning'] },
      'traces/out': { receivers: ['forward'], exporters: ['outlet'] },
      logs: { receivers: ['turning'], exporters: ['other'] },
    },
  });
  await collector.start();
  await inlet.send(stamped('traces', ['a', 'b']));
  expect(idsOf(outlet.taken[0]!)).toEqual(['a', 'b']);
  expect(other.taken[0]?.signal).toBe('logs');
  outlet.answer = () => retryable('busy');
  expect((await inlet.send(stamped('traces', ['c']))).status).toBe('retryable');
  const rows = collector.ledger();
  expect(rows.balanced).toBe(true);
  expect(rows.branches).toMatchObject([
    { pipeline: 'traces/in', exporter: 'forward', received: 3, sent: 2, refused: 1 },
    { pipeline: 'traces/in', exporter: 'turning', received: 3, surplus: 1, sent: 3, refused: 1 },
    { pipeline: 'traces/out', exporter: 'outlet', received: 3, sent: 2, refused: 1 },
    { pipeline: 'logs', exporter: 'other', received: 3, sent: 3 },
  ]);
});

test('a pipeline fed by a connector stops after the one that feeds it', async () => {
  const inlet = new Inlet();
  const outlet = new Outlet();
  const order: string[] = [];
  const slow = (name: string) => {
    const middle = pass();
    const create = middle.factory.create;
    return {
      factory: {
        ...middle.factory,
        create: (...args: Parameters<typeof create>) => ({
          ...create(...args),
          shutdown: async () => {
            await settled();
            order.push(name);
          },
        }),
      },
    };
  };
  const { collector } = testCollector({
    receivers: { inlet },
    processors: { first: slow('first'), second: slow('second') },
    exporters: { outlet },
    connectors: { forward: { factory: forward } },
    pipelines: {
      'traces/b': { receivers: ['forward'], processors: ['second'], exporters: ['outlet'] },
      'traces/a': { receivers: ['inlet'], processors: ['first'], exporters: ['forward'] },
    },
  });
  await collector.start();
  await collector.shutdown(never());
  expect(order).toEqual(['first', 'second']);
});

test('a component finds the extension that it asks for, and nothing under another id', async () => {
  let found: unknown;
  let missing: unknown = 'unset';
  const [inlet, addon] = [new Inlet(), new Addon()];
  const asking = exporterOf(() => ({
    start: async (host) => {
      found = host.extension('addon');
      missing = host.extension('other');
    },
    consume: () => acceptedPromise,
  }));
  const { collector } = testCollector({
    receivers: { inlet },
    exporters: { e: { factory: asking } },
    extensions: { addon },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['e'] } },
  });
  await collector.start();
  expect(found).toMatchObject({ start: expect.any(Function) });
  expect(missing).toBeUndefined();
});
