import { expect, test } from 'vitest';
import batch from '../../processors/batch/index.ts';
import type { Host } from '../core/component.ts';
import { accepted, acceptedPromise, type Outcome } from '../core/outcome.ts';
import { settled } from '../testkit/clock.ts';
import { Addon, exporterOf, Inlet, Middle, Outlet, runningCollector, type TestConfig } from '../testkit/collector.ts';
import { idsOf, stamped } from '../testkit/stamped.ts';

const never = () => new AbortController().signal;
const pass = () => new Middle((payload, ctx, next) => next.consume(payload, ctx));
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

test('a reload of the same configuration touches nothing', async () => {
  const [inlet, outlet, addon, middle] = [new Inlet(), new Outlet(), new Addon(), pass()];
  const config: TestConfig = {
    receivers: { inlet },
    processors: { middle },
    exporters: { outlet },
    extensions: { addon },
    pipelines: { traces: { receivers: ['inlet'], processors: ['middle'], exporters: ['outlet'] } },
  };
  const { collector, reload } = await runningCollector(config);
  const before = inlet.outputs;
  await reload(config);
  for (const { events } of [inlet, outlet, addon, middle]) expect(events).toEqual(['create 1', 'start 1']);
  expect(inlet.outputs).toBe(before);
  await inlet.send(stamped('traces', ['a']));
  expect(collector.ledger().branches).toMatchObject([{ received: 1, sent: 1 }]);
});

test('a changed processor flushes what it holds into what is after it', async () => {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  const config = (timeout: number): TestConfig => ({
    receivers: { inlet },
    processors: { batch: batching({ timeout }) },
    exporters: { outlet },
    pipelines: { traces: { receivers: ['inlet'], processors: ['batch'], exporters: ['outlet'] } },
  });
  const { collector, reload } = await runningCollector(config(60_000));
  await inlet.send(stamped('traces', ['a']));
  expect(collector.ledger().branches).toMatchObject([{ received: 1, held: 1 }]);
  await reload(config(50_000));
  await settled();
  expect(outlet.taken.flatMap(idsOf)).toEqual(['a']);
  await inlet.send(stamped('traces', ['b']));
  await collector.shutdown(never());
  expect(outlet.taken.flatMap(idsOf)).toEqual(['a', 'b']);
  expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ received: 2, sent: 2, held: 0 }] });
  expect(outlet.events.filter((event) => event.startsWith('create'))).toEqual(['create 1']);
});

test('processors after which nothing changed stay, those before a change are replaced', async () => {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  const [one, two, three] = [pass(), pass(), pass()];
  const config = (processors: string[], twoConfig: unknown): TestConfig => ({
    receivers: { inlet },
    processors: { one, two: { factory: two.factory, config: twoConfig }, three },
    exporters: { outlet },
    pipelines: { traces: { receivers: ['inlet'], processors, exporters: ['outlet'] } },
  });
  const { reload } = await runningCollector(config(['one', 'two', 'three'], 1));
  await reload(config(['one', 'two', 'three'], 2));
  await settled();
  expect(three.events).toEqual(['create 1', 'start 1']);
  expect(two.events).toEqual(['create 1', 'start 1', 'create 2', 'start 2', 'shutdown 1']);
  expect(one.events).toEqual(['create 1', 'start 1', 'create 2', 'start 2', 'shutdown 1']);
  await reload(config(['two', 'three'], 2));
  await settled();
  expect(two.events.length).toBe(5);
  expect(one.events.at(-1)).toBe('shutdown 2');
});

test('a changed receiver gives its address up before its successor starts', async () => {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  const config = (port: number): TestConfig => ({
    receivers: { inlet: { factory: inlet.factory, config: port } },
    exporters: { outlet },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['outlet'] } },
  });
  const { reload } = await runningCollector(config(1));
  await reload(config(2));
  expect(inlet.events).toEqual(['create 1', 'start 1', 'create 2', 'shutdown 1', 'start 2']);
});

