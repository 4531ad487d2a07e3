import { createServer } from 'node:net';
import { runInNewContext, Script } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../core/clock.ts';
import type { ComponentStatus } from '../core/component.ts';
import { MemoryBudget } from '../core/memory.ts';
import { noLogger } from '../core/telemetry.ts';
import { createMeter } from './meter.ts';
import { page } from './page.ts';
import { observeProcess } from './process.ts';
import { startTelemetryServer, type TelemetryServerOptions } from './server.ts';

const status: ComponentStatus = { id: 'otlp', kind: 'receiver', pipelines: ['traces'], status: 'ok', since: 1 };
const pipelines = [
  { id: 'traces', signal: 'traces' as const, receivers: ['otlp'], processors: [], exporters: ['nop'] },
];

async function serve(part: Partial<TelemetryServerOptions> = {}) {
  const telemetry = { metrics: { level: 'normal' as const, prometheus: [], otlp: [] }, resource: {} };
  const meter = createMeter(telemetry, { name: 'sluice', version: '1' }, 'one');
  const server = await startTelemetryServer({
    addresses: [{ host: 'localhost', port: 0 }],
    scrape: meter.scrape,
    registry: meter.registry,
    ledger: () => ({ balanced: true, branches: [], connectors: [] }),
    topology: () => pipelines,
    system: { statuses: () => [status], onStatus: () => () => {} },
    components: () => [],
    logger: noLogger,
    ...part,
  });
  onTestFinished(() => server.close());
  const { port } = server.addresses[0]!;
  return {
    meter,
    server,
    port,
    get: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init),
  };
}

test('metrics are served as Prometheus text, also to a scraper that prefers OpenMetrics', async () => {
  const { meter, get } = await serve();
  meter.meter.counter({ name: 'otelcol_exporter_sent_spans', help: 'Spans', labels: { exporter: 'nop' } }).add(3);
  const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3';
  const response = await get('/metrics', { headers: { accept } });
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await response.text()).toContain('\notelcol_exporter_sent_spans{exporter="nop"} 3\n');
});

test('the ledger is served as the pipeline hands it out, fresh each time', async () => {
  let received = 1;
  const { get } = await serve({ ledger: () => ({ balanced: true, branches: [], received }) as never });
  expect(await (await get('/ledger')).json()).toEqual({ balanced: true, branches: [], received: 1 });
  received = 2;
  expect(await (await get('/ledger')).json()).toMatchObject({ received: 2 });
  const inLines = await get('/ledger');
  expect(inLines.headers.get('content-type')).toContain('application/json');
  expect(await inLines.text()).toMatch(/^\{\n {2}"balanced": true,\n/);
});

test('status.json tells pipelines, statuses, memory and queues', async () => {
  const { meter, get } = await serve();
  const memory = new MemoryBudget(1000);
  memory.tryReserve(10);
  onTestFinished(observeProcess(meter.meter, memory, systemClock));
  const labels = { exporter: 'nop', data_type: 'traces' };
  meter.meter.observe({ name: 'otelcol_exporter_queue_size', help: '', labels }, () => 4);
  meter.meter.observe({ name: 'otelcol_exporter_queue_capacity', help: '', labels }, () => 10);
  expect(await (await get('/status.json')).json()).toEqual({
    pipelines,
    statuses: [status],
    memory: { budget: 1000, held: 10, peak: 10 },
    queues: [{ exporter: 'nop', signal: 'traces', size: 4, capacity: 10 }],
    uptime: expect.any(Number),
  });
});

test('the page loads nothing from elsewhere, writes no HTML, and its script is whole', async () => {
  const { get } = await serve();
  const response = await get('/');
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  const text = await response.text();
  expect(text).toBe(page);
  // The build writes other characters as escapes, which mean nothing in HTML.
  expect(text).toMatch(/^[\n -~]+$/);
  expect(text).not.toMatch(/https?:|innerHTML|insertAdjacentHTML|document\.write/);
  const script = /<script>([\s\S]*)<\/script>/.exec(text)![1]!;
  expect(() => new Script(script)).not.toThrow();
  const format = (call: string) => runInNewContext(`${script.replace(/\nstart\(\);\n$/, '')}\n${call}`);
  expect(
    format('[bytes(0), bytes(1536), bytes(128 * 2 ** 20), duration(59), duration(3725), duration(90061)]'),
  ).toEqual(['0 B', '1.5 KiB', '128 MiB', '59s', '1h 2m', '1d 1h']);
});

test('another path is answered with what there is', async () => {
  const { get } = await serve();
  const response = await get('/metric');
  expect(response.status).toBe(404);
  expect(await response.text()).toContain('/metrics');
});

test('a handler that throws answers 500 without its text, logs it, and the server lives on', async () => {
  const logged: unknown[] = [];
  const logger = { ...noLogger, error: (...line: unknown[]) => void logged.push(line) };
  const { get } = await serve({
    logger,
    ledger: () => {
      throw new Error('secret detail');
    },
  });
  const response = await get('/ledger');
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('secret detail');
  expect(logged).toHaveLength(1);
  expect((await get('/metrics')).status).toBe(200);
});

test('a port in use is an error that names it and says what to do, and nothing stays open', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen({ host: '127.0.0.1', port: 0 }, resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as { port: number };
  await expect(serve({ addresses: [{ host: 'localhost', port }] })).rejects.toThrow(
    new RegExp(`service\\.telemetry\\.metrics: cannot listen on 127\\.0\\.0\\.1:${port}: .*prometheus`),
  );
});

test('closing ends connections that are kept alive', async () => {
  const { server, get } = await serve();
  await (await get('/metrics')).text();
  await server.close();
  await expect(get('/metrics')).rejects.toThrow();
});
