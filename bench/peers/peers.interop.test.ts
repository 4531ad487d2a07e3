import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { startOtelcol } from './otelcol.ts';
import { type PeerName, peer } from './peer.ts';

const run = promisify(execFile);

/** The peer's executable; skips the test, with the reason, where it cannot be had. */
async function need(context: TestContext, name: PeerName): Promise<string> {
  const found = await peer(name, { log: (line) => process.stderr.write(`${line}\n`) });
  if ('missing' in found) return context.skip(found.missing);
  return found.path;
}

const FIRST_BUILD_MS = 900_000;

describe('peer', () => {
  it('has an h2spec that prints its help', { timeout: FIRST_BUILD_MS }, async (context) => {
    const { stdout } = await run(await need(context, 'h2spec'), ['--help']);
    expect(stdout).toContain('h2spec [spec...] [flags]');
  });

  it('has a telemetrygen for the three signals', { timeout: FIRST_BUILD_MS }, async (context) => {
    const { stdout } = await run(await need(context, 'telemetrygen'), ['--help']);
    for (const signal of ['traces', 'metrics', 'logs']) expect(stdout).toContain(signal);
  });

  it('has an otelcol with every part that the comparisons use', { timeout: FIRST_BUILD_MS }, async (context) => {
    const { stdout } = await run(await need(context, 'otelcol'), ['components']);
    const names = [...stdout.matchAll(/- name: (\S+)/g)].map((match) => match[1]);
    expect(names.sort()).toEqual(
      [
        ...['otlp', 'otlp_grpc', 'otlp_http', 'debug', 'nop', 'file', 'prometheus_remote_write'],
        ...['batch', 'memory_limiter', 'attributes', 'resource', 'filter', 'transform'],
        ...['tail_sampling', 'probabilistic_sampler', 'file_storage', 'health_check'],
        ...['span', 'redaction', 'groupbyattrs', 'cumulativetodelta', 'deltatocumulative'],
      ].sort(),
    );
  });
});

