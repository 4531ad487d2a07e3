import { expect, test } from 'vitest';
import { type Component, defineProcessor, type ProcessorFactory } from '../core/component.ts';
import type { Consumer } from '../core/consumer.ts';
import { accepted, type Outcome, retryable } from '../core/outcome.ts';
import { seededRandom } from '../otlp/sample.ts';
import { settled } from '../testkit/clock.ts';
import { Inlet, Outlet, runningCollector, type TestConfig } from '../testkit/collector.ts';
import { deferred, RecordingConsumer, TestAccount, testSettings } from '../testkit/settings.ts';
import type { Decider } from './decider.ts';
import { TailEngine } from './engine.ts';
import { noTailObserver, type TailOptions } from './engine_types.ts';
import { arrivedIn, defaults, idOf, request, rig, TestDecider, type TestSpan } from './test/rig.ts';

/** Keeps what has a span of this name, by facts that another decider does not have. */
class NameDecider extends TestDecider {
  readonly wanted: string;
  override readonly policies: { name: string; type: string }[];

  constructor(wanted: string, policies: readonly string[]) {
    super((trace, _trigger, into) => {
      if ((trace.facts.bits[trace.facts.bitsAt]! & 2) !== 0)
        Object.assign(into, { verdict: 'sampled', policy: policies.indexOf(wanted) });
    });
    this.wanted = wanted;
    this.policies = policies.map((name) => ({ name, type: 'test' }));
    const gather = this.gather;
    this.gather = (span, facts) => {
      if (span.name.includes(wanted)) facts.bits[facts.bitsAt]! |= 2;
      return gather(span, facts);
    };
  }
}

/** A successor beside a rig, on the same clock. */
function successorOf(
  before: ReturnType<typeof rig>,
  over: Partial<TailOptions> = {},
  decider: Decider = new TestDecider(),
  account = before.account,
) {
  const next = new RecordingConsumer();
  const settings = {
    ...testSettings({ id: 'tail', kind: 'processor', pipeline: 'traces' }),
    clock: before.clock,
    account,
  };
  const engine = new TailEngine(settings, { ...defaults, ...over }, decider, next, noTailObserver);
  const names = () => next.taken.flatMap(arrivedIn).map(({ name }) => name);
  return { engine, next, names, account };
}

test('the successor has what was buffered, gathered anew for its own policies, and what was remembered', async () => {
  const before = rig({}, new NameDecider('red', ['red', 'blue']));
  await before.put({ trace: 'd00d', name: 'red z' }, { trace: 'd0', name: 'blue y' });
  await before.clock.advance(1000);
  await before.put({ trace: 'a', name: 's:red a', service: 's' }, { trace: 'b', name: 't:blue b', service: 't' });
  await before.clock.advance(500);
  const decider = new NameDecider('blue', ['blue', 'green']);
  const after = successorOf(before, {}, decider);
  expect(before.engine.handOver(after.engine)).toBe(true);
  expect([before.engine.heldSpans, after.engine.heldSpans]).toEqual([0, 2]);
  const late: TestSpan[] = [
    { trace: 'd00d', name: 'late z' },
    { trace: 'a', name: 'u:a2', service: 'u' },
  ];
  await after.engine.consume(request(late), {});
  await after.engine.consume(request([{ trace: 'b', name: 'u:b2', service: 'u' }]), {});
  await before.stop();
  await before.clock.advance(500);
  expect([...before.logger.lines]).toEqual([]);
  expect(before.names()).toEqual(['red z']);
  expect(after.names().sort()).toEqual(['late z', 't:blue b', 'u:b2']);
  expect(decider.asked).toMatchObject([
    { id: idOf('a'), spans: 2, gathered: 2 },
    { id: idOf('b'), spans: 2, gathered: 2 },
  ]);
  expect(before.account).toMatchObject({ held: 0, handedOn: 4, left: 3, movedOn: 0 });
  expect(after.engine.explain(idOf('d00d'))).toMatchObject({
    policy: 'red',
    lateSpans: 1,
    votes: [{ compared: '1 spans' }],
  });
  expect(after.engine.explain(idOf('b'))).toMatchObject({ policy: 'blue', spans: 2 });
  expect(before.engine.explain(idOf('b'))).toMatchObject({ policy: 'blue', spans: 2 });
});

