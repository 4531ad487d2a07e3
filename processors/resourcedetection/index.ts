import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { ResourceDetection } from './resource_detection.ts';

export default defineProcessor({
  type: 'resourcedetection',
  aliases: ['resource_detection'],
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Writes into resources where the collector runs: host, container, Kubernetes, cloud',
  schema,
  create: (settings, config, next) => new ResourceDetection(settings, config, next),
});
