import type { Settings } from '../../internal/core/component.ts';
import type { Counter, Histogram } from '../../internal/core/telemetry.ts';

const names = { traces: 'span', metrics: 'metric', logs: 'log' } as const;
/** What the Go SDK has where nobody says otherwise. */
const buckets = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000];

/** Upstream's. */
export class Metrics {
  readonly #moved: Counter;
  readonly #stayed: Counter;
  readonly #groups: Histogram;

  constructor({ meter, signal = 'traces', id }: Settings) {
    const name = names[signal];
    const labels = { processor: id };
    this.#moved = meter.counter({
      name: `otelcol_processor_groupbyattrs_num_grouped_${name}s`,
      help: 'Items of which an attribute moved to the resource.',
      labels,
    });
    this.#stayed = meter.counter({
      name: `otelcol_processor_groupbyattrs_num_non_grouped_${name}s`,
      help: 'Items without the attributes.',
      labels,
    });
    this.#groups = meter.histogram({
      name: `otelcol_processor_groupbyattrs_${name}_groups`,
      help: 'Resources in a batch.',
      labels,
      buckets,
    });
  }

  record(moved: number, stayed: number, groups: number): void {
    this.#moved.add(moved);
    this.#stayed.add(stayed);
    this.#groups.record(groups);
  }
}
