import { expect, test } from 'vitest';
import { attribute, idOf, rig, TestDecider } from './test/rig.ts';

const keepErrors = () =>
  new TestDecider((trace, _trigger, into) => {
    into.verdict = trace.hasError ? 'sampled' : 'not_sampled';
    into.policy = trace.hasError ? 0 : -1;
  });

test('a trace is decided once its wait is over, with all its spans from several batches', async () => {
  const { put, names, clock, account, decider, memory } = rig();
  expect((await put({ trace: 'a', name: 'a1' })).status).toBe('accepted');
  await put({ trace: 'b', name: 'b1' }, { trace: 'a', name: 'a2' });
  await clock.advance(999);
  expect(account.held).toBe(3);
  expect(names()).toEqual([]);
  await clock.advance(1);
  expect(names().sort()).toEqual(['a1', 'a2', 'b1']);
  expect(decider.asked).toEqual([
    { id: idOf('a'), trigger: 'decision_wait', spans: 2, gathered: 2 },
    { id: idOf('b'), trigger: 'decision_wait', spans: 1, gathered: 1 },
  ]);
  expect(account).toMatchObject({ held: 0, handedOn: 3, left: 0 });
  expect(memory.used).toBe(0);
});

test('what is not sampled is filtered, and stays in the ledger as that', async () => {
  const { put, names, clock, account, observer } = rig({}, keepErrors());
  await put({ trace: 'a', name: 'a1' }, { trace: 'b', name: 'b1', error: true }, { trace: 'b', name: 'b2' });
  await clock.advance(1000);
  expect(names()).toEqual(['b1', 'b2']);
  expect(account).toMatchObject({ held: 0, handedOn: 2, left: 1 });
  expect(observer).toMatchObject({
    new: 2,
    decisions: { 'sampled decision_wait': 1, 'not_sampled decision_wait': 1 },
    removals: 2,
  });
});

test('a root brings the decision forward, never back', async () => {
  const { put, clock, decider } = rig({ decisionWaitAfterRootMs: 200 });
  await put({ trace: 'a', name: 'a1' }, { trace: 'b', name: 'b1' });
  await clock.advance(100);
  await put({ trace: 'b', name: 'b2', root: true });
  await clock.advance(200);
  expect(decider.asked).toMatchObject([{ id: idOf('b'), trigger: 'root_received', spans: 2 }]);
  await clock.advance(600);
  await put({ trace: 'a', name: 'a2', root: true });
  await clock.advance(100);
  expect(decider.asked[1]).toMatchObject({ id: idOf('a'), trigger: 'decision_wait', spans: 2 });
});

test('a match decides at once, with all spans of the batch', async () => {
  const decider = new TestDecider();
  decider.matches = (name) => name === 'hit';
  const { put, names, clock, observer } = rig({}, decider);
  await put({ trace: 'a', name: 'a1' });
  await put({ trace: 'a', name: 'hit' }, { trace: 'b', name: 'b1' }, { trace: 'a', name: 'a2' });
  expect(decider.asked).toEqual([{ id: idOf('a'), trigger: 'first_match', spans: 3, gathered: 3 }]);
  await put({ trace: 'a', name: 'late' });
  await clock.advance(100);
  expect(names()).toEqual(['a1', 'hit', 'a2', 'late']);
  expect(observer.late_).toEqual({ kept: 1, leftOut: 0, cached: 1 });
});

test('a match whose trace is decided for another reason in the same batch decides nobody else’s', async () => {
  const decider = new TestDecider();
  decider.matches = (name) => name === 'hit';
  const { put, clock, account } = rig({ maxTraceSpans: 2, sampledCacheSize: 0 }, decider);
  const cached = rig({ maxTraceSpans: 2 }, decider);
  for (const one of [put, cached.put]) {
    decider.asked.length = 0;
    await one(
      { trace: 'a', name: 'hit' },
      { trace: 'a', name: 'a2' },
      { trace: 'b', name: 'b1' },
      { trace: 'c', name: 'c1' },
    );
    expect(decider.asked.map(({ id, trigger }) => [id, trigger])).toEqual([[idOf('a'), 'trace_too_large']]);
  }
  await clock.advance(1000);
  expect(account).toMatchObject({ held: 0, handedOn: 4 });
});

