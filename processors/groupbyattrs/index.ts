import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { GroupByAttrs } from './groupbyattrs.ts';

export default defineProcessor({
  type: 'groupbyattrs',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary:
    'Moves attributes of spans, log records and data points to their resource, and merges equal resources and scopes',
  schema,
  create: (settings, config, next) => new GroupByAttrs(settings, config, next),
});
