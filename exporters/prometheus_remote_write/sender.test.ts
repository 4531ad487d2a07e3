import { afterEach, expect, test, vi } from 'vitest';
import type { Component, Host } from '../../internal/core/component.ts';
import type { Consumer } from '../../internal/core/consumer.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { at, DELTA, gauge, metrics, sum, T0 } from '../../internal/prometheus/test/metrics.ts';
import { TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';
import { FakeServer, say } from './test/fake_server.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const host: Host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };
const v2 = { protobuf_message: 'io.prometheus.write.v2.Request' };
/** One request at a time, and the caller hears what became of it. */
const bare = {
  remote_write_queue: { enabled: false },
  max_batch_request_parallelism: 1,
  target_info: { enabled: false },
};

async function rig(config: Record<string, unknown> = bare) {
  const server = await new FakeServer().listen();
  cleanups.push(() => server.close());
  const settings = testSettings({ id: 'prometheus_remote_write', signal: 'metrics' });
  const exporter: Component & Consumer = factory.create(settings, schema.parse({ endpoint: server.url, ...config }));
  await exporter.start!(host);
  const stop = () => exporter.shutdown!(AbortSignal.timeout(2000));
  cleanups.push(stop);
  const account = new TestAccount();
  const send = (payload: Payload) => exporter.consume(payload, { account });
  const lost = (reason: string) =>
    settings.meter.value('sluice_exporter_prometheus_lost_points_total', { exporter: settings.id, reason });
  const counted = (name: string) =>
    settings.meter.value(`otelcol_exporter_prometheusremotewrite_${name}`, {
      exporter: settings.id,
      endpoint: server.url,
    });
  return { server, settings, clock: settings.clock, exporter, account, send, stop, lost, counted };
}

const one = (value: number, ms = 0, name = 'g') => metrics({ metrics: [gauge(name, [{ value, at: ms }])] });
const sampleOf = (value: number, ms = 0, name = 'g') => `${name}{job="shop"} ${value}@${T0 + ms}`;

test('a request of version 1 has the headers of the specification', async () => {
  const { server, send, counted } = await rig({ ...bare, headers: { 'X-Scope-OrgID': 'tenant' } });
  expect(await send(one(1))).toEqual({ status: 'accepted' });
  expect(server.seen[0]!.headers).toMatchObject({
    'content-type': 'application/x-protobuf',
    'content-encoding': 'snappy',
    'x-prometheus-remote-write-version': '0.1.0',
    'x-scope-orgid': 'tenant',
  });
  expect(server.taken).toEqual([sampleOf(1)]);
  expect([counted('sent_batches'), counted('translated_time_series'), counted('consumers')]).toEqual([1, 1, 1]);
});

test('a request of version 2 likewise, and what the server says it has written is counted', async () => {
  const { server, send, counted } = await rig({ ...bare, ...v2 });
  expect(await send(one(1))).toEqual({ status: 'accepted' });
  expect(server.seen[0]!.headers).toMatchObject({
    'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
    'x-prometheus-remote-write-version': '2.0.0',
  });
  expect([counted('written_samples'), counted('written_histograms')]).toEqual([1, 0]);
});

test.each([429, 500, 503])('HTTP %i is tried again, not before Retry-After', async (status) => {
  const { server, send, clock, settings } = await rig();
  server.answer = (response, seen, call) =>
    call === 0 ? say(response, status, 'slow down', { 'retry-after': '7' }) : server.take(response, seen);
  const sent = send(one(1));
  await vi.waitFor(() => expect(clock.timers).toBe(1), 10_000);
  expect(server.seen).toHaveLength(1);
  await clock.advance(6900);
  expect(server.seen).toHaveLength(1);
  await clock.advance(200);
  expect(await sent).toEqual({ status: 'accepted' });
  expect(server.taken).toEqual([sampleOf(1)]);
  expect(settings.reports.map(({ status: said }) => said)).toEqual(['recoverable_error', 'ok', 'ok']);
});

test('a connection that is refused or cut is tried again', async () => {
  const { server, send, clock } = await rig();
  server.answer = (response, seen, call) => (call === 0 ? response.destroy() : server.take(response, seen));
  const sent = send(one(1));
  await vi.waitFor(() => expect(clock.timers).toBe(1), 10_000);
  await clock.advance(100);
  expect(await sent).toEqual({ status: 'accepted' });
  expect(server.seen).toHaveLength(2);
});

test('no answer within the timeout is tried again', async () => {
  const { server, send, clock } = await rig({ ...bare, timeout: '2s' });
  server.answer = (response, seen, call) => (call === 0 ? undefined : server.take(response, seen));
  const sent = send(one(1));
  await vi.waitFor(() => expect(server.seen).toHaveLength(1), 10_000);
  await clock.advance(2000);
  await vi.waitFor(async () => {
    await clock.advance(100);
    expect(server.seen.length).toBeGreaterThan(1);
  }, 10_000);
  expect(await sent).toEqual({ status: 'accepted' });
});

test('after max_elapsed_time a batch is given up and counted', async () => {
  const { server, send, clock, account, lost } = await rig({
    target_info: { enabled: false },
    retry_on_failure: { max_elapsed_time: '1s' },
  });
  server.answer = (response) => say(response, 503, 'down');
  await send(one(1));
  await vi.waitFor(async () => {
    await clock.advance(200);
    expect(account.lost).toEqual({ retries_exhausted: 1 });
  }, 10_000);
  expect(lost('retries_exhausted')).toBe(1);
  expect(account.held).toBe(0);
});

test('other refusals are final, with the words of the server', async () => {
  const { server, send, lost } = await rig();
  server.answer = (response) => say(response, 404, 'remote write receiver needs to be enabled');
  expect(await send(one(1))).toMatchObject({
    status: 'permanent',
    code: 'not_found',
    reason: 'HTTP 404: remote write receiver needs to be enabled',
  });
  expect(lost('rejected')).toBe(1);
  expect(server.seen).toHaveLength(1);
});

/** As Prometheus answers 1.0: the first bad sample ends the request, and nothing of it is kept. */
function rollingBack(server: FakeServer, bad: (sample: string) => boolean, words: string): void {
  server.answer = (response, seen) =>
    seen.samples.some(bad) ? say(response, 400, words) : server.take(response, seen);
}

test.each([
  ['out of order sample', 'out_of_order'],
  ['too old sample', 'too_old'],
  ['duplicate sample for timestamp; overrides not allowed: existing 1, new value 2', 'duplicate'],
  ['out of bounds: timestamp is too far in the future', 'out_of_bounds'],
])('version 1, "%s": the samples at fault are counted as %s, all others arrive', async (words, reason) => {
  const { server, send, lost, account } = await rig();
  const names = Array.from({ length: 40 }, (_, i) => `m${i}`);
  rollingBack(server, (sample) => /^m(7|23)\{/.test(sample), words);
  const outcome = await send(metrics({ metrics: names.map((name) => gauge(name)) }));
  expect(outcome).toMatchObject({
    status: 'accepted',
    rejectedItems: 2,
    reason: expect.stringContaining(`HTTP 400: ${words}`),
  });
  expect(server.taken).toHaveLength(38);
  expect(lost(reason)).toBe(2);
  expect(account.delivered).toBe(38);
});

test.each([1, 2])(
  'version %i: what is out of order after a lost answer was written by the first try',
  async (version) => {
    const { server, send, clock, lost, account } = await rig(version === 2 ? { ...bare, ...v2 } : bare);
    server.answer = (response, seen, call) => {
      if (call === 0) response.destroy();
      else if (version === 1) say(response, 400, 'out of order sample');
      else {
        response.setHeader('X-Prometheus-Remote-Write-Samples-Written', '1');
        say(response, 400, 'out of order sample for series {__name__="g"}');
      }
      expect(seen.samples.length).toBeGreaterThan(0);
    };
    const sent = send(metrics({ metrics: [gauge('g', [{ at: 1 }, { at: 2 }])] }));
    await vi.waitFor(() => expect(clock.timers).toBe(1), 10_000);
    await clock.advance(100);
    expect(await sent).toEqual({ status: 'accepted' });
    expect([lost('out_of_order'), account.delivered]).toEqual([0, 2]);
  },
);

test('a request of nothing but bad samples costs a bounded number of requests', async () => {
  const { server, send } = await rig();
  rollingBack(server, () => true, 'out of order sample');
  const outcome = await send(metrics({ metrics: Array.from({ length: 500 }, (_, i) => gauge(`m${i}`)) }));
  expect(outcome).toMatchObject({ status: 'permanent', code: 'rejected' });
  expect(server.seen.length).toBeLessThanOrEqual(65);
});

test('a store that keeps the rest, as its words tell, is not asked again', async () => {
  const { server, send } = await rig();
  server.answer = (response) =>
    say(
      response,
      400,
      'failed pushing to ingester: user=t: the sample has been rejected (err-mimir-sample-out-of-order)',
    );
  expect(await send(metrics({ metrics: [gauge('a'), gauge('b')] }))).toMatchObject({ status: 'permanent' });
  expect(server.seen).toHaveLength(1);
});

test('a request that is too large for the server goes in halves', async () => {
  const { server, send } = await rig();
  server.answer = (response, seen) =>
    seen.samples.length > 3 ? say(response, 413, 'too large') : server.take(response, seen);
  expect(await send(metrics({ metrics: Array.from({ length: 10 }, (_, i) => gauge(`m${i}`)) }))).toEqual({
    status: 'accepted',
  });
  expect(server.taken).toHaveLength(10);
});

test('version 2, too large: the same', async () => {
  const { server, send } = await rig({ ...bare, ...v2 });
  server.answer = (response, seen) =>
    seen.samples.length > 3
      ? say(response, 413, 'too large', { 'X-Prometheus-Remote-Write-Samples-Written': '0' })
      : server.take(response, seen);
  expect(await send(metrics({ metrics: Array.from({ length: 10 }, (_, i) => gauge(`m${i}`)) }))).toEqual({
    status: 'accepted',
  });
  expect(server.taken).toHaveLength(10);
});

test('version 2: of a partial write the rest is counted, and nothing is sent again', async () => {
  const { server, send, lost, account } = await rig({ ...bare, ...v2 });
  server.answer = (response, seen) => {
    response.write = (() => true) as never;
    server.take(response, seen, 3, 400);
  };
  const outcome = await send(metrics({ metrics: Array.from({ length: 5 }, (_, i) => gauge(`m${i}`)) }));
  expect(outcome).toMatchObject({ status: 'accepted', rejectedItems: 2 });
  expect(server.seen).toHaveLength(1);
  expect(lost('rejected')).toBe(2);
  expect(account.delivered).toBe(3);
});

test('a server that answers 204 and counts nothing does not know version 2: all of it goes again as version 1, and what follows', async () => {
  const { server, send, settings } = await rig({ ...bare, ...v2 });
  // An old server reads an empty message of version 1 out of one of version 2.
  server.answer = (response, seen) => {
    if (seen.version === 1) server.take(response, seen);
    else say(response, 204, '');
  };
  expect(await send(one(1))).toEqual({ status: 'accepted' });
  expect(await send(one(2, 1))).toEqual({ status: 'accepted' });
  expect(server.seen.map(({ version }) => version)).toEqual([2, 1, 1]);
  expect(server.taken).toEqual([sampleOf(1), sampleOf(2, 1)]);
  expect(settings.logger.warnings()).toEqual(['the server does not know remote write 2.0: 1.0 is sent from now on']);
});

test('so does one that answers 415', async () => {
  const { server, send } = await rig({ ...bare, ...v2 });
  server.answer = (response, seen) => (seen.version === 2 ? say(response, 415, 'no') : server.take(response, seen));
  expect(await send(one(1))).toEqual({ status: 'accepted' });
  expect(server.taken).toEqual([sampleOf(1)]);
});

test('names that version 1 does not know are not sent in it', async () => {
  const { server, send } = await rig({ ...bare, ...v2, translation_strategy: 'NoTranslation' });
  server.answer = (response) => say(response, 204, '');
  expect(await send(one(1))).toMatchObject({ status: 'permanent', code: 'unimplemented' });
});

test('a series is never in two requests at once, and arrives in order through retries', async () => {
  const { server, exporter, clock, account } = await rig({ target_info: { enabled: false } });
  const under = new Set<string>();
  let twice = 0;
  server.answer = (response, seen, call) => {
    const series = new Set(seen.samples.map((sample) => sample.split(' ')[0]!));
    for (const each of series) if (under.has(each)) twice++;
    for (const each of series) under.add(each);
    setImmediate(() => {
      for (const each of series) under.delete(each);
      if (call % 3 === 1) say(response, 503, 'busy');
      else server.take(response, seen);
    });
  };
  const names = Array.from({ length: 20 }, (_, i) => `m${i}`);
  for (let round = 0; round < 30; round++) {
    await exporter.consume(metrics({ metrics: names.map((name) => gauge(name, [{ value: round, at: round }])) }), {
      account,
    });
  }
  await vi.waitFor(async () => {
    await clock.advance(500);
    expect(account.delivered).toBe(600);
  }, 20_000);
  expect(twice).toBe(0);
  for (const name of names) {
    const own = server.taken.filter((sample) => sample.startsWith(`${name}{`));
    expect(own).toEqual(Array.from({ length: 30 }, (_, round) => sampleOf(round, round, name)));
  }
  expect(server.mostOpen).toBeGreaterThan(1);
  expect(server.mostOpen).toBeLessThanOrEqual(5);
  expect(account.held).toBe(0);
});

test('what gathers while a request is under way goes in one', async () => {
  const { server, exporter, account } = await rig({
    max_batch_request_parallelism: 1,
    target_info: { enabled: false },
  });
  const waiting: (() => void)[] = [];
  server.answer = (response, seen, call) => {
    if (call === 0) waiting.push(() => server.take(response, seen));
    else server.take(response, seen);
  };
  for (let i = 0; i < 4; i++) await exporter.consume(one(i, i), { account });
  await vi.waitFor(() => expect(waiting).toHaveLength(1), 10_000);
  waiting[0]!();
  await vi.waitFor(() => expect(account.delivered).toBe(4), 10_000);
  expect(server.seen.map(({ samples }) => samples.length)).toEqual([1, 3]);
});

test('requests larger than max_batch_size_bytes are split', async () => {
  const { server, send } = await rig({ ...bare, max_batch_size_bytes: 500 });
  expect(await send(metrics({ metrics: Array.from({ length: 40 }, (_, i) => gauge(`m${i}`)) }))).toEqual({
    status: 'accepted',
  });
  expect(server.taken).toHaveLength(40);
  expect(server.seen.length).toBeGreaterThan(3);
});

test('points that become no series are counted by their reason, and the rest arrives', async () => {
  const { server, send, lost, counted } = await rig();
  const timeless = { name: 'g', gauge: { dataPoints: [{ asInt: '1' }, { timeUnixNano: at(0), asInt: '1' }] } };
  expect(await send(metrics({ metrics: [timeless] }))).toMatchObject({
    status: 'accepted',
    rejectedItems: 1,
    reason: '1 points: without a time',
  });
  expect([lost('no_time'), counted('failed_translations')]).toEqual([1, 1]);
  expect(server.taken).toEqual([sampleOf(1)]);
});

test('a batch of nothing sendable is refused, and no request is made', async () => {
  const { server, send } = await rig();
  expect(await send(metrics({ metrics: [gauge('', [{}])] }))).toMatchObject({ status: 'permanent', code: 'rejected' });
  expect(server.seen).toEqual([]);
});

test('delta points are added up once, however often their request is tried', async () => {
  const { server, send, clock } = await rig();
  const count = (value: string, ms: number) =>
    metrics({ metrics: [sum('c', [{ value, at: ms }], { temporality: DELTA })] });
  server.answer = (response, seen, call) => (call === 1 ? say(response, 503, 'busy') : server.take(response, seen));
  await send(count('5', 1));
  const second = send(count('3', 2));
  await vi.waitFor(() => expect(clock.timers).toBeGreaterThan(1), 10_000);
  await clock.advance(100);
  await second;
  expect(server.taken).toEqual([sampleOf(5, 1, 'c_total'), sampleOf(8, 2, 'c_total')]);
});

test('at a stop waits end at once, and what the server does not take then is counted', async () => {
  const { server, send, account, stop, clock } = await rig({ target_info: { enabled: false } });
  server.answer = (response) => say(response, 503, 'down');
  await send(one(1));
  await vi.waitFor(() => expect(server.seen).toHaveLength(1), 10_000);
  await vi.waitFor(() => expect(clock.timers).toBe(1), 10_000);
  await stop();
  expect(server.seen).toHaveLength(2);
  expect(account.lost).toEqual({ shutdown: 1 });
  expect(clock.timers).toBe(0);
});

test('after a reload the successor sends what the backend has not taken yet', async () => {
  const config = { target_info: { enabled: false } };
  const before = await rig(config);
  before.server.answer = (response) => say(response, 503, 'down');
  for (let i = 0; i < 8; i++) await before.send(one(i, i));
  await vi.waitFor(() => expect(before.clock.timers).toBe(1), 10_000);
  const after = await rig(config);
  expect(before.exporter.handOver!(after.exporter)).toBe(true);
  await before.stop();
  await vi.waitFor(() => expect(before.account.delivered).toBe(8), 10_000);
  expect(after.server.taken.sort()).toEqual(Array.from({ length: 8 }, (_, i) => sampleOf(i, i)));
  expect(before.account).toMatchObject({ lost: {}, held: 0 });
});

test('at the deadline of a stop a request under way is cut', async () => {
  const { server, send, account, exporter, clock } = await rig({ target_info: { enabled: false } });
  server.answer = () => {};
  await send(one(1));
  await vi.waitFor(() => expect(server.seen).toHaveLength(1), 10_000);
  const deadline = new AbortController();
  const stopped = exporter.shutdown!(deadline.signal);
  deadline.abort();
  await stopped;
  expect(account.lost).toEqual({ shutdown: 1 });
  await vi.waitFor(() => expect(clock.timers).toBe(0), 10_000);
});

test('after all is sent no memory is reserved', async () => {
  const { send, settings } = await rig();
  for (let i = 0; i < 5; i++) await send(one(i, i));
  expect([settings.memory.used, settings.memory.copies]).toEqual([0, 0]);
});
