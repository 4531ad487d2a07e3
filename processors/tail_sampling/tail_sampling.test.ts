import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Component } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { TEST_TIME, type TestSpan, traceIdOf, traceIdsIn, tracesOf } from '../../internal/testkit/traces.ts';
import { schema } from './config.ts';
import factory from './index.ts';

/*
 * The processor on its buffer. What the buffer itself does (bounds, eviction, hand-over, late spans, hostile input) is
 * tested in internal/sampling; what the policies say, in decider.test.ts and policies.test.ts.
 */

const errors = { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } };
const slow = { name: 'slow', type: 'latency', latency: { threshold_ms: 500 } };
const always = { name: 'all', type: 'always_sample' };

function rig(config: object, id = 'tail_sampling') {
  const account = new TestAccount();
  const settings = testSettings({ id, kind: 'processor', pipeline: 'traces', account });
  const next = new RecordingConsumer();
  const sampler = factory.create(settings, schema.parse(config), next);
  const put = (...spans: TestSpan[]) => sampler.consume(tracesOf({ spans }), noContext);
  const kept = () => next.taken.flatMap(traceIdsIn);
  const stop = () => sampler.shutdown!(new AbortController().signal);
  const metric = (name: string, labels = {}) => settings.meter.value(`otelcol_processor_tail_sampling_${name}`, labels);
  return { ...settings, account, next, sampler, put, kept, stop, metric };
}

test('traces wait for decision_wait and leave if a policy samples them', async () => {
  const { put, kept, clock, account, stop, metric, meter } = rig({ policies: [errors, slow], decision_wait: '10s' });
  await put({ trace: 1 }, { trace: 2, status: 2 }, { trace: 3 });
  await put({ trace: 3, end: TEST_TIME + 600_000_000n });
  await clock.advance(9_900);
  expect(kept()).toEqual([]);
  expect(metric('sampling_traces_on_memory')).toBe(3);
  await clock.advance(200);
  expect(kept().sort()).toEqual([2, 3, 3].map(traceIdOf));
  expect(account).toMatchObject({ held: 0, handedOn: 3, left: 1 });
  const sampled = { sampled: 'true', decision: 'sampled' };
  const not = { sampled: 'false', decision: 'not_sampled' };
  expect(metric('new_trace_id_received')).toBe(3);
  expect(metric('global_count_traces_sampled', sampled)).toBe(2);
  expect(metric('global_count_traces_sampled', not)).toBe(1);
  expect(metric('count_traces_sampled', { policy: 'errors', ...sampled })).toBe(1);
  expect(metric('count_traces_sampled', { policy: 'errors', ...not })).toBe(2);
  expect(metric('count_spans_sampled', { policy: 'slow', ...sampled })).toBe(2);
  expect(metric('sampling_policy_execution_count', { policy: 'slow' })).toBe(3);
  expect(
    meter.value('sluice_tail_sampling_decisions_total', {
      processor: 'tail_sampling',
      pipeline: 'traces',
      trigger: 'decision_wait',
    }),
  ).toBe(3);
  expect(
    meter.recorded('sluice_tail_sampling_decision_lag_milliseconds', { processor: 'tail_sampling', pipeline: 'traces' })
      .length,
  ).toBe(3);
  await stop();
});

test('the name of a processor stands before those of its policies', async () => {
  const { put, stop, metric } = rig({ policies: [always] }, 'tail_sampling/edge');
  await put({ trace: 1 });
  await stop();
  expect(metric('count_traces_sampled', { policy: 'edge.all', sampled: 'true', decision: 'sampled' })).toBe(1);
});

test('late spans follow the decision, since caches are on by default', async () => {
  const { put, kept, clock, stop, metric } = rig({ policies: [errors], decision_wait: '1s' });
  await put({ trace: 1, status: 2 }, { trace: 2 });
  await clock.advance(1_500);
  await put({ trace: 1, id: 9 }, { trace: 2, id: 9, status: 2 });
  await clock.advance(60_000);
  expect(kept()).toEqual([traceIdOf(1), traceIdOf(1)]);
  expect(metric('early_releases_from_cache_decision', { sampled: 'true' })).toBe(1);
  expect(metric('early_releases_from_cache_decision', { sampled: 'false' })).toBe(1);
  await stop();
});

test('record_policy marks the scopes of kept spans, and of those that come late', async () => {
  const { put, next, clock, stop } = rig({ policies: [errors], decision_wait: '1s', record_policy: true });
  await put({ trace: 1, status: 2 });
  await clock.advance(2_000);
  await put({ trace: 1, id: 9 });
  await clock.advance(2_000);
  const scopes = next.taken.map((batch) => {
    const walk = walkSpans(batch);
    expect(walk.nextResource() && walk.nextScope()).toBe(true);
    const { attributes } = walk.scope.scope;
    const found: [string, unknown][] = [];
    for (let pair = attributes.next(); pair; pair = attributes.next()) found.push([pair.key, pair.value.plain()]);
    return Object.fromEntries(found);
  });
  expect(scopes).toEqual([
    { 'tailsampling.policy': 'errors' },
    { 'tailsampling.policy': 'errors', 'tailsampling.cached_decision': true },
  ]);
  await stop();
});

