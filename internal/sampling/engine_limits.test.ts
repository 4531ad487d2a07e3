import { expect, test } from 'vitest';
import { accepted, type Outcome, retryable } from '../core/outcome.ts';
import { deferred } from '../testkit/settings.ts';
import { idOf, request, rig, TestDecider, type TestSpan } from './test/rig.ts';

const spans = (count: number, of: (i: number) => TestSpan) => Array.from({ length: count }, (_, i) => of(i));
const keepNone = () => new TestDecider(() => {});

test('num_traces: the oldest healthy trace is decided early, with a true evaluation; errors go last', async () => {
  const { put, decider, names, clock, observer, engine } = rig({ numTraces: 3 });
  await put({ trace: 'a', name: 'a1', error: true }, { trace: 'b', name: 'b1' }, { trace: 'c', name: 'c1' });
  await put({ trace: 'd', name: 'd1', error: true }, { trace: 'e', name: 'e1', error: true });
  expect(decider.asked.map(({ id, trigger }) => [id, trigger])).toEqual([
    [idOf('b'), 'eviction'],
    [idOf('c'), 'eviction'],
  ]);
  await put({ trace: 'f', name: 'f1' });
  expect(decider.asked.at(-1)?.id).toBe(idOf('a'));
  await put({ trace: 'f', name: 'f2' }, { trace: 'f0', name: 'g1' });
  expect(decider.asked.at(-1)).toMatchObject({ id: idOf('f'), spans: 2 });
  expect(engine.heldTraces).toBe(3);
  await clock.advance(1000);
  expect(names().sort()).toEqual(['a1', 'b1', 'c1', 'd1', 'e1', 'f1', 'f2', 'g1']);
  expect(observer).toMatchObject({ evictions: { num_traces: 4 }, new: 7 });
  expect(engine.explain(idOf('b'))?.trigger).toBe('eviction');
});

test('a precious trace that was spared is decided in time all the same, and earlier when its root comes', async () => {
  const { put, decider, clock } = rig({ numTraces: 3, decisionWaitAfterRootMs: 100 });
  await put({ trace: 'a', name: 'a1', error: true }, { trace: 'b', name: 'b1', error: true });
  await put({ trace: 'c', name: 'c1' }, { trace: 'd', name: 'd1' });
  expect(decider.asked.map(({ id }) => id)).toEqual([idOf('c')]);
  await put({ trace: 'b', name: 'b2', root: true });
  await clock.advance(100);
  expect(decider.asked.at(-1)).toMatchObject({ id: idOf('b'), trigger: 'root_received' });
  await clock.advance(900);
  expect(
    decider.asked
      .slice(2)
      .map(({ id, trigger }) => `${id} ${trigger}`)
      .sort(),
  ).toEqual([`${idOf('a')} decision_wait`, `${idOf('d')} decision_wait`]);
});

test('the byte budget holds whatever comes, errors stay as long as they fit, and nothing goes undecided', async () => {
  const { put, decider, observer, engine, account, clock, arrived } = rig(
    { maxBufferBytes: 4 << 20, numTraces: 1_000_000, decisionWaitMs: 60_000 },
    new TestDecider((trace, _trigger, into) => void (trace.hasError && (into.verdict = 'sampled'))),
  );
  let errors = 0;
  for (let i = 0; i < 300; i++) {
    const batch = spans(100, (j) => {
      const error = (i * 100 + j) % 50 === 0;
      if (error) errors++;
      return { trace: `${i * 100 + j}`, name: 'n', error, ballast: 400 };
    });
    expect((await put(...batch)).status).toBe('accepted');
    expect(engine.bufferBytes).toBeLessThanOrEqual(4 << 20);
  }
  expect(observer.evictions.bytes).toBeGreaterThan(10_000);
  // 600 traces with errors of 500 bytes fit easily: none of them had to go early.
  expect(decider.asked.filter(({ trigger }) => trigger === 'eviction').length).toBe(observer.evictions.bytes);
  expect(observer.decisions['sampled eviction']).toBeUndefined();
  await clock.advance(61_000);
  expect(decider.asked.length).toBe(30_000);
  expect(arrived().length).toBe(errors);
  expect(account).toMatchObject({ held: 0, handedOn: errors, left: 30_000 - errors });
});

