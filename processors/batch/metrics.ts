import type { Settings } from '../../internal/core/component.ts';
import type { MetricLevel } from '../../internal/core/telemetry.ts';

/** Upstream's boundaries. */
const sizes = [
  10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 20_000, 30_000,
  50_000, 100_000,
];
const bytes = [
  ...sizes,
  200_000,
  300_000,
  400_000,
  500_000,
  600_000,
  700_000,
  800_000,
  900_000,
  1e6,
  2e6,
  3e6,
  4e6,
  5e6,
  6e6,
  7e6,
  8e6,
  9e6,
];

/** @param cardinality combinations of metadata that are waiting */
export function batchMetrics({ meter, id, pipeline, signal }: Settings, cardinality: () => number) {
  const labels = { processor: id };
  const spec = (name: string, help: string, level: MetricLevel) => ({
    name: `otelcol_processor_batch_${name}`,
    help,
    labels,
    level,
  });
  return {
    sizeTriggers: meter.counter(spec('batch_size_trigger_send', 'Batches sent because of their size.', 'normal')),
    timeTriggers: meter.counter(spec('timeout_trigger_send', 'Batches sent because of the timeout.', 'normal')),
    sendSize: meter.histogram({ ...spec('batch_send_size', 'Items of the batches sent.', 'normal'), buckets: sizes }),
    sendBytes: meter.histogram({
      ...spec('batch_send_size_bytes', 'Bytes of the batches sent.', 'detailed'),
      buckets: bytes,
    }),
    end: meter.observe(
      {
        ...spec('metadata_cardinality', 'Combinations of metadata values that are waiting.', 'normal'),
        labels: { processor: id, pipeline: pipeline ?? signal ?? '' },
      },
      cardinality,
    ),
  };
}