test('spans that come late follow the decision, with its threshold and policy', async () => {
  const decider = new TestDecider((trace, _trigger, into) => {
    if (trace.hasError) Object.assign(into, { verdict: 'sampled', policy: 1, threshold: 1n << 54n });
  });
  decider.lateScopeAttributes = (policy) => attribute(3, `late of ${policy}`, 'x');
  const { put, arrived, clock, account, observer, engine } = rig({}, decider);
  await put({ trace: 'a', name: 'a1', error: true }, { trace: 'b', name: 'b1' });
  await clock.advance(1000);
  await put({ trace: 'b', name: 'b2' }, { trace: 'a', name: 'a2' }, { trace: 'a', name: 'a3', state: 'ot=th:c' });
  await clock.advance(100);
  expect(arrived().map(({ name, state, scopeAttributes }) => [name, state, ...scopeAttributes])).toEqual([
    ['a1', 'ot=th:4'],
    ['a2', 'ot=th:4', 'late of 1'],
    ['a3', 'ot=th:c', 'late of 1'],
  ]);
  expect(observer).toMatchObject({ new: 2, late_: { kept: 2, leftOut: 1, cached: 3 } });
  expect(account).toMatchObject({ held: 0, handedOn: 3, left: 2 });
  expect(engine.explain(idOf('a'))).toMatchObject({ decision: 'sampled', spans: 1, lateSpans: 2, threshold: '4' });
  expect(engine.explain(idOf('b'))).toMatchObject({ decision: 'not_sampled', spans: 1, lateSpans: 1 });
});

test('a trace that both caches have forgotten begins anew', async () => {
  const { put, clock, observer } = rig({ sampledCacheSize: 2, nonSampledCacheSize: 2 }, keepErrors());
  await put({ trace: 'a', name: 'a1', error: true });
  await clock.advance(1000);
  await put({ trace: 'b', name: 'b1', error: true }, { trace: 'c', name: 'c1', error: true });
  await clock.advance(1000);
  await put({ trace: 'a', name: 'a2' }, { trace: 'c', name: 'c2' });
  await clock.advance(1000);
  expect(observer).toMatchObject({ new: 4, late_: { kept: 1, leftOut: 0 } });
});

test('without caches a decided trace keeps its place until a new one needs it', async () => {
  const none = { sampledCacheSize: 0, nonSampledCacheSize: 0, numTraces: 2 };
  const { put, names, clock, observer, engine } = rig(none, keepErrors());
  await put({ trace: 'a', name: 'a1', error: true }, { trace: 'b', name: 'b1' });
  await clock.advance(1000);
  await put({ trace: 'a', name: 'a2' }, { trace: 'b', name: 'b2' });
  expect(observer).toMatchObject({ new: 2, removals: 0, late_: { kept: 1, leftOut: 1, cached: 0 } });
  expect(engine.heldTraces).toBe(0);
  await put({ trace: 'c', name: 'c1' });
  expect(observer).toMatchObject({ new: 3, removals: 1, evictions: {} });
  await put({ trace: 'a', name: 'a3' });
  await clock.advance(1000);
  expect(observer.new).toBe(4);
  expect(names()).toEqual(['a1', 'a2']);
});

test('kept spans leave together, each resource and scope once', async () => {
  const { put, next, clock, arrived } = rig();
  for (let i = 0; i < 300; i++) {
    await put(
      { trace: `a0000${i}`, name: `s${i % 2}:${i}`, service: `s${i % 2}`, scope: `c${i % 3}` },
      { trace: `b0000${i}`, name: 'x:x', service: 'x' },
    );
  }
  await clock.advance(1000);
  expect(next.taken.length).toBe(1);
  const groups = arrived().map(({ service, scope }) => `${service} ${scope}`);
  expect(groups.filter((group, i) => group !== groups[i - 1]).length).toBe(7);
  expect(arrived().every(({ name, service }) => name.startsWith(`${service}:`))).toBe(true);
  expect(arrived().every(({ schemas }) => schemas === 'https://schema/resource https://schema/scope')).toBe(true);
});