test('a new pipeline is fed by the receiver that is already there', async () => {
  const inlet = new Inlet();
  const [outlet, other] = [new Outlet(), new Outlet()];
  const config = (more: TestConfig['pipelines']): TestConfig => ({
    receivers: { inlet },
    exporters: { outlet, other },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['outlet'] }, ...more },
  });
  const { collector, reload } = await runningCollector(config({}));
  await inlet.send(stamped('traces', ['a']));
  await reload(config({ 'traces/2': { receivers: ['inlet'], exporters: ['other'] } }));
  await inlet.send(stamped('traces', ['b']));
  await reload(config({}));
  await inlet.send(stamped('traces', ['c']));
  expect(inlet.events).toEqual(['create 1', 'start 1']);
  expect(outlet.taken.flatMap(idsOf)).toEqual(['a', 'b', 'c']);
  expect(other.taken.flatMap(idsOf)).toEqual(['b']);
  expect(collector.ledger()).toMatchObject({
    balanced: true,
    branches: [
      { pipeline: 'traces', received: 3, sent: 3 },
      { pipeline: 'traces/2', received: 1, sent: 1 },
    ],
  });
});

test('a receiver that begins to serve another signal is made anew', async () => {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  const config = (more: TestConfig['pipelines']): TestConfig => ({
    receivers: { inlet },
    exporters: { outlet },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['outlet'] }, ...more },
  });
  const { reload } = await runningCollector(config({}));
  await reload(config({ logs: { receivers: ['inlet'], exporters: ['outlet'] } }));
  expect(inlet.events).toEqual(['create 1', 'start 1', 'create 2', 'shutdown 1', 'start 2']);
  expect((await inlet.send(stamped('logs', ['l']))).status).toBe('accepted');
});

test('exporters come and go: the books of each balance, and what was held goes where it was promised', async () => {
  const inlet = new Inlet();
  const [first, second] = [new Outlet(), new Outlet()];
  const config = (exporters: string[]): TestConfig => ({
    receivers: { inlet },
    processors: { batch: batching() },
    exporters: { first, second },
    pipelines: { traces: { receivers: ['inlet'], processors: ['batch'], exporters } },
  });
  const { collector, reload } = await runningCollector(config(['first']));
  const balanced = () => expect(collector.ledger().balanced).toBe(true);
  await inlet.send(stamped('traces', ['a']));
  await reload(config(['first', 'second']));
  balanced();
  await inlet.send(stamped('traces', ['b']));
  await reload(config(['second']));
  balanced();
  await inlet.send(stamped('traces', ['c']));
  await collector.shutdown(never());
  expect(first.taken.flatMap(idsOf)).toEqual(['a', 'b']);
  expect(second.taken.flatMap(idsOf)).toEqual(['b', 'c']);
  expect(collector.ledger().branches).toMatchObject([
    { exporter: 'first', received: 2, sent: 2, held: 0, balanced: true },
    { exporter: 'second', received: 2, sent: 2, held: 0, balanced: true },
  ]);
});

test('when a new exporter does not start, the old configuration has not been touched', async () => {
  const inlet = new Inlet();
  const [outlet, broken] = [new Outlet(), new Outlet()];
  broken.failStart = 'cannot read ca.pem';
  const base = { receivers: { inlet }, processors: { batch: batching() } };
  const { collector, reload, fatal } = await runningCollector({
    ...base,
    exporters: { outlet },
    pipelines: { traces: { receivers: ['inlet'], processors: ['batch'], exporters: ['outlet'] } },
  });
  const reloading = reload({
    ...base,
    exporters: { broken },
    pipelines: { traces: { receivers: ['inlet'], processors: ['batch'], exporters: ['broken'] } },
  });
  await expect(reloading).rejects.toThrow('exporter broken (traces) did not start: cannot read ca.pem');
  expect(broken.events).toEqual(['create 1', 'start 1', 'shutdown 1']);
  expect(outlet.events).toEqual(['create 1', 'start 1']);
  expect(inlet.events).toEqual(['create 1', 'start 1']);
  expect(fatal).toEqual([]);
  await inlet.send(stamped('traces', ['a']));
  await collector.shutdown(never());
  expect(outlet.items).toBe(1);
  expect(collector.ledger().balanced).toBe(true);
  expect(collector.system.statuses().map(({ id }) => id)).not.toContain('broken');
});

