import { defineExporter } from '../../internal/core/component.ts';
import { exporter } from '../../internal/exporterhelper/index.ts';
import { type OtlpHttpConfig, schema } from './config.ts';
import { HttpSender } from './sender.ts';

export default defineExporter<OtlpHttpConfig>({
  type: 'otlp_http',
  aliases: ['otlphttp'],
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Sends OTLP over HTTP, as protobuf or JSON',
  schema,
  create: (settings, config) =>
    exporter(settings, config, new HttpSender(settings, config, settings.signal ?? 'traces')),
});
