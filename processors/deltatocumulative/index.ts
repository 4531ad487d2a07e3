import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { DeltaToCumulative } from './deltatocumulative.ts';

export default defineProcessor({
  type: 'deltatocumulative',
  signals: ['metrics'],
  stability: 'alpha',
  summary: 'Adds delta sums and histograms up to cumulative ones',
  schema,
  create: (settings, config, next) => new DeltaToCumulative(settings, config, next),
});
