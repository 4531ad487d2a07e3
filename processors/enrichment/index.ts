import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { Enrichment } from './enrichment.ts';

export default defineProcessor({
  type: 'enrichment',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'alpha',
  summary: 'Adds facts from catalogues, the environment and HTTP services to resources, scopes and records',
  schema,
  create: (settings, config, next) => new Enrichment(settings, config, next),
});
