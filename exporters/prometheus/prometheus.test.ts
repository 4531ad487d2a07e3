import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../internal/core/clock.ts';
import type { Component, Host } from '../../internal/core/component.ts';
import type { Consumer } from '../../internal/core/consumer.ts';
import {
  at,
  type Batch,
  DELTA,
  exponential,
  gauge,
  histogram,
  metrics,
  sum,
  summary,
  T0,
} from '../../internal/prometheus/test/metrics.ts';
import { generatePayload } from '../../internal/testkit/generate.ts';
import { TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';
import { ScrapeSender } from './sender.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const openMetrics = 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8,text/plain;version=0.0.4';

async function rig(over: Record<string, unknown> = {}) {
  const settings = testSettings({ id: 'prometheus', signal: 'metrics' });
  const sender = new ScrapeSender(settings, schema.parse({ endpoint: '127.0.0.1:0', ...over }));
  await sender.start();
  cleanups.push(() => sender.shutdown());
  const url = () => {
    const { address } = sender.server;
    if (address?.kind !== 'tcp') throw new Error('not listening');
    return `http://127.0.0.1:${address.port}/metrics`;
  };
  const scrape = async (accept = 'text/plain') => (await fetch(url(), { headers: { accept } })).text();
  const put = (...batches: Batch[]) => sender.send(metrics(...batches));
  const lost = (reason: string) =>
    settings.meter.value('sluice_exporter_prometheus_lost_points_total', { exporter: 'prometheus', reason });
  return { settings, clock: settings.clock, sender, url, scrape, put, lost };
}

test('the text format', async () => {
  const { put, scrape } = await rig({ const_labels: { 'data center': 'a"b\\c\nd' } });
  const described = { ...sum('http.requests', [{ value: '7' }]), description: 'How\\many\nof them' };
  const quantileValues = [{ quantile: 0.5, value: 2 }];
  await put({
    metrics: [
      described,
      gauge('queue', [{ value: -1.5 }], '1'),
      histogram('latency', [{ count: '3', sum: 4, bucketCounts: ['1', '2'], explicitBounds: [0.5] }], 2, 's'),
      summary('gc', [{ count: '4', sum: 9, quantileValues }]),
    ],
  });
  const labels = 'data_center="a\\"b\\\\c\\nd",job="shop"';
  expect(await scrape()).toBe(`# HELP http_requests_total How\\\\many\\nof them
# TYPE http_requests_total counter
http_requests_total{${labels}} 7
# TYPE queue_ratio gauge
queue_ratio{${labels}} -1.5
# TYPE latency_seconds histogram
latency_seconds_bucket{${labels},le="0.5"} 1
latency_seconds_bucket{${labels},le="+Inf"} 3
latency_seconds_sum{${labels}} 4
latency_seconds_count{${labels}} 3
# TYPE gc summary
gc{${labels},quantile="0.5"} 2
gc_sum{${labels}} 9
gc_count{${labels}} 4
`);
});

test('OpenMetrics, with exemplars, units and timestamps', async () => {
  const { put, scrape } = await rig({ enable_open_metrics: true, send_timestamps: true });
  const exemplars = [{ asDouble: 0.25, timeUnixNano: at(500), traceId: '4bf92f3577b34da6a3ce929d0e0e4736' }];
  await put({
    metrics: [
      sum('work', [{ value: '7', exemplars }], { unit: 's' }),
      histogram('h', [{ count: '1', bucketCounts: ['1', '0'], explicitBounds: [0.5], exemplars }]),
      gauge('g', [{ asDouble: 'NaN', value: undefined } as never]),
    ],
  });
  const time = T0 / 1000;
  const exemplar = ` # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.25 ${time + 0.5}`;
  expect(await scrape(openMetrics)).toBe(`# TYPE work_seconds counter
# UNIT work_seconds seconds
work_seconds_total{job="shop"} 7 ${time}${exemplar}
# TYPE h histogram
h_bucket{job="shop",le="0.5"} 1 ${time}${exemplar}
h_bucket{job="shop",le="+Inf"} 1 ${time}
h_count{job="shop"} 1 ${time}
# TYPE g gauge
g{job="shop"} NaN ${time}
# EOF
`);
  expect(await scrape()).toContain(`work_seconds_total{job="shop"} 7 ${T0}\n`);
});

test('OpenMetrics is served only where it is switched on, and to those who ask for it', async () => {
  const off = await rig();
  expect((await fetch(off.url(), { headers: { accept: openMetrics } })).headers.get('content-type')).toContain(
    'text/plain',
  );
  const on = await rig({ enable_open_metrics: true });
  expect((await fetch(on.url(), { headers: { accept: openMetrics } })).headers.get('content-type')).toContain(
    'openmetrics',
  );
  expect((await fetch(on.url())).headers.get('content-type')).toBe(
    'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
  );
});

test('UTF-8 names are quoted for scrapers that know them, and escaped for others', async () => {
  const { put, scrape } = await rig({ translation_strategy: 'NoTranslation' });
  await put({ metrics: [gauge('http.größe', [{ attributes: { 'http.route': '/' } }]), gauge('plain')] });
  expect(await scrape('text/plain;version=1.0.0;escaping=allow-utf-8')).toBe(
    '# TYPE "http.größe" gauge\n{"http.größe","http.route"="/",job="shop"} 1\n# TYPE plain gauge\nplain{job="shop"} 1\n',
  );
  expect(await scrape()).toContain('http_gr__e{http_route="/",job="shop"} 1\n');
});

test('the last value counts, and a late one does not turn the time back', async () => {
  const { put, scrape } = await rig();
  await put({
    metrics: [
      gauge('g', [
        { at: 5, value: 1 },
        { at: 9, value: 2 },
      ]),
    ],
  });
  await put({ metrics: [gauge('g', [{ at: 7, value: 3 }])] });
  expect(await scrape()).toContain('g{job="shop"} 2\n');
});

test('deltas are added up', async () => {
  const { put, scrape } = await rig();
  for (const ms of [1, 2, 3]) await put({ metrics: [sum('c', [{ at: ms, value: '5' }], { temporality: DELTA })] });
  expect(await scrape()).toContain('c_total{job="shop"} 15\n');
});

test('an exponential histogram shows its sum and count', async () => {
  const { put, scrape } = await rig();
  await put({ metrics: [exponential('e', [{ count: '4', sum: 2, scale: 0, zeroCount: '4' }])] });
  expect(await scrape()).toBe(`# TYPE e histogram
e_bucket{job="shop",le="+Inf"} 4
e_sum{job="shop"} 2
e_count{job="shop"} 4
`);
});

test('series go when they end, and when they have had no value for metric_expiration', async () => {
  const { put, scrape, clock, settings } = await rig({ metric_expiration: '1m' });
  await put({ metrics: [gauge('a'), gauge('b'), gauge('c')] });
  await put({ metrics: [gauge('a', [{ at: 1, flags: 1 }])] });
  await clock.advance(40_000);
  await put({ metrics: [gauge('b', [{ at: 2 }])] });
  await clock.advance(30_000);
  expect(await scrape()).toBe('# TYPE b gauge\nb{job="shop"} 1\n');
  await clock.advance(200_000);
  expect(settings.meter.value('sluice_exporter_prometheus_series', { exporter: 'prometheus' })).toBe(0);
  expect(clock.timers).toBe(0);
});

test('points beyond max_series are refused and counted, known ones go on', async () => {
  const { put, scrape, lost } = await rig({ max_series: 2 });
  const outcome = await put({ metrics: ['a', 'b', 'c'].map((name) => gauge(name)) });
  expect(outcome).toMatchObject({ status: 'accepted', rejectedItems: 1 });
  await put({ metrics: [gauge('a', [{ at: 1, value: 5 }])] });
  expect(lost('series_limit')).toBe(1);
  expect(await scrape()).toContain('a{job="shop"} 5\n');
});

test('of long labels fewer are held', async () => {
  const { put, lost } = await rig({ max_series: 10 });
  const of = (key: string) => gauge('g', [{ attributes: { key: key.repeat(6000) } }]);
  await put({ metrics: [of('a'), of('b')] });
  expect(lost('series_limit')).toBe(1);
});

test('one name has one type', async () => {
  const { put, scrape, lost } = await rig({ translation_strategy: 'UnderscoreEscapingWithoutSuffixes' });
  expect(await put({ metrics: [gauge('x'), sum('x', [{ value: '9' }])] })).toMatchObject({ rejectedItems: 1 });
  expect(lost('type_conflict')).toBe(1);
  expect(await scrape()).toBe('# TYPE x gauge\nx{job="shop"} 1\n');
});

test('a histogram that changes its buckets is served with the new ones', async () => {
  const { put, scrape, settings } = await rig();
  const of = (ms: number, explicitBounds: number[]) =>
    histogram('h', [{ at: ms, count: '0', bucketCounts: [...explicitBounds, 0].map(() => '0'), explicitBounds }]);
  await put({ metrics: [of(1, [1, 2, 3])] });
  await put({ metrics: [of(2, [5])] });
  expect((await scrape()).match(/le="[^"]*"/g)).toEqual(['le="5"', 'le="+Inf"']);
  expect(settings.meter.value('sluice_exporter_prometheus_series', { exporter: 'prometheus' })).toBe(3);
});

test('other paths and methods are told where to go', async () => {
  const { url } = await rig();
  expect((await fetch(url().replace('/metrics', '/'))).status).toBe(404);
  expect((await fetch(url(), { method: 'POST' })).status).toBe(405);
  expect((await fetch(url(), { method: 'HEAD' })).status).toBe(200);
});

test('a large answer comes whole, compressed where that is accepted', async () => {
  const { sender, url, scrape } = await rig();
  await sender.send(generatePayload('metrics', { items: 3000, seed: 3 } as never));
  const plain = await scrape();
  expect(plain.length).toBeGreaterThan(500_000);
  const answer = await fetch(url(), { headers: { 'accept-encoding': 'gzip' } });
  expect(answer.headers.get('content-encoding')).toBe('gzip');
  expect(await answer.text()).toBe(plain);
});

test('an address that is taken is tried again until it is free', async () => {
  const first = await rig();
  const { port } = new URL(first.url());
  const second = await rig({ endpoint: `127.0.0.1:${port}` });
  expect(second.settings.reports.at(-1)).toMatchObject({ status: 'recoverable_error' });
  await first.sender.shutdown();
  await vi.waitFor(async () => {
    await second.clock.advance(500);
    expect(second.settings.reports.at(-1)).toMatchObject({ status: 'ok' });
  }, 10_000);
  expect(await second.scrape()).toBe('');
});

test('through the factory: consumed, counted, scraped', async () => {
  const settings = { ...testSettings({ id: 'prometheus', signal: 'metrics' }), clock: systemClock };
  const exporter: Component & Consumer = factory.create(settings, schema.parse({ endpoint: '127.0.0.1:0' }));
  const host: Host = {
    extension: () => undefined,
    fatal() {},
    system: { statuses: () => [], onStatus: () => () => {} },
  };
  await exporter.start!(host);
  const account = new TestAccount();
  await exporter.consume(metrics({ metrics: [gauge('g')] }), { account });
  await vi.waitFor(() => expect(account).toMatchObject({ delivered: 1, held: 0 }), 10_000);
  await exporter.shutdown!(AbortSignal.timeout(1000));
});
