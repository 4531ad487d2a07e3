import { defineReceiver } from '../../internal/core/component.ts';
import { type OtlpReceiverConfig, schema } from './config.ts';
import { OtlpReceiver } from './receiver.ts';

export default defineReceiver<OtlpReceiverConfig>({
  type: 'otlp',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Takes telemetry over OTLP/gRPC and OTLP/HTTP',
  schema,
  create: (settings, config, outputs) => new OtlpReceiver(settings, config, outputs),
});
