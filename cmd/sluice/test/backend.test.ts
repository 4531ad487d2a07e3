import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { sluice } from './command.ts';

/* `sluice backend elasticsearch install`, against a server that only writes down what it is asked. */

const asked: { line: string; authorization: string | undefined }[] = [];
let answer = { status: 200, body: '{"acknowledged":true}' };
const server = createServer((request, response) => {
  asked.push({ line: `${request.method} ${request.url}`, authorization: request.headers.authorization });
  request.resume().on('end', () => {
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
});
let endpoint: string;
let folder: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  folder = await mkdtemp(join(tmpdir(), 'sluice-backend-'));
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  asked.length = 0;
  answer = { status: 200, body: '{"acknowledged":true}' };
});

const written = [
  'POST /_index_template/_simulate',
  'PUT /_component_template/sluice-otel-mappings',
  'PUT /_index_template/sluice-logs-otel',
  'PUT /_index_template/sluice-traces-otel',
  'PUT /_index_template/sluice-metrics-otel',
];

test('writes the templates of the otel mapping', async () => {
  const { code, stdout } = await sluice(['backend', 'elasticsearch', 'install', '--endpoint', endpoint]);
  expect(code).toBe(0);
  expect(asked.map(({ line }) => line)).toEqual(written);
  expect(stdout).toContain('sluice-traces-otel');
});

test('takes address and credentials from the exporter of a configuration', async () => {
  const path = join(folder, 'collector.yaml');
  await writeFile(
    path,
    `
receivers: { otlp: { protocols: { http: {} } } }
extensions: { basicauth: { client_auth: { username: u, password: p } } }
exporters: { elasticsearch/one: { endpoint: '${endpoint}', auth: { authenticator: basicauth } }, elasticsearch/two: { endpoint: 'http://127.0.0.1:1' } }
service: { extensions: [basicauth], pipelines: { logs: { receivers: [otlp], exporters: [elasticsearch/one, elasticsearch/two] } } }
`,
  );
  const { code } = await sluice([
    'backend',
    'elasticsearch',
    'install',
    '--config',
    path,
    '--exporter',
    'elasticsearch/one',
  ]);
  expect(code).toBe(0);
  expect(asked[1]!.authorization).toBe(`Basic ${Buffer.from('u:p').toString('base64')}`);
  const unnamed = await sluice(['backend', 'elasticsearch', 'install', '--config', path]);
  expect(unnamed).toMatchObject({ code: 1, stderr: expect.stringContaining('elasticsearch/one, elasticsearch/two') });
});

test('says what the server says', async () => {
  answer = { status: 403, body: '{"error":{"type":"security_exception","reason":"not you"}}' };
  const { code, stderr } = await sluice(['backend', 'elasticsearch', 'install', '--endpoint', endpoint]);
  expect(code).toBe(1);
  expect(stderr).toContain('answered 403 to POST /_index_template/_simulate: security_exception not you');
});

test.each([
  [['backend'], 'expected elasticsearch'],
  [['backend', 'elasticsearch'], 'expected install'],
  [['backend', 'elasticsearch', 'install'], 'either --endpoint or --config'],
  [['backend', 'elasticsearch', 'install', '--endpoint', 'nowhere'], 'expected a URL'],
])('%j makes no sense', async (args, want) => {
  expect(await sluice(args)).toMatchObject({ code: 2, stderr: expect.stringContaining(want) });
});
