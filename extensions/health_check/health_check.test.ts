import { readFileSync } from 'node:fs';
import { get as httpsGet } from 'node:https';
import { createServer } from 'node:net';
import { Client, credentials, status as grpcStatus, Metadata } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import type { ComponentStatus, Host, Status } from '../../internal/core/component.ts';
import { makeCertificates } from '../../internal/testkit/certs.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import { HealthCheck } from './health_check.ts';
import factory from './index.ts';

const start = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Runs the extension; `rows` may be changed afterwards. */
async function run(config: object, rows: ComponentStatus[] = []) {
  const settings = testSettings({ id: 'health_check', kind: 'extension' });
  await settings.clock.advance(start - settings.clock.now());
  const check = factory.create(settings, schema.parse(config)) as HealthCheck;
  expect(check).toBeInstanceOf(HealthCheck);
  const host: Host = {
    extension: () => undefined,
    fatal() {},
    system: { statuses: () => rows, onStatus: () => () => {} },
  };
  await check.start(host);
  onTestFinished(() => check.shutdown(AbortSignal.abort()));
  const ports = check.addresses.map((address) => (address.kind === 'tcp' ? address.port : 0));
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${ports[0]}${path}`);
    return { code: response.status, type: response.headers.get('content-type'), body: await response.text() };
  };
  return { check, settings, rows, ports, get };
}

function row(status: Status, part: Partial<ComponentStatus> = {}): ComponentStatus {
  return { id: 'otlp', kind: 'exporter', pipelines: ['traces/backend'], status, since: start, ...part };
}

const v1 = { endpoint: 'localhost:0' };
const v2 = { use_v2: true, http: { endpoint: 'localhost:0' } };

test('v1 answers on every path with the fields of upstream, and follows the components', async () => {
  const { get, rows, settings } = await run(v1, [row('starting')]);
  expect(await get('/')).toEqual({
    code: 503,
    type: 'application/json',
    body: '{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}',
  });
  rows[0] = row('ok');
  await settings.clock.advance(3_723_500);
  expect(await get('/healthz')).toEqual({
    code: 200,
    type: 'application/json',
    body: '{"status":"Server available","upSince":"2026-01-02T03:04:05.000Z","uptime":"1h2m3.5s"}',
  });
});

test('v1 with a path answers there alone, and with the configured bodies', async () => {
  const { get, rows } = await run({ ...v1, path: '/live', response_body: { healthy: 'fine', unhealthy: 'ill' } }, [
    row('ok'),
  ]);
  expect(await get('/live')).toMatchObject({ code: 200, body: 'fine' });
  expect(await get('/')).toMatchObject({ code: 404 });
  rows[0] = row('stopping');
  expect(await get('/live?x')).toMatchObject({ code: 503, body: 'ill' });
});

test('v2 tells the overall status, and with verbose what it consists of', async () => {
  const { get } = await run(v2, [
    row('ok', { kind: 'receiver' }),
    row('recoverable_error', { error: 'refused', since: start + 1000 }),
    row('ok', { kind: 'extension', id: 'health_check', pipelines: [] }),
  ]);
  const overall = {
    start_time: '2026-01-02T03:04:05.000Z',
    healthy: true,
    status: 'StatusRecoverableError',
    error: 'refused',
    status_time: '2026-01-02T03:04:06.000Z',
  };
  const brief = await get('/status');
  expect([brief.code, brief.type, JSON.parse(brief.body)]).toEqual([200, 'application/json', overall]);
  const good = { healthy: true, status: 'StatusOK', status_time: '2026-01-02T03:04:05.000Z' };
  const { start_time: _, ...failing } = overall;
  expect(JSON.parse((await get('/status?verbose')).body)).toEqual({
    ...overall,
    components: {
      'pipeline:traces/backend': { ...failing, components: { 'receiver:otlp': good, 'exporter:otlp': failing } },
      extensions: { ...good, components: { 'extension:health_check': good } },
    },
  });
});

test('v2 answers for one pipeline; an unknown one is 404', async () => {
  const config = { ...v2, component_health: { include_permanent_errors: true } };
  const { get } = await run(config, [row('permanent_error'), row('ok', { pipelines: ['logs'] })]);
  expect((await get('/status')).code).toBe(500);
  expect((await get('/status?pipeline=traces/backend')).code).toBe(500);
  const logs = await get('/status?pipeline=logs&verbose=true');
  expect([logs.code, JSON.parse(logs.body)]).toMatchObject([
    200,
    { healthy: true, components: { 'exporter:otlp': {} } },
  ]);
  expect((await get('/status?pipeline=metrics')).code).toBe(404);
  expect((await get('/')).code).toBe(404);
});

test('v2 turns unhealthy when a recoverable error outlasts its time, and healthy when it is over', async () => {
  const config = { ...v2, component_health: { include_recoverable_errors: true, recovery_duration: '10s' } };
  const { get, rows, settings } = await run(config, [row('recoverable_error')]);
  expect((await get('/status')).code).toBe(200);
  await settings.clock.advance(10_000);
  expect((await get('/status')).code).toBe(500);
  rows[0] = row('ok');
  expect((await get('/status')).code).toBe(200);
});

test('only GET and HEAD are answered, and a strange path does no harm', async () => {
  const { ports, get } = await run(v1, [row('ok')]);
  expect((await fetch(`http://127.0.0.1:${ports[0]}/`, { method: 'POST', body: 'x' })).status).toBe(405);
  expect((await fetch(`http://127.0.0.1:${ports[0]}/`, { method: 'HEAD' })).status).toBe(200);
  expect((await get('//%zz?%')).code).toBe(200);
});

