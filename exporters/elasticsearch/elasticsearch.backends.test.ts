import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { basic, type Elasticsearch, startElasticsearch } from '../../bench/peers/backends/elasticsearch.ts';
import { keepLogsOnFailure } from '../../bench/peers/backends/server.ts';
import { isMissing } from '../../bench/peers/backends/skip.ts';
import { systemClock } from '../../internal/core/clock.ts';
import type { Component, Host } from '../../internal/core/component.ts';
import type { Consumer } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import { asPayload, generatePayload, stampsOf } from '../../internal/testkit/generate.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import { TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import factory from './index.ts';

/*
 * The exporter against the real server: what is sent is read back by search, and nothing that was accepted is missing
 * after an outage, a kill, a time of refusals. One server of each major version serves all tests of it; each test has data
 * streams of its own.
 */

const oracle = await loadOracle();
const host = { extension: () => undefined } as unknown as Host;

let streams = 0;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-elasticsearch-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

for (const major of [8, 9] as const) {
  describe.skipIf(await isMissing(`elasticsearch${major}`))(`Elasticsearch ${major}`, () => {
    let server: Elasticsearch;
    let url: string;
    let dataset: string;
    const running: (Component & Consumer)[] = [];
    beforeAll(async () => {
      server = await startElasticsearch({ major });
      url = `http://127.0.0.1:${server.ports.http}`;
    });
    afterAll(() => server?.close());
    beforeEach((context) => {
      keepLogsOnFailure(context, server);
      dataset = `test${major}.${streams++}`;
    });
    afterEach(async () => {
      for (const exporter of running.splice(0)) await exporter.shutdown?.(AbortSignal.timeout(5000));
    });

    async function start(signal: Signal, over: Record<string, unknown> = {}) {
      const settings = { ...testSettings({ signal }), clock: systemClock };
      const { parse } = factory.schema as unknown as { parse(value: unknown): never };
      const config = parse({ endpoint: url, setup: { templates: true }, sending_queue: { enabled: false }, ...over });
      const exporter = factory.create(settings, config);
      await exporter.start!(host);
      running.push(exporter);
      const account = new TestAccount();
      const put = (batch: Payload): Promise<Outcome> => exporter.consume(batch, { account });
      return { exporter, settings, account, put };
    }

    /** Documents of a data stream or index, in the order of a field. */
    async function stored(index: string, sort = '@timestamp'): Promise<any[]> {
      await fetch(`${url}/${index}/_refresh`, { method: 'POST' });
      const answer = await fetch(`${url}/${index}/_search?size=10000&ignore_unavailable=true&sort=${sort}`);
      const { hits } = (await answer.json()) as { hits: { hits: { _source: unknown }[] } };
      return hits.hits.map(({ _source }) => _source);
    }

    const request1 = (signal: Signal, json: object) => {
      const type = oracle.request(signal);
      return asPayload(signal, type.encode(type.fromObject(json)).finish());
    };
    const routed = () => ({ attributes: [text('data_stream.dataset', dataset), text('service.name', 'shop')] });
    const logs = (...logRecords: object[]) =>
      request1('logs', { resourceLogs: [{ resource: routed(), scopeLogs: [{ scope: { name: 's' }, logRecords }] }] });
    const spans = (...spans: object[]) =>
      request1('traces', { resourceSpans: [{ resource: routed(), scopeSpans: [{ scope: { name: 's' }, spans }] }] });

    test('log records are read back as they were sent', async () => {
      const { put } = await start('logs');
      const record = {
        timeUnixNano: '1700000000000000001',
        observedTimeUnixNano: '1700000000000000002',
        severityNumber: 9,
        severityText: 'INFO',
        body: { stringValue: 'pay "now"\n\u{1f4b8}' },
        traceId: Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex'),
        spanId: Buffer.from('0102030405060708', 'hex'),
        attributes: [
          text('a', 'x'),
          text('a.b', 'y'),
          { key: 'n', value: { intValue: '9007199254740993' } },
          { key: 'd', value: { doubleValue: 1.5 } },
          { key: 'list', value: { arrayValue: { values: [{ stringValue: 'p' }, { stringValue: 'q' }] } } },
        ],
      };
      expect(await put(logs(record))).toEqual({ status: 'accepted' });
      const index = `logs-${dataset}.otel-default`;
      const [found] = await stored(index);
      expect(found).toMatchObject({
        '@timestamp': '1700000000000.000001',
        observed_timestamp: '1700000000000.000002',
        data_stream: { type: 'logs', dataset: `${dataset}.otel`, namespace: 'default' },
        severity_text: 'INFO',
        severity_number: 9,
        trace_id: '0102030405060708090a0b0c0d0e0f10',
        span_id: '0102030405060708',
        attributes: { a: 'x', 'a.b': 'y', d: 1.5, list: ['p', 'q'] },
        body: { text: 'pay "now"\n\u{1f4b8}' },
        resource: { attributes: { 'service.name': 'shop' } },
        scope: { name: 's' },
      });
      // Found by each field, with its type: a whole number beyond 2^53 exactly, and a time to the nanosecond.
      const query = async (q: object) => {
        const body = JSON.stringify({
          query: q,
          fields: [{ field: '@timestamp', format: 'strict_date_optional_time_nanos' }],
        });
        const headers = { 'content-type': 'application/json' };
        return (await (await fetch(`${url}/${index}/_search`, { method: 'POST', headers, body })).json()) as any;
      };
      for (const term of [
        { 'attributes.a': 'x' },
        { 'attributes.a.b': 'y' },
        { 'resource.attributes.service.name': 'shop' },
      ]) {
        expect((await query({ term })).hits.total.value).toBe(1);
      }
      const exact = await query({ term: { 'attributes.n': '9007199254740993' } });
      expect(exact.hits.total.value).toBe(1);
      expect(exact.hits.hits[0].fields['@timestamp']).toEqual(['2023-11-14T22:13:20.000000001Z']);
      expect((await query({ term: { 'attributes.n': '9007199254740992' } })).hits.total.value).toBe(0);
    });

    test('spans are read back with their links, and their events as documents among the logs', async () => {
      const { put } = await start('traces');
      const ids = { traceId: Buffer.alloc(16, 7), spanId: Buffer.alloc(8, 8) };
      const span = {
        ...ids,
        parentSpanId: Buffer.alloc(8, 9),
        name: 'GET /',
        kind: 2,
        startTimeUnixNano: '1700000000000000000',
        endTimeUnixNano: '1700000000150000000',
        attributes: [{ key: 'http.response.status_code', value: { intValue: '500' } }],
        status: { code: 2, message: 'broken' },
        links: [{ traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2), attributes: [text('why', 'retry')] }],
        events: [
          {
            timeUnixNano: '1700000000100000000',
            name: 'exception',
            attributes: [text('exception.type', 'E'), text('data_stream.dataset', dataset)],
          },
        ],
      };
      expect(await put(spans(span))).toEqual({ status: 'accepted' });
      expect(await stored(`traces-${dataset}.otel-default`)).toMatchObject([
        {
          '@timestamp': '1700000000000.0',
          trace_id: '07'.repeat(16),
          span_id: '08'.repeat(8),
          parent_span_id: '09'.repeat(8),
          name: 'GET /',
          kind: 'Server',
          duration: 150_000_000,
          status: { code: 'Error', message: 'broken' },
          attributes: { 'http.response.status_code': 500 },
          links: [{ trace_id: '01'.repeat(16), span_id: '02'.repeat(8), attributes: { why: 'retry' } }],
        },
      ]);
      expect(await stored(`logs-${dataset}.otel-default`)).toMatchObject([
        {
          '@timestamp': '1700000000100.0',
          trace_id: '07'.repeat(16),
          span_id: '08'.repeat(8),
          event_name: 'exception',
          attributes: { 'event.name': 'exception', 'exception.type': 'E' },
        },
      ]);
    });

    test('metrics of one identity and time are one document, and aggregations work on it', async () => {
      const { put } = await start('metrics');
      const point = { timeUnixNano: '1700000000000000000', attributes: [text('host', 'a')] };
      const metrics = [
        { name: 'up', gauge: { dataPoints: [{ ...point, asInt: '1' }] } },
        {
          name: 'load',
          gauge: {
            dataPoints: [
              { ...point, asDouble: 0.5 },
              { ...point, attributes: [], asDouble: 2 },
            ],
          },
        },
        {
          name: 'seconds',
          histogram: {
            aggregationTemporality: 2,
            dataPoints: [{ ...point, count: '3', sum: 4, explicitBounds: [1, 2], bucketCounts: ['1', '2', '0'] }],
          },
        },
      ];
      const batch = request1('metrics', {
        resourceMetrics: [{ resource: routed(), scopeMetrics: [{ scope: { name: 's' }, metrics }] }],
      });
      expect(await put(batch)).toEqual({ status: 'accepted' });
      const found = await stored(`metrics-${dataset}.otel-default`);
      expect(found).toHaveLength(2);
      expect(found.find(({ attributes }) => attributes?.host === 'a').metrics).toEqual({
        up: 1,
        load: 0.5,
        seconds: { counts: [1, 2], values: [0.5, 1.5] },
      });
      const body = JSON.stringify({ size: 0, aggs: { load: { sum: { field: 'metrics.load' } } } });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/metrics-${dataset}.otel-default/_search`, { method: 'POST', headers, body });
      expect(((await answer.json()) as any).aggregations.load.value).toBe(2.5);
    });

    test.each(['traces', 'metrics', 'logs'] as const)(
      '2000 realistic items of %s arrive, each once',
      async (signal) => {
        const { put, account } = await start(signal, {
          [`${signal}_index`]: `many-${dataset}-${signal}`,
          logs_index: `many-${dataset}-logs`,
        });
        const batch = generatePayload(signal, { items: 2000, seed: 3 });
        expect(await put(batch)).toEqual({ status: 'accepted' });
        expect(account.delivered).toBe(2000);
        const field = signal === 'metrics' ? 'attributes.sample.id' : 'span_id';
        const found = await stored(`many-${dataset}-${signal}`, '_doc');
        const stamps = found.map((document) =>
          signal === 'metrics' ? document.attributes['sample.id'] : document[field],
        );
        expect(stamps.sort()).toEqual(stampsOf(batch).sort());
      },
    );

    test.each(['ecs', 'none', 'raw'] as const)(
      'documents of the mapping mode %s are taken where a and a.b meet',
      async (mode) => {
        const { put } = await start('logs', { mapping: { mode } });
        const record = {
          timeUnixNano: '1700000000000000000',
          attributes: [text('a', 'x'), text('a.b', 'y'), text('', 'z')],
        };
        expect(await put(logs(record))).toEqual({ status: 'accepted' });
        expect(await stored(`logs-${dataset}-default`)).toHaveLength(1);
      },
    );

    test('a document that conflicts is the only one missing, and the rejection log has it with the reason', async () => {
      const path = join(folder, `rejected-${dataset}.jsonl`);
      const { put, account, settings } = await start('logs', { mapping: { mode: 'raw' }, rejected: { path } });
      const record = (n: number, value: object) => ({
        timeUnixNano: String(1_700_000_000_000_000_000n + BigInt(n)),
        attributes: [{ key: 'size', value }],
      });
      const outcome = await put(
        logs(record(1, { intValue: '1' }), record(2, { stringValue: 'large' }), record(3, { intValue: '3' })),
      );
      expect(outcome).toMatchObject({ status: 'accepted', rejectedItems: 1, losses: [{ from: 1, items: 1 }] });
      expect(account.delivered).toBe(2);
      expect((await stored(`logs-${dataset}-default`)).map(({ size }) => size)).toEqual([1, 3]);
      await running.pop()!.shutdown!(AbortSignal.timeout(5000));
      const line = JSON.parse((await readFile(path, 'utf8')).trim());
      expect(line['sluice.rejected']).toMatchObject({
        status: 400,
        type: 'document_parsing_exception',
        index: `logs-${dataset}-default`,
        reason: expect.stringContaining('size'),
      });
      expect(line.resourceLogs[0].scopeLogs[0].logRecords).toEqual([
        { timeUnixNano: '1700000000000000002', attributes: [{ key: 'size', value: { stringValue: 'large' } }] },
      ]);
      expect(settings.logger.lines.map(({ message }) => message)).toContain('Elasticsearch refused documents for good');
    });

    test('hostile values are taken by the server, or refused alone', async () => {
      const { put } = await start('logs');
      const time = { timeUnixNano: '1700000000000000000' };
      const value = (json: object) => ({ ...time, attributes: [{ key: 'v', value: json }] });
      const many = (count: number) => ({
        ...time,
        attributes: Array.from({ length: count }, (_, i) => text(`key.${i}`, 'x')),
      });
      const records = [
        value({ doubleValue: Number.NaN }),
        value({ stringValue: 'x'.repeat(1_000_000) }),
        value({ stringValue: '"\u0000' }),
        value({ bytesValue: Buffer.from([255]) }),
        value({}),
        {
          ...time,
          attributes: [text('', 'no name'), text(' ', 'blank'), text('a.', 'x'), text('.b', 'y'), text('c..d', 'z')],
        },
        { ...time, attributes: [text('same', 'x'), text('same', 'y')] },
        {
          ...time,
          body: { kvlistValue: { values: [text('a', 'x'), text('a.b', 'y'), text('', 'z'), text('a', 'w')] } },
        },
        {},
        many(10_000),
        { timeUnixNano: '18446744073709551615' },
      ];
      for (const [n, record] of records.entries()) {
        const want =
          n === records.length - 1 ? expect.objectContaining({ status: 'accepted' }) : { status: 'accepted' };
        expect(await put(logs(record)), `record ${n}`).toEqual(want);
      }
    });

    test('with stable ids a batch that is sent twice is there once', async () => {
      const { put } = await start('logs', { document_ids: 'stable' });
      const record = { timeUnixNano: '1700000000000000000', body: { stringValue: 'once' } };
      expect(await put(logs(record))).toEqual({ status: 'accepted' });
      expect(await put(logs(record))).toEqual({ status: 'accepted' });
      expect(await stored(`logs-${dataset}.otel-default`)).toHaveLength(1);
    });

    test('an ingest pipeline and an id of the record’s own are used', async () => {
      const headers = { 'content-type': 'application/json' };
      const pipeline = { processors: [{ set: { field: 'event_name', value: 'piped' } }] };
      await fetch(`${url}/_ingest/pipeline/p-${dataset}`, { method: 'PUT', headers, body: JSON.stringify(pipeline) });
      const { put } = await start('logs', {
        logs_dynamic_id: { enabled: true },
        logs_dynamic_pipeline: { enabled: true },
      });
      const attributes = [
        text('elasticsearch.document_id', 'mine'),
        text('elasticsearch.ingest_pipeline', `p-${dataset}`),
      ];
      expect(await put(logs({ timeUnixNano: '1700000000000000000', attributes }))).toEqual({ status: 'accepted' });
      const index = `logs-${dataset}.otel-default`;
      await fetch(`${url}/${index}/_refresh`, { method: 'POST' });
      const { hits } = (await (await fetch(`${url}/${index}/_search`)).json()) as any;
      expect(hits.hits).toMatchObject([{ _id: 'mine', _source: { event_name: 'piped' } }]);
    });

    test('the templates can be written again, and nothing changes', async () => {
      await start('logs');
      const read = async () => (await fetch(`${url}/_component_template/sluice-otel-mappings`)).text();
      const before = await read();
      await start('logs');
      expect(await read()).toBe(before);
    });

    describe('faults', () => {
      /** A proxy before the server that can be told to refuse, to be slow, or to swallow answers. */
      async function proxy(answer: (count: number) => 'pass' | 'busy' | 'lose' | 'slow') {
        let count = 0;
        const between = createServer((incoming, outgoing) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('end', () => {
            const fate = incoming.url?.startsWith('/_bulk') ? answer(count++) : 'pass';
            if (fate === 'busy') {
              outgoing.writeHead(429, { 'content-type': 'application/json', 'retry-after': '0' });
              outgoing.end('{"error":{"type":"es_rejected_execution_exception","reason":"busy"},"status":429}');
              return;
            }
            const { method, headers } = incoming;
            const onward = request(`${url}${incoming.url}`, { method, headers }, (response) => {
              const parts: Buffer[] = [];
              response.on('data', (part: Buffer) => parts.push(part));
              response.on('end', () => {
                if (fate === 'lose') {
                  incoming.socket.destroy();
                  return;
                }
                const reply = () => {
                  outgoing.writeHead(response.statusCode!, response.headers);
                  outgoing.end(Buffer.concat(parts));
                };
                if (fate === 'slow') setTimeout(reply, 500);
                else reply();
              });
            });
            onward.end(Buffer.concat(chunks));
          });
        });
        await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
        const endpoint = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
        return { endpoint, requests: () => count, close: () => between.close() };
      }

      const batches = (n: number) =>
        Array.from({ length: n }, (_, i) =>
          logs({ timeUnixNano: String(1_700_000_000_000_000_000n + BigInt(i)), body: { intValue: i } }),
        );
      const numbers = (documents: any[]) =>
        documents.map(({ body }) => body.text).sort((a: number, b: number) => a - b);
      const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
      const quick = { initial_interval: '50ms', max_interval: '500ms' };

      async function drained(exporter: Component, account: TestAccount, items: number) {
        await expect.poll(() => account.delivered, { timeout: 60_000 }).toBe(items);
        expect(account.lost).toEqual({});
        expect(account.held).toBe(0);
        await exporter.shutdown!(AbortSignal.timeout(5000));
      }

      test('answers 429 for a while: everything accepted is there once', async () => {
        const between = await proxy((count) => (count < 6 ? 'busy' : 'pass'));
        const { exporter, account, put } = await start('logs', {
          endpoint: between.endpoint,
          retry: quick,
          sending_queue: { batch: { flush_timeout: '50ms' } },
        });
        for (const batch of batches(20)) expect(await put(batch)).toEqual({ status: 'accepted' });
        await drained(exporter, account, 20);
        expect(numbers(await stored(`logs-${dataset}.otel-default`))).toEqual(upTo(20));
        between.close();
      });

      test('is slow: everything accepted is there once', async () => {
        const between = await proxy(() => 'slow');
        const { exporter, account, put } = await start('logs', {
          endpoint: between.endpoint,
          sending_queue: { batch: { flush_timeout: '10ms', min_size: 1 } },
        });
        for (const batch of batches(20)) expect(await put(batch)).toEqual({ status: 'accepted' });
        await drained(exporter, account, 20);
        expect(numbers(await stored(`logs-${dataset}.otel-default`))).toEqual(upTo(20));
        between.close();
      });

      test('answers are lost: with stable ids everything accepted is there once', async () => {
        const between = await proxy((count) => (count % 2 === 0 ? 'lose' : 'pass'));
        const { exporter, account, put } = await start('logs', {
          endpoint: between.endpoint,
          retry: quick,
          document_ids: 'stable',
          sending_queue: {},
        });
        for (const batch of batches(20)) expect(await put(batch)).toEqual({ status: 'accepted' });
        await drained(exporter, account, 20);
        expect(numbers(await stored(`logs-${dataset}.otel-default`))).toEqual(upTo(20));
        expect(between.requests()).toBeGreaterThan(1);
        between.close();
      });

      test('is stopped and started again, and killed in the middle: everything accepted is there once with stable ids', async () => {
        const { exporter, account, put } = await start('logs', {
          retry: quick,
          document_ids: 'stable',
          sending_queue: { batch: { flush_timeout: '20ms', min_size: 1 } },
        });
        const all = batches(60);
        for (const batch of all.slice(0, 20)) expect(await put(batch)).toEqual({ status: 'accepted' });
        await server.stop();
        for (const batch of all.slice(20, 40)) expect(await put(batch)).toEqual({ status: 'accepted' });
        await server.start();
        for (const batch of all.slice(40)) expect(await put(batch)).toEqual({ status: 'accepted' });
        await server.kill();
        await server.start();
        await drained(exporter, account, 60);
        expect(numbers(await stored(`logs-${dataset}.otel-default`))).toEqual(upTo(60));
      });

      test('a disk that is full refuses documents for now, and they arrive when there is room', async () => {
        const index = `full-${dataset}`;
        const headers = { 'content-type': 'application/json' };
        const block = (on: boolean) =>
          fetch(`${url}/${index}/_settings`, {
            method: 'PUT',
            headers,
            body: JSON.stringify({ 'index.blocks.read_only_allow_delete': on ? true : null }),
          });
        await fetch(`${url}/${index}`, { method: 'PUT' });
        expect((await block(true)).status).toBe(200);
        const { exporter, account, put, settings } = await start('logs', {
          logs_index: index,
          retry: quick,
          sending_queue: { batch: { flush_timeout: '10ms', min_size: 1 } },
        });
        expect(await put(logs({ timeUnixNano: '1700000000000000000', body: { intValue: 0 } }))).toEqual({
          status: 'accepted',
        });
        await expect.poll(() => settings.logger.lines.length, { timeout: 30_000 }).toBeGreaterThan(0);
        expect(account.delivered + Object.keys(account.lost).length).toBe(0);
        await block(false);
        await drained(exporter, account, 1);
        expect(numbers(await stored(index, '_doc'))).toEqual([0]);
      });
    });
  });
}

describe.skipIf(await isMissing('elasticsearch8'))('Elasticsearch with security', () => {
  const user = { name: 'sluice', password: 'pass:word' };
  let server: Elasticsearch;
  let url: string;
  beforeAll(async () => {
    server = await startElasticsearch({ user });
    url = `http://127.0.0.1:${server.ports.http}`;
  });
  afterAll(() => server?.close());

  async function outcomeOf(over: object): Promise<Outcome> {
    const settings = { ...testSettings({ signal: 'logs' }), clock: systemClock };
    const { parse } = factory.schema as unknown as { parse(value: unknown): never };
    const exporter = factory.create(settings, parse({ endpoint: url, sending_queue: { enabled: false }, ...over }));
    await exporter.start!(host);
    const outcome = await exporter.consume(generatePayload('logs', { items: 10, seed: 1 }), {});
    await exporter.shutdown!(AbortSignal.timeout(5000));
    return outcome;
  }

  test('takes user and password, an API key, and names its nodes; everything else is refused', async (context) => {
    keepLogsOnFailure(context, server);
    const headers = { authorization: basic(user), 'content-type': 'application/json' };
    const made = await fetch(`${url}/_security/api_key`, { method: 'POST', headers, body: '{"name":"test"}' });
    const { encoded } = (await made.json()) as { encoded: string };
    const basicAuth = { user: user.name, password: user.password };
    expect(await outcomeOf({ ...basicAuth, setup: { templates: true } })).toEqual({ status: 'accepted' });
    expect(await outcomeOf({ api_key: encoded })).toEqual({ status: 'accepted' });
    expect(await outcomeOf({ ...basicAuth, discover: { on_start: true } })).toEqual({ status: 'accepted' });
    expect(await outcomeOf({ user: user.name, password: 'wrong' })).toMatchObject({ code: 'unauthenticated' });
    expect(await outcomeOf({})).toMatchObject({ status: 'permanent', code: 'unauthenticated' });
  });
});

function text(key: string, stringValue: string) {
  return { key, value: { stringValue } };
}
