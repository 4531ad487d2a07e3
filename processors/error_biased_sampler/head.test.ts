import { expect, test } from 'vitest';
import { accepted, retryable } from '../../internal/core/outcome.ts';
import { seededRandom } from '../../internal/otlp/sample.ts';
import { walkLogs } from '../../internal/otlp/view/walk.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload } from '../../internal/testkit/generate.ts';
import { TEST_TIME, type TestSpan, tracesOf } from '../../internal/testkit/traces.ts';
import { onlyBias, span, Trial, traceIds } from './test/trial.ts';

test.each<[string, Partial<TestSpan>, object, boolean]>([
  ['status ERROR', { status: 2 }, {}, true],
  ['status OK', { status: 1 }, {}, false],
  ['status ERROR, switched off', { status: 2 }, { status: false }, false],
  ['an exception', { events: [{ name: 'log' }, { name: 'exception' }] }, {}, true],
  ['an exception, switched off', { events: [{ name: 'exception' }] }, { exception_events: false }, false],
  ['another event', { events: [{ name: 'exceptional' }] }, {}, false],
  ['HTTP 500', { attributes: { 'http.response.status_code': 500 } }, {}, true],
  ['HTTP 404', { attributes: { 'http.response.status_code': 404 } }, {}, false],
  ['HTTP 404, asked for', { attributes: { 'http.status_code': 404 } }, { http_status_code_min: 400 }, true],
  ['HTTP 500 as text', { attributes: { 'http.response.status_code': '500' } }, {}, false],
  ['HTTP 503, switched off', { attributes: { 'http.status_code': 503 } }, { http_status_code_min: 0 }, false],
  ['gRPC UNAVAILABLE', { attributes: { 'rpc.grpc.status_code': 14 } }, {}, true],
  ['gRPC NOT_FOUND', { attributes: { 'rpc.grpc.status_code': 5 } }, {}, false],
  ['gRPC NOT_FOUND, asked for', { attributes: { 'rpc.grpc.status_code': 5 } }, { grpc_status_codes: [5] }, true],
])('a span with %s', async (_, given, errors, kept) => {
  const trial = new Trial({ ...onlyBias, errors });
  expect(await trial.put(span(given))).toBe(accepted);
  expect(trial.take()).toHaveLength(kept ? 1 : 0);
  expect(trial.account.left).toBe(kept ? 0 : 1);
  expect(trial.metric('items_total', { reason: kept ? 'error' : 'share', sampled: String(kept) })).toBe(1);
});

test('what is kept for its own sake stands for itself, unless an earlier sampler says otherwise', async () => {
  const trial = new Trial(onlyBias);
  const id = 'f'.repeat(32);
  for (const traceState of ['', 'a=1', 'ot=th:8', 'ot=rv:80000000000000']) {
    await trial.put(span({ trace: id, status: 2, traceState }));
  }
  await trial.put(span({ trace: '1', status: 2, traceState: 'ot=th:8,a=1' }));
  expect(trial.take().map(({ traceState }) => traceState)).toEqual([
    'ot=th:0',
    'ot=th:0,a=1',
    'ot=th:8',
    'ot=rv:80000000000000;th:0',
    // It should not have come through: nobody knows what it stands for.
    'ot=th:0,a=1',
  ]);
});

test('an error keeps the other spans of its trace in the same batch, before it and behind it', async () => {
  const trial = new Trial(onlyBias);
  const id = traceIds(1);
  const [bad, good] = [id(), id()];
  const spans = [bad, good, bad, good, bad].map((trace, i) => ({ trace, name: `${i}`, status: i === 2 ? 2 : 0 }));
  await trial.put(tracesOf({ resource: { 'service.name': 'shop' }, spans }));
  expect(trial.take().map(({ name }) => name)).toEqual(['0', '2', '4']);
  await trial.put(tracesOf({ spans: [{ trace: bad, name: 'later' }] }));
  expect(trial.take()).toEqual([]);
  expect(trial.metric('items_total', { reason: 'same_trace', sampled: 'true' })).toBe(2);
});

test('unless that is switched off', async () => {
  const trial = new Trial({ ...onlyBias, same_batch: { max_budget_percentage: 0 } });
  const spans = [0, 2].map((status) => ({ trace: 'a', name: `${status}`, status }));
  await trial.put(tracesOf({ resource: { 'service.name': 'shop' }, spans }));
  expect(trial.take().map(({ name }) => name)).toEqual(['2']);
  expect(trial.metric('items_total', { reason: 'share', sampled: 'false' })).toBe(1);
});

