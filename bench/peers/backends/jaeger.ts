import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { backendPath } from './backend.ts';
import { type Server, type ServerOptions, startServer } from './server.ts';

const PORTS = [
  'otlpGrpc',
  'otlpHttp',
  'grpc',
  'thriftHttp',
  'zipkin',
  'query',
  'queryGrpc',
  'health',
  'metrics',
] as const;

/**
 * `grpc` takes `jaeger.api_v2.CollectorService/PostSpans`, `thriftHttp` POSTs to `/api/traces`, and `query` answers
 * `/api/traces?service=…`, `/api/traces/{id}`, `/api/v3/traces/{id}` and `/api/services`.
 */
export type Jaeger = Server<(typeof PORTS)[number]>;

export interface JaegerOptions extends ServerOptions {
  /** PEM files with which its receivers speak TLS; they are looked at every second. */
  tls?: { cert: string; key: string };
}

/** Starts Jaeger with its memory storage (0.2 s). @throws Error when there is none, or it does not get ready */
export async function startJaeger(options: JaegerOptions = {}): Promise<Jaeger> {
  const path = await backendPath('jaeger');
  return startServer(
    'jaeger',
    PORTS,
    async (ports, folder) => {
      const config = join(folder, 'jaeger.yaml');
      await writeFile(config, configuration(ports, options.tls));
      return {
        command: [path, `--config=${config}`],
        // Else it records its own queries as traces.
        env: { OTEL_TRACES_SAMPLER: 'always_off' },
        readyUrl: `http://127.0.0.1:${ports.health}/status`,
      };
    },
    options,
  );
}

function configuration(ports: Record<(typeof PORTS)[number], number>, tls: JaegerOptions['tls']): string {
  const at = (port: (typeof PORTS)[number]) => `'127.0.0.1:${ports[port]}'`;
  const secured = tls ? `, tls: { cert_file: '${tls.cert}', key_file: '${tls.key}', reload_interval: 1s }` : '';
  const receiving = (port: (typeof PORTS)[number]) => `{ endpoint: ${at(port)}${secured} }`;
  return `
extensions:
  jaeger_storage: { backends: { spans: { memory: { max_traces: 100000 } } } }
  jaeger_query:
    storage: { traces: spans }
    http: { endpoint: ${at('query')} }
    grpc: { endpoint: ${at('queryGrpc')} }
  healthcheckv2: { use_v2: true, http: { endpoint: ${at('health')} } }
receivers:
  otlp: { protocols: { grpc: ${receiving('otlpGrpc')}, http: ${receiving('otlpHttp')} } }
  jaeger: { protocols: { grpc: ${receiving('grpc')}, thrift_http: ${receiving('thriftHttp')} } }
  zipkin: { endpoint: ${at('zipkin')} }
exporters:
  jaeger_storage_exporter: { trace_storage: spans }
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces: { receivers: [otlp, jaeger, zipkin], exporters: [jaeger_storage_exporter] }
  telemetry:
    metrics:
      readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${ports.metrics} } } } }]
`;
}
