import { defineProcessor } from '../../internal/core/component.ts';
import { AttributesProcessor } from './attributes.ts';
import { schema } from './config.ts';

export default defineProcessor({
  type: 'attributes',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Inserts, updates, deletes, hashes, extracts and converts attributes of spans, log records and data points',
  schema,
  create: (settings, config, next) => new AttributesProcessor(settings, config, next),
});
