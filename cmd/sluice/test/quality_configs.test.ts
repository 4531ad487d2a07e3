import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { GrpcBackend } from '../../../internal/testkit/grpc_backend.ts';
import { stamped } from '../../../internal/testkit/stamped.ts';
import { balanced, branchOf, settled } from './balance.ts';
import { attributeOf, attributes, exampleIntoFile, linesOf, metric, postJson, recordsIn } from './quality.ts';
import { GrpcSender, ids, otlpReceiver, pipelines, type Running, running, until } from './running.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-quality-'));
afterAll(() => rmSync(folder, { recursive: true }));

const cart = { attributes: attributes({ 'service.name': 'cart' }) };
const nanoseconds = (ms: number) => String(BigInt(ms) * 1_000_000n);

/** Runs an example with a file for its exporter. @returns what the file has in the end */
async function example(name: string, work: (sluice: Running) => Promise<void>) {
  const path = join(folder, `${name}.jsonl`);
  await running(exampleIntoFile(name, path), {}, async (sluice) => {
    await work(sluice);
    await balanced(sluice);
  });
  return recordsIn(linesOf(path));
}

test('configs/rate_limiter.yaml: a tenant that is over its limit hears when to come again, over gRPC and HTTP; others are not held up', async () => {
  const came = await example('rate_limiter', async (sluice) => {
    const sender = new GrpcSender(sluice);
    const spans = (name: string, count: number) => Buffer.concat(stamped('traces', ids(name, count)).chunks);
    // More than the burst of 20,000 passes a full bucket, and is paid off at 5,000 each second: 20 s, and 4 s for the next burst.
    expect((await sender.exchange('traces', spans('a', 120_000), { 'x-tenant': 'a' })).code).toBe(0);
    const burst = spans('a', 20_000);
    const refusal = await sender.exchange('traces', burst, { 'x-tenant': 'a' });
    expect(refusal).toMatchObject({
      code: 8,
      reason: expect.stringContaining('header x-tenant "a" is over its limit'),
    });
    expect(refusal.retryAfterMs).toBeGreaterThan(0);
    expect(refusal.retryAfterMs).toBeLessThanOrEqual(24_000);

    const http = await fetch(`http://127.0.0.1:${sluice.ports.http}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'x-tenant': 'a' },
      body: burst,
    });
    expect(http.status).toBe(429);
    expect(http.headers.get('retry-after')).toMatch(/^(1?\d|2[0-4])$/);

    expect((await sender.exchange('traces', burst, { 'x-tenant': 'b' })).code).toBe(0);
    expect((await sender.exchange('traces', spans('g', 30_000), { 'x-tenant': 'gold' })).code).toBe(0);
    sender.close();

    const items = 'sluice_rate_limiter_items_total';
    const tenants = { processor: 'rate_limiter/tenants', 'otel.signal': 'traces' };
    expect(await metric(sluice, items, { ...tenants, outcome: 'passed' })).toBe(170_000);
    expect(await metric(sluice, items, { ...tenants, outcome: 'refused' })).toBe(40_000);
    const limited = { ...tenants, key: 'a' };
    expect(await metric(sluice, 'sluice_rate_limiter_limited_items_total', limited)).toBe(40_000);
    expect(await metric(sluice, 'sluice_rate_limiter_keys', tenants)).toBe(3);
    expect(branchOf(await settled(sluice), 'traces')).toMatchObject({
      received: 210_000,
      refused: 40_000,
      sent: 170_000,
    });
  });
  expect(came).toHaveLength(170_000);
});

test('configs/rate_limiter.yaml: what a service sends over its quota of bytes is lost and counted, another service’s is not', async () => {
  const mebibyte = 'x'.repeat(2 ** 20);
  const came = await example('rate_limiter', async (sluice) => {
    const send = async (service: string, records: number, ballast: string) => {
      const resource = { attributes: attributes({ 'service.name': service }) };
      const logRecords = Array.from({ length: records }, () => ({
        severityText: service,
        body: { stringValue: ballast },
      }));
      const answer = await postJson(sluice, 'logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
      return answer.status;
    };
    // 10,000,000 bytes at once are nine mebibytes.
    expect([await send('loud', 15, mebibyte), await send('quiet', 3, 'few')]).toEqual([200, 200]);
    expect(branchOf(await settled(sluice), 'logs')).toMatchObject({ sent: 12, dropped: { rate_limited: 6 } });
    const limited = { processor: 'rate_limiter/services', 'otel.signal': 'logs', key: 'loud' };
    expect(await metric(sluice, 'sluice_rate_limiter_limited_items_total', limited)).toBe(6);
  });
  const services = Map.groupBy(came, ({ record }) => record.severityText);
  expect([services.get('loud')?.length, services.get('quiet')?.length]).toEqual([9, 3]);
});

test('fair between keys: while one tenant sends as much as it can, no other is refused within its limit', async () => {
  const yaml = `${otlpReceiver.replace('http: {', 'http: { include_metadata: true,').replace('grpc: {', 'grpc: { include_metadata: true,')}
processors: { rate_limiter: { key: { metadata: tenant }, items_per_second: 10, items_burst: 100 } }
exporters: { nop: {} }
${pipelines('nop', 'rate_limiter')}`;
  await running(yaml, {}, async (sluice) => {
    const [greedy, modest] = [new GrpcSender(sluice), new GrpcSender(sluice)];
    const batch = Buffer.concat(stamped('traces', ids('n', 10)).chunks);
    let going = true;
    const codes = new Map<number, number>();
    const flood = (async () => {
      while (going) {
        const { code } = await greedy.exchange('traces', batch, { tenant: 'greedy' });
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }
    })();
    await until('the greedy one is over its limit', () => (codes.get(8) ?? 0) > 20);
    for (let n = 0; n < 10; n++) {
      for (const tenant of ['b', 'c', 'd']) {
        expect((await modest.exchange('traces', batch, { tenant })).code).toBe(0);
      }
    }
    going = false;
    await flood;
    // Each key pays for itself alone: the burst, and what came back meanwhile.
    expect(codes.get(0)).toBeGreaterThanOrEqual(10);
    expect([...codes.keys()].toSorted()).toEqual([0, 8]);
    for (const sender of [greedy, modest]) sender.close();
  });
});

test('another collector that sends over its limit, by gRPC and by HTTP, comes again when it is told to: all arrives', async () => {
  const backend = await GrpcBackend.start();
  const limited = `${otlpReceiver}
processors: { rate_limiter: { items_per_second: 100, items_burst: 50 } }
exporters: { otlp: { endpoint: "${backend.address}", tls: { insecure: true } } }
${pipelines('otlp', 'rate_limiter')}`;
  await running(limited, {}, async (sluice) => {
    const retry =
      'retry_on_failure: { initial_interval: 10ms, max_interval: 20ms }, sending_queue: { num_consumers: 1 }';
    const { grpc, http } = sluice.ports;
    const front = `${otlpReceiver}
exporters:
  otlp: { endpoint: "127.0.0.1:${grpc}", tls: { insecure: true }, ${retry} }
  otlp_http: { endpoint: "http://127.0.0.1:${http}", ${retry} }
service:
  pipelines:
    traces: { receivers: [otlp], exporters: [otlp] }
    logs: { receivers: [otlp], exporters: [otlp_http] }`;
    await running(front, {}, async (sender) => {
      const client = new GrpcSender(sender);
      for (let n = 0; n < 5; n++) {
        expect(await client.send('traces', ids(`t${n}-`, 25))).toBe(0);
        expect(await client.send('logs', ids(`l${n}-`, 25))).toBe(0);
      }
      client.close();
      await until('all has arrived', () => backend.accepted.length >= 250);
      for (const pipeline of ['traces', 'logs']) {
        expect(branchOf(await settled(sender), pipeline)).toMatchObject({ sent: 125, dropped: {} });
      }
    });
    const refused = (await balanced(sluice)).map((branch) => [branch.pipeline, branch.refused > 0]);
    expect(refused).toEqual([
      ['traces', true],
      ['metrics', false],
      ['logs', true],
    ]);
  });
  expect(new Set(backend.accepted).size).toBe(250);
  expect(backend.accepted).toHaveLength(250);
  backend.down();
});

test('configs/logdedup.yaml: repeated records leave as one with their count, errors at once, repeated spans once', async () => {
  const came = await example('logdedup', async (sluice) => {
    const record = (severityNumber: number, request: number) => ({
      timeUnixNano: nanoseconds(Date.now()),
      severityNumber,
      body: { stringValue: 'disk is full' },
      attributes: attributes({ 'request.id': `${request}` }),
    });
    for (let n = 0; n < 5; n++) {
      const logRecords = [record(9, n), record(9, n + 100), record(17, n)];
      const answer = await postJson(sluice, 'logs', {
        resourceLogs: [{ resource: cart, scopeLogs: [{ logRecords }] }],
      });
      expect(answer.status).toBe(200);
      const spans = [{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), name: 'retried' }];
      await postJson(sluice, 'traces', { resourceSpans: [{ resource: cart, scopeSpans: [{ spans }] }] });
    }
    await until('the errors and the span have passed', async () => {
      const branches = await balanced(sluice);
      return branchOf(branches, 'logs').sent === 5 && branchOf(branches, 'traces').sent === 1;
    });
    expect(branchOf(await balanced(sluice), 'logs')).toMatchObject({ received: 15, filtered: 9, held: 1 });
    expect(await metric(sluice, 'sluice_logdedup_duplicates_total', { 'otel.signal': 'logs' })).toBe(9);
    expect(await metric(sluice, 'sluice_logdedup_duplicates_total', { 'otel.signal': 'traces' })).toBe(4);
    expect(await metric(sluice, 'sluice_logdedup_entries', { 'otel.signal': 'logs' })).toBe(1);
  });
  const kinds = came.map(
    ({ record }) => record.name ?? `${record.severityNumber} ${attributeOf(record, 'dedup_count')}`,
  );
  // The merged one when the collector stopped.
  expect(kinds.toSorted()).toEqual([
    '17 undefined',
    '17 undefined',
    '17 undefined',
    '17 undefined',
    '17 undefined',
    '9 10',
    'retried',
  ]);
  const merged = came.find(({ record }) => attributeOf(record, 'dedup_count') === '10')!;
  expect(merged.resource).toEqual(cart);
  expect(attributeOf(merged.record, 'request.id')).toBeUndefined();
  // Berlin, in winter or summer.
  expect(attributeOf(merged.record, 'first_observed_timestamp')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0[12]:00$/);
});

test('configs/data_quality.yaml: spans without ids are left out, old items tagged, the rest counted and told at /quality', async () => {
  const came = await example('data_quality', async (sluice) => {
    const now = Date.now();
    const span = (name: string, digit: string, endedMs: number) => ({
      traceId: digit.repeat(32),
      spanId: digit.repeat(16),
      name,
      endTimeUnixNano: nanoseconds(endedMs),
      attributes: attributes({ 'http.request.method': 'get' }),
    });
    const spans = [span('fine', 'a', now), span('no ids', '0', now), span('old', 'b', now - 25 * 3_600_000)];
    const answer = await postJson(sluice, 'traces', { resourceSpans: [{ resource: cart, scopeSpans: [{ spans }] }] });
    expect(answer.status).toBe(200);
    expect(branchOf(await settled(sluice), 'traces')).toMatchObject({ received: 3, filtered: 1, sent: 2 });
    const violations = 'sluice_data_quality_violations_total';
    expect(await metric(sluice, violations, { rule: 'ids', action: 'drop', 'otel.signal': 'traces' })).toBe(1);
    expect(await metric(sluice, violations, { rule: 'clock', action: 'tag', 'otel.signal': 'traces' })).toBe(1);
    const score = await metric(sluice, 'sluice_data_quality_score', { service: 'cart', 'otel.signal': 'traces' });
    const report = await fetch(`http://127.0.0.1:${sluice.ports.metrics}/quality`);
    const { reports } = (await report.json()) as { reports: any[] };
    const [row] = reports.find(({ pipeline }) => pipeline === 'traces').services;
    expect(row).toMatchObject({ service: 'cart', items: 3, score });
    expect([score > 0, score < 100]).toEqual([true, true]);
    const method = row.violations.find(({ rule }: any) => rule === 'semconv.http.request.method');
    expect(method).toEqual({
      rule: 'semconv.http.request.method',
      action: 'count',
      count: 3,
      checked: 3,
      example: 'http.request.method=get',
    });
  });
  const tag = { values: [{ stringValue: 'clock' }] };
  expect(came.map(({ record }) => [record.name, attributeOf(record, 'data_quality.violations')])).toEqual([
    ['fine', undefined],
    ['old', tag],
  ]);
});