test('block_on_overflow makes senders wait for traces and for bytes', async () => {
  for (const over of [{ numTraces: 100 }, { maxBufferBytes: 4 << 20, numTraces: 1_000_000 }]) {
    const { put, decider, clock, observer, engine } = rig({ ...over, blockOnOverflow: true });
    let outcome: Outcome = accepted;
    let taken = 0;
    for (let i = 0; i < 500 && outcome.status === 'accepted'; i++) {
      outcome = await put(...spans(100, (j) => ({ trace: `${i * 100 + j}`, name: 'n', ballast: 500 })));
      if (outcome.status === 'accepted') taken += 100;
    }
    expect(outcome).toMatchObject({ status: 'retryable', retryAfterMs: 1000 });
    expect(observer.evictions).toEqual({});
    expect(decider.asked).toEqual([]);
    expect(engine.heldSpans).toBe(taken);
    await clock.advance(1000);
    expect(engine.heldSpans).toBe(0);
    expect((await put({ trace: 'd00d', name: 'z' })).status).toBe('accepted');
  }
});

test('while the next component is full nothing is evicted into nowhere: the buffer fills, then senders wait, and nothing is lost', async () => {
  const stuck = deferred<Outcome>();
  const { put, next, account, clock, engine, stop, memory } = rig(
    { maxBufferBytes: 32 << 20, numTraces: 1_000_000 },
    new TestDecider(),
    () => stuck.promise,
  );
  let taken = 0;
  let outcome: Outcome = accepted;
  for (let i = 0; i < 2000 && outcome.status === 'accepted'; i++) {
    outcome = await put(...spans(500, (j) => ({ trace: `${taken + j}`, name: 'n', ballast: 400 })));
    if (outcome.status === 'accepted') taken += 500;
    await clock.advance(100);
  }
  expect(outcome).toMatchObject({ status: 'retryable' });
  expect(next.calls.length).toBe(16);
  expect(engine.bufferBytes).toBeLessThanOrEqual(32 << 20);
  expect(account.held).toBe(taken);
  stuck.resolve(accepted);
  await clock.advance(5000);
  expect((await put({ trace: 'd00d', name: 'z' })).status).toBe('accepted');
  await stop();
  expect(account).toMatchObject({ held: 0, handedOn: taken + 1, lost: {} });
  expect(memory.used).toBe(0);
});

test('a batch on its way out counts in the memory budget, and waits while far too much is held', async () => {
  const { put, clock, memory, account } = rig();
  memory.tryReserve(memory.capacity);
  memory.takeOver(memory.capacity);
  await put({ trace: 'a', name: 'a1' });
  await clock.advance(5000);
  expect(account.held).toBe(1);
  memory.release(memory.capacity);
  await clock.advance(100);
  expect(account).toMatchObject({ held: 0, handedOn: 1 });
});

test('a trace above the cap of spans or bytes is decided at once, and what follows follows', async () => {
  for (const over of [{ maxTraceSpans: 100 }, { maxTraceBytes: 100 * 140 }]) {
    const { put, decider, observer, names, clock } = rig(over);
    await put(...spans(150, (i) => ({ trace: 'a', name: `n${i}`, ballast: 60 })));
    expect(decider.asked).toMatchObject([{ trigger: 'trace_too_large' }]);
    expect(decider.asked[0]!.spans).toBeGreaterThan(50);
    expect(observer.late_.kept).toBe(150 - decider.asked[0]!.spans);
    await clock.advance(100);
    expect(names().length).toBe(150);
  }
});

test('maximum_trace_size_bytes: not sampled, without evaluation', async () => {
  const { put, decider, observer, account, clock, engine } = rig({ dropTraceBytes: 5000 });
  await put(...spans(100, (i) => ({ trace: 'a', name: `n${i}`, ballast: 60 })), { trace: 'b', name: 'b' });
  expect(observer).toMatchObject({ large: 1, decisions: {} });
  expect(account).toMatchObject({ held: 1, left: 100 });
  expect(engine.explain(idOf('a'))).toMatchObject({ decision: 'not_sampled', trigger: 'trace_too_large', votes: [] });
  await clock.advance(1000);
  expect(decider.asked.length).toBe(1);
});

test('spans without a trace id are one trace, counted, of which nothing is remembered', async () => {
  const { put, decider, observer, clock } = rig({ maxTraceSpans: 3 });
  await put({ name: 'x1' }, { trace: '0', name: 'x2' }, { name: 'x3' }, { name: 'x4' });
  expect(decider.asked).toMatchObject([{ id: idOf('0'), trigger: 'trace_too_large', spans: 3 }]);
  await clock.advance(1000);
  expect(decider.asked[1]).toMatchObject({ id: idOf('0'), trigger: 'decision_wait', spans: 1 });
  expect(observer).toMatchObject({ idless: 4, late_: { kept: 0, leftOut: 0 } });
});

