import { defineExporter } from '../../internal/core/component.ts';
import { exporter } from '../../internal/exporterhelper/index.ts';
import { type OtlpGrpcConfig, schema } from './config.ts';
import { GrpcSender } from './sender.ts';

export default defineExporter<OtlpGrpcConfig>({
  type: 'otlp_grpc',
  aliases: ['otlp'],
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Sends OTLP over gRPC',
  schema,
  create: (settings, config) => exporter(settings, config, new GrpcSender(settings, config)),
});
