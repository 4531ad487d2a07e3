import { expect, test } from 'vitest';
import { accepted, retryable } from '../core/outcome.ts';
import { seededRandom } from '../otlp/sample.ts';
import type { TailOptions } from './engine_types.ts';
import { idOf, rig, TestDecider, type TestSpan } from './test/rig.ts';

/** A trace as the model has it: a list of names. */
interface Modelled {
  names: string[];
  error: boolean;
  due: number;
  kept?: boolean;
}

/** What a sampler of whole traces is meant to do, with a Map and without bounds. */
class Model {
  readonly traces = new Map<string, Modelled>();
  readonly kept: string[] = [];
  leftOut = 0;
  now = 0;

  put({ trace, name, error = false, root = false }: TestSpan, wait: number, afterRoot: number): void {
    const id = idOf(trace!);
    let known = this.traces.get(id);
    if (!known) this.traces.set(id, (known = { names: [], error: false, due: this.now + wait }));
    if (known.kept !== undefined) {
      if (known.kept) this.kept.push(name);
      else this.leftOut++;
      return;
    }
    known.names.push(name);
    known.error ||= error;
    if (root && afterRoot > 0) known.due = Math.min(known.due, this.now + afterRoot);
  }

  advance(ms: number): void {
    this.now += ms;
    for (const [id, trace] of this.traces) {
      if (trace.kept !== undefined || trace.due > this.now) continue;
      trace.kept = keeps(id, trace.names.length, trace.error);
      if (trace.kept) this.kept.push(...trace.names);
      else this.leftOut += trace.names.length;
    }
  }
}

function keeps(id: string, spans: number, error: boolean): boolean {
  return error || (Number.parseInt(id.slice(-2), 16) + spans) % 3 === 0;
}

const contentDecider = () =>
  new TestDecider((trace, _trigger, into) => {
    const id = Buffer.from(trace.traceIds.subarray(trace.traceIdAt, trace.traceIdAt + 16)).toString('hex');
    expect(trace.facts.bits[trace.facts.bitsAt]! & 1).toBe(trace.hasError ? 1 : 0);
    expect(trace.facts.numbers[trace.facts.numbersAt]).toBe(trace.spanCount);
    let visited = 0;
    trace.visit(() => visited++);
    expect(visited).toBe(trace.spanCount);
    into.verdict = keeps(id, trace.spanCount, trace.hasError) ? 'sampled' : 'not_sampled';
  });

function randomSpan(random: () => number, traces: number, number: number): TestSpan {
  const service = `s${Math.floor(random() * 5)}`;
  return {
    // All ids share their first 8 bytes.
    trace: `f00d000000000000${Math.floor(random() * traces)
      .toString(16)
      .padStart(16, '0')}`,
    name: `${service}:${number}`,
    service,
    scope: `c${Math.floor(random() * 3)}`,
    error: random() < 0.01,
    root: random() < 0.1,
    ballast: Math.floor(random() * 300),
  };
}

const kinds: [string, Partial<TailOptions>][] = [
  ['one wait', {}],
  ['roots bring decisions forward', { decisionWaitAfterRootMs: 300 }],
  ['decided traces stay in their rows', { sampledCacheSize: 0, nonSampledCacheSize: 0, numTraces: 1_000_000 }],
  ['one cache of two', { nonSampledCacheSize: 0, numTraces: 1_000_000 }],
];

