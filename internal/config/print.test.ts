/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's syntax, not JavaScript's */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { components } from './fixture.ts';
import { formatIssue } from './issues.ts';
import { type LoadedConfig, loadConfig } from './load.ts';
import { printConfig } from './print.ts';
import { redact } from './redact.ts';

const env = { TOKEN: 'p$a${x', TENANT: '007', HOST: 'gateway' };

async function load(source: string): Promise<LoadedConfig> {
  const loaded = await loadConfig([source], components, { env, cwd: import.meta.dirname });
  if (loaded.ok) return loaded.config;
  throw new Error(loaded.issues.map(formatIssue).join('\n'));
}

/** What a running collector sees of a configuration. */
function seen(config: LoadedConfig): unknown {
  const { document: _, service, ...sections } = config;
  const parts = Object.entries(sections).map(([section, all]) => [
    section,
    [...all].map(([id, one]) => [id, one.config]),
  ]);
  return { ...Object.fromEntries(parts), service: { ...service, pipelines: [...service.pipelines] } };
}

test("a gateway's configuration for the Go collector loads", async () => {
  const config = await load('testdata/gateway.yaml');
  expect([...config.service.pipelines.keys()]).toEqual(['traces', 'traces/backend', 'metrics', 'metrics/red', 'logs']);
  expect(config.exporters.get('otlp/backend')?.config).toMatchObject({
    endpoint: 'gateway:4317',
    headers: { 'x-tenant': '007', authorization: 'Bearer p$a${x' },
    timeout: 10_000,
  });
});

test('what print-config prints loads to the same configuration', async () => {
  const config = await load('testdata/gateway.yaml');
  const printed = printConfig(config, { secrets: true });
  expect(seen(await load(`yaml:${printed}`))).toEqual(seen(config));
  expect(printConfig(await load(`yaml:${printed}`), { secrets: true })).toBe(printed);
});

test('so it does for configurations made at random', async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const text = randomConfig(seed);
    const config = await load(`yaml:${text}`);
    const printed = printConfig(config, { secrets: true });
    expect(seen(await load(`yaml:${printed}`)), text).toEqual(seen(config));
  }
});

test('defaults are filled in, in declared order', async () => {
  const config = await load(
    'yaml:{ receivers: { otlp: { protocols: { http: } } }, exporters: { debug: }, processors: { batch: { send_batch_size: 5 } }, service: { pipelines: { logs: { receivers: [otlp], processors: [batch], exporters: [debug] } } } }',
  );
  const printed = parse(printConfig(config));
  expect(Object.keys(printed)).toEqual(['receivers', 'processors', 'exporters', 'service']);
  expect(printed.processors.batch).toEqual({
    timeout: '200ms',
    send_batch_size: 5,
    send_batch_max_size: 0,
    metadata_keys: [],
  });
  expect(printed.receivers.otlp.protocols).toEqual({
    http: { endpoint: 'localhost:4318', max_recv_msg_size_mib: 4, include_metadata: false },
  });
  expect(printed.exporters).toEqual({ debug: { verbosity: 'basic' } });
  expect(printed.service.telemetry.metrics).toEqual({
    level: 'normal',
    readers: [{ pull: { exporter: { prometheus: { host: 'localhost', port: 8888 } } } }],
  });
});

test('secrets are masked, in the resolved and in the merged form; references stay', async () => {
  const config = await load('testdata/gateway.yaml');
  const resolved = printConfig(config);
  expect(resolved).not.toContain('p$');
  expect(resolved).not.toContain('in-line-key');
  expect(parse(resolved).exporters['otlp/backend']).toMatchObject({
    headers: { 'x-tenant': '[REDACTED]', authorization: '[REDACTED]' },
    tls: { key_pem: '[REDACTED]' },
  });
  const merged = printConfig(config, { form: 'merged' });
  expect(merged).not.toContain('in-line-key');
  expect(parse(merged).exporters['otlp/backend']).toMatchObject({
    endpoint: '${env:HOST}:4317',
    headers: { 'x-tenant': '${env:TENANT}' },
    tls: { key_pem: '[REDACTED]' },
  });
});

