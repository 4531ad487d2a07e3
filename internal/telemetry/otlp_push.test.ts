import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import protobuf from 'protobufjs';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Logger } from '../core/telemetry.ts';
import { encodeExportResponse } from '../otlp/response.ts';
import { FakeClock } from '../testkit/clock.ts';
import { GrpcBackend } from '../testkit/grpc_backend.ts';
import { createMeter } from './meter.ts';
import { startOtlpPush } from './otlp_push.ts';

/** protobufjs with the published schema: it knows nothing of our writer. */
const schema = new protobuf.Root();
schema.resolvePath = (_, file) => new URL(`../../proto/${file}`, import.meta.url).pathname;
schema.loadSync('opentelemetry/proto/collector/metrics/v1/metrics_service.proto').resolveAll();
function decode(body: Uint8Array) {
  const type = schema.lookupType('opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest');
  return type.toObject(type.decode(body), { longs: Number, enums: String }) as any;
}

interface Got {
  readonly path: string;
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
}

/** A backend over HTTP that answers as told: a status, a body, or not at all. */
async function backend() {
  const got: Got[] = [];
  const state: { answer: number | Uint8Array | 'nothing' } = { answer: 200 };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    got.push({ path: request.url!, headers: request.headers, body: Buffer.concat(chunks) });
    if (state.answer === 'nothing') return;
    if (typeof state.answer === 'number') response.writeHead(state.answer).end();
    else response.end(state.answer);
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { got, state, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function push(endpoint: string, part: { protocol?: 'http/protobuf' | 'grpc' } = {}) {
  const telemetry = { metrics: { level: 'normal' as const, prometheus: [], otlp: [] }, resource: {} };
  const meter = createMeter(telemetry, { name: 'sluice', version: '1.2.3' }, 'one');
  const clock = new FakeClock(1_700_000_000_000);
  const lines: string[] = [];
  const add = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug: add, info: add, warn: add, error: add, with: () => logger };
  const target = {
    endpoint,
    intervalMs: 60_000,
    headers: { 'x-team': 'a' },
    protocol: 'http/protobuf' as const,
    ...part,
  };
  const { stop } = startOtlpPush({ targets: [target], meter, clock, logger });
  onTestFinished(() => void stop());
  return { meter: meter.meter, clock, lines, stop };
}

test('each interval the metrics arrive as OTLP that a foreign decoder reads', async () => {
  const { got, endpoint } = await backend();
  const { meter, clock } = push(endpoint);
  meter.counter({ name: 'otelcol_exporter_sent_spans', help: 'Spans', labels: { exporter: 'otlp' } }).add(42);
  meter.gauge({ name: 'held', help: 'Held' }).set(1.5);
  const sizes = meter.histogram({ name: 'size', help: 'Size', buckets: [1, 10] });
  for (const value of [1, 5, 100]) sizes.record(value);
  await clock.advance(60_000);
  await vi.waitUntil(() => got.length === 1, 10_000);
  expect(got[0]).toMatchObject({
    path: '/v1/metrics',
    headers: { 'content-type': 'application/x-protobuf', 'x-team': 'a' },
  });
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const times = { startTimeUnixNano: 1_700_000_000_000e6, timeUnixNano: 1_700_000_060_000e6 };
  const aggregationTemporality = 'AGGREGATION_TEMPORALITY_CUMULATIVE';
  expect(decode(got[0]!.body).resourceMetrics).toEqual([
    {
      resource: {
        attributes: [
          text('service.name', 'sluice'),
          text('service.version', '1.2.3'),
          text('service.instance.id', 'one'),
        ],
      },
      scopeMetrics: [
        {
          scope: { name: 'sluice', version: '1.2.3' },
          metrics: [
            { name: 'held', description: 'Held', gauge: { dataPoints: [{ ...times, asDouble: 1.5 }] } },
            {
              name: 'otelcol_exporter_sent_spans',
              description: 'Spans',
              sum: {
                aggregationTemporality,
                isMonotonic: true,
                dataPoints: [{ ...times, asDouble: 42, attributes: [text('exporter', 'otlp')] }],
              },
            },
            {
              name: 'size',
              description: 'Size',
              histogram: {
                aggregationTemporality,
                dataPoints: [{ ...times, count: 3, sum: 106, bucketCounts: [1, 1, 1], explicitBounds: [1, 10] }],
              },
            },
          ],
        },
      ],
    },
  ]);
});

test('a path in the endpoint is kept', async () => {
  const { got, endpoint } = await backend();
  const { clock } = push(`${endpoint}/otlp/own`);
  await clock.advance(60_000);
  await vi.waitUntil(() => got.length === 1, 10_000);
  expect(got[0]!.path).toBe('/otlp/own');
});

test('failures are told once, and once more when they are over', async () => {
  const { got, state, endpoint } = await backend();
  const { clock, lines, stop } = push(endpoint);
  const rounds = async (answer: typeof state.answer, want: number) => {
    state.answer = answer;
    for (let i = 0; i < 3; i += 1) {
      const before = got.length;
      await clock.advance(60_000);
      await vi.waitUntil(() => got.length > before, 10_000);
      // The next round begins only when the answer is in.
      await vi.waitUntil(() => clock.timers === 1, 10_000);
    }
    expect(lines).toHaveLength(want);
  };
  await rounds(200, 0);
  await rounds(503, 1);
  expect(lines[0]).toMatch(/own metrics cannot be exported.*503 Service Unavailable/);
  await rounds(200, 2);
  await rounds(encodeExportResponse('metrics', { rejectedItems: 3, message: 'too old' }), 3);
  expect(lines[2]).toContain('3 data points were rejected: too old');
  await stop();
});

test('a backend that is away is told with its reason', async () => {
  const { clock, lines } = push('http://127.0.0.1:1');
  await clock.advance(60_000);
  await vi.waitUntil(() => lines.length === 1, 10_000);
  expect(lines[0]).toMatch(/ECONNREFUSED|bad port/);
});

test('a backend that does not answer gets no second request, and is given up after ten seconds', async () => {
  const { got, state, endpoint } = await backend();
  state.answer = 'nothing';
  const { clock, lines } = push(endpoint);
  await clock.advance(60_000);
  await vi.waitUntil(() => got.length === 1, 10_000);
  expect(lines).toEqual([]);
  await clock.advance(10_000);
  await vi.waitUntil(() => lines.length === 1, 10_000);
  expect(lines[0]).toContain('no answer within 10 s');
});

test('the end exports once more, and waits two seconds at most', async () => {
  const { got, state, endpoint } = await backend();
  const { clock, stop, meter } = push(endpoint);
  meter.counter({ name: 'last', help: '' }).add(7);
  state.answer = 'nothing';
  const stopped = stop();
  await vi.waitUntil(() => got.length === 1, 10_000);
  expect(JSON.stringify(decode(got[0]!.body))).toContain('"asDouble":7');
  await clock.advance(2_000);
  await stopped;
  expect(clock.timers).toBe(0);
  await stop();
  expect(got).toHaveLength(1);
});

test('the same goes over gRPC', async () => {
  const far = await GrpcBackend.start();
  onTestFinished(() => far.down());
  const { clock, meter, lines } = push(`http://${far.address}`, { protocol: 'grpc' });
  meter.counter({ name: 'sent', help: '' }).add(7);
  await clock.advance(60_000);
  await vi.waitUntil(() => far.requests === 1, 10_000);
  expect(decode(far.batches[0]!.bytes).resourceMetrics[0].scopeMetrics[0].metrics[0].name).toBe('sent');
  far.reply = () => ({ code: 16, reason: 'who are you' });
  await vi.waitUntil(() => clock.timers === 1, 10_000);
  await clock.advance(60_000);
  await vi.waitUntil(() => lines.length === 1, 10_000);
  expect(lines[0]).toContain('16: who are you');
});