test('times: the exact earliest start and latest end, also where the end comes first', async () => {
  const seen: unknown[] = [];
  const { put, clock } = rig(
    {},
    new TestDecider(({ startTimeUnixNano: start, endTimeUnixNano: end, durationNanos }) => {
      seen.push([start, end, durationNanos]);
    }),
  );
  const base = 1_700_000_000_000_000_001n;
  await put(
    { trace: 'a', name: 'a1', start: base, end: base + 7n },
    { trace: 'a', name: 'a2', start: base - 1n, end: base },
  );
  await put({ trace: 'b', name: 'b1', start: base + 4_294_967_296n, end: base - 1n });
  await put({ trace: 'c', name: 'c1', start: 0n, end: 2n ** 64n - 1n });
  await clock.advance(1000);
  expect(seen).toEqual([
    [base - 1n, base + 7n, 8],
    [base + 4_294_967_296n, base - 1n, -4_294_967_297],
    [0n, 2n ** 64n - 1n, 2 ** 64],
  ]);
});

test('the same span twice is two spans, as it came', async () => {
  const { put, names, clock, account } = rig();
  await put({ trace: 'a', name: 'a1' });
  await put({ trace: 'a', name: 'a1' });
  await clock.advance(1000);
  expect(names()).toEqual(['a1', 'a1']);
  expect(account.handedOn).toBe(2);
});

test('a trace that never ends is decided when its wait is over, and lives on by that decision', async () => {
  const { put, decider, clock, names, engine } = rig({ maxBufferBytes: 4 << 20 });
  for (let i = 0; i < 200; i++) {
    await put(...spans(100, (j) => ({ trace: 'a', name: `${i * 100 + j}`, ballast: 500 })));
    await clock.advance(50);
    expect(engine.bufferBytes).toBeLessThanOrEqual(4 << 20);
  }
  await clock.advance(100);
  expect(decider.asked.length).toBe(1);
  expect(new Set(names()).size).toBe(20_000);
});

test('a million spans in one trace stay within the buffer’s bounds', async () => {
  const { engine, decider, account, clock } = rig({ maxBufferBytes: 16 << 20, numTraces: 10 }, keepNone());
  const batch = request(spans(5000, () => ({ trace: 'a', name: 'n', ballast: 20 })));
  for (let i = 0; i < 200; i++) {
    expect((await engine.consume(batch, {})).status).toBe('accepted');
    expect(engine.bufferBytes).toBeLessThanOrEqual(16 << 20);
  }
  await clock.advance(2000);
  expect(decider.asked).toMatchObject([{ trigger: 'eviction' }]);
  expect(account).toMatchObject({ held: 0, left: 1_000_000 });
});

test('a trace of many batches leaves over many turns', async () => {
  const { engine, next, account, clock, observer } = rig({ maxBufferBytes: 64 << 20 });
  const batch = request(spans(5000, () => ({ trace: 'a', name: 'n' })));
  for (let i = 0; i < 40; i++) await engine.consume(batch, {});
  const inTick: Record<number, number> = {};
  next.answer = () => {
    inTick[observer.ticks] = (inTick[observer.ticks] ?? 0) + 1;
    return accepted;
  };
  // On this clock each batch takes a millisecond.
  const monotonic = clock.monotonic.bind(clock);
  clock.monotonic = () => monotonic() + next.calls.length;
  await clock.advance(2000);
  expect(account).toMatchObject({ held: 0, handedOn: 200_000 });
  expect(next.calls.length).toBe(25);
  expect(Math.max(...Object.values(inTick))).toBeLessThan(8);
});

test('every span with a resource of its own: the heads count too', async () => {
  const { put, engine, account, observer, clock, arrived } = rig({ maxBufferBytes: 6 << 20, numTraces: 1_000_000 });
  for (let i = 0; i < 100; i++) {
    const batch = spans(300, (j) => ({ trace: `${i * 300 + j}`, name: 'n', service: `service ${i * 300 + j}` }));
    expect((await put(...batch)).status).toBe('accepted');
    // Heads are told only once they are in: one batch may go over.
    expect(engine.bufferBytes).toBeLessThan(7 << 20);
  }
  expect(observer.evictions.bytes).toBeGreaterThan(1000);
  await clock.advance(5000);
  expect(account).toMatchObject({ held: 0, handedOn: 30_000 });
  expect(new Set(arrived().map(({ service }) => service)).size).toBe(30_000);
  expect(engine.bufferBytes).toBeLessThan(6 << 20);
});