describe('startOtelcol', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-otelcol-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const toFile = `
receivers:
  otlp:
    protocols:
      grpc: { endpoint: '127.0.0.1:\${env:GRPC_PORT}' }
      http: { endpoint: '127.0.0.1:\${env:HTTP_PORT}' }
processors: { batch: {} }
# One file exporter each: a shared one is closed with the first pipeline that stops, and panics when the next flushes.
exporters:
  file/traces: { path: '\${env:OUT}/traces.jsonl' }
  file/metrics: { path: '\${env:OUT}/metrics.jsonl' }
  file/logs: { path: '\${env:OUT}/logs.jsonl' }
service:
  pipelines:
    traces: { receivers: [otlp], processors: [batch], exporters: [file/traces] }
    metrics: { receivers: [otlp], processors: [batch], exporters: [file/metrics] }
    logs: { receivers: [otlp], processors: [batch], exporters: [file/logs] }
`;
  const toNothing = (extra = '') => `
receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:\${env:GRPC_PORT}' } } } }
exporters: { nop: {} }
extensions: { health_check: { endpoint: '127.0.0.1:\${env:HEALTH_PORT}' } }
service:
  extensions: [health_check]
  pipelines: { traces: { receivers: [otlp], exporters: [nop] } }
${extra}`;

  for (const protocol of ['grpc', 'http'] as const) {
    it(`receives what telemetrygen sends over ${protocol} and writes it to a file`, async (context) => {
      const path = await need(context, 'otelcol');
      const telemetrygen = await need(context, 'telemetrygen');
      const collector = await startOtelcol({ command: [path], yaml: toFile, env: { OUT: folder } });
      try {
        const target = ['--otlp-insecure', '--otlp-endpoint', `127.0.0.1:${collector.ports[protocol]}`];
        if (protocol === 'http') target.push('--otlp-http');
        for (const signal of ['traces', 'metrics', 'logs']) {
          await run(telemetrygen, [signal, `--${signal}`, '7', '--rate', '0', ...target]);
        }
        const metrics = await (await fetch(`http://127.0.0.1:${collector.ports.metrics}/metrics`)).text();
        expect(metrics).toMatch(/otelcol_receiver_accepted_spans\S* 14/);
      } finally {
        await collector.stop(); // flushes batches and files
      }
      expect(await collector.ended).toEqual({ code: 0, signal: null });
      // telemetrygen's trace is a client and a server span.
      const files = ['traces', 'metrics', 'logs'].map((signal) => readFile(join(folder, `${signal}.jsonl`), 'utf8'));
      expect(count((await Promise.all(files)).join(''))).toEqual({ spans: 14, points: 7, logRecords: 7 });
    });
  }

  it('pins to a CPU and tells memory and CPU time', async (context) => {
    const path = await need(context, 'otelcol');
    const collector = await startOtelcol({ command: [path], yaml: toNothing(), cpu: 0 });
    try {
      if (process.platform !== 'linux') return;
      const usage = collector.usage()!;
      expect(usage.rssBytes).toBeGreaterThan(10e6);
      expect(usage.peakRssBytes).toBeGreaterThanOrEqual(usage.rssBytes);
      expect(usage.cpuSeconds).toBeGreaterThan(0);
      if (!collector.pinned) return;
      expect(await readFile(`/proc/${collector.pid}/status`, 'utf8')).toMatch(/^Cpus_allowed_list:\s+0$/m);
    } finally {
      await collector.stop();
    }
    expect(collector.usage()).toBeUndefined();
  });

  it('is ready by its health check when the configuration silences the log', async (context) => {
    const path = await need(context, 'otelcol');
    const silent = '  telemetry: { logs: { level: error } }';
    const collector = await startOtelcol({ command: [path], yaml: toNothing(silent) });
    expect(collector.stderr()).not.toContain('Everything is ready');
    await collector.stop();
  });

  it('runs several at once, each stopped in order and with its log kept', async (context) => {
    const path = await need(context, 'otelcol');
    const collectors = await Promise.all([1, 2].map(() => startOtelcol({ command: [path], yaml: toNothing() })));
    for (const collector of collectors) {
      await accepts(collector.ports.grpc);
      const first = collector.stop();
      expect(await collector.stop()).toEqual(await first);
      expect(await first).toEqual({ code: 0, signal: null });
      expect(collector.stderr()).toContain('Shutdown complete');
      await expect(accepts(collector.ports.grpc)).rejects.toThrow('ECONNREFUSED');
    }
  });

  it('fails with the log of a collector that does not start', async (context) => {
    const path = await need(context, 'otelcol');
    await expect(startOtelcol({ command: [path], yaml: 'receivers: { nonesuch: {} }' })).rejects.toThrow(
      /did not start: exit code 1.*nonesuch/s,
    );
    await expect(startOtelcol({ command: [join(folder, 'absent')], yaml: '' })).rejects.toThrow(/absent.*ENOENT/);
  });
});

function accepts(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => resolve(void socket.destroy()));
    socket.once('error', reject);
  });
}

function count(jsonLines: string): Record<string, number> {
  const total = { spans: 0, points: 0, logRecords: 0 };
  for (const line of jsonLines.trim().split('\n')) {
    const batch = JSON.parse(line);
    for (const { scopeSpans } of batch.resourceSpans ?? []) {
      for (const { spans } of scopeSpans) total.spans += spans.length;
    }
    for (const { scopeLogs } of batch.resourceLogs ?? []) {
      for (const { logRecords } of scopeLogs) total.logRecords += logRecords.length;
    }
    for (const { scopeMetrics } of batch.resourceMetrics ?? []) {
      for (const { metrics } of scopeMetrics) {
        for (const metric of metrics) total.points += (metric.gauge ?? metric.sum).dataPoints.length;
      }
    }
  }
  return total;
}
