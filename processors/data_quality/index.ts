import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { DataQuality } from './data_quality.ts';

export default defineProcessor({
  type: 'data_quality',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'alpha',
  summary: 'Judges telemetry by rules: counts, tags or leaves out what breaks them, and scores each service',
  schema,
  create: (settings, config, next) => new DataQuality(settings, config, next),
});
