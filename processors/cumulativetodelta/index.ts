import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { CumulativeToDelta } from './cumulativetodelta.ts';

export default defineProcessor({
  type: 'cumulativetodelta',
  signals: ['metrics'],
  stability: 'beta',
  summary: 'Turns cumulative monotonic sums and histograms into deltas',
  schema,
  create: (settings, config, next) => new CumulativeToDelta(settings, config, next),
});
