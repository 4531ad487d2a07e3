import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { RateLimiter } from './limiter.ts';

export default defineProcessor({
  type: 'rate_limiter',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'alpha',
  summary: 'Limits items and bytes per second, of each service or tenant for itself: refuses or drops the excess',
  schema,
  create: (settings, config, next) => new RateLimiter(settings, config, next),
});
