import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { TailSampling } from './tail_sampling.ts';

export default defineProcessor({
  type: 'tail_sampling',
  signals: ['traces'],
  stability: 'beta',
  summary: 'Waits until a trace is complete, and keeps it if the policies say so',
  schema,
  create: (settings, config, next) => new TailSampling(settings, config, next),
});
