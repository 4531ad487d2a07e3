import { expect, test } from 'vitest';
import { seededRandom } from '../../internal/otlp/sample.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';
import { TEST_TIME, type TestSpan, tracesOf } from '../../internal/testkit/traces.ts';
import { span, Trial, traceIds } from './test/trial.ts';

const base = {
  mode: 'tail',
  target_traces_per_second: 1000,
  decision_wait: '2s',
  max_buffer_mib: 64,
  num_traces: 100_000,
};
/** A probability of 0 for what has no reason of its own, until the first plan. */
const unplanned = { ...base, initial_sampling_percentage: 0, rare: { max_per_minute: 0 }, adjustment_interval: '1h' };
const high = 'f'.repeat(32);

const ms = (duration: number) => TEST_TIME + BigInt(Math.round(duration * 1e6));
const shop = (...spans: TestSpan[]) => tracesOf({ resource: { 'service.name': 'shop' }, spans });

test('a trace with an error anywhere is kept whole, whenever its spans come', async () => {
  const trial = new Trial(unplanned);
  await trial.put(shop({ trace: high, id: 1, name: 'GET /', status: 1 }, { trace: 'aa', id: 5, name: 'GET /' }));
  await trial.advance(500);
  await trial.put(shop({ trace: high, id: 2, parent: 1, name: 'SELECT', attributes: { 'http.status_code': 503 } }));
  await trial.advance(3000);
  const kept = trial.take();
  expect(kept.map(({ name }) => name).sort()).toEqual(['GET /', 'SELECT']);
  for (const { traceState } of kept) expect(traceState).toBe('ot=th:0');
  expect(trial.account).toMatchObject({ left: 1, held: 0 });
  await trial.stop();
});

test('explains what it compared, for kept and for dropped traces', async () => {
  const trial = new Trial({ ...base, slow: { min_samples: 50 } });
  const random = seededRandom(1);
  const id = traceIds(2);
  for (let i = 0; i < 400; i++) {
    await trial.put(shop({ trace: id(), name: 'GET /pay', end: ms(200 + 100 * random()) }));
    await trial.advance(20);
  }
  await trial.put(shop({ trace: 'a1', name: 'GET /pay', end: ms(812) }));
  await trial.put(shop({ trace: 'a2', name: 'GET /pay', end: ms(250), events: [{ name: 'exception' }] }));
  await trial.put(shop({ trace: 'a3', name: 'POST /new', end: ms(5) }));
  await trial.put(shop({ trace: 'a4', parent: 7, name: 'GET /pay' }));
  expect(trial.sampler.explain?.('a1'.padStart(32, '0'))?.decision).toBe('pending');
  await trial.advance(4000);
  const explain = (trace: string) => {
    const found = trial.sampler.explain?.(trace.padStart(32, '0'));
    return { decision: found?.decision, policy: found?.policy, compared: found?.votes.map(({ compared }) => compared) };
  };
  expect(explain('a1')).toMatchObject({ decision: 'sampled', policy: 'slow' });
  expect(explain('a1').compared?.[1]).toMatch(/^812 ms, p99 of shop GET \/pay is 3\d\d ms$/);
  expect(explain('a2')).toMatchObject({ decision: 'sampled', policy: 'error' });
  expect(explain('a2').compared).toEqual(['error by an exception', '', '', '']);
  expect(explain('a3')).toMatchObject({ decision: 'sampled', policy: 'rare' });
  expect(explain('a3').compared?.[2]).toBe('0.2 a minute of shop POST /new, rare up to 1');
  expect(explain('a4').policy).toBe('share');
  expect(explain('a4').compared?.[1]).toBe('no root span whose duration could be compared');
  expect(explain('a4').compared?.[3]).toMatch(/^share [\d.]+% of shop: randomness 0.000000, threshold 0/);
  await trial.stop();
});

test('a dropped trace says which share it missed', async () => {
  const trial = new Trial(unplanned);
  await trial.put(shop({ trace: 'b1', name: 'GET /' }));
  await trial.advance(4000);
  const { decision, votes } = trial.sampler.explain!('b1'.padStart(32, '0'))!;
  expect(decision).toBe('not_sampled');
  expect(votes.map(({ vote }) => vote)).toEqual(['not_sampled', 'not_sampled', 'not_sampled', 'not_sampled']);
  expect(votes[3]!.compared).toBe('share 0% of shop: randomness 0.000000, threshold 1.000000');
  await trial.stop();
});

interface Load {
  readonly seconds: number;
  readonly perSecond: (second: number) => number;
  readonly spans?: number;
  readonly errors?: number;
}

