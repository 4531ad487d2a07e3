import * as grpc from '@grpc/grpc-js';
import { Payload, type Signal } from '../../internal/otlp/payload.ts';

/** For tests: an OTLP backend made of grpc-js's own server. */
export class GrpcBackend {
  readonly batches: { readonly signal: Signal; readonly bytes: Buffer; readonly metadata: grpc.Metadata }[] = [];
  /** What to answer; a function that never calls back leaves the call hanging. */
  answer: (end: grpc.sendUnaryData<Uint8Array>, call: number) => void = (end) => end(null, new Uint8Array(0));
  port = 0;
  /** Calls whose client gave up. */
  cancelled = 0;
  #server: grpc.Server | undefined;

  /** @param address host:port, or unix:path */
  async listen(address = '127.0.0.1:0', credentials = grpc.ServerCredentials.createInsecure()): Promise<this> {
    const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
    for (const [signal, service] of Object.entries(services) as [Signal, string][]) {
      server.addService(
        { Export: { ...raw, path: `/${service}/Export` } },
        {
          Export: (call: grpc.ServerUnaryCall<Buffer, Uint8Array>, end: grpc.sendUnaryData<Uint8Array>) => {
            this.batches.push({ signal, bytes: call.request, metadata: call.metadata });
            call.on('cancelled', () => {
              this.cancelled += 1;
            });
            this.answer(end, this.batches.length);
          },
        },
      );
    }
    this.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, credentials, (error, port) => (error ? reject(error) : resolve(port)));
    });
    this.#server = server;
    return this;
  }

  /** As a process that is killed: connections break, and the port is free again. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  /** Each batch as a payload; the item counts are not known here. */
  payloads(): Payload[] {
    return this.batches.map(({ signal, bytes }) => new Payload(signal, [bytes], 0, bytes.length));
  }
}

const services: Readonly<Record<Signal, string>> = {
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
};

const raw = {
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
  responseDeserialize: (bytes: Buffer) => bytes,
} as const;