test('spans kept with an error never cost an error its place', async () => {
  const trial = new Trial({ mode: 'head', target_spans_per_second: 100, rare: { max_per_minute: 0 } });
  const random = seededRandom(1);
  const id = traceIds(1);
  for (let i = 0; i < 300; i++) {
    const spans: TestSpan[] = [];
    for (let n = 0; n < 10; n++) {
      const trace = id();
      for (let of = 0; of < 8; of++) spans.push({ trace, name: 'x', status: random() < 0.05 ? 2 : 0, end: TEST_TIME });
    }
    await trial.put(tracesOf({ resource: { 'service.name': 'shop' }, spans }));
    await trial.advance(100);
  }
  expect(trial.metric('items_total', { reason: 'error', sampled: 'false' })).toBe(0);
  const same = trial.metric('items_total', { reason: 'same_trace', sampled: 'true' }) / 30;
  expect(same).toBeGreaterThan(30);
  expect(same).toBeLessThan(65);
  expect(trial.next.items / 30).toBeLessThan(115);
});

test('slow is what is slow for its operation, once enough is known of it', async () => {
  const trial = new Trial({ ...onlyBias, slow: { min_samples: 100 } });
  const random = seededRandom(9);
  const durations: Record<string, number> = { fast: 2, slow: 2000 };
  for (let i = 0; i < 2000; i++) {
    for (const [name, ms] of Object.entries(durations)) await trial.put(span({ name, ms: ms * (0.5 + random()) }));
    await trial.advance(10);
  }
  const isSlow = async (over: Parameters<typeof span>[0]) => {
    const before = trial.metric('items_total', { reason: 'slow', sampled: 'true' });
    await trial.put(span(over));
    return trial.metric('items_total', { reason: 'slow', sampled: 'true' }) > before;
  };
  expect(await isSlow({ name: 'fast', ms: 20 })).toBe(true);
  expect(await isSlow({ name: 'slow', ms: 2500 })).toBe(false);
  expect(await isSlow({ name: 'slow', ms: 9000 })).toBe(true);
  expect(await isSlow({ name: 'fast', ms: 9000, service: 'another' })).toBe(false);
});

test('rare is what comes less often than the rate, by service, operation and status', async () => {
  const trial = new Trial({ ...onlyBias, rare: { max_per_minute: 1 } });
  const rare = () => trial.metric('items_total', { reason: 'rare', sampled: 'true' });
  for (let i = 0; i < 600; i++) {
    await trial.put(span({ name: 'often' }));
    await trial.advance(1000);
  }
  expect(rare()).toBeGreaterThan(0);
  expect(rare()).toBeLessThan(7);
  const before = rare();
  for (let i = 0; i < 20; i++) {
    await trial.put(span({ name: 'seldom' }));
    await trial.advance(120_000);
  }
  expect(rare() - before).toBe(20);
  await trial.put(span({ name: 'seldom', status: 1 }));
  await trial.put(span({ name: 'seldom', service: 'another' }));
  expect(rare() - before).toBe(22);
});

interface Load {
  readonly seconds: number;
  readonly perSecond: (second: number) => number;
  readonly service: (random: () => number) => number;
  readonly errors: number;
  readonly name?: (made: number) => string;
}

/** @returns spans kept in each second */
async function load(trials: readonly Trial[], { seconds, perSecond, service, errors, name }: Load): Promise<number[]> {
  const random = seededRandom(12);
  const id = traceIds(13);
  const kept: number[] = [];
  let made = 0;
  for (let second = 0; second < seconds; second++) {
    const before = trials[0]!.next.items;
    for (let step = 0; step < 20; step++) {
      const spans = new Map<number, TestSpan[]>();
      for (let i = Math.floor(perSecond(second) / 20); i > 0; i--) {
        const of = service(random);
        const list = spans.get(of) ?? [];
        spans.set(of, list);
        const operation = name?.(made++) ?? 'GET /';
        list.push({ trace: id(), name: operation, status: random() < errors ? 2 : 0, end: TEST_TIME + 1_000_000n });
      }
      const groups = [...spans].map(([of, list]) => ({ resource: { 'service.name': `service-${of}` }, spans: list }));
      for (const trial of trials) {
        await trial.put(tracesOf(...groups));
        await trial.advance(50);
      }
    }
    kept.push(trials[0]!.next.items - before);
  }
  return kept;
}