test.each(kinds)('kept and left out are what a simple model says: %s', async (_name, over) => {
  for (let seed = 1; seed <= 3; seed++) {
    const random = seededRandom(seed);
    const options = { sampledCacheSize: 50_000, nonSampledCacheSize: 50_000, numTraces: 100_000, ...over };
    const { put, names, clock, account, decider, engine, logger, stop } = rig(options, contentDecider());
    const model = new Model();
    let number = 0;
    for (let step = 0; step < 60; step++) {
      const traces = 20 + step * 10;
      const batches = Math.floor(random() * 4);
      for (let batch = 0; batch < batches; batch++) {
        const spans = Array.from({ length: 1 + Math.floor(random() * 60) }, () => randomSpan(random, traces, number++));
        expect((await put(...spans)).status).toBe('accepted');
        // Spans reach the engine in the order of the request, which is by service and scope.
        const services = Map.groupBy(spans, ({ service }) => service);
        for (const group of services.values()) {
          for (const scope of Map.groupBy(group, (span) => span.scope).values()) {
            for (const span of scope) model.put(span, 1000, over.decisionWaitAfterRootMs ?? 0);
          }
        }
      }
      const ms = 100 * (1 + Math.floor(random() * 5));
      await clock.advance(ms);
      model.advance(ms);
    }
    await clock.advance(1100);
    model.advance(1100);
    expect(decider.asked.length).toBe(model.traces.size);
    expect(names().sort()).toEqual(model.kept.sort());
    expect(account).toMatchObject({ held: 0, handedOn: model.kept.length, left: model.leftOut });
    expect(engine).toMatchObject({ heldSpans: 0, heldTraces: 0 });
    await stop();
    expect(logger.lines).toEqual([]);
    expect(clock.timers).toBe(0);
  }
});

test('under pressure of every kind, each span of a kept id arrives once and each other one is filtered once', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const random = seededRandom(seed);
    const keepsId = (id: string) => Number.parseInt(id.slice(-1), 16) % 2 === 0;
    const decider = new TestDecider((trace, _trigger, into) => {
      into.verdict = (trace.traceIds[trace.traceIdAt + 15]! & 1) === 0 ? 'sampled' : 'not_sampled';
      into.threshold = into.verdict === 'sampled' ? 1n << 55n : -1n;
    });
    const flaky = () => (random() < 0.2 ? retryable('busy') : accepted);
    const { put, arrived, clock, account, engine, logger, memory, observer, stop } = rig(
      {
        numTraces: seed % 2 === 0 ? 50 : 100_000,
        maxBufferBytes: 6 << 20,
        decisionWaitMs: seed % 2 === 0 ? 1000 : 60_000,
        sampledCacheSize: seed % 3 === 0 ? 0 : 200,
        nonSampledCacheSize: seed % 3 === 0 ? 0 : 200,
        maxTraceSpans: 400,
        decisionWaitAfterRootMs: seed % 2 === 0 ? 500 : 0,
      },
      decider,
      flaky,
    );
    const wanted: string[] = [];
    let sent = 0;
    for (let step = 0; step < 120; step++) {
      const spans = Array.from({ length: 200 }, () => ({
        ...randomSpan(random, 40 + step * 20, sent++),
        ballast: Math.floor(random() * 1000),
      }));
      while ((await put(...spans)).status !== 'accepted') {
        await clock.advance(20);
      }
      for (const { trace, name } of spans) if (keepsId(trace!)) wanted.push(name);
      expect(engine.bufferBytes).toBeLessThanOrEqual(engine.bufferCapacity);
      expect(account.held + account.handedOn + account.left).toBe(sent);
      if (random() < 0.3) await clock.advance(Math.floor(random() * 300));
    }
    const stopping = stop();
    await clock.advance(60_000);
    await stopping;
    const out = arrived();
    expect(out.map(({ name }) => name).sort()).toEqual(wanted.sort());
    expect(out.every(({ name, service }) => name.startsWith(`${service}:`))).toBe(true);
    expect(
      out.every(
        ({ state, schemas }) => state === 'ot=th:8' && schemas === 'https://schema/resource https://schema/scope',
      ),
    ).toBe(true);
    expect(account).toMatchObject({ held: 0, handedOn: wanted.length, left: sent - wanted.length, lost: {} });
    expect(memory.used).toBe(0);
    expect(clock.timers).toBe(0);
    expect(Object.keys(observer.evictions)).toContain(seed % 2 === 0 ? 'num_traces' : 'bytes');
    expect(logger.warnings().filter((line) => line.includes('bug'))).toEqual([]);
  }
}, 120_000);
