import { HistogramSeries, type Registry } from '../../../internal/telemetry/series.ts';

/** Gauges of what components hold outside the memory budget, all in bytes. */
const gauges = ['sluice_tail_sampling_buffer_bytes'];

/** The most that each trace buffer ever took. */
export class Peaks {
  readonly #registry: Registry;
  readonly #peaks = new Map<string, number>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Reads the gauges. Call it whenever they may stand highest: after a batch went in. */
  look(): void {
    for (const gauge of gauges) {
      for (const series of this.#registry.get(gauge)?.series.values() ?? []) {
        if (series instanceof HistogramSeries) continue;
        const { processor = '', pipeline = '' } = series.labels;
        const place = pipeline === '' ? processor : `${processor} (${pipeline})`;
        const peak = this.#peaks.get(place) ?? 0;
        if (series.value > peak) this.#peaks.set(place, series.value);
      }
    }
  }

  /** By component and pipeline. */
  all(): { readonly component: string; readonly peakBytes: number }[] {
    const rows = [...this.#peaks].map(([component, peakBytes]) => ({ component, peakBytes }));
    return rows.sort((a, b) => (a.component < b.component ? -1 : 1));
  }
}