const skewed = (random: () => number) => (random() < 0.9 ? Math.floor(random() * 3) : 3 + Math.floor(random() * 997));
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test('holds the budget through a step of a hundred times the load, and keeps all errors', async () => {
  const trial = new Trial({ mode: 'head', target_spans_per_second: 1000 });
  const perSecond = (second: number) => (second < 10 ? 100 : 10_000);
  const kept = await load([trial], { seconds: 40, perSecond, service: skewed, errors: 0.05 });
  expect(mean(kept.slice(10, 40))).toBeGreaterThan(900);
  expect(mean(kept.slice(10, 40))).toBeLessThan(1100);
  expect(mean(kept.slice(15, 40))).toBeGreaterThan(900);
  expect(mean(kept.slice(15, 40))).toBeLessThan(1100);
  expect(trial.metric('items_total', { reason: 'error', sampled: 'false' })).toBe(0);
  expect(trial.metric('items_total', { reason: 'error', sampled: 'true' })).toBeGreaterThan(14_000);
  expect(trial.metric('budget_per_second')).toBe(1000);
});

test('says so when errors alone are too many, and when they are not any more', async () => {
  const trial = new Trial({ mode: 'head', target_spans_per_second: 50, rare: { max_per_minute: 0 } });
  const service = () => 1;
  await load([trial], { seconds: 15, perSecond: () => 1000, service, errors: 0.5 });
  expect(trial.metric('items_total', { reason: 'error', sampled: 'false' })).toBeGreaterThan(1000);
  await load([trial], { seconds: 15, perSecond: () => 1000, service, errors: 0 });
  expect(trial.settings.logger.lines.map(({ message }) => message)).toEqual([
    'errors alone are far above the budget: they are thinned evenly',
    'errors are all kept again',
  ]);
});

test('or keeps them all where that is asked for', async () => {
  const config = { target_spans_per_second: 50, over_budget_errors: 'keep', rare: { max_per_minute: 0 } };
  const trial = new Trial({ mode: 'head', ...config });
  await load([trial], { seconds: 15, perSecond: () => 1000, service: () => 1, errors: 0.5 });
  expect(trial.metric('items_total', { reason: 'error', sampled: 'false' })).toBe(0);
  expect(trial.settings.logger.lines).toEqual([]);
});

test('services have series of their own, up to a hundred', async () => {
  const trial = new Trial(onlyBias);
  for (let i = 0; i < 150; i++) await trial.put(span({ service: `s${i}`, status: 2 }));
  expect(trial.metric('service_items_total', { service: 's99', sampled: 'true' })).toBe(1);
  expect(trial.metric('service_items_total', { service: 's100', sampled: 'true' })).toBe(0);
  expect(trial.metric('service_items_total', { service: '(other)', sampled: 'true' })).toBe(50);
});

test('of two instances with different histories, the stricter one keeps a part of what the other keeps', async () => {
  const make = (target: number) =>
    new Trial({ mode: 'head', target_spans_per_second: target, rare: { max_per_minute: 0 } });
  const [strict, lenient] = [make(50), make(500)];
  const service = (random: () => number) => Math.floor(random() * 3);
  await load([strict, lenient], { seconds: 15, perSecond: () => 2000, service, errors: 0 });
  const [some, more] = [strict.take(), lenient.take()].map((kept) => kept.slice(-kept.length / 3));
  const known = new Set(more!.map(({ traceId }) => traceId));
  const both = some!.filter(({ traceId }) => known.has(traceId));
  expect(both.length).toBeGreaterThan(50);
  // The last third of the one begins a little before that of the other.
  expect(both.length / some!.length).toBeGreaterThan(0.7);
  for (const { traceId, traceState } of [...some!, ...more!]) {
    const th = /^ot=th:([0-9a-f]+)$/.exec(traceState)![1]!;
    expect(traceId.slice(18) >= th.padEnd(14, '0')).toBe(true);
  }
});

test('operations without number take bounded room and no more than their part of the budget', async () => {
  const config = { mode: 'head', target_spans_per_second: 500, max_keys: 100, key_ttl: '20s' };
  const trial = new Trial(config);
  const service = (random: () => number) => Math.floor(random() * 300);
  const name = (made: number) => `GET /order/${made}`;
  const kept = await load([trial], { seconds: 40, perSecond: () => 5000, service, errors: 0.01, name });
  expect(mean(kept.slice(15))).toBeGreaterThan(400);
  expect(mean(kept.slice(15))).toBeLessThan(600);
  for (const table of ['services', 'operations', 'outcomes']) {
    expect(trial.metric('keys', { table })).toBeLessThan(100);
    expect(trial.metric('key_overflows_total', { table })).toBeGreaterThan(0);
  }
});

