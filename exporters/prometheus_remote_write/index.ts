import { defineExporter } from '../../internal/core/component.ts';
import { exporter, type QueueConfig, sendingQueue } from '../../internal/exporterhelper/index.ts';
import { type RemoteWriteConfig, schema } from './config.ts';
import { RemoteWriteSender } from './sender.ts';

export default defineExporter<RemoteWriteConfig>({
  type: 'prometheus_remote_write',
  aliases: ['prometheusremotewrite'],
  signals: ['metrics'],
  stability: 'beta',
  summary: 'Writes metrics to Prometheus and what speaks its remote write protocol, 1.0 and 2.0',
  schema,
  create: (settings, config) =>
    exporter(settings, { sending_queue: queueOf(config) }, new RemoteWriteSender(settings, config)),
});

/** The sender retries by itself, and each request has its own timeout: a batch is translated only once. */
function queueOf({ remote_write_queue: queue }: RemoteWriteConfig): QueueConfig {
  return sendingQueue().parse(queue);
}