test('the sizes of what it holds, and what is odd about its policies, are said at start', async () => {
  const { sampler, logger, stop } = rig({
    policies: [{ name: 'd', type: 'drop' }, always],
    num_traces: 100,
    max_buffer_mib: 64,
  });
  await sampler.start?.({} as never);
  const fields = { max_buffer_mib: 64, num_traces: 100, sampled_cache_size: 1000, non_sampled_cache_size: 1000 };
  expect(logger.lines).toMatchObject([{ level: 'info', fields }, { level: 'warn' }]);
  await stop();
});

test('the buffer is bounded without being asked to be', async () => {
  const { sampler, logger, stop } = rig({ policies: [always] });
  await sampler.start?.({} as never);
  expect(logger.lines[0]?.fields.max_buffer_mib).toBeGreaterThan(1);
  expect(logger.lines[0]?.fields.max_buffer_mib).toBeLessThanOrEqual(1024);
  await stop();
});

test.each([
  [false, 'ot=th:8', 'ot=th:c'],
  [true, 'ot=rv:ffffffffffffff;th:c', 'ot=rv:ffffffffffffff;th:c'],
  [true, 'ot=rv:ffffffffffffff', 'ot=rv:ffffffffffffff;th:8'],
])('stamp_threshold with consistent_probability %s makes of %s %s', async (consistent_probability, before, after) => {
  const policies = [{ name: 'half', type: 'probabilistic', probabilistic: { sampling_percentage: 50 } }];
  const { put, stop, next } = rig({ policies, stamp_threshold: true, consistent_probability });
  for (let trace = 1; trace <= 64; trace++) await put({ trace: spread(trace), traceState: before });
  await stop();
  const walk = walkSpans(next.taken[0]!);
  expect(walk.nextResource() && walk.nextScope() && walk.nextRecord()).toBe(true);
  expect(walk.record.traceState).toBe(after);
});

function spread(trace: number): string {
  return createHash('md5').update(String(trace)).digest('hex');
}

test('a shutdown decides on what is there, or drops it where that is asked for', async () => {
  const deciding = rig({ policies: [errors] });
  await deciding.put({ trace: 1, status: 2 }, { trace: 2 });
  await deciding.stop();
  expect(deciding.kept()).toEqual([traceIdOf(1)]);
  expect(deciding.account).toMatchObject({ held: 0, handedOn: 1, left: 1, lost: {} });
  const dropping = rig({ policies: [errors], drop_pending_traces_on_shutdown: true });
  await dropping.put({ trace: 1, status: 2 });
  await dropping.stop();
  expect(dropping.account).toMatchObject({ held: 0, handedOn: 0, lost: { shutdown: 1 } });
});

test('explain tells a kept, a dropped and a waiting trace by what each policy compared', async () => {
  const health = { type: 'string_attribute', string_attribute: { key: 'url.path', values: ['/health'] } };
  const drop = { name: 'no-health', type: 'drop', drop: { drop_sub_policy: [{ name: 'path', ...health }] } };
  const { put, sampler, clock, stop } = rig({ policies: [slow, errors, drop], decision_wait: '1s' });
  await put({ trace: 1, status: 2 }, { trace: 2, attributes: { 'url.path': '/health' } });
  await clock.advance(1_100);
  await put({ trace: 3 });
  expect(sampler.explain?.(traceIdOf(1))).toMatchObject({
    decision: 'sampled',
    policy: 'errors',
    trigger: 'decision_wait',
    spans: 1,
    votes: [
      { policy: 'no-health', vote: 'not_sampled' },
      { policy: 'slow', vote: 'not_sampled', compared: 'duration 0 ms, threshold 500 ms' },
      { policy: 'errors', vote: 'sampled', compared: 'a span with status ERROR' },
    ],
  });
  expect(sampler.explain?.(traceIdOf(2))).toMatchObject({
    decision: 'dropped',
    policy: 'no-health',
    votes: [
      { vote: 'dropped', compared: 'path: a span or resource with url.path in [/health] (sampled)' },
      { vote: 'not_asked' },
      {},
    ],
  });
  expect(sampler.explain?.(traceIdOf(3))).toMatchObject({ decision: 'pending', spans: 1 });
  expect(sampler.explain?.(traceIdOf(4))).toBeUndefined();
  await stop();
});

test('after a reload with other policies, these decide on what was buffered before', async () => {
  const before = rig({ policies: [slow], decision_wait: '10s' });
  await before.put({ trace: 1, status: 2 }, { trace: 2, end: TEST_TIME + 600_000_000n });
  const after = factory.create(
    { ...before, account: before.account },
    schema.parse({ policies: [errors], decision_wait: '10s' }),
    before.next,
  ) as Component & { consume: typeof before.sampler.consume };
  expect(before.sampler.handOver?.(after)).toBe(true);
  await before.stop();
  await after.consume(tracesOf({ spans: [{ trace: 3, status: 2 }] }), noContext);
  await before.clock.advance(20_000);
  expect(before.kept().sort()).toEqual([1, 3].map(traceIdOf));
  await after.shutdown?.(new AbortController().signal);
});

test('another component takes nothing over', async () => {
  const { sampler, stop } = rig({ policies: [always] });
  expect(sampler.handOver?.({} as Component)).toBe(false);
  await stop();
});
