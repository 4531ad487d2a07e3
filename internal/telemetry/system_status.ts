import type { ComponentStatus } from '../core/component.ts';
import type { ResolvedPipeline } from '../core/resolved.ts';
import { HistogramSeries, type Registry } from './series.ts';
import type { TelemetryServerOptions } from './server.ts';

/** `GET /status.json`: what the page draws besides the ledger. */
export interface SystemStatus {
  readonly pipelines: readonly ResolvedPipeline[];
  readonly statuses: readonly ComponentStatus[];
  /** Bytes; absent when the process metrics are off. */
  readonly memory?: { readonly budget: number; readonly held: number; readonly peak: number };
  /** By the queue's own sizer. */
  readonly queues: readonly {
    readonly exporter: string;
    readonly signal: string;
    readonly size: number;
    readonly capacity: number;
  }[];
  /** Seconds. */
  readonly uptime?: number;
}

export function systemStatus(from: Pick<TelemetryServerOptions, 'registry' | 'topology' | 'system'>): SystemStatus {
  const { registry } = from;
  const budget = only(registry, 'sluice_memory_budget_bytes');
  const uptime = only(registry, 'otelcol_process_uptime');
  return {
    pipelines: from.topology(),
    statuses: from.system.statuses(),
    queues: queues(registry),
    ...(budget === undefined
      ? {}
      : {
          memory: {
            budget,
            held: only(registry, 'sluice_memory_held_bytes') ?? 0,
            peak: only(registry, 'sluice_memory_held_peak_bytes') ?? 0,
          },
        }),
    ...(uptime === undefined ? {} : { uptime }),
  };
}

function queues(registry: Registry): SystemStatus['queues'] {
  const sizes = registry.get('otelcol_exporter_queue_size')?.series;
  const capacities = registry.get('otelcol_exporter_queue_capacity')?.series;
  const rows: SystemStatus['queues'][number][] = [];
  for (const [key, series] of sizes ?? []) {
    const capacity = capacities?.get(key);
    if (series instanceof HistogramSeries || !capacity || capacity instanceof HistogramSeries) continue;
    const { exporter = '', data_type: signal = '' } = series.labels;
    rows.push({ exporter, signal, size: series.value, capacity: capacity.value });
  }
  return rows;
}

/** The value of a metric without labels. */
function only(registry: Registry, name: string): number | undefined {
  for (const series of registry.get(name)?.series.values() ?? []) {
    if (!(series instanceof HistogramSeries)) return series.value;
  }
  return undefined;
}
