import { createServer, type Server as HttpServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Prometheus, type PrometheusOptions, startPrometheus } from '../../bench/peers/backends/prometheus.ts';
import { isMissing } from '../../bench/peers/backends/skip.ts';
import { systemClock } from '../../internal/core/clock.ts';
import type { Component, Host } from '../../internal/core/component.ts';
import type { Consumer } from '../../internal/core/consumer.ts';
import {
  at,
  attributes,
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
import { TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const skip = await isMissing('prometheus');
const host: Host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };
const messages = { 1: 'prometheus.WriteRequest', 2: 'io.prometheus.write.v2.Request' } as const;

/** Offset of this moment, less a minute, from the fixture's time: servers take nothing of the future. */
const now = Date.now() - T0 - 60_000;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface Api {
  readonly data: {
    readonly result: { metric: Record<string, string>; value: [number, string]; values: [number, string][] }[];
  };
}

async function api(server: Prometheus, path: string, parameters: Record<string, string>): Promise<Api> {
  const answer = await fetch(`http://127.0.0.1:${server.ports.http}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${body}`);
  return JSON.parse(body) as Api;
}

/** The value of each series of an instant query, by its labels. */
async function query(server: Prometheus, promql: string, offset = now): Promise<Record<string, string>> {
  const { data } = await api(server, 'query', { query: promql, time: String((T0 + offset) / 1000) });
  return Object.fromEntries(data.result.map(({ metric, value }) => [JSON.stringify(metric), value[1]]));
}

async function value(server: Prometheus, promql: string, offset = now): Promise<number[]> {
  return Object.values(await query(server, promql, offset)).map(Number);
}

/** All samples of a series: `value@offset`. */
async function samples(server: Prometheus, selector: string): Promise<string[]> {
  const { data } = await api(server, 'query', { query: `${selector}[1d]`, time: String((T0 + now + 60_000) / 1000) });
  return data.result.flatMap(({ values }) =>
    values.map(([seconds, of]) => `${of}@${Math.round(seconds * 1000) - T0 - now}`),
  );
}

async function exporterTo(url: string, version: 1 | 2, over: Record<string, unknown> = {}) {
  const settings = { ...testSettings({ id: 'prw', signal: 'metrics' }), clock: systemClock };
  const config = schema.parse({
    endpoint: url,
    protobuf_message: messages[version],
    retry_on_failure: { max_interval: '200ms' },
    ...over,
  });
  const exporter: Component & Consumer = factory.create(settings, config);
  await exporter.start!(host);
  cleanups.push(() => exporter.shutdown!(AbortSignal.timeout(5000)));
  const account = new TestAccount();
  const put = (...batches: Batch[]) => exporter.consume(metrics(...batches), { account });
  const lost = (reason: string) =>
    settings.meter.value('sluice_exporter_prometheus_lost_points_total', { exporter: 'prw', reason });
  const settled = () => vi.waitFor(() => expect(account.held).toBe(0), { timeout: 60_000, interval: 20 });
  return { put, account, lost, settled, settings };
}

async function prometheus(options: PrometheusOptions = {}): Promise<Prometheus> {
  const server = await startPrometheus(options);
  cleanups.push(() => server.close());
  return server;
}

const writeUrl = (server: Prometheus) => `http://127.0.0.1:${server.ports.http}/api/v1/write`;

describe.skipIf(skip).each([1, 2] as const)('remote write %i.0, read back by PromQL', (version) => {
  let server: Prometheus;
  beforeAll(async () => {
    const flags = ['--enable-feature=native-histograms,created-timestamp-zero-ingestion'];
    server = await startPrometheus(version === 2 ? { flags } : {});
  });
  afterAll(() => server.close());
  const to = (over: Record<string, unknown> = {}) => exporterTo(writeUrl(server), version, over);

  test('values of all kinds of metrics are what was sent', async () => {
    const { put, account, settled } = await to();
    const resource = {
      'service.name': 'cart',
      'service.namespace': 'shop',
      'service.instance.id': 'i-1',
      'host.name': 'h-7',
    };
    const quantileValues = [{ quantile: 0.99, value: 3.5 }];
    await put({
      resource,
      scope: { name: 'lib', version: '1.2' },
      metrics: [
        gauge('queue.length', [{ at: now, value: 3, attributes: { 'queue.name': 'größe \n "x"' } }]),
        sum('http.requests', [{ at: now, value: '9007199254740993' }], { unit: '{request}' }),
        sum('in.flight', [{ at: now, value: -2.25 }], { monotonic: false }),
        summary('gc.pause', [{ at: now, count: '4', sum: 9, quantileValues }], 'ms'),
        gauge('odd', [
          { at: now, value: 'x', asInt: undefined, asDouble: 'NaN', attributes: { v: 'nan' } },
          { at: now, asInt: undefined, asDouble: '-Infinity', attributes: { v: 'inf' } },
        ]),
      ],
    });
    await settled();
    const common = { instance: 'i-1', job: 'shop/cart', otel_scope_name: 'lib', otel_scope_version: '1.2' };
    const labels = (name: string, more = {}) => JSON.stringify({ __name__: name, ...common, ...more });
    expect(await query(server, 'queue_length')).toEqual({
      [JSON.stringify({ __name__: 'queue_length', ...common, queue_name: 'größe \n "x"' })]: '3',
    });
    expect(await query(server, 'http_requests_total')).toEqual({ [labels('http_requests_total')]: '9007199254740992' });
    expect(await value(server, 'in_flight')).toEqual([-2.25]);
    expect(await value(server, 'gc_pause_milliseconds_sum / gc_pause_milliseconds_count')).toEqual([2.25]);
    expect(await value(server, 'gc_pause_milliseconds{quantile="0.99"}')).toEqual([3.5]);
    expect(await query(server, 'odd')).toEqual({
      [labels('odd', { v: 'nan' })]: 'NaN',
      [labels('odd', { v: 'inf' })]: '-Inf',
    });
    expect(
      await value(server, 'queue_length * on (job, instance) group_left (host_name) target_info{host_name="h-7"}'),
    ).toEqual([3]);
    expect(account).toMatchObject({ delivered: 6, lost: {} });
  });

  test('histograms, classic and native, give the same quantiles as their buckets', async () => {
    const { put, settled } = await to();
    const classic = {
      at: now,
      start: now - 1000,
      count: '10',
      sum: 55,
      bucketCounts: ['5', '5', '0'],
      explicitBounds: [10, 20],
    };
    const positive = { offset: 0, bucketCounts: ['4', '0', '0', '0', '6'] };
    const native = { at: now, start: now - 1000, count: '11', sum: 100, scale: 0, zeroCount: '1', positive };
    await put({ metrics: [histogram('latency', [classic], 2, 's'), exponential('size', [native], 2, 'By')] });
    await settled();
    expect(await value(server, 'histogram_quantile(0.5, latency_seconds_bucket)')).toEqual([10]);
    expect(await value(server, 'histogram_quantile(0.75, latency_seconds_bucket)')).toEqual([15]);
    expect(await value(server, 'histogram_count(size_bytes)')).toEqual([11]);
    expect(await value(server, 'histogram_sum(size_bytes)')).toEqual([100]);
    // Four observations in (1, 2], six in (16, 32].
    expect(await value(server, 'histogram_fraction(1, 2, size_bytes) * 11')).toEqual([4]);
    expect(await value(server, 'histogram_fraction(16, 32, size_bytes) * 11')).toEqual([6]);
  });

  test('exemplars of counters and buckets are found', async () => {
    const { put, settled } = await to();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const exemplar = (of: number) => ({
      asDouble: of,
      timeUnixNano: at(now),
      traceId,
      spanId: '00f067aa0ba902b7',
      filteredAttributes: attributes({ 'user.id': 'u' }),
    });
    const point = {
      at: now,
      count: '2',
      sum: 8,
      bucketCounts: ['1', '1'],
      explicitBounds: [5],
      exemplars: [exemplar(2), exemplar(6)],
    };
    await put({ metrics: [sum('hits', [{ at: now, exemplars: [exemplar(1)] }]), histogram('wait', [point])] });
    await settled();
    const range = { start: String((T0 + now - 5000) / 1000), end: String((T0 + now + 5000) / 1000) };
    const { data } = (await api(server, 'query_exemplars', {
      query: '{__name__=~"hits_total|wait_bucket"}',
      ...range,
    })) as unknown as {
      data: { seriesLabels: Record<string, string>; exemplars: object[] }[];
    };
    const labels = { trace_id: traceId, span_id: '00f067aa0ba902b7', user_id: 'u' };
    const found = data.map(({ seriesLabels: { __name__, le }, exemplars }) => [__name__, le, exemplars]);
    expect(found.sort((a, b) => String(a).localeCompare(String(b)))).toEqual([
      ['hits_total', undefined, [{ labels, value: '1', timestamp: (T0 + now) / 1000 }]],
      ['wait_bucket', '+Inf', [{ labels, value: '6', timestamp: (T0 + now) / 1000 }]],
      ['wait_bucket', '5', [{ labels, value: '2', timestamp: (T0 + now) / 1000 }]],
    ]);
  });

  test('a series that has ended is gone at once', async () => {
    const { put, settled } = await to();
    await put({
      metrics: [
        gauge('ends', [{ at: now }]),
        exponential('ends.too', [{ at: now, count: '1', scale: 0, zeroCount: '1' }]),
      ],
    });
    await settled();
    expect(await value(server, 'ends', now + 10)).toEqual([1]);
    expect(await value(server, 'histogram_count(ends_too)', now + 10)).toEqual([1]);
    const flags = 1;
    await put({
      metrics: [gauge('ends', [{ at: now + 20, flags }]), exponential('ends.too', [{ at: now + 20, flags, scale: 0 }])],
    });
    await settled();
    expect(await value(server, 'ends', now + 30)).toEqual([]);
    expect(await value(server, 'histogram_count(ends_too)', now + 30)).toEqual([]);
  });

  test('delta counts are read as a counter', async () => {
    const { put, settled } = await to();
    for (let i = 0; i < 10; i++) {
      const point = { value: '5', start: now + i * 1000 - 1000, at: now + i * 1000 };
      await put({ metrics: [sum('jobs', [point], { temporality: DELTA })] });
    }
    await settled();
    const counted = (await samples(server, 'jobs_total')).map((sample) => Number(sample.split('@')[0]));
    // With its start, version 2 also brings the zero that it began with.
    expect(counted.filter((each) => each > 0)).toEqual([5, 10, 15, 20, 25, 30, 35, 40, 45, 50]);
    if (version === 2) expect(counted[0]).toBe(0);
    expect((await value(server, 'increase(jobs_total[8s])', now + 9000))[0]).toBeCloseTo(40, 5);
  });

  test('of a batch with samples that the server refuses, all others are there, and those are counted', async () => {
    const { put, settled, lost, account } = await to({ target_info: { enabled: false } });
    const names = Array.from({ length: 30 }, (_, i) => `ooo.${i}`);
    await put({ metrics: names.map((name) => gauge(name, [{ at: now, value: 1 }])) });
    await settled();
    const late = new Set(['ooo.3', 'ooo.17', 'ooo.29']);
    await put({ metrics: names.map((name) => gauge(name, [{ at: late.has(name) ? now - 50 : now + 50, value: 2 }])) });
    await settled();
    for (const name of names) {
      const want = late.has(name) ? ['1@0'] : ['1@0', '2@50'];
      expect(await samples(server, name.replace('.', '_'))).toEqual(want);
    }
    expect(lost('out_of_order')).toBe(3);
    expect(account).toMatchObject({ delivered: 57, lost: { rejected: 3 } });
  });

  test('another value for a time that has one is refused alone', async () => {
    const { put, settled, lost } = await to({ target_info: { enabled: false } });
    await put({ metrics: [gauge('dup.a', [{ at: now }]), gauge('dup.b', [{ at: now }])] });
    await settled();
    await put({
      metrics: [
        gauge('dup.a', [{ at: now, value: 9 }]),
        gauge('dup.b', [{ at: now + 1 }]),
        gauge('dup.c', [{ at: now }]),
      ],
    });
    await settled();
    expect(await value(server, 'sum by (__name__) ({__name__=~"dup_.*"})', now + 5)).toHaveLength(3);
    expect(lost('duplicate')).toBe(1);
  });
});

/** Answers by itself while `answer` says so, else hands requests through. */
async function proxy(
  server: Prometheus,
  answer: (headers: Record<string, unknown>) => { status: number; headers?: Record<string, string> } | undefined,
) {
  const calls: number[] = [];
  const http: HttpServer = createServer((request, response) => {
    const own = answer(request.headers);
    calls.push(own?.status ?? 0);
    if (own) {
      request.resume();
      request.on('end', () => response.writeHead(own.status, own.headers).end('not now\n'));
      return;
    }
    const through = httpRequest(
      {
        port: server.ports.http,
        host: '127.0.0.1',
        path: request.url,
        method: request.method,
        headers: request.headers,
      },
      (end) => {
        response.writeHead(end.statusCode!, end.headers);
        end.pipe(response);
      },
    );
    through.on('error', () => response.destroy());
    request.pipe(through);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    http.close();
    http.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/api/v1/write`, calls };
}

/** Rounds of ten series, one sample each. */
async function rounds(put: (batch: Batch) => Promise<unknown>, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    await put({ metrics: Array.from({ length: 10 }, (_, n) => gauge(`m${n}`, [{ at: now + i, value: i }])) });
  }
}

async function allThere(server: Prometheus, count: number): Promise<void> {
  for (let n = 0; n < 10; n++) {
    expect(await samples(server, `m${n}`)).toEqual(Array.from({ length: count }, (_, i) => `${i}@${i}`));
  }
}

describe.skipIf(skip).each([1, 2] as const)('remote write %i.0 through faults', (version) => {
  test('a server that is stopped for seconds and started again has everything, in order', async () => {
    const server = await prometheus();
    const { put, settled, account } = await exporterTo(writeUrl(server), version);
    await rounds(put, 0, 50);
    await server.stop();
    await rounds(put, 50, 150);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await server.start();
    await rounds(put, 150, 200);
    await settled();
    await allThere(server, 200);
    expect(account).toMatchObject({ delivered: 2000, lost: {}, held: 0 });
  });

  test('a server that is killed in mid-request likewise', async () => {
    const server = await prometheus();
    const { put, settled, account } = await exporterTo(writeUrl(server), version);
    const sending = rounds(put, 0, 400);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await server.kill();
    await sending;
    await server.start();
    await rounds(put, 400, 450);
    await settled();
    await allThere(server, 450);
    expect(account).toMatchObject({ delivered: 4500, lost: {}, held: 0 });
  });

  test('a server that answers nothing for seconds is asked again, and takes the same samples twice', async () => {
    const server = await prometheus();
    const { put, settled, account, settings } = await exporterTo(writeUrl(server), version, { timeout: '1s' });
    await rounds(put, 0, 1);
    await settled();
    server.pause();
    await rounds(put, 1, 2);
    const reason = 'backend unreachable or overloaded, retrying';
    await vi.waitFor(() => expect(settings.logger.warnings()).toContain(reason), { timeout: 20_000, interval: 50 });
    server.resume();
    await rounds(put, 2, 20);
    await settled();
    await allThere(server, 20);
    expect(account).toMatchObject({ delivered: 200, lost: {}, held: 0 });
  });

  test('a proxy that answers 429 for a while costs nothing', async () => {
    const server = await prometheus();
    const until = Date.now() + 2000;
    const between = await proxy(server, () =>
      Date.now() < until ? { status: 429, headers: { 'retry-after': '1' } } : undefined,
    );
    const { put, settled, account } = await exporterTo(between.url, version);
    await rounds(put, 0, 100);
    await settled();
    expect(between.calls).toContain(429);
    // Five lanes that wait a second between tries.
    expect(between.calls.filter((status) => status === 429).length).toBeLessThanOrEqual(20);
    await allThere(server, 100);
    expect(account).toMatchObject({ delivered: 1000, lost: {}, held: 0 });
  });
});

describe.skipIf(skip)('servers that do not know remote write 2.0', () => {
  test('one that answers 415 is sent 1.0, and has everything', async () => {
    const server = await prometheus({ protobufMessages: ['prometheus.WriteRequest'] });
    const { put, settled, account, settings } = await exporterTo(writeUrl(server), 2);
    await rounds(put, 0, 30);
    await settled();
    await allThere(server, 30);
    expect(account).toMatchObject({ delivered: 300, lost: {} });
    expect(settings.logger.warnings()).toEqual(['the server does not know remote write 2.0: 1.0 is sent from now on']);
  });

  test('one that answers 204 and drops everything, as Prometheus 2.42 does, likewise', async () => {
    const server = await prometheus();
    const old = await proxy(server, (headers) =>
      String(headers['content-type']).includes('proto=') ? { status: 204 } : undefined,
    );
    const { put, settled, account } = await exporterTo(old.url, 2);
    await rounds(put, 0, 30);
    await settled();
    await allThere(server, 30);
    expect(account).toMatchObject({ delivered: 300, lost: {} });
  });
});

test.skipIf(skip)('types and units of version 2 arrive, and UTF-8 names', async () => {
  const server = await prometheus({ flags: ['--enable-feature=type-and-unit-labels'] });
  const { put, settled } = await exporterTo(writeUrl(server), 2, { translation_strategy: 'NoTranslation' });
  await put({ metrics: [sum('http.zähler', [{ at: now, attributes: { 'http.route': '/' } }], { unit: 's' })] });
  await settled();
  expect(await query(server, '{"http.zähler"}')).toEqual({
    [JSON.stringify({
      __name__: 'http.zähler',
      __type__: 'counter',
      __unit__: 'seconds',
      'http.route': '/',
      job: 'shop',
    })]: '1',
  });
});