test('what was not seen for long makes room', async () => {
  const trial = new Trial({ ...onlyBias, max_keys: 16, key_ttl: '30s' });
  for (let i = 0; i < 20; i++) await trial.put(span({ name: `old ${i}` }));
  expect(trial.metric('keys', { table: 'operations' })).toBe(15);
  await trial.advance(61_000);
  await trial.put(span({ name: 'new' }));
  await trial.put(span({ name: 'new' }));
  expect(trial.metric('keys', { table: 'operations' })).toBeLessThanOrEqual(2);
});

test('clocks may jump: spans that end before they start, and hours without any', async () => {
  const trial = new Trial({ mode: 'head', target_spans_per_second: 100, rare: { max_per_minute: 0 } });
  const id = traceIds(4);
  const spans = () =>
    Array.from({ length: 100 }, () => ({
      trace: id(),
      name: 'x',
      start: TEST_TIME,
      end: TEST_TIME - 3_600_000_000_000n,
    }));
  for (let i = 0; i < 100; i++) {
    await trial.put(tracesOf({ spans: spans() }));
    await trial.advance(i % 10 === 9 ? 3_600_000 : 100);
  }
  await trial.put(tracesOf({ spans: [{ trace: id(), name: 'x', start: 0n, end: (1n << 64n) - 1n, status: 2 }] }));
  expect(trial.take().at(-1)?.traceState).toBe('ot=th:0');
  expect(trial.metric('used_per_second')).toBeGreaterThanOrEqual(0);
  expect(trial.account.left + trial.metric('items_total', { reason: 'share', sampled: 'true' })).toBe(10_000);
});

test('spans without a trace id or a service are judged too', async () => {
  const trial = new Trial({ ...onlyBias, initial_sampling_percentage: 50 });
  for (let i = 0; i < 200; i++) await trial.put(tracesOf({ spans: [{ trace: '00'.repeat(16), name: 'x' }] }));
  const kept = trial.take();
  expect(kept.length).toBeGreaterThan(60);
  expect(kept.length).toBeLessThan(140);
});

test('what is left out counts once the rest was taken', async () => {
  let busy = true;
  const trial = new Trial(onlyBias, 'traces', () => (busy ? retryable('busy') : accepted));
  const batch = tracesOf({ spans: [{ trace: 1, status: 2 }, { trace: 2 }, { trace: 3 }] });
  expect((await trial.put(batch)).status).toBe('retryable');
  expect(trial.account.left).toBe(0);
  busy = false;
  expect((await trial.put(batch)).status).toBe('accepted');
  expect(trial.account.left).toBe(2);
});

test('log records: by severity, those of the same trace with them, marked by attributes', async () => {
  const trial = new Trial({ ...onlyBias, mode: 'tail', initial_sampling_percentage: 0 }, 'logs');
  const bad = 'ab'.repeat(16);
  await trial.put(logs([9, bad], [17, bad], [13, 'cd'.repeat(16)], [21, ''], [9, '']));
  const kept = trial.next.taken.flatMap((batch) => {
    const found: unknown[] = [];
    const walk = walkLogs(batch);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const mark = walk.record.attributes.find(Buffer.from('sampling.threshold'))?.value.stringValue;
          found.push([walk.record.severityNumber, mark]);
        }
      }
    }
    return found;
  });
  expect(kept).toEqual([
    [9, '0'],
    [17, '0'],
    [21, '0'],
  ]);
  expect(trial.account.left).toBe(2);
});

test('a budget of traces is none for a logs pipeline', async () => {
  const start = new Trial({ target_traces_per_second: 10 }, 'logs').start();
  await expect(start).rejects.toThrow('target_traces_per_second is no budget for a logs pipeline: give it');
});

function logs(...records: readonly (readonly [severity: number, traceId: string])[]) {
  const out = new Writer();
  const resource = out.open(1);
  const scope = out.open(2);
  for (const [severity, traceId] of records) {
    const record = out.open(2);
    out.varint(2, severity);
    out.bytes(9, Buffer.from(traceId, 'hex'));
    out.close(record);
  }
  out.close(scope);
  out.close(resource);
  return asPayload('logs', out.finish());
}
