import { expect, test } from 'vitest';
import type { TelemetryConfig } from '../core/resolved.ts';
import { components } from './fixture.ts';
import { formatIssue } from './issues.ts';
import { loadConfig } from './load.ts';

const base = `yaml:
receivers: { otlp: { protocols: { grpc: } } }
exporters: { debug: }
service:
  pipelines: { traces: { receivers: [otlp], exporters: [debug] } }
`;

async function load(service: string) {
  const loaded = await loadConfig([`${base}${service}`], components, { env: {}, cwd: '/' });
  return {
    service: loaded.ok ? loaded.config.service : undefined,
    issues: [...(loaded.ok ? [] : loaded.issues), ...loaded.warnings].map((issue) =>
      formatIssue(issue).replace(/^yaml:/, ''),
    ),
  };
}

async function telemetry(text: string): Promise<TelemetryConfig> {
  const { service, issues } = await load(`  telemetry: ${text}`);
  if (!service) throw new Error(issues.join('\n'));
  return service.telemetry;
}

test('logs', async () => {
  const { logs } = await telemetry(
    '{ logs: { level: WARN, encoding: json, output_paths: [stdout, /var/log/x], initial_fields: { a: 1 } } }',
  );
  expect(logs).toEqual({
    level: 'warn',
    encoding: 'json',
    outputPaths: ['stdout', '/var/log/x'],
    initialFields: { a: 1 },
    resource: true,
    sampling: { tickMs: 10_000, initial: 10, thereafter: 100 },
  });
});

test('repeated log lines are thinned out as told, or not at all', async () => {
  const logs = async (text: string) => (await telemetry(`{ logs: ${text} }`)).logs;
  expect(await logs('{ sampling: { tick: 1m, initial: 1, thereafter: 0 }, disable_zap_resource: true }')).toMatchObject(
    {
      resource: false,
      sampling: { tickMs: 60_000, initial: 1, thereafter: 0 },
    },
  );
  expect((await logs('{ sampling: { enabled: false } }')).sampling).toBeUndefined();
});

test('metrics are served where readers say, in the newer form', async () => {
  const { metrics } = await telemetry(`
    metrics:
      level: detailed
      readers:
        - pull: { exporter: { prometheus: { host: 0.0.0.0, port: 9999 } } }
        - periodic:
            interval: 5000
            exporter:
              otlp:
                protocol: http/protobuf
                endpoint: http://backend:4318
                headers: [{ name: Authorization, value: Bearer x }]`);
  expect(metrics).toEqual({
    level: 'detailed',
    prometheus: [{ host: '0.0.0.0', port: 9999 }],
    otlp: [
      {
        protocol: 'http/protobuf',
        endpoint: 'http://backend:4318',
        headers: { Authorization: 'Bearer x' },
        intervalMs: 5000,
      },
    ],
  });
});

test('only a periodic reader: nothing is served; no readers: neither; level none: neither', async () => {
  const periodic = '{ periodic: { exporter: { otlp: { endpoint: "http://b:4318" } } } }';
  expect(await telemetry(`{ metrics: { readers: [${periodic}] } }`)).toMatchObject({
    metrics: { prometheus: [], otlp: [{ intervalMs: 60_000, headers: {} }] },
  });
  expect(await telemetry('{ metrics: { readers: [] } }')).toMatchObject({ metrics: { prometheus: [], otlp: [] } });
  expect(await telemetry(`{ metrics: { level: none, readers: [${periodic}] } }`)).toMatchObject({
    metrics: { level: 'none', prometheus: [], otlp: [] },
  });
});

test('the older address is taken', async () => {
  const at = async (address: string) => (await telemetry(`{ metrics: { address: "${address}" } }`)).metrics.prometheus;
  expect(await at('0.0.0.0:8889')).toEqual([{ host: '0.0.0.0', port: 8889 }]);
  expect(await at(':8889')).toEqual([{ host: '', port: 8889 }]);
  expect(await at('[::1]:8889')).toEqual([{ host: '::1', port: 8889 }]);
});

test('resource attributes in both forms', async () => {
  expect((await telemetry('{ resource: { service.name: x, service.instance.id: null, n: 5 } }')).resource).toEqual({
    'service.name': 'x',
    'service.instance.id': null,
    n: '5',
  });
  expect((await telemetry('{ resource: { attributes: [{ name: a, value: b }] } }')).resource).toEqual({ a: 'b' });
});

test("Sluice's own settings", async () => {
  const { service } = await load('  memory_budget_mib: 1.5\n  shutdown_timeout: 1m');
  expect(service).toMatchObject({ memoryBudgetBytes: 1_572_864, shutdownTimeoutMs: 60_000 });
});

const wrong: [string, string[]][] = [
  [
    '  telemetry: { logs: { level: loud } }',
    ['6:31 service.telemetry.logs.level: expected one of debug, info, warn, error, got "loud"'],
  ],
  [
    '  telemetry: { metrics: { readers: [{}] } }',
    ['6:37 service.telemetry.metrics.readers[0]: expected either pull or periodic in each reader, got a map'],
  ],
  [
    '  telemetry: { metrics: { address: nowhere } }',
    [
      '6:36 service.telemetry.metrics.address: expected host:port such as localhost:4317, got "nowhere": the port is missing',
    ],
  ],
  [
    '  telemetry: { metrics: { views: [] } }',
    [
      '6:27 service.telemetry.metrics.views: known in the OpenTelemetry Collector, not supported by Sluice yet: drop metrics where they are scraped',
    ],
  ],
  [
    '  telemetry: { traces: { processors: [{ batch: }] } }',
    [
      '6:26 service.telemetry.traces.processors: known in the OpenTelemetry Collector, not supported by Sluice yet: Sluice does not trace itself yet; remove it and read the metrics in its place',
    ],
  ],
  [
    '  telemetry: { logs: { development: true } }',
    ['6:24 service.telemetry.logs.development: has no effect in Sluice: there is no development mode of the logger'],
  ],
  ['  telemetry: { traces: { level: none } }', []],
  ['  memory_budget_mib: 0', ['6:22 service.memory_budget_mib: expected a number of more than 0, got 0']],
  [
    '  shutdown_timout: 1s',
    ['6:3 service.shutdown_timout: expected a known field, got "shutdown_timout"; did you mean "shutdown_timeout"?'],
  ],
];
test.each(wrong)('%s', async (text, want) => expect((await load(text)).issues).toEqual(want));
