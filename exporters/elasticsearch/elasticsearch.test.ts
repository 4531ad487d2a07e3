import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../internal/core/clock.ts';
import type { Component, Host } from '../../internal/core/component.ts';
import type { Consumer } from '../../internal/core/consumer.ts';
import { decodeJson } from '../../internal/otlp/json.ts';
import { generatePayload } from '../../internal/testkit/generate.ts';
import { TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { nodesOf, schema } from './config.ts';
import factory from './index.ts';
import { logs, metrics, spans, text } from './test/documents.ts';
import { FakeElasticsearch, type Refusal, type Verdict } from './test/server.ts';

const host = { extension: () => undefined } as unknown as Host;
const busy: Verdict = { status: 429, type: 'es_rejected_execution_exception' };
const conflict: Verdict = { status: 400, type: 'document_parsing_exception', reason: 'failed to parse field [n]' };

let server: FakeElasticsearch;
let url: string;
let folder: string;
const running: (Component & Consumer)[] = [];
const servers: FakeElasticsearch[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-elasticsearch-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  server = new FakeElasticsearch();
  servers.push(server);
  url = await server.listen();
});
afterEach(async () => {
  for (const exporter of running.splice(0)) await exporter.shutdown!(AbortSignal.timeout(2000));
  for (const one of servers.splice(0)) one.close();
});

/** The exporter without a queue, on real time; waits between tries are short. */
async function start(over: Record<string, unknown> = {}, found: Host = host) {
  const settings = { ...testSettings({ signal: 'logs' }), clock: systemClock };
  const retry = { initial_interval: '1ms', max_interval: '5ms', ...(over.retry as object) };
  const config = schema.parse({ endpoint: url, sending_queue: { enabled: false }, ...over, retry });
  const exporter = factory.create(settings, config);
  await exporter.start!(found);
  running.push(exporter);
  const account = new TestAccount();
  return { exporter, settings, account, put: (batch = numbered(3)) => exporter.consume(batch, { account }) };
}

const numbered = (count: number) =>
  logs(Array.from({ length: count }, (_, n) => ({ timeUnixNano: '1700000000000000000', body: { intValue: n } })));
const bodies = (sources: readonly any[]) => sources.map(({ body }) => body.text);
const sent = () => server.requests.map(({ documents }) => bodies(documents.map(({ source }) => source)));

test('a batch is one bulk request that servers of version 8 and 9 take', async () => {
  const { put } = await start();
  expect(await put()).toEqual({ status: 'accepted' });
  const { path, headers } = server.requests[0]!;
  expect(sent()).toEqual([[0, 1, 2]]);
  expect(path).toMatch(/^\/_bulk\?filter_path=/);
  expect(headers).toMatchObject({
    'content-type': 'application/vnd.elasticsearch+x-ndjson; compatible-with=8',
    accept: 'application/vnd.elasticsearch+json; compatible-with=8',
    'content-encoding': 'gzip',
    'user-agent': expect.stringContaining('sluice/'),
  });
});

test('documents that are refused for now are sent again alone', async () => {
  server.verdict = ({ body }, request) => (body.text === 1 && request < 2 ? busy : 201);
  const { put, account, settings } = await start();
  expect(await put()).toEqual({ status: 'accepted' });
  expect(sent()).toEqual([[0, 1, 2], [1], [1]]);
  expect(bodies(server.taken)).toEqual([0, 2, 1]);
  expect(account.delivered).toBe(3);
  expect(settings.meter.value('otelcol_elasticsearch_docs_retried', { exporter: 'test' })).toBe(2);
});

test('only so often as max_retries says; what has arrived is not lost then', async () => {
  server.verdict = ({ body }) => (body.text === 1 ? busy : 201);
  const { put } = await start({ retry: { max_retries: 2 } });
  expect(await put()).toMatchObject({
    status: 'accepted',
    rejectedItems: 1,
    losses: [{ from: 1, items: 1, outcome: { status: 'retryable' } }],
  });
  expect(sent()).toEqual([[0, 1, 2], [1], [1]]);
});

test('when the time for tries is over, what has arrived is not lost', async () => {
  server.verdict = ({ body }) => (body.text === 1 ? busy : 201);
  const { put } = await start({ retry: { max_elapsed_time: '30ms' } });
  expect(await put()).toMatchObject({ status: 'retryable', losses: [{ from: 1, items: 1 }] });
});

test('without retries what is refused for now is lost, and says so', async () => {
  server.verdict = ({ body }) => (body.text === 1 ? busy : 201);
  const { put } = await start({ retry: { enabled: false } });
  expect(await put()).toMatchObject({
    status: 'accepted',
    rejectedItems: 1,
    losses: [{ outcome: { status: 'retryable' } }],
  });
});

