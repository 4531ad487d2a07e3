import { defineExporter } from '../../internal/core/component.ts';
import { exporter } from '../../internal/exporterhelper/index.ts';
import { type ScrapeConfig, schema } from './config.ts';
import { ScrapeSender } from './sender.ts';

export default defineExporter<ScrapeConfig>({
  type: 'prometheus',
  signals: ['metrics'],
  stability: 'beta',
  summary: 'Serves the last values of all metrics for Prometheus to scrape',
  schema,
  // With a queue, what is left out here is no other exporter's business: without one a fan-out would hear of it.
  create: (settings, config) =>
    exporter(settings, { sending_queue: config.sending_queue }, new ScrapeSender(settings, config)),
});
