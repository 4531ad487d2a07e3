import type { Signal } from '../../internal/otlp/payload.ts';

export interface PipelineShape {
  readonly signal: Signal;
  readonly protocol: 'grpc' | 'http';
  readonly gzip?: boolean;
}

/**
 * OTLP in, batch, OTLP out: one text for every subject. What it does not say stands at the default, which is the same in
 * both: a sending queue of 1000 batches with 10 consumers, retries, own metrics at level normal.
 */
export function pipelineYaml({ signal, protocol, gzip }: PipelineShape, sinkPort: number): string {
  const compression = gzip ? 'gzip' : 'none';
  const exporter =
    protocol === 'grpc'
      ? `otlp_grpc: { endpoint: '127.0.0.1:${sinkPort}', compression: ${compression}, tls: { insecure: true } }`
      : `otlp_http: { endpoint: 'http://127.0.0.1:${sinkPort}', compression: ${compression} }`;
  return `
receivers:
  otlp:
    protocols:
      grpc: { endpoint: '127.0.0.1:\${env:GRPC_PORT}' }
      http: { endpoint: '127.0.0.1:\${env:HTTP_PORT}' }
processors:
  batch: { send_batch_size: 8192, timeout: 200ms }
exporters:
  ${exporter}
service:
  pipelines:
    ${signal}: { receivers: [otlp], processors: [batch], exporters: [${exporter.split(':')[0]}] }
`;
}
