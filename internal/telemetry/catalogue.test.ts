import { globSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { components } from '../../cmd/sluice/components.ts';
import { loadConfig } from '../config/load.ts';
import { systemClock } from '../core/clock.ts';
import { MemoryBudget } from '../core/memory.ts';
import { type MetricLevel, noLogger } from '../core/telemetry.ts';
import { buildCollector } from '../pipeline/collector.ts';
import { catalogue, metricsPage } from './catalogue.ts';
import { createMeter } from './meter.ts';
import { observeProcess } from './process.ts';

const root = new URL('../../', import.meta.url).pathname;

/** Names of metrics in the code, a `${…}` in one as a wildcard. */
function namesInCode(): Map<string, string> {
  const files = globSync('{internal,receivers,processors,exporters,connectors,extensions}/**/*.ts', { cwd: root });
  const names = new Map<string, string>();
  for (const file of files) {
    if (/\.(test|bench)\.ts$|^internal\/(testkit|telemetry\/(catalogue\w*|page|system_status))/.test(file)) continue;
    const text = readFileSync(`${root}${file}`, 'utf8');
    for (const [, name] of text.matchAll(/['`]((?:otelcol|sluice)_[\w${}.[\]]+)['`]/g)) names.set(name!, file);
  }
  return names;
}

const pattern = (name: string) => new RegExp(`^${name.replace(/\$\{[^}]*\}/g, '\\w+')}$`);

test('every metric that the code names is in the catalogue', () => {
  const missing = [...namesInCode()].filter(([name]) => !catalogue.some((entry) => pattern(name).test(entry.name)));
  expect(missing).toEqual([]);
});

test('every metric of the catalogue is one that the code names', () => {
  const patterns = [...namesInCode().keys()].map(pattern);
  expect(catalogue.filter((entry) => !patterns.some((each) => each.test(entry.name)))).toEqual([]);
});

test('no name stands twice, and each is on the page', () => {
  const names = catalogue.map((entry) => entry.name);
  expect(new Set(names).size).toBe(names.length);
  const text = metricsPage();
  for (const name of names) expect(text).toContain(`| \`${name}\` |`);
});

const config = `
receivers: { otlp: { protocols: { grpc: { endpoint: 'localhost:0' }, http: { endpoint: 'localhost:0' } } } }
processors: { batch: {}, groupbyattrs: {}, deltatocumulative: {}, cumulativetodelta: {}, memory_limiter: { check_interval: 1s, limit_percentage: 80 }, error_biased_sampler: { mode: tail, sampling_percentage: 10 } }
exporters: { otlp_http: { endpoint: 'http://localhost:1' } }
service:
  pipelines:
    traces: { receivers: [otlp], processors: [memory_limiter, error_biased_sampler, groupbyattrs, batch], exporters: [otlp_http] }
    metrics: { receivers: [otlp], processors: [memory_limiter, deltatocumulative, cumulativetodelta, groupbyattrs, batch], exporters: [otlp_http] }
    logs: { receivers: [otlp], processors: [memory_limiter, groupbyattrs, batch], exporters: [otlp_http] }
`;

/** Type and label names of each metric that a running collector records at a level. */
async function recorded(level: MetricLevel): Promise<Map<string, object>> {
  const loaded = await loadConfig([`yaml:${config}`], components, { sets: [], env: {}, cwd: root });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
  const build = { name: 'sluice', version: '1' };
  const { meter, registry } = createMeter({ metrics: { level, prometheus: [], otlp: [] }, resource: {} }, build, 'one');
  const memory = new MemoryBudget(1 << 20);
  onTestFinished(observeProcess(meter, memory, systemClock));
  const env = { clock: systemClock, random: Math.random, memory, logger: noLogger, meter, build };
  const collector = buildCollector(loaded.config, env);
  await collector.start();
  await collector.shutdown(AbortSignal.timeout(10_000));
  return new Map(
    registry.all().map(({ name, type, labelNames: labels }) => [name, { name, type, labels: [...labels].sort() }]),
  );
}

test.each(['basic', 'normal', 'detailed'] as const)(
  'a collector at level %s records what the catalogue says',
  async (level) => {
    const ranks = ['basic', 'normal', 'detailed'];
    const listed = catalogue.filter((entry) => ranks.indexOf(entry.level) <= ranks.indexOf(level));
    const documented = new Map(
      listed.map(({ name, type, labels }) => [name, { name, type, labels: [...labels].sort() }]),
    );
    const found = await recorded(level);
    expect([...found.keys()].filter((name) => !documented.has(name))).toEqual([]);
    expect([...found.values()]).toEqual([...found.keys()].map((name) => documented.get(name)));
    // Some appear with their first event only.
    expect(found.size).toBeGreaterThan(listed.length / 2);
  },
);
