import { defineProcessor } from '../../internal/core/component.ts';
import { Batch } from './batch.ts';
import { schema } from './config.ts';

export default defineProcessor({
  type: 'batch',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Joins small requests into large batches, and keeps them until the next component takes them',
  schema,
  create: (settings, config, next) => new Batch(settings, config, next),
});
