import { defineExporter } from '../../internal/core/component.ts';
import { exporter } from '../../internal/exporterhelper/index.ts';
import { type DebugConfig, schema } from './config.ts';
import { DebugSender } from './sender.ts';

export default defineExporter<DebugConfig>({
  type: 'debug',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Prints what arrives, for people',
  schema,
  create: (settings, config) => exporter(settings, config, new DebugSender(settings, config)),
});
