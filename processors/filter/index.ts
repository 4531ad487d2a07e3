import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { Filter } from './filter.ts';

export default defineProcessor({
  type: 'filter',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Leaves out spans, span events, metrics, data points, log records and resources by OTTL conditions',
  schema,
  create: (settings, config, next) => new Filter(settings, config, next),
});