test('names that tell of a secret are masked where no schema speaks', () => {
  const value = {
    password: 'x',
    api_key: 'x',
    db_password: 5,
    access_key: '${env:KEY}',
    secret: '${env:KEY:-x}',
    token_file: '/run/token',
    tokens: ['x', 'y'],
    request_headers: { a: 'x' },
    headers: [{ name: 'a', value: 'x' }],
    authenticator: 'bearertokenauth',
    url: 'http://me:x@host/',
    max_tokens: 'x',
    enabled: true,
  };
  expect(redact(value, [])).toEqual({
    password: '[REDACTED]',
    api_key: '[REDACTED]',
    db_password: '[REDACTED]',
    access_key: '${env:KEY}',
    secret: '[REDACTED]',
    token_file: '/run/token',
    tokens: ['[REDACTED]', '[REDACTED]'],
    request_headers: { a: '[REDACTED]' },
    headers: [{ name: 'a', value: '[REDACTED]' }],
    authenticator: 'bearertokenauth',
    url: 'http://me:[REDACTED]@host/',
    max_tokens: '[REDACTED]',
    enabled: true,
  });
});

test('the sample has every section, so that the tests above see them', async () => {
  const text = await readFile(`${import.meta.dirname}/testdata/gateway.yaml`, 'utf8');
  expect(Object.keys(parse(text, { merge: true })).sort()).toEqual([
    'connectors',
    'exporters',
    'extensions',
    'processors',
    'receivers',
    'service',
  ]);
});

/** A right configuration whose fields are set or left at random. */
function randomConfig(seed: number): string {
  let state = seed;
  const next = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) / 0x7fff_ffff;
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
  const maybe = (field: object): object => (next() < 0.5 ? field : {});
  const text = () =>
    pick(['a', 'true', '5', '0123', '', 'null', '- x', 'a: b', '$$', '$${env:X}', '"', 'ä\n b', '#c', '~', '[', '1e3']);
  const duration = () => pick(['0s', '200ms', '1h30m', '1.5s', 0, '100us']);
  const server = () =>
    pick([
      null,
      {
        ...maybe({ max_recv_msg_size_mib: pick([0, 4]) }),
        ...maybe({ tls: pick([null, { min_version: '1.3', ca_file: text() }]) }),
        ...maybe({ cors: pick([null, { allowed_origins: [text(), text()] }]) }),
      },
    ]);
  const exporter = {
    endpoint: 'a:1',
    ...maybe({
      headers: pick<unknown>([
        { [pick(['x', 'X-Y', '5', '$$', 'true'])]: text() },
        [{ name: 'n', value: text() }],
        null,
      ]),
    }),
    ...maybe({ timeout: duration() }),
    ...maybe({ compression: pick(['none', 'zstd', null]) }),
    ...maybe({ retry_on_failure: pick([null, { multiplier: 2.5, max_interval: duration() }]) }),
    ...maybe({ sending_queue: { ...maybe({ batch: pick([null, { min_size: 5 }]) }) } }),
  };
  return JSON.stringify({
    receivers: { otlp: { protocols: { grpc: server(), ...maybe({ http: server() }) } } },
    processors: { batch: pick([null, { metadata_keys: [text()], timeout: duration() }]) },
    exporters: {
      'otlp/x': exporter,
      ...maybe({ debug: pick([null, { sending_queue: pick([null, { batch: null }]) }]) }),
    },
    service: {
      pipelines: { 'logs/a': { receivers: ['otlp'], processors: ['batch'], exporters: ['otlp/x'] } },
      ...maybe({
        telemetry: {
          ...maybe({ resource: { 'a.b': pick([text(), null, 5]) } }),
          ...maybe({ metrics: { level: 'none' } }),
        },
      }),
      ...maybe({ memory_budget_mib: 64 }),
    },
  });
}