test('other limits, waits and cache sizes hold for what was taken over', async () => {
  const before = rig({ decisionWaitMs: 60_000, decisionWaitAfterRootMs: 1000 });
  for (let i = 0; i < 100; i++) await before.put({ trace: `${i}`, name: `${i}`, root: i >= 90 });
  const decider = new TestDecider();
  const after = successorOf(before, { numTraces: 40, decisionWaitMs: 30_000, sampledCacheSize: 5 }, decider);
  before.engine.handOver(after.engine);
  await before.clock.advance(100);
  expect(decider.asked.filter(({ trigger }) => trigger === 'eviction').length).toBe(60);
  expect(after.engine.heldTraces).toBe(40);
  await before.clock.advance(1000);
  expect(decider.asked.filter(({ trigger }) => trigger === 'root_received').length).toBe(10);
  await before.clock.advance(30_000);
  expect(after.engine.heldTraces).toBe(0);
  expect(after.names().length).toBe(100);
});

test('a smaller memory limit makes itself felt at once, and a batch that still comes to the one before is not lost', async () => {
  const before = rig({ numTraces: 100_000, maxBufferBytes: 16 << 20 });
  for (let i = 0; i < 100; i++) {
    await before.put(...Array.from({ length: 100 }, (_, j) => ({ trace: `${i * 100 + j}`, name: 'n', ballast: 800 })));
  }
  const account = new TestAccount();
  const after = successorOf(before, { numTraces: 100_000, maxBufferBytes: 6 << 20 }, new TestDecider(), account);
  before.engine.handOver(after.engine);
  expect(before.account).toMatchObject({ held: 0, movedOn: 10_000 });
  expect(account).toMatchObject({ held: 10_000, adopted: 10_000 });
  await before.clock.advance(200);
  expect(after.engine.bufferBytes).toBeLessThanOrEqual(6 << 20);
  await before.put({ trace: 'f', name: 'f' });
  expect(before.account).toMatchObject({ held: 0, movedOn: 10_001 });
  await after.engine.shutdown(new AbortController().signal);
  expect(account).toMatchObject({ held: 0, handedOn: 10_001 });
});

test('what is on its way out already stays with the one before', async () => {
  const slow = deferred<Outcome>();
  const before = rig({}, new TestDecider(), () => slow.promise);
  await before.put({ trace: 'a', name: 'a1' });
  await before.clock.advance(1000);
  await before.put({ trace: 'b', name: 'b1' });
  const after = successorOf(before);
  before.engine.handOver(after.engine);
  const stopped = before.stop();
  slow.resolve(accepted);
  await stopped;
  expect(before.names()).toEqual(['a1']);
  await before.clock.advance(1000);
  expect(after.names()).toEqual(['b1']);
});

test('nothing is given to one that holds something already, is stopped, or twice', async () => {
  const before = rig();
  await before.put({ trace: 'a', name: 'a1' });
  const busy = successorOf(before);
  await busy.engine.consume(request([{ trace: 'dd', name: 'x' }]), {});
  expect(before.engine.handOver(busy.engine)).toBe(false);
  const stopped = successorOf(before);
  await stopped.engine.shutdown(new AbortController().signal);
  expect(before.engine.handOver(stopped.engine)).toBe(false);
  const after = successorOf(before);
  expect(before.engine.handOver(after.engine)).toBe(true);
  expect(before.engine.handOver(successorOf(before).engine)).toBe(false);
});