test('when a new receiver does not start, the old configuration runs again', async () => {
  const [inlet, other, outlet] = [new Inlet(), new Inlet(), new Outlet()];
  const config = (port: number, receivers: string[]): TestConfig => ({
    receivers: { inlet: { factory: inlet.factory, config: port }, other },
    exporters: { outlet },
    pipelines: { traces: { receivers, exporters: ['outlet'] } },
  });
  const { collector, reload, fatal } = await runningCollector(config(1, ['inlet']));
  other.failStart = 'port in use';
  await expect(reload(config(2, ['inlet', 'other']))).rejects.toThrow('receiver other did not start: port in use');
  expect(inlet.events.slice(-3)).toEqual(['create 3', 'shutdown 2', 'start 3']);
  expect(other.events.at(-1)).toBe('shutdown 1');
  expect(fatal).toEqual([]);
  expect((await inlet.send(stamped('traces', ['a']))).status).toBe('accepted');
  expect(outlet.items).toBe(1);
  expect(collector.system.statuses().map(({ id, status }) => [id, status])).toEqual([
    ['outlet', 'ok'],
    ['inlet', 'ok'],
  ]);
});

test('when even the way back fails, the process is told', async () => {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  const config = (port: number): TestConfig => ({
    receivers: { inlet: { factory: inlet.factory, config: port } },
    exporters: { outlet },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['outlet'] } },
  });
  const { reload, fatal } = await runningCollector(config(1));
  inlet.failStart = 'port taken by a thief';
  await expect(reload(config(2))).rejects.toThrow('the way back');
  expect(fatal.length).toBe(1);
});

test('who asked for an extension that changes is made anew with it', async () => {
  const [inlet, plain, addon] = [new Inlet(), new Outlet(), new Addon()];
  const found: unknown[] = [];
  const asking = exporterOf(() => ({
    start: async (host: Host) => void found.push(host.extension('addon')),
    consume: () => acceptedPromise,
  }));
  const config = (token: string): TestConfig => ({
    receivers: { inlet },
    exporters: { asking: { factory: asking }, plain },
    extensions: { addon: { factory: addon.factory, config: token } },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['asking', 'plain'] } },
  });
  const { reload } = await runningCollector(config('a'));
  await reload(config('b'));
  await settled();
  expect(addon.events).toEqual(['create 1', 'start 1', 'create 2', 'start 2', 'shutdown 1']);
  expect(found.length).toBe(2);
  expect(found[0]).not.toBe(found[1]);
  expect(plain.events).toEqual(['create 1', 'start 1']);
});

test('an extension that cannot start beside the one it replaces starts in its stead', async () => {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  let listening = 0;
  const addon = new Addon();
  const exclusive = {
    ...addon.factory,
    create: (...args: Parameters<typeof addon.factory.create>) => {
      const made = addon.factory.create(...args);
      let mine = false;
      return {
        start: async (host: Host) => {
          if (listening > 0) throw new Error('port in use');
          listening++;
          mine = true;
          await made.start?.(host);
        },
        shutdown: async (abort: AbortSignal) => {
          if (mine) listening--;
          mine = false;
          await made.shutdown?.(abort);
        },
      };
    },
  };
  const config = (path: string): TestConfig => ({
    receivers: { inlet },
    exporters: { outlet },
    extensions: { addon: { factory: exclusive, config: path } },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['outlet'] } },
  });
  const { reload, collector } = await runningCollector(config('/a'));
  await reload(config('/b'));
  expect(addon.events).toEqual(['create 1', 'start 1', 'create 2', 'shutdown 2', 'shutdown 1', 'create 3', 'start 3']);
  expect(listening).toBe(1);
  await collector.shutdown(never());
  expect(listening).toBe(0);
});

