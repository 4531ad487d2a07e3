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
  create: (settings, config) => exporter(settings, {}, new ScrapeSender(settings, config)),
});
