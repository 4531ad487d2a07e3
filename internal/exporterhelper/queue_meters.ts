import type { Settings } from '../core/component.ts';
import type { Histogram, MetricLevel } from '../core/telemetry.ts';
import type { Payload, Signal } from '../otlp/payload.ts';
import type { Life } from './layer.ts';
import { byteBuckets, sizeBuckets } from './observe.ts';
import type { QueueConfig } from './schema.ts';

/** Sizes of what goes in and out of a queue, and how full it is. */
export class QueueMeters {
  readonly #taken: readonly [items: Histogram, bytes: Histogram];
  readonly #left: readonly [items: Histogram, bytes: Histogram];

  constructor({ id: exporter, meter }: Settings) {
    const of = (name: string, help: string, buckets: readonly number[], level: MetricLevel) =>
      meter.histogram({ name: `otelcol_exporter_${name}`, help, labels: { exporter }, level, buckets });
    this.#taken = [
      of('enqueue_size', 'Items of the batches that the queue took.', sizeBuckets, 'detailed'),
      of('enqueue_size_bytes', 'Bytes of the batches that the queue took.', byteBuckets, 'detailed'),
    ];
    this.#left = [
      of('queue_batch_send_size', 'Items of the batches that leave the queue.', sizeBuckets, 'normal'),
      of('queue_batch_send_size_bytes', 'Bytes of the batches that leave the queue.', byteBuckets, 'detailed'),
    ];
  }

  taken(batch: Payload): void {
    record(this.#taken, batch);
  }

  left(batch: Payload): void {
    record(this.#left, batch);
  }
}

function record([items, bytes]: readonly [Histogram, Histogram], batch: Payload): void {
  items.record(batch.itemCount);
  bytes.record(batch.byteLength);
}

/** @param size what the queue holds now, in units of its sizer */
export function observeQueue(
  { id: exporter, meter }: Settings,
  signal: Signal,
  { sizer, queue_size }: QueueConfig,
  life: Life,
  size: () => number,
): void {
  const labels = { exporter, data_type: signal };
  const help = `What the queue holds, in ${sizer} or what its sizer counts.`;
  life.onEnd(meter.observe({ name: 'otelcol_exporter_queue_size', help, labels }, size));
  const capacity = 'What the queue may hold, in the units of its size.';
  life.onEnd(meter.observe({ name: 'otelcol_exporter_queue_capacity', help: capacity, labels }, () => queue_size));
}