test('batches are of 8192 spans or 4 MiB at most', async () => {
  const { put, next, clock, account } = rig({ numTraces: 100_000, maxBufferBytes: 64 << 20 });
  for (let i = 0; i < 100; i++) {
    await put(
      ...Array.from({ length: 200 }, (_, j) => ({ trace: `${i}`, name: `n${j}`, ballast: i === 0 ? 90_000 : 1 })),
    );
  }
  await clock.advance(1000);
  const sizes = next.taken.map(({ itemCount }) => itemCount);
  expect(Math.max(...sizes)).toBe(8192);
  expect(sizes.length).toBeLessThan(10);
  expect(next.taken.every(({ byteLength }) => byteLength < 4.2 * 1024 * 1024)).toBe(true);
  expect(account).toMatchObject({ held: 0, handedOn: 20_000 });
});

test('attributes for the scope go into the scope, apart from spans of the same scope without', async () => {
  const decider = new TestDecider((trace, _trigger, into) => {
    into.verdict = 'sampled';
    if (trace.hasError) into.scopeAttributes = attribute(3, 'tailsampling.policy', 'errors');
  });
  const { put, arrived, clock } = rig({}, decider);
  await put({ trace: 'a', name: 'a1', scope: 's', error: true }, { trace: 'b', name: 'b1', scope: 's' });
  await clock.advance(1000);
  expect(arrived()).toMatchObject([
    { name: 'a1', scope: 's', scopeAttributes: ['tailsampling.policy'] },
    { name: 'b1', scope: 's', scopeAttributes: [] },
  ]);
});

test('kept spans carry the threshold; a higher one stays, and what is no tracestate is left alone', async () => {
  const decider = new TestDecider((_trace, _trigger, into) => {
    into.verdict = 'sampled';
    into.threshold = 1n << 55n;
  });
  const { put, arrived, clock } = rig({}, decider);
  const states = ['', 'ot=th:c', 'ot=th:4', 'other=1', 'ot=th:8', 'not a state'];
  await put(...states.map((state, i) => ({ trace: `${i}`, name: `${i}`, state })));
  await clock.advance(1000);
  expect(arrived().map(({ state }) => state)).toEqual([
    'ot=th:8',
    'ot=th:c',
    'ot=th:8',
    'ot=th:8,other=1',
    'ot=th:8',
    'not a state',
  ]);
});

test('a kept root says why it was kept when asked to, and nobody else does', async () => {
  const { put, arrived, clock } = rig({ stampExplanation: true });
  await put({ trace: 'a', name: 'root', root: true }, { trace: 'a', name: 'child' });
  await clock.advance(1000);
  const [root, child] = arrived();
  expect(root?.attributes).toEqual({
    'sluice.sampling.explanation': 'first (decision_wait, spans: 2); first: sampled, 2 spans',
  });
  expect(child?.attributes).toEqual({});
});

test('a trace is explained while it waits and after', async () => {
  const { put, clock, engine } = rig({}, keepErrors());
  const began = clock.now();
  await put({ trace: 'A', name: 'a1', error: true }, { trace: 'a', name: 'a2' });
  await clock.advance(500);
  const about = { component: 'tail', pipeline: 'traces', traceId: idOf('a') };
  expect(engine.explain(idOf('A'))).toEqual({
    ...about,
    decision: 'pending',
    firstSeenAt: began,
    spans: 2,
    lateSpans: 0,
    votes: [],
  });
  await clock.advance(500);
  expect(engine.explain(idOf('a'))).toEqual({
    ...about,
    decision: 'sampled',
    policy: 'first',
    trigger: 'decision_wait',
    firstSeenAt: began,
    decidedAt: began + 1000,
    spans: 2,
    lateSpans: 0,
    threshold: undefined,
    votes: [{ policy: 'first', type: 'test', vote: 'sampled', compared: '2 spans' }],
  });
  expect(engine.explain(idOf('b'))).toBeUndefined();
  expect(engine.explain('nonsense')).toBeUndefined();
});

