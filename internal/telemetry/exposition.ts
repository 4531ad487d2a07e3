import type { Metric, MetricObjectWithValues, MetricValueWithName } from 'prom-client';
import Registry from 'prom-client/lib/registry.js';
import type { Labels } from '../core/telemetry.ts';
import { type Family, HistogramSeries } from './series.ts';

/**
 * Families as Prometheus text 0.0.4.
 * Never OpenMetrics, also where a scraper prefers it: there a counter must end in `_total`, and the classic names that
 * dashboards read do not. The Go Collector does the same.
 */
export async function exposition(families: readonly Family[], resource: Labels): Promise<string> {
  const registry = new Registry();
  for (const family of families) register(registry, family.name, family.type, family.help, values(family));
  if (Object.keys(resource).length > 0) {
    register(registry, 'target_info', 'gauge', 'Target metadata', [
      { metricName: 'target_info', value: 1, labels: promLabels(resource) },
    ]);
  }
  return registry.metrics();
}

/** prom-client's own metric classes count by themselves; ours only hand their numbers over. */
function register(
  registry: InstanceType<typeof Registry>,
  name: string,
  type: Family['type'],
  help: string,
  rows: MetricValueWithName<string>[],
): void {
  const metric = { name: promName(name), help, type, values: rows, aggregator: 'sum' };
  const get = async () => metric as unknown as MetricObjectWithValues<MetricValueWithName<string>>;
  registry.registerMetric({ name: metric.name, get } as unknown as Metric);
}

function values(family: Family): MetricValueWithName<string>[] {
  const name = promName(family.name);
  const rows: MetricValueWithName<string>[] = [];
  for (const series of family.series.values()) {
    const labels = promLabels(series.labels);
    if (series instanceof HistogramSeries) rows.push(...histogram(name, labels, series));
    else rows.push({ metricName: name, labels, value: series.value });
  }
  return rows;
}

function histogram(name: string, labels: Labels, series: HistogramSeries): MetricValueWithName<string>[] {
  const rows: MetricValueWithName<string>[] = [];
  let count = 0;
  for (const [i, inBucket] of series.counts.entries()) {
    count += inBucket;
    const le = i < series.bounds.length ? String(series.bounds[i]) : '+Inf';
    rows.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count });
  }
  rows.push({ metricName: `${name}_sum`, labels: { ...labels }, value: series.sum });
  rows.push({ metricName: `${name}_count`, labels: { ...labels }, value: count });
  return rows;
}

function promName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_]/g, '_');
}

function promLabels(labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [promName(name), value]));
}
