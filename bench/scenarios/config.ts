import type { Signal } from '../../internal/otlp/payload.ts';

export interface PipelineShape {
  readonly signal: Signal;
  readonly protocol: 'grpc' | 'http';
  readonly gzip?: boolean;
}

/** YAML of a component by its id. */
export type Parts = Readonly<Record<string, string>>;

/**
 * OTLP in, processors, batch, exporters out: one text for every subject. What it does not say stands at the default, which
 * is the same in both: a sending queue of 1000 batches with 10 consumers, retries, own metrics at level normal.
 *
 * @param service more of the service section
 */
export function document(signal: Signal, processors: Parts, exporters: Parts, service = ''): string {
  const lines = (parts: Parts) => Object.entries(parts).map(([id, config]) => `  ${id}: ${config}`);
  const ids = (parts: Parts) => Object.keys(parts).join(', ');
  const all = { ...processors, batch: '{ send_batch_size: 8192, timeout: 200ms }' };
  return `
receivers:
  otlp:
    protocols:
      grpc: { endpoint: '127.0.0.1:\${env:GRPC_PORT}' }
      http: { endpoint: '127.0.0.1:\${env:HTTP_PORT}' }
processors:
${lines(all).join('\n')}
exporters:
${lines(exporters).join('\n')}
service:
  ${service}
  pipelines:
    ${signal}: { receivers: [otlp], processors: [${ids(all)}], exporters: [${ids(exporters)}] }
`;
}

export function pipelineYaml(
  { signal, protocol, gzip }: PipelineShape,
  sinkPort: number,
  processors: Parts = {},
): string {
  const compression = gzip ? 'gzip' : 'none';
  const exporters: Parts =
    protocol === 'grpc'
      ? { otlp_grpc: `{ endpoint: '127.0.0.1:${sinkPort}', compression: ${compression}, tls: { insecure: true } }` }
      : { otlp_http: `{ endpoint: 'http://127.0.0.1:${sinkPort}', compression: ${compression} }` };
  return document(signal, processors, exporters);
}
