import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { Transform } from './transform.ts';

export default defineProcessor({
  type: 'transform',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Changes spans, span events, metrics, data points, log records, scopes and resources by OTTL statements',
  schema,
  create: (settings, config, next) => new Transform(settings, config, next),
});