test('a batch on its way through a slow processor at the reload arrives', async () => {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  const gate = Promise.withResolvers<void>();
  const slow = new Middle(async (payload, ctx, next) => {
    await gate.promise;
    return next.consume(payload, ctx);
  });
  const config = (version: number): TestConfig => ({
    receivers: { inlet },
    processors: { slow: { factory: slow.factory, config: version } },
    exporters: { outlet: { factory: outlet.factory, config: version } },
    pipelines: { traces: { receivers: ['inlet'], processors: ['slow'], exporters: ['outlet'] } },
  });
  const { collector, reload } = await runningCollector(config(1));
  const sent = inlet.send(stamped('traces', ['a']));
  await reload(config(2));
  expect(slow.events).not.toContain('shutdown 1');
  gate.resolve();
  expect((await sent).status).toBe('accepted');
  await settled();
  expect(outlet.items).toBe(1);
  expect(slow.events).toContain('shutdown 1');
  expect(outlet.events).toContain('shutdown 1');
  expect(collector.ledger().balanced).toBe(true);
});

test('a replaced exporter answers the calls that it has before it is shut down', async () => {
  const inlet = new Inlet();
  const answer = Promise.withResolvers<Outcome>();
  const outlet = new Outlet((_batch, call) => (call === 0 ? answer.promise : accepted));
  const config = (version: number): TestConfig => ({
    receivers: { inlet },
    exporters: { outlet: { factory: outlet.factory, config: version } },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['outlet'] } },
  });
  const { reload, collector } = await runningCollector(config(1));
  const sent = inlet.send(stamped('traces', ['a']));
  await reload(config(2));
  await settled();
  expect(outlet.events).toEqual(['create 1', 'start 1', 'create 2', 'start 2']);
  answer.resolve(accepted);
  await sent;
  await settled();
  expect(outlet.events.at(-1)).toBe('shutdown 1');
  expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ received: 1, sent: 1 }] });
});

test('when a changed extension cannot start at all, the old one runs again, and who asked for it with it', async () => {
  const [inlet, addon] = [new Inlet(), new Addon()];
  const asked = new Outlet();
  const asking = {
    ...asked.factory,
    create: (...args: Parameters<typeof asked.factory.create>) => {
      const made = asked.factory.create(...args);
      return {
        ...made,
        start: async (host: Host) => {
          if (!host.extension('addon')) throw new Error('no addon');
          await made.start?.(host);
        },
      };
    },
  };
  let broken = true;
  const failing = {
    ...addon.factory,
    create: (...args: Parameters<typeof addon.factory.create>) => {
      const made = addon.factory.create(...args);
      const [, config] = args;
      return {
        ...made,
        start: async (host: Host) => {
          if (config === 'bad' && broken) throw new Error('cannot read token file');
          await made.start?.(host);
        },
      };
    },
  };
  const config = (token: string): TestConfig => ({
    receivers: { inlet },
    exporters: { asking: { factory: asking } },
    extensions: { addon: { factory: failing, config: token } },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['asking'] } },
  });
  const { reload, collector, fatal } = await runningCollector(config('good'));
  await expect(reload(config('bad'))).rejects.toThrow('extension addon did not start: cannot read token file');
  expect(fatal).toEqual([]);
  await inlet.send(stamped('traces', ['a']));
  expect(asked.items).toBe(1);
  expect(
    collector.system
      .statuses()
      .map(({ id, status }) => `${id} ${status}`)
      .sort(),
  ).toEqual(['addon ok', 'asking ok', 'inlet ok']);
  broken = false;
  await reload(config('bad'));
  await collector.shutdown(never());
  expect(collector.ledger().balanced).toBe(true);
});

test('a reload after the shutdown is refused', async () => {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  const config: TestConfig = {
    receivers: { inlet },
    exporters: { outlet },
    pipelines: { traces: { receivers: ['inlet'], exporters: ['outlet'] } },
  };
  const { collector, reload } = await runningCollector(config);
  await collector.shutdown(never());
  await expect(reload(config)).rejects.toThrow('stopping');
});