/** What `grpc.health.v1.Health/Check` says: the status byte, or the code of the error. */
function grpcCheck(port: number, service: string): Promise<string> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const name = Buffer.from(service);
  const request = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const asIs = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', asIs, asIs, request, new Metadata(), (error, answer) => {
      client.close();
      if (error) resolve(grpcStatus[error.code] ?? String(error.code));
      else resolve(answer?.[1] === 1 ? 'SERVING' : 'NOT_SERVING');
    });
  });
}

test('the gRPC health service answers for the collector and for each pipeline', async () => {
  const { ports, rows } = await run({ use_v2: true, grpc: { endpoint: 'localhost:0' } }, [row('ok')]);
  const port = ports[0]!;
  expect(await grpcCheck(port, '')).toBe('SERVING');
  expect(await grpcCheck(port, 'traces/backend')).toBe('SERVING');
  expect(await grpcCheck(port, 'logs')).toBe('NOT_FOUND');
  rows[0] = row('stopping');
  expect(await grpcCheck(port, '')).toBe('NOT_SERVING');
});

test('TLS is served where it is configured', async ({ skip }) => {
  const certificates = await makeCertificates();
  if (!certificates) return skip('there is no openssl here');
  onTestFinished(() => certificates.remove());
  const tls = { cert_file: certificates.server.cert, key_file: certificates.server.key };
  const { ports } = await run({ ...v1, tls }, [row('ok')]);
  const ca = readFileSync(certificates.ca);
  const code = await new Promise((resolve, reject) => {
    httpsGet({ host: 'localhost', port: ports[0], ca, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    }).on('error', reject);
  });
  expect(code).toBe(200);
});

test('a port in use fails the start, with nothing left open', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen({ host: '127.0.0.1', port: 0 }, resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as { port: number };
  const config = { ...v2, grpc: { endpoint: `localhost:${port}` } };
  await expect(run(config)).rejects.toThrow(new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}`));
});

test('shutdown is safe twice, without start, and ends idle connections', async () => {
  const { check, get } = await run(v1, [row('ok')]);
  await get('/');
  const never = new AbortController().signal;
  await Promise.all([check.shutdown(never), check.shutdown(never)]);
  await expect(get('/')).rejects.toThrow();
  await new HealthCheck(testSettings(), schema.parse({})).shutdown(never);
});

test.each([
  [{ use_v2: true }, /expected http, grpc or both with use_v2: true/],
  [{ http: {} }, /expected use_v2: true beside http/],
  [{ path: 'x' }, /expected a path that starts with \//],
  [{ use_v2: true, http: { config: { enabled: true } } }, /print-config/],
])('%j is refused with what was wanted', (config, message) => {
  expect(() => schema.parse(config)).toThrow(message);
});

test('sections that are present but empty take their defaults', () => {
  const config = schema.parse({ use_v2: true, http: null, grpc: null, component_health: null });
  expect(config).toMatchObject({
    http: { endpoint: 'localhost:13133', status: { enabled: true, path: '/status' } },
    grpc: { endpoint: 'localhost:13132' },
    component_health: { recovery_duration: 300_000, include_permanent_errors: false },
  });
});
