import protobuf from 'protobufjs';
import type { Signal } from '../otlp/payload.ts';

/** protobufjs reading the official schemas in `proto/`: what the views and rewrites are held against. */
export interface Oracle {
  type(name: string): protobuf.Type;
  request(signal: Signal): protobuf.Type;
  /** Canonical JavaScript: longs as strings, bytes as hex, absent fields absent. */
  read(signal: Signal, bytes: Uint8Array): unknown;
}

export async function loadOracle(): Promise<Oracle> {
  const root = new protobuf.Root();
  const folder = new URL('../../proto/', import.meta.url);
  root.resolvePath = (_origin, target) => new URL(target, folder).pathname;
  await root.load(
    ['trace', 'metrics', 'logs'].map((signal) => `opentelemetry/proto/collector/${signal}/v1/${signal}_service.proto`),
  );
  const names = { traces: 'trace', metrics: 'metrics', logs: 'logs' } as const;
  const services = { traces: 'Trace', metrics: 'Metrics', logs: 'Logs' } as const;
  const request = (signal: Signal) =>
    root.lookupType(`opentelemetry.proto.collector.${names[signal]}.v1.Export${services[signal]}ServiceRequest`);
  return {
    type: (name) => root.lookupType(name),
    request,
    read: (signal, bytes) => {
      const type = request(signal);
      return type.toObject(type.decode(bytes), { longs: String, bytes: String });
    },
  };
}
