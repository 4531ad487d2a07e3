import { defineExporter } from '../../internal/core/component.ts';
import { exporter } from '../../internal/exporterhelper/index.ts';
import { type JaegerConfig, schema } from './config.ts';
import { JaegerSender } from './sender.ts';

export default defineExporter<JaegerConfig>({
  type: 'jaeger',
  signals: ['traces'],
  stability: 'beta',
  summary: 'Sends traces to Jaeger: over OTLP, its own gRPC protocol, or thrift over HTTP',
  schema,
  create: (settings, config) => exporter(settings, config, new JaegerSender(settings, config)),
});
