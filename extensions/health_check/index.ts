import { defineExtension } from '../../internal/core/component.ts';
import { type HealthCheckConfig, schema } from './config.ts';
import { HealthCheck } from './health_check.ts';

export default defineExtension<HealthCheckConfig>({
  type: 'health_check',
  aliases: ['healthcheck', 'healthcheckv2'],
  signals: [],
  stability: 'beta',
  summary: 'Tells load balancers and orchestrators whether the collector and its pipelines are healthy',
  schema,
  create: (settings, config) => new HealthCheck(settings, config),
});
