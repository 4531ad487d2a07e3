import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { Sampler } from './sampler.ts';

export default defineProcessor({
  type: 'probabilistic_sampler',
  signals: ['traces', 'logs'],
  stability: 'beta',
  summary: 'Keeps a percentage of traces or log records, the same ones in every instance',
  schema,
  create: (settings, config, next) => new Sampler(settings, config, next),
});
