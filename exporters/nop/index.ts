import { object } from '../../internal/config/fields.ts';
import { defineExporter } from '../../internal/core/component.ts';
import { accepted } from '../../internal/core/outcome.ts';
import { exporter } from '../../internal/exporterhelper/index.ts';

const schema = object({});

export default defineExporter({
  type: 'nop',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'stable',
  summary: 'Takes everything and sends it nowhere',
  schema,
  create: (settings) => exporter(settings, {}, { send: async () => accepted }),
});
