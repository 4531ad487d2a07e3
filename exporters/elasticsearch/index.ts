import { defineExporter } from '../../internal/core/component.ts';
import { exporter } from '../../internal/exporterhelper/index.ts';
import { type ElasticsearchConfig, schema } from './config.ts';
import { ElasticsearchSender } from './sender.ts';

export default defineExporter<ElasticsearchConfig>({
  type: 'elasticsearch',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Writes documents to Elasticsearch by bulk requests; each document that is refused is accounted for',
  schema,
  create: (settings, config) => {
    const { enabled, initial_interval, max_interval, max_elapsed_time } = config.retry;
    const retry_on_failure = {
      enabled,
      initial_interval,
      max_interval,
      max_elapsed_time,
      randomization_factor: 0.5,
      multiplier: 1.5,
    };
    return exporter(settings, { ...config, retry_on_failure }, new ElasticsearchSender(settings, config));
  },
});