test('span ingest: what one resource of a batch brings is judged by itself, and leftovers are not sampled', async () => {
  const decider = new TestDecider((trace, _trigger, into) => {
    into.verdict = trace.hasError ? 'sampled' : trace.durationNanos > 5000 ? 'dropped' : 'not_sampled';
  });
  const { put, names, clock, observer, account } = rig({ spanIngest: true }, decider);
  await put({ trace: 'a', name: 'a1' }, { trace: 'b', name: 'b1' }, { trace: 'c', name: 'c1', start: 1n, end: 4000n });
  await put({ trace: 'a', name: 'a2', error: true }, { trace: 'c', name: 'c2', start: 4000n, end: 8000n });
  await put({ trace: 'd', name: 'd1', end: 9000n });
  expect(decider.asked).toMatchObject([
    { id: idOf('a'), spans: 1, gathered: 1 },
    { id: idOf('b'), spans: 1, gathered: 1 },
    { id: idOf('c'), spans: 1, gathered: 1 },
    { id: idOf('a'), spans: 2, gathered: 1, trigger: 'first_match' },
    { id: idOf('c'), spans: 2, gathered: 1 },
    { id: idOf('d'), spans: 1, gathered: 1 },
  ]);
  await clock.advance(1000);
  expect(decider.asked.length).toBe(6);
  expect(names()).toEqual(['a1', 'a2']);
  expect(observer.decisions).toEqual({
    'sampled first_match': 1,
    'dropped first_match': 1,
    'not_sampled decision_wait': 2,
  });
  expect(account).toMatchObject({ held: 0, handedOn: 2, left: 4 });
});

test('shutdown decides on what is there', async () => {
  const { put, names, stop, account, clock, observer } = rig({}, keepErrors());
  await put({ trace: 'a', name: 'a1', error: true }, { trace: 'b', name: 'b1' });
  await stop();
  await stop();
  expect(names()).toEqual(['a1']);
  expect(observer.decisions).toEqual({ 'sampled shutdown': 1, 'not_sampled shutdown': 1 });
  expect(account).toMatchObject({ held: 0, handedOn: 1, left: 1, lost: {} });
  expect(clock.timers).toBe(0);
  expect((await put({ trace: 'c', name: 'c1' })).status).toBe('retryable');
});

test('shutdown drops what is undecided where that is asked for, counted and said', async () => {
  const { put, names, stop, account, clock, logger } = rig({ dropPendingOnShutdown: true });
  await put({ trace: 'a', name: 'a1' });
  await clock.advance(900);
  await put({ trace: 'b', name: 'b1' }, { trace: 'b', name: 'b2' });
  await clock.advance(100);
  await stop();
  expect(names()).toEqual(['a1']);
  expect(account).toMatchObject({ held: 0, handedOn: 1, lost: { shutdown: 2 } });
  expect(logger.lines.at(-1)).toMatchObject({ level: 'error', fields: { items: 2 } });
});

test('at the deadline of a shutdown what nobody took is lost, and counted once', async () => {
  const decider = new TestDecider();
  const { put, stop, account, memory, clock } = rig(
    { numTraces: 500_000, maxBufferBytes: 128 << 20 },
    decider,
    () => new Promise(() => {}),
  );
  for (let i = 0; i < 50; i++) {
    await put(...Array.from({ length: 4000 }, (_, j) => ({ trace: `${i * 4000 + j}`, name: 'n' })));
  }
  const deadline = new AbortController();
  const stopping = stop(deadline.signal);
  await clock.advance(1000);
  expect(account.held).toBe(200_000);
  deadline.abort();
  await stopping;
  expect(account).toMatchObject({ held: 0, handedOn: 0, lost: { shutdown: 200_000 } });
  expect(memory.used).toBe(0);
  expect(clock.timers).toBe(0);
});

test('a policy that throws keeps the trace, and says so', async () => {
  const decider = new TestDecider(() => {
    throw new Error('boom');
  });
  const { put, names, clock, logger } = rig({}, decider);
  await put({ trace: 'a', name: 'a1' });
  await clock.advance(1000);
  expect(names()).toEqual(['a1']);
  expect(logger.warnings()).toEqual(['a bug: a policy threw instead of answering; the trace is kept']);
});
