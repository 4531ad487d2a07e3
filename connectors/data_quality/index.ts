import { defineConnector } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { DataQualitySplit } from './split.ts';

export default defineConnector({
  type: 'data_quality',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'alpha',
  summary: 'Judges telemetry by rules as the processor does, and leads what breaks them to pipelines of its own',
  schema,
  create: (settings, config, outputs) => new DataQualitySplit(settings, config, outputs),
});
