import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Prometheus, startPrometheus } from '../../bench/peers/backends/prometheus.ts';
import { isMissing } from '../../bench/peers/backends/skip.ts';
import { systemClock } from '../../internal/core/clock.ts';
import { at, attributes, gauge, histogram, metrics, sum, summary, T0 } from '../../internal/prometheus/test/metrics.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import { ScrapeSender } from './sender.ts';

const skip = await isMissing('prometheus');
const now = Date.now() - T0 - 1000;

describe.skipIf(skip).each([
  ['text', {}],
  ['OpenMetrics', { enable_open_metrics: true, send_timestamps: true }],
  ['UTF-8 names', { enable_open_metrics: true, translation_strategy: 'NoUTF8EscapingWithSuffixes' }],
])('scraped by Prometheus as %s', (_, over) => {
  let sender: ScrapeSender;
  let server: Prometheus;
  beforeAll(async () => {
    const settings = { ...testSettings({ id: 'prometheus', signal: 'metrics' }), clock: systemClock };
    sender = new ScrapeSender(settings, schema.parse({ endpoint: '127.0.0.1:0', ...over }));
    await sender.start();
    const { address } = sender.server;
    const target = address?.kind === 'tcp' ? `127.0.0.1:${address.port}` : '';
    const job = {
      job_name: 'sluice',
      honor_labels: true,
      scrape_interval: '200ms',
      static_configs: [{ targets: [target] }],
    };
    server = await startPrometheus({ scrapeConfigs: JSON.stringify([{ ...job, scrape_timeout: '200ms' }]) });
  });
  afterAll(async () => {
    await server?.close();
    await sender?.shutdown();
  });

  async function get(path: string, parameters: Record<string, string>) {
    const answer = await fetch(
      `http://127.0.0.1:${server.ports.http}/api/v1/${path}?${new URLSearchParams(parameters)}`,
    );
    return ((await answer.json()) as { data: any }).data;
  }

  test('values, quantiles, joins and types are those that were sent', async () => {
    const exemplars = [{ asDouble: 2, timeUnixNano: at(now), filteredAttributes: attributes({ trace: 't' }) }];
    const point = { at: now, count: '10', sum: 55, bucketCounts: ['5', '5', '0'], explicitBounds: [10, 20], exemplars };
    const quantileValues = [{ quantile: 0.99, value: 3.5 }];
    await sender.send(
      metrics({
        resource: { 'service.name': 'cart', 'service.instance.id': 'i', 'host.name': 'h-7' },
        metrics: [
          gauge('queue.length', [{ at: now, value: 3, attributes: { 'queue.name': 'größe \n "x"' } }]),
          { ...sum('http.requests', [{ at: now, value: '7' }]), description: 'all of them' },
          histogram('latency', [point], 2, 's'),
          summary('gc', [{ at: now, count: '4', sum: 9, quantileValues }]),
        ],
      }),
    );
    const utf8 = 'translation_strategy' in over;
    const name = (plain: string, dotted: string) => (utf8 ? `{"${dotted}"}` : plain);
    const value = async (query: string) =>
      (await get('query', { query })).result.map((each: any) => Number(each.value[1]));
    await vi.waitFor(async () => expect(await value(name('queue_length', 'queue.length'))).toEqual([3]), 10_000);
    expect(await value(name('http_requests_total', 'http.requests_total'))).toEqual([7]);
    expect(await value('histogram_quantile(0.75, latency_seconds_bucket)')).toEqual([15]);
    expect(await value('gc{quantile="0.99"}')).toEqual([3.5]);
    const joined = `${name('queue_length', 'queue.length')} * on (job, instance) group_left () ${utf8 ? '{"target_info", "host.name"="h-7"}' : 'target_info{host_name="h-7"}'}`;
    expect(await value(joined)).toEqual([3]);
    const types = await get('metadata', {});
    const type = (plain: string, dotted: string) => types[utf8 ? dotted : plain]?.[0];
    const openMetrics = 'enable_open_metrics' in over;
    const counter = openMetrics
      ? type('http_requests', 'http.requests')
      : type('http_requests_total', 'http.requests_total');
    expect(counter).toMatchObject({ type: 'counter', help: 'all of them' });
    expect(type('latency_seconds', 'latency_seconds')).toMatchObject({ type: 'histogram' });
    if (!openMetrics) return;
    const range = { start: String((T0 + now) / 1000 - 60), end: String((T0 + now) / 1000 + 60) };
    const found = await get('query_exemplars', { query: 'latency_seconds_bucket', ...range });
    expect(found[0].exemplars[0]).toMatchObject({ labels: { trace: 't' }, value: '2' });
  });
});
