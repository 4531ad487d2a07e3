import type { Outcome } from '../../core/outcome.ts';
import type { Signal } from '../../otlp/payload.ts';
import { fromExportResponse } from '../status.ts';
import type { GrpcClient, Message } from './client.ts';

/** The unary `Export` of each signal, https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto/collector */
const methods: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

/** Sends a request as it is, in one call. */
export function exportOtlp(
  client: GrpcClient,
  signal: Signal,
  request: Message,
  abort: AbortSignal | undefined,
): Promise<Outcome> {
  return client.call(methods[signal], request, abort, fromExportResponse);
}