/** @returns traces kept in each second, and errors that came */
async function load(trial: Trial, { seconds, perSecond, spans = 1, errors = 0.05 }: Load) {
  const random = seededRandom(5);
  const id = traceIds(6);
  const kept: number[] = [];
  let failed = 0;
  for (let second = 0; second < seconds; second++) {
    const before = trial.next.items;
    for (let step = 0; step < 10; step++) {
      const groups: { resource: { 'service.name': string }; spans: TestSpan[] }[] = [];
      for (let i = perSecond(second) / 10; i > 0; i--) {
        const service = random() < 0.9 ? Math.floor(random() * 3) : 3 + Math.floor(random() * 997);
        const error = random() < errors;
        if (error) failed++;
        const trace = id();
        const list = Array.from({ length: spans }, (_, n) => {
          return { trace, id: n + 1, parent: n === 0 ? 0 : 1, name: 'GET /', status: error ? 2 : 0, end: ms(5) };
        });
        groups.push({ resource: { 'service.name': `service-${service}` }, spans: list });
      }
      await trial.put(tracesOf(...groups));
      await trial.advance(100);
    }
    kept.push(trial.next.items - before);
  }
  return { kept, failed };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test('holds the budget within 10% through a step from 100 to 10,000 traces a second over 1,000 services, and keeps all errors', async () => {
  const trial = new Trial(base);
  const perSecond = (second: number) => (second < 10 ? 100 : 10_000);
  const { kept, failed } = await load(trial, { seconds: 42, perSecond });
  expect(mean(kept.slice(12, 42))).toBeGreaterThan(900);
  expect(mean(kept.slice(12, 42))).toBeLessThan(1100);
  expect(mean(kept.slice(22, 42))).toBeGreaterThan(900);
  expect(mean(kept.slice(22, 42))).toBeLessThan(1100);
  await trial.advance(5000);
  expect(trial.metric('items_total', { reason: 'error', sampled: 'true' })).toBe(failed);
  await trial.stop();
  expect(trial.account.held).toBe(0);
});

test('counts spans where the budget is one of spans', async () => {
  const { target_traces_per_second: _, ...rest } = base;
  const trial = new Trial({ ...rest, target_spans_per_second: 400 });
  const { kept } = await load(trial, { seconds: 30, perSecond: () => 500, spans: 4, errors: 0 });
  expect(mean(kept.slice(12))).toBeGreaterThan(360);
  expect(mean(kept.slice(12))).toBeLessThan(440);
  await trial.stop();
});

test('a share is stamped with what it stands for, and rv decides where a span names one', async () => {
  const trial = new Trial({ ...base, target_traces_per_second: 50, rare: { max_per_minute: 0 } });
  await load(trial, { seconds: 10, perSecond: () => 1000, errors: 0 });
  trial.take();
  const id = traceIds(77);
  for (let i = 0; i < 500; i++) await trial.put(span({ service: 'service-0', trace: id() }));
  await trial.put(span({ service: 'service-0', trace: 'c1', traceState: 'ot=rv:ffffffffffffff' }));
  await trial.put(span({ service: 'service-0', trace: high, traceState: 'ot=rv:00000000000000' }));
  await trial.advance(4000);
  const kept = trial.take();
  const one = kept.find(({ traceId }) => traceId === 'c1'.padStart(32, '0'));
  expect(one?.traceState).toMatch(/^ot=rv:ffffffffffffff;th:[0-9a-f]+$/);
  expect(kept.some(({ traceId }) => traceId === high)).toBe(false);
  for (const { traceId, traceState } of kept) {
    const th = /th:([0-9a-f]+)$/.exec(traceState)![1]!;
    if (!traceState.includes('rv')) expect(traceId.slice(18) >= th.padEnd(14, '0')).toBe(true);
  }
  await trial.stop();
});

test('errors go last when the buffer is full', async () => {
  const trial = new Trial({ ...unplanned, num_traces: 10 });
  for (let i = 1; i <= 5; i++)
    await trial.put(shop({ trace: i, name: 'GET /', attributes: { 'http.status_code': 500 } }));
  for (let i = 6; i <= 40; i++) await trial.put(shop({ trace: i, name: 'GET /' }));
  for (let i = 1; i <= 5; i++) await trial.put(shop({ trace: i, id: 2, parent: 1, name: 'late' }));
  await trial.advance(4000);
  expect(trial.take().filter(({ name }) => name === 'late')).toHaveLength(5);
  await trial.stop();
});

test('a reload keeps what is buffered and what was learnt', async () => {
  const old = new Trial(base);
  await load(old, { seconds: 10, perSecond: () => 500 });
  await old.put(shop({ trace: high, id: 1, name: 'GET /', status: 2 }));
  const known = old.metric('keys', { table: 'operations' });
  const fresh = new Trial({ ...base, decision_wait: '3s' }, 'traces', undefined, old);
  expect(old.sampler.handOver?.(fresh.sampler)).toBe(true);
  await old.stop();
  expect(fresh.metric('keys', { table: 'operations' })).toBe(known);
  await fresh.put(shop({ trace: high, id: 2, parent: 1, name: 'later' }));
  await fresh.advance(5000);
  expect(fresh.take().filter(({ traceId }) => traceId === high)).toHaveLength(2);
  await fresh.stop();
});

test('kept roots say why, where that is asked for', async () => {
  const trial = new Trial({ ...unplanned, explain: { attributes: true } });
  await trial.put(shop({ trace: high, id: 1, name: 'GET /', status: 2 }, { trace: high, id: 2, parent: 1, name: 'x' }));
  await trial.advance(4000);
  const walk = walkSpans(trial.next.taken[0]!);
  const said: (string | undefined)[] = [];
  while (walk.nextResource()) {
    while (walk.nextScope()) {
      while (walk.nextRecord()) {
        said.push(walk.record.attributes.find(Buffer.from('sluice.sampling.explanation'))?.value.stringValue);
      }
    }
  }
  expect(said[0]).toMatch(/^error \(decision_wait, spans: 2\); error: sampled, error by status ERROR/);
  expect(said[1]).toBeUndefined();
  await trial.stop();
});