test('through a row of reloads under load and limits that change, each span arrives once or is left out once', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const random = seededRandom(seed);
    const keepEven = () =>
      new TestDecider((trace, _trigger, into) => {
        if ((trace.traceIds[trace.traceIdAt + 15]! & 1) === 0) into.verdict = 'sampled';
      });
    const flaky = () => (random() < 0.2 ? retryable('busy') : accepted);
    const over = () => ({
      maxBufferBytes: (4 + Math.floor(random() * 8)) << 20,
      numTraces: random() < 0.5 ? 300 : 100_000,
      sampledCacheSize: random() < 0.3 ? 0 : 100 + Math.floor(random() * 1000),
      nonSampledCacheSize: random() < 0.3 ? 0 : 100 + Math.floor(random() * 1000),
      explainBytes: random() < 0.2 ? 0 : 65_536,
      decisionWaitMs: 1000 * (1 + Math.floor(random() * 20)),
      decisionWaitAfterRootMs: random() < 0.5 ? 0 : 300,
    });
    const before = rig(over(), keepEven(), flaky);
    const line = [{ engine: before.engine, next: before.next, account: before.account }];
    const wanted: string[] = [];
    let sent = 0;
    for (let step = 0; step < 120; step++) {
      if (random() < 0.1) {
        const after = successorOf(
          before,
          over(),
          keepEven(),
          random() < 0.5 ? line.at(-1)!.account : new TestAccount(),
        );
        after.next.answer = flaky;
        expect(line.at(-1)!.engine.handOver(after.engine)).toBe(true);
        line.push(after);
      }
      const spans = Array.from({ length: 100 }, () => ({
        trace: Math.floor(random() * (100 + step * 50)).toString(16),
        name: `${sent++}`,
        error: random() < 0.02,
        root: random() < 0.1,
        ballast: Math.floor(random() * 1500),
      }));
      // Now and then a batch still comes to one that was replaced.
      const { engine } = random() < 0.2 ? line[Math.floor(random() * line.length)]! : line.at(-1)!;
      while ((await engine.consume(request(spans), {})).status !== 'accepted') await before.clock.advance(20);
      for (const { trace, name } of spans) if (Number.parseInt(trace, 16) % 2 === 0) wanted.push(name);
      if (random() < 0.3) await before.clock.advance(Math.floor(random() * 500));
    }
    for (const { engine } of line) {
      const stopped = engine.shutdown(new AbortController().signal);
      await before.clock.advance(60_000);
      await stopped;
    }
    const names = line.flatMap(({ next }) => next.taken.flatMap(arrivedIn)).map(({ name }) => name);
    expect(names.sort()).toEqual(wanted.sort());
    const accounts = [...new Set(line.map(({ account }) => account))];
    const sum = (of: (account: TestAccount) => number) => accounts.reduce((total, account) => total + of(account), 0);
    expect(accounts.map(({ held }) => held).every((held) => held === 0)).toBe(true);
    expect([sum(({ handedOn }) => handedOn), sum(({ left }) => left)]).toEqual([wanted.length, sent - wanted.length]);
    expect(sum(({ movedOn }) => movedOn)).toBe(sum(({ adopted }) => adopted));
    expect(before.clock.timers).toBe(0);
  }
});

/** A processor that is nothing but the engine. */
class Tail implements Component, Consumer {
  readonly engine: TailEngine;

  constructor(engine: TailEngine) {
    this.engine = engine;
  }
  consume: Consumer['consume'] = (batch, ctx) => this.engine.consume(batch, ctx);
  shutdown = (abort: AbortSignal) => this.engine.shutdown(abort);
  handOver = (to: Component) => to instanceof Tail && this.engine.handOver(to.engine);
}

const tail: ProcessorFactory = defineProcessor<{ wanted: string }>({
  type: 'tail',
  signals: ['traces'],
  stability: 'development',
  summary: 'a probe',
  schema: { _zod: { output: { wanted: '' } } },
  create: (settings, { wanted }, next) =>
    new Tail(new TailEngine(settings, defaults, new NameDecider(wanted, [wanted]), next, noTailObserver)),
});

