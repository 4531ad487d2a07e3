import { request } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import type { Component, RunningComponent } from '../core/component.ts';
import type { Explanation } from '../core/explain.ts';
import { noLogger } from '../core/telemetry.ts';
import { foreign } from './admin.ts';
import { createMeter } from './meter.ts';
import { startTelemetryServer } from './server.ts';

const known = '0af7651916cd43dd8448eb211c80319c';
const explanation: Explanation = {
  component: 'tail_sampling',
  pipeline: 'traces',
  traceId: known,
  decision: 'not_sampled',
  spans: 3,
  lateSpans: 0,
  votes: [{ policy: 'errors', type: 'status_code', vote: 'not_sampled', compared: 'no span of status ERROR' }],
};

function running(id: string, pipeline: string, component: Component): RunningComponent {
  return { kind: 'processor', id, pipelines: [pipeline], component };
}
const sampler = (since?: number): Component => ({
  explain: (traceId) => (traceId === known ? explanation : undefined),
  explainsSince: () => since,
});

async function serve(components: () => readonly RunningComponent[]) {
  const telemetry = { metrics: { level: 'normal' as const, prometheus: [], otlp: [] }, resource: {} };
  const meter = createMeter(telemetry, { name: 'sluice', version: '1' }, 'one');
  const server = await startTelemetryServer({
    addresses: [{ host: 'localhost', port: 0 }],
    scrape: meter.scrape,
    registry: meter.registry,
    ledger: () => ({ balanced: true, branches: [], connectors: [] }),
    topology: () => [],
    system: { statuses: () => [], onStatus: () => () => {} },
    components,
    logger: noLogger,
  });
  onTestFinished(() => server.close());
  const { port } = server.addresses[0]!;
  return (path: string, headers: Readonly<Record<string, string>> = {}) => get(port, path, headers);
}

/** `fetch` does not let a caller name the Host. */
function get(port: number, path: string, headers: Readonly<Record<string, string>>) {
  return new Promise<{ status: number | undefined; body: any }>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        const isJson = response.headers['content-type']?.includes('json');
        resolve({ status: response.statusCode, body: isJson ? JSON.parse(text) : text });
      });
    });
    sent.on('error', reject).end();
  });
}

test('a trace is explained by every component that knows it', async () => {
  const ask = await serve(() => [
    running('batch', 'traces', {}),
    running('tail_sampling', 'traces', sampler()),
    running('tail_sampling', 'traces/b', { explain: () => undefined }),
  ]);
  expect(await ask(`/explain/${known}`)).toEqual({
    status: 200,
    body: { traceId: known, explanations: [explanation] },
  });
  expect((await ask(`/explain/${known.toUpperCase()}`)).status).toBe(200);
});

test('a trace nobody knows is a 404 that tells whom we asked and how far back they remember', async () => {
  const ask = await serve(() => [
    running('tail_sampling', 'traces', sampler(1_700_000_000_000)),
    running('tail_sampling/b', 'traces/b', sampler()),
  ]);
  const { status, body } = await ask(`/explain/${'1'.repeat(32)}`);
  expect(status).toBe(404);
  expect(body.asked).toEqual([
    { component: 'tail_sampling', pipeline: 'traces', since: 1_700_000_000_000 },
    { component: 'tail_sampling/b', pipeline: 'traces/b' },
  ]);
  expect(body.error).toContain(
    'asked tail_sampling (traces), which remembers back to 2023-11-14T22:13:20.000Z; tail_sampling/b (traces/b)',
  );
});

test('without a sampler that logs its decisions the answer says so', async () => {
  const ask = await serve(() => [running('batch', 'traces', {})]);
  const { status, body } = await ask(`/explain/${known}`);
  expect({ status, body }).toEqual({
    status: 404,
    body: { error: expect.stringContaining('nothing that runs here logs decisions'), asked: [] },
  });
});

test.each([known.slice(1), `${known}0`, 'x'.repeat(32), '%E4', '..%2f'])('%s is no trace id: 400', async (id) => {
  const ask = await serve(() => [running('tail_sampling', 'traces', sampler())]);
  expect((await ask(`/explain/${id}`)).status).toBe(400);
});

test('components are asked for anew each time, since a reload replaces them', async () => {
  let component: Component = {};
  const ask = await serve(() => [running('tail_sampling', 'traces', component)]);
  expect((await ask(`/explain/${known}`)).status).toBe(404);
  component = sampler();
  expect((await ask(`/explain/${known}`)).status).toBe(200);
});

test('a web page of another site and a request through a proxy get a 403 with a sentence; our own page does not', async () => {
  const ask = await serve(() => [running('tail_sampling', 'traces', sampler())]);
  const refused: Record<string, string>[] = [
    { host: 'attacker.example:8888' },
    { origin: 'http://attacker.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'x-forwarded-for': '203.0.113.7' },
  ];
  for (const headers of refused) {
    const { status, body } = await ask(`/explain/${known}`, headers);
    expect(status, JSON.stringify(headers)).toBe(403);
    expect(body.error).toMatch(/localhost|own page/);
  }
  const own = { host: 'localhost:8888', origin: 'http://localhost:8888', 'sec-fetch-site': 'same-origin' };
  expect((await ask(`/explain/${known}`, own)).status).toBe(200);
  expect((await ask('/ledger', { host: 'attacker.example' })).status).toBe(200);
});

test.each([
  ['127.0.0.1', true],
  ['127.9.8.7', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['fe80::1', false],
  ['127.0.0.1.attacker.example', false],
  [undefined, false],
])('a peer at %s may ask: %s', (peer, may) => {
  expect(foreign(peer, { host: '[::1]:8888' }) === undefined).toBe(may);
});