test('a request that does not go into half of the buffer is refused for good', async () => {
  const { put } = rig({ maxBufferBytes: 4 << 20 });
  expect(await put({ trace: 'a', name: 'a', ballast: 3 << 20 })).toMatchObject({
    status: 'permanent',
    code: 'too_large',
  });
});

test('spans larger than a slab come through whole', async () => {
  const { put, arrived, clock, engine } = rig({ maxBufferBytes: 8 << 20 });
  for (let i = 0; i < 5; i++)
    await put({ trace: `${i}`, name: 'n', ballast: 400_000 }, { trace: `${i}`, name: 'small' });
  await clock.advance(1000);
  expect(arrived().map(({ attributes }) => attributes.ballast?.length)).toEqual(
    Array.from({ length: 5 }, () => [400_000, undefined]).flat(),
  );
  expect(engine.bufferBytes).toBeLessThan(2 << 20);
});

test('100,000 traces that fall due at once are decided in slices, between which intake goes on', async () => {
  const { put, decider, clock, observer, account, engine } = rig({ numTraces: 200_000, maxBufferBytes: 256 << 20 });
  for (let i = 0; i < 100; i++) await put(...spans(1000, (j) => ({ trace: `${i * 1000 + j}`, name: 'n' })));
  const taken: number[] = [];
  const putBetween = () => {
    void put({ trace: `f00${taken.length}`, name: 'between' });
    taken.push(decider.asked.length);
    if (engine.heldTraces > 100 && taken.length < 1000) clock.after(0, putBetween);
  };
  clock.after(1000, putBetween);
  await clock.advance(1000);
  const steps = taken.map((asked, i) => asked - (taken[i - 1] ?? 0));
  expect(Math.max(...steps)).toBeLessThanOrEqual(2048);
  expect(taken.length).toBeGreaterThan(40);
  expect(observer.ticks).toBeGreaterThan(40);
  expect(account.held).toBe(taken.length);
});

test('a wall clock that jumps an hour either way moves no decision', async () => {
  const { put, clock, decider, engine, observer } = rig();
  let skew = 0;
  const now = clock.now.bind(clock);
  clock.now = () => now() + skew;
  await put({ trace: 'a', name: 'a1' });
  skew = 3_600_000;
  await clock.advance(500);
  expect(decider.asked).toEqual([]);
  await put({ trace: 'b', name: 'b1' });
  skew = -3_600_000;
  await clock.advance(500);
  expect(decider.asked.length).toBe(1);
  await clock.advance(500);
  expect(decider.asked.length).toBe(2);
  expect(observer.lags).toEqual([0, 0]);
  expect(engine.explain(idOf('a'))?.decidedAt).toBe(now() - 500 + skew);
});

test('decisions are at most a tick late, however the traces are spread', async () => {
  const { put, clock, observer } = rig({ numTraces: 100_000 });
  for (let i = 0; i < 3000; i++) {
    await put({ trace: `${i}`, name: 'n' });
    if (i % 3 === 0) await clock.advance(1);
  }
  await clock.advance(2000);
  expect(observer.lags.length).toBe(3000);
  expect(Math.max(...observer.lags)).toBeLessThanOrEqual(50);
  expect(Math.min(...observer.lags)).toBeGreaterThanOrEqual(-1);
});

test('an answer to retry from the next component delays batches and loses none', async () => {
  let busy = 20;
  const { put, names, clock, account } = rig({}, new TestDecider(), () => (busy-- > 0 ? retryable('busy') : accepted));
  for (let i = 0; i < 50; i++) {
    await put({ trace: `${i}`, name: `${i}` });
    await clock.advance(100);
  }
  await clock.advance(60_000);
  expect(new Set(names()).size).toBe(50);
  expect(account).toMatchObject({ held: 0, handedOn: 50, lost: {} });
});

test('span ingest: a trace above the cap is decided, unasked, and counted like any other', async () => {
  const decider = new TestDecider(() => {});
  const { put, observer, clock, account } = rig({ spanIngest: true, maxTraceSpans: 3 }, decider);
  await put(...spans(5, (i) => ({ trace: 'a', name: `${i}` })));
  await clock.advance(1000);
  expect(decider.asked).toEqual([]);
  expect(observer).toMatchObject({ decisions: { 'not_sampled trace_too_large': 1 }, large: 0 });
  expect(account).toMatchObject({ held: 0, left: 5 });
});
