import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type status,
} from '@grpc/grpc-js';
import { Payload, type Signal } from '../otlp/payload.ts';
import { idsOf } from './stamped.ts';

/** What a backend says to one request: yes, yes after a while, a gRPC status, a partial success, or nothing until `release`. */
export type Reply =
  | 'ok'
  | 'hang'
  | { readonly afterMs: number }
  | { readonly code: status; readonly reason: string; readonly retryAfterMs?: number }
  | { readonly rejected: number; readonly reason: string };

const services = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
} as const;

export interface Arrived {
  readonly signal: Signal;
  readonly bytes: Buffer;
  readonly metadata: Metadata;
}

export interface Listening {
  /** `host:port` or `unix:path`. Default: a free port of 127.0.0.1. */
  readonly address?: string;
  readonly credentials?: ServerCredentials;
}

/** An OTLP/gRPC backend on grpc-js that remembers the ids it said yes to (see `stamped`), and can die and come back on its port. */
export class GrpcBackend {
  /** Ids in order of arrival, one entry per time an id was accepted. */
  readonly accepted: string[] = [];
  /** Each request, accepted or not. */
  readonly batches: Arrived[] = [];
  /** Calls whose client gave up. */
  cancelled = 0;
  /** Asked for each request. */
  reply: (ids: readonly string[]) => Reply = () => 'ok';
  port = 0;
  readonly #listening: Listening;
  #server: Server | undefined;
  #hanging: (() => void)[] = [];

  constructor(listening: Listening) {
    this.#listening = listening;
  }

  static async start(listening: Listening = {}): Promise<GrpcBackend> {
    const backend = new GrpcBackend(listening);
    await backend.up();
    return backend;
  }

  /** Requests that came in, whatever was answered. */
  get requests(): number {
    return this.batches.length;
  }

  /** Each request as a payload; item counts are not known here. */
  payloads(): Payload[] {
    return this.batches.map(({ signal, bytes }) => new Payload(signal, [bytes], 0, bytes.length));
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Listens, on the same port as before if there was one. */
  async up(): Promise<void> {
    const server = new Server({ 'grpc.max_receive_message_length': -1 });
    for (const [signal, path] of Object.entries(services))
      server.addService(service(path), { export: this.#handler(signal as Signal) });
    const { address = this.address, credentials = ServerCredentials.createInsecure() } = this.#listening;
    this.port = await new Promise((resolve, reject) =>
      server.bindAsync(address, credentials, (error, port) => (error ? reject(error) : resolve(port))),
    );
    this.#server = server;
  }

  /** Dies: every call under way is cut off. */
  down(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#hanging = [];
  }

  /** Answers what hangs with OK. */
  release(): void {
    for (const answer of this.#hanging.splice(0)) answer();
  }

  #handler(signal: Signal): handleUnaryCall<Buffer, Buffer> {
    return (call, done) => {
      const { request: bytes, metadata } = call;
      this.batches.push({ signal, bytes, metadata });
      call.on('cancelled', () => {
        this.cancelled++;
      });
      const ids = idsOf(new Payload(signal, [bytes], 0, bytes.length));
      const reply = this.reply(ids);
      const accept = (answer: Buffer) => {
        this.accepted.push(...ids);
        done(null, answer);
      };
      if (reply === 'ok') accept(Buffer.alloc(0));
      else if (reply === 'hang') this.#hanging.push(() => accept(Buffer.alloc(0)));
      else if ('afterMs' in reply) setTimeout(() => accept(Buffer.alloc(0)), reply.afterMs);
      else if ('rejected' in reply) accept(partialSuccess(reply.rejected, reply.reason));
      else done({ code: reply.code, details: reply.reason, metadata: trailers(reply) });
    };
  }
}

function service(path: string): ServiceDefinition {
  const raw = (bytes: Buffer) => bytes;
  return {
    export: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    },
  } as unknown as ServiceDefinition;
}

/** With `retryAfterMs` as OTLP wants it told: a google.rpc.Status with a RetryInfo. */
function trailers({ code, retryAfterMs }: { code: status; retryAfterMs?: number }): Metadata {
  const metadata = new Metadata();
  if (retryAfterMs === undefined) return metadata;
  const part = (number: number, bytes: Buffer) =>
    Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
  const seconds = Math.floor(retryAfterMs / 1000);
  const nanos = (retryAfterMs % 1000) * 1e6;
  // Duration { seconds = 1, nanos = 2 } of less than two minutes, in RetryInfo { retry_delay = 1 }, in Any { type_url = 1, value = 2 }
  const delay = Buffer.from([
    0x08,
    seconds,
    0x10,
    ...[0, 7, 14, 21].map((shift) => ((nanos >>> shift) & 127) | 128),
    nanos >>> 28,
  ]);
  const name = Buffer.from('type.googleapis.com/google.rpc.RetryInfo');
  const any = Buffer.concat([part(1, name), part(2, part(1, delay))]);
  metadata.set('grpc-status-details-bin', Buffer.concat([Buffer.from([0x08, code]), part(3, any)]));
  return metadata;
}

/** partial_success = 1 { rejected = 1, error_message = 2 } */
function partialSuccess(rejected: number, reason: string): Buffer {
  const text = Buffer.from(reason);
  const inner = Buffer.concat([Buffer.from([0x08, rejected, 0x12, text.length]), text]);
  return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
}