function pipeline(inlet: Inlet, outlets: Record<string, Outlet>, processors: Record<string, unknown>): TestConfig {
  return {
    receivers: { inlet },
    processors: Object.fromEntries(Object.entries(processors).map(([id, config]) => [id, { factory: tail, config }])),
    exporters: outlets,
    pipelines: {
      traces: { receivers: ['inlet'], processors: Object.keys(processors), exporters: Object.keys(outlets) },
    },
  };
}

const namesIn = (outlet: Outlet) => outlet.taken.flatMap(arrivedIn).map(({ name }) => name);

test('a reload with other policies, in a running collector: they judge what was buffered, and the ledger balances', async () => {
  const inlet = new Inlet();
  const out = new Outlet();
  const { collector, reload, clock, memory } = await runningCollector(
    pipeline(inlet, { out }, { tail: { wanted: 'red' } }),
  );
  await inlet.send(
    request([
      { trace: 'a', name: 'red a' },
      { trace: 'b', name: 'blue b' },
    ]),
  );
  await clock.advance(500);
  await reload(pipeline(inlet, { out }, { tail: { wanted: 'blue' } }));
  await settled();
  expect(collector.ledger()).toMatchObject({ balanced: true, branches: [{ received: 2, held: 2 }] });
  await inlet.send(
    request([
      { trace: 'a', name: 'a2' },
      { trace: 'b', name: 'b2' },
    ]),
  );
  await clock.advance(500);
  expect(namesIn(out)).toEqual(['blue b', 'b2']);
  expect(collector.ledger()).toMatchObject({
    balanced: true,
    branches: [{ received: 4, sent: 2, filtered: 2, held: 0 }],
  });
  await collector.shutdown(new AbortController().signal);
  expect(memory.used).toBe(0);
});

test('a reload that adds a processor behind, or an exporter, takes nothing from what is buffered', async () => {
  const inlet = new Inlet();
  const out = new Outlet();
  const more = new Outlet();
  const red = { wanted: 'red' };
  const { collector, reload, clock } = await runningCollector(pipeline(inlet, { out }, { tail: red }));
  await inlet.send(
    request([
      { trace: 'a', name: 'red a' },
      { trace: 'b', name: 'blue b' },
    ]),
  );
  await clock.advance(300);
  await reload(pipeline(inlet, { out }, { tail: red, 'tail/second': red }));
  await clock.advance(300);
  await reload(pipeline(inlet, { out, more }, { tail: red, 'tail/second': red }));
  await settled();
  expect(collector.ledger()).toMatchObject({
    balanced: true,
    branches: [
      { exporter: 'out', received: 4, refused: 2, held: 2 },
      { exporter: 'more', received: 2, held: 2 },
    ],
  });
  await inlet.send(request([{ trace: 'a', name: 'a2' }]));
  await clock.advance(2000);
  for (const outlet of [out, more]) expect(namesIn(outlet)).toEqual(['red a', 'a2']);
  expect(collector.ledger()).toMatchObject({
    balanced: true,
    branches: [
      { exporter: 'out', received: 5, refused: 2, sent: 2, filtered: 1, held: 0 },
      { exporter: 'more', received: 3, sent: 2, filtered: 1, held: 0 },
    ],
  });
  await collector.shutdown(new AbortController().signal);
});

test('removed from the pipeline, it decides on what it has at once', async () => {
  const inlet = new Inlet();
  const out = new Outlet();
  const { collector, reload } = await runningCollector(pipeline(inlet, { out }, { tail: { wanted: 'red' } }));
  await inlet.send(
    request([
      { trace: 'a', name: 'red a' },
      { trace: 'b', name: 'blue b' },
    ]),
  );
  await reload(pipeline(inlet, { out }, {}));
  await settled();
  expect(namesIn(out)).toEqual(['red a']);
  expect(collector.ledger()).toMatchObject({
    balanced: true,
    branches: [{ received: 2, sent: 1, filtered: 1, held: 0 }],
  });
  await collector.shutdown(new AbortController().signal);
});