test('documents that are refused for good are counted by type, never sent again, and kept with the reason', async () => {
  const path = join(folder, 'kept', 'rejected.jsonl');
  server.verdict = ({ body }) => (body.text === 1 ? conflict : 201);
  const { put, settings, exporter } = await start({ rejected: { path } });
  expect(await put()).toMatchObject({
    status: 'accepted',
    rejectedItems: 1,
    losses: [{ from: 1, items: 1, outcome: { status: 'permanent', reason: 'document_parsing_exception (400)' } }],
  });
  expect(server.requests).toHaveLength(1);
  const refused = {
    outcome: 'failed_client',
    'http.response.status_code': '400',
    'error.type': 'document_parsing_exception',
  };
  expect(settings.meter.value('otelcol_elasticsearch_docs_processed', { exporter: 'test', ...refused })).toBe(1);
  await exporter.shutdown!(AbortSignal.timeout(2000));
  const lines = (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toEqual([
    {
      'sluice.rejected': {
        time: expect.any(String),
        index: 'logs-generic.otel-default',
        status: 400,
        type: 'document_parsing_exception',
        reason: 'failed to parse field [n]',
      },
      resourceLogs: [
        {
          resource: {},
          scopeLogs: [{ scope: {}, logRecords: [{ timeUnixNano: '1700000000000000000', body: { intValue: '1' } }] }],
        },
      ],
    },
  ]);
});

test('a refused event of a span is kept with its span, which has arrived', async () => {
  const path = join(folder, 'event.jsonl');
  server.verdict = ({ event_name }) => (event_name ? conflict : 201);
  const { exporter, settings } = await start({ rejected: { path } });
  const batch = spans([{ name: 'a', events: [{ name: 'e', attributes: [text('x', 'y')] }] }, { name: 'b' }]);
  expect(await exporter.consume(batch, {})).toEqual({ status: 'accepted' });
  await exporter.shutdown!(AbortSignal.timeout(2000));
  const line = JSON.parse(await readFile(path, 'utf8'));
  expect(line['sluice.rejected']).toMatchObject({ of: 'event', index: 'logs-generic.otel-default' });
  expect(line.resourceSpans[0].scopeSpans[0].spans).toMatchObject([{ name: 'a', events: [{ name: 'e' }] }]);
  expect(settings.logger.lines[0]).toMatchObject({ level: 'warn', fields: { documents: 1 } });
});

test('each of many refused documents is kept, with its own items', async () => {
  const path = join(folder, 'many.jsonl');
  server.verdict = ({ body }) => (body && body.text % 2 === 0 ? 201 : conflict);
  const { put, exporter } = await start({ rejected: { path } });
  expect(await put(numbered(2000))).toMatchObject({ rejectedItems: 1000 });
  const gauge = (name: string) => ({ name, gauge: { dataPoints: [{ timeUnixNano: '1', asInt: '1' }] } });
  const other = { name: 'other', gauge: { dataPoints: [{ timeUnixNano: '2', asInt: '1' }] } };
  expect(await exporter.consume(metrics([gauge('a'), other, gauge('b')]), {})).toMatchObject({ rejectedItems: 3 });
  await exporter.shutdown!(AbortSignal.timeout(2000));
  const lines = (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  // Readers of OTLP/JSON take the file as it is.
  const again = decodeJson('logs', Buffer.from((await readFile(path, 'utf8')).split('\n')[0]!));
  expect(again).toMatchObject({ itemCount: 1 });
  const kept = lines.slice(0, 1000).map((line) => line.resourceLogs[0].scopeLogs[0].logRecords);
  expect(kept).toEqual(
    Array.from({ length: 1000 }, (_, i) => [expect.objectContaining({ body: { intValue: String(i * 2 + 1) } })]),
  );
  const names = lines
    .slice(1000)
    .map((line) => line.resourceMetrics.map((one: any) => one.scopeMetrics[0].metrics[0].name));
  expect(names).toEqual([['a', 'b'], ['other']]);
});

test('the rejection log keeps to its size', async () => {
  const path = join(folder, 'bounded.jsonl');
  server.verdict = () => conflict;
  const { put, exporter } = await start({ rejected: { path, max_megabytes: 1 } });
  const large = () => logs([{ body: { stringValue: 'x'.repeat(200_000) } }]);
  for (let i = 0; i < 12; i++) await put(large());
  await exporter.shutdown!(AbortSignal.timeout(2000));
  const sizes = await Promise.all([path, `${path}.1`].map(async (file) => (await stat(file)).size));
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(1_000_001);
  expect(sizes.every((size) => size > 0)).toBe(true);
});

test('a rejection log that cannot be written is told once, and the documents go on', async () => {
  server.verdict = ({ body }) => (body.text === 1 ? conflict : 201);
  await writeFile(join(folder, 'a-file'), '');
  const { put, settings } = await start({ rejected: { path: join(folder, 'a-file', 'x.jsonl') } });
  for (let i = 0; i < 3; i++) expect(await put()).toMatchObject({ status: 'accepted', rejectedItems: 1 });
  await expect.poll(() => settings.logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
});

test('409 is a success for an id of ours, and a refusal otherwise', async () => {
  server.verdict = () => 409;
  const ours = await start({ document_ids: 'stable' });
  expect(await ours.put()).toEqual({ status: 'accepted' });
  const theirs = await start();
  expect(await theirs.put()).toMatchObject({ status: 'accepted', rejectedItems: 3 });
});

test('a retry after a lost answer carries the same ids', async () => {
  const { put } = await start({ document_ids: 'stable' });
  server.refuse = (_, count) => (count < 2 ? { status: 0, hangUp: true } : undefined);
  expect(await put()).toEqual({ status: 'accepted' });
  const ids = server.requests.map(({ documents }) => documents.map(({ action }) => action._id));
  expect(ids).toEqual([ids[0], ids[0], ids[0]]);
  expect(new Set(ids[0]).size).toBe(3);
});

test.each([429, 502, 503])('a request answered %s is sent again', async (status) => {
  const { put } = await start();
  server.refuse = (_, count) =>
    count < 2 ? { status, headers: { 'retry-after': '0' }, body: '{"error":"later"}' } : undefined;
  expect(await put()).toEqual({ status: 'accepted' });
  expect(bodies(server.taken)).toEqual([0, 1, 2]);
});

test('Retry-After is handed on', async () => {
  const { put } = await start({ retry: { enabled: false } });
  server.refuse = () => ({ status: 429, headers: { 'retry-after': '7' } });
  const { exporter } = await start({ retry: { max_elapsed_time: '1s' } });
  expect(await exporter.consume(numbered(1), {})).toMatchObject({
    status: 'retryable',
    retryAfterMs: 7000,
    limited: true,
  });
  expect(await put()).toMatchObject({ rejectedItems: 3 });
});

test('a full disk passes, also where the server calls it forbidden', async () => {
  server.verdict = (_, request) => (request === 0 ? { status: 403, type: 'cluster_block_exception' } : 201);
  const { put } = await start();
  expect(await put()).toEqual({ status: 'accepted' });
  expect(sent()).toEqual([
    [0, 1, 2],
    [0, 1, 2],
  ]);
});

test('a request that is too large is divided, and no document is sent twice', async () => {
  server.refuse = ({ documents }) => (documents.length > 2 ? { status: 413 } : undefined);
  const { put } = await start();
  expect(await put(numbered(7))).toEqual({ status: 'accepted' });
  expect(bodies(server.taken).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test('one document that is too large is the only one lost', async () => {
  server.refuse = ({ documents }) =>
    documents.some(({ source }) => source.body.text === 5) ? { status: 413 } : undefined;
  const { put } = await start();
  expect(await put(numbered(8))).toMatchObject({
    rejectedItems: 1,
    losses: [{ from: 5, items: 1, outcome: { code: 'rejected' } }],
  });
  expect(bodies(server.taken).sort()).toEqual([0, 1, 2, 3, 4, 6, 7]);
});

test('one document that spoils its request is the only one lost', async () => {
  const body = '{"error":{"type":"illegal_argument_exception","reason":"bad"},"status":400}';
  server.refuse = ({ documents }) =>
    documents.some(({ source }) => source.body.text === 2) ? { status: 400, body } : undefined;
  const { put } = await start();
  expect(await put(numbered(4))).toMatchObject({ rejectedItems: 1, losses: [{ from: 2, items: 1 }] });
});

test('requests are at most flush.bytes large', async () => {
  const { put } = await start({ flush: { bytes: 2000 } });
  expect(await put(numbered(50))).toEqual({ status: 'accepted' });
  expect(server.requests.length).toBeGreaterThan(3);
  expect(Math.max(...server.requests.map(({ bytes }) => bytes))).toBeLessThanOrEqual(2000);
  expect(bodies(server.taken)).toEqual(Array.from({ length: 50 }, (_, n) => n));
});

test.each(['gzip', 'none'])('no memory stays counted, whatever became of a request (%s)', async (compression) => {
  const { put, settings } = await start({ compression, flush: { bytes: 2000 }, retry: { max_retries: 2 } });
  const { memory } = settings;
  const fates: ((count: number) => Refusal | undefined)[] = [
    () => undefined,
    () => ({ status: 413 }),
    () => ({ status: 401 }),
    (count) => (count % 3 === 1 ? { status: 503 } : undefined),
    (count) => (count % 3 === 1 ? { status: 0, hangUp: true } : undefined),
  ];
  for (const fate of fates) {
    server.refuse = (_, count) => fate(count);
    await put(numbered(40));
    expect(memory.copies).toBe(0);
  }
  server.refuse = () => undefined;
  server.verdict = ({ body }) => (body.text % 3 === 1 ? busy : 201);
  await put(numbered(40));
  expect(memory.copies).toBe(0);
});

test('what had arrived when a later request failed is not sent again', async () => {
  server.refuse = (_, count) => (count === 1 ? { status: 503 } : undefined);
  const { put } = await start({ flush: { bytes: 1000 } });
  expect(await put(numbered(20))).toEqual({ status: 'accepted' });
  expect(bodies(server.taken)).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test.each([
  [401, 'unauthenticated'],
  [403, 'permission_denied'],
  [404, 'not_found'],
])('%s is final: %s', async (status, code) => {
  server.refuse = () => ({ status, body: '{"error":{"type":"security_exception","reason":"missing credentials"}}' });
  const { put } = await start();
  expect(await put()).toMatchObject({
    status: 'permanent',
    code,
    reason: expect.stringContaining('missing credentials'),
  });
  expect(server.requests).toHaveLength(1);
});

test('an answer that is none is no success', async () => {
  server.refuse = () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>login</html>' });
  const { put } = await start({ retry: { max_elapsed_time: '10ms' } });
  expect(await put()).toMatchObject({ status: 'retryable', reason: expect.stringContaining('Elasticsearch') });
});

test('a server that is not there is told with its address', async () => {
  server.close();
  const { put } = await start({ retry: { max_elapsed_time: '10ms' } });
  expect(await put()).toMatchObject({
    status: 'retryable',
    reason: expect.stringMatching(/cannot send to http:\/\/127.*ECONNREFUSED/),
  });
});

test('the same batch from two pipelines is there twice', async () => {
  const { exporter } = await start();
  const batch = numbered(2);
  await Promise.all([exporter.consume(batch, {}), exporter.consume(batch, {})]);
  await exporter.consume(batch, {});
  expect(bodies(server.taken)).toEqual([0, 1, 0, 1, 0, 1]);
});

test('several endpoints take turns, and one that is down is left out', async () => {
  const second = new FakeElasticsearch();
  servers.push(second);
  const { put } = await start({ endpoint: undefined, endpoints: [url, await second.listen()] });
  for (let i = 0; i < 6; i++) expect(await put()).toEqual({ status: 'accepted' });
  expect(server.requests.length).toBe(3);
  expect(second.requests.length).toBe(3);
  server.close();
  for (let i = 0; i < 6; i++) expect(await put()).toEqual({ status: 'accepted' });
  expect(second.requests.length).toBe(9);
});

test('the nodes that the cluster names are asked too', async () => {
  const second = new FakeElasticsearch();
  servers.push(second);
  const addresses = [url, await second.listen()].map((address) => address.replace('http://', ''));
  const nodes = Object.fromEntries(addresses.map((publish_address, i) => [`n${i}`, { http: { publish_address } }]));
  server.other = () => ({ status: 200, body: JSON.stringify({ nodes }) });
  const { put } = await start({ discover: { on_start: true } });
  for (let i = 0; i < 4; i++) expect(await put()).toEqual({ status: 'accepted' });
  expect([server.requests.length, second.requests.length]).toEqual([2, 2]);
});

test('a cluster that does not name its nodes is asked where it was configured', async () => {
  server.other = () => ({ status: 403, body: '{"error":"no"}' });
  const { put, settings } = await start({ discover: { on_start: true } });
  expect(await put()).toEqual({ status: 'accepted' });
  expect(settings.logger.lines[0]!.message).toContain('discovered');
});

test('a Cloud ID names the host', () => {
  const id = `name:${Buffer.from('eu.example.com:9243$cluster$kibana').toString('base64')}`;
  expect(nodesOf({ endpoints: [], cloudid: id })).toEqual(['https://cluster.eu.example.com:9243']);
});

test.each([
  [{ user: 'u', password: 'p:w' }, `Basic ${Buffer.from('u:p:w').toString('base64')}`],
  [{ api_key: 'abc==' }, 'ApiKey abc=='],
  [{ headers: { Authorization: 'Bearer t' } }, 'Bearer t'],
])('authenticates with %j', async (over, want) => {
  const { put } = await start(over);
  await put();
  expect(server.requests[0]!.headers.authorization).toBe(want);
});

test('credentials may stand in the URL, and are not told in errors', async () => {
  const { put } = await start({ endpoint: url.replace('//', '//me:secret@'), retry: { max_elapsed_time: '5ms' } });
  await put();
  expect(server.requests[0]!.headers.authorization).toBe(`Basic ${Buffer.from('me:secret').toString('base64')}`);
  server.close();
  expect(JSON.stringify(await put())).not.toContain('secret');
});

test('an authenticator is asked before each request', async () => {
  let token = 0;
  const extension = { headers: () => ({ authorization: `Bearer ${++token}` }) };
  const { put } = await start({ auth: { authenticator: 'bearertokenauth' } }, {
    extension: () => extension,
  } as unknown as Host);
  await put();
  await put();
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
});

test('without compression the body travels as it is; pipeline and include_source_on_error are asked for', async () => {
  const { put } = await start({ compression: 'none', pipeline: 'p', include_source_on_error: false });
  await put();
  expect(server.requests[0]!.headers['content-encoding']).toBeUndefined();
  expect(server.requests[0]!.path).toContain('pipeline=p&include_source_on_error=false');
});

test('the templates are written at the start when asked for, and tried again until they are there', async () => {
  server.other = () => ({ status: 503, body: '{"error":"not yet"}' });
  const { put } = await start({ setup: { templates: true }, retry: { enabled: false } });
  expect(await put()).toMatchObject({ status: 'retryable' });
  expect(server.requests).toEqual([]);
  server.other = () => ({ status: 200, body: '{"acknowledged":true}' });
  expect(await put()).toEqual({ status: 'accepted' });
  expect(server.others.slice(-4)).toEqual([
    'PUT /_component_template/sluice-otel-mappings',
    'PUT /_index_template/sluice-logs-otel',
    'PUT /_index_template/sluice-traces-otel',
    'PUT /_index_template/sluice-metrics-otel',
  ]);
});

test('batches at the same time do not disturb one another', async () => {
  const { exporter } = await start();
  const batches = Array.from({ length: 20 }, (_, seed) => generatePayload('logs', { items: 50, seed }));
  const outcomes = await Promise.all(batches.map((batch) => exporter.consume(batch, {})));
  expect(outcomes).toEqual(batches.map(() => ({ status: 'accepted' })));
  expect(new Set(server.taken.map(({ span_id }) => span_id)).size).toBe(1000);
});

test('a server that takes the request and says nothing is given up after the timeout', async () => {
  const deaf = createServer(() => {});
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
  const { put } = await start({ timeout: '100ms', retry: { max_elapsed_time: '1ms' }, endpoint });
  expect(await put()).toMatchObject({ status: 'retryable', reason: expect.stringContaining('timeout') });
  deaf.closeAllConnections();
  deaf.close();
});

test.each([
  [{}, 'expected a URL'],
  [{ endpoint: 'http://a', cloudid: 'n:aaaa' }, 'one of endpoint'],
  [{ cloudid: 'nothing' }, 'Cloud ID'],
  [{ endpoint: 'http://a', user: 'u' }, 'go together'],
  [{ endpoint: 'http://a', user: 'u', password: 'p', api_key: 'k' }, 'one of user'],
  [{ endpoint: 'http://a', mapping: { mode: 'fancy' } }, 'otel, ecs, none, raw, bodymap'],
  [{ endpoint: 'http://a', logstash_format: { date_format: '%Q' } }, 'strftime'],
])('the configuration %j is refused', (config, want) => {
  const result = schema.safeParse(config);
  expect(result.success).toBe(false);
  expect(JSON.stringify(result.error?.issues)).toContain(want);
});

test('what is set of the queue counts before upstream’s defaults for it', () => {
  const queue = (over: object) => schema.parse({ endpoint: 'http://a', ...over }).sending_queue;
  expect(queue({})).toMatchObject({
    enabled: true,
    batch: { sizer: 'bytes', min_size: 1_000_000, max_size: 2_000_000 },
  });
  expect(queue({ sending_queue: { num_consumers: 3 } })).toMatchObject({ num_consumers: 3, batch: { sizer: 'bytes' } });
  expect(queue({ sending_queue: { batch: { min_size: 7 } } })).toMatchObject({
    batch: { sizer: 'items', min_size: 7 },
  });
});
