import type { Host, Settings } from '../../internal/core/component.ts';
import { accepted, type Outcome, retryable } from '../../internal/core/outcome.ts';
import { Slabs } from '../../internal/net/slabs.ts';
import { fromHttp } from '../../internal/net/status.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { ApiV2Sink } from './api_v2.ts';
import { endpointOf, type JaegerConfig, protocolOf } from './config.ts';
import { type Cutter, JaegerCutter, type Message, OtlpCutter } from './cutter.ts';
import { Encoder } from './encoder.ts';
import { ThriftSink } from './thrift.ts';

/** One of the ways to Jaeger: how a batch is written, and how a message gets there. */
export interface Transport {
  cut(batch: Payload): Cutter;
  post(message: Message, abort: AbortSignal): Promise<Outcome>;
  close(): void;
}

/** Loads the code of one protocol and connects. */
export async function openTransport(settings: Settings, config: JaegerConfig, host: Host): Promise<Transport> {
  return protocolOf(config) === 'thrift_http' ? overHttp(settings, config, host) : overGrpc(settings, config, host);
}

const postSpans = '/jaeger.api_v2.CollectorService/PostSpans';

/** Jaeger says UNKNOWN for whatever its pipeline did not take, a full queue among them; what is malformed is INTERNAL. */
const retriedByJaeger: ReadonlySet<number> = new Set([2]);

async function overGrpc(settings: Settings, config: JaegerConfig, host: Host): Promise<Transport> {
  const [{ GrpcClient }, { exportOtlp }] = await Promise.all([
    import('../../internal/net/grpc/client.ts'),
    import('../../internal/net/grpc/otlp.ts'),
  ]);
  const otlp = protocolOf(config) === 'otlp';
  const compression = config.compression ?? (otlp ? 'gzip' : 'none');
  const client = new GrpcClient(settings, { ...config, endpoint: endpointOf(config), compression });
  await client.start(host);
  if (otlp) {
    return {
      cut: (batch) => new OtlpCutter(batch),
      post: (message, abort) => exportOtlp(client, 'traces', message, abort),
      close: () => client.close(),
    };
  }
  const slabs = new Slabs(settings.clock, settings.memory);
  const encoder = new Encoder(new ApiV2Sink(slabs));
  return {
    cut: (batch) => new JaegerCutter(batch, encoder, slabs),
    post: (message, abort) => client.call(postSpans, message, abort, () => accepted, retriedByJaeger),
    close() {
      client.close();
      slabs.close();
    },
  };
}

async function overHttp(settings: Settings, config: JaegerConfig, host: Host): Promise<Transport> {
  const { HttpClient } = await import('../../internal/net/http/client.ts');
  const client = new HttpClient(
    settings,
    { ...config, compression: config.compression ?? 'none' },
    {
      url: new URL(endpointOf(config)),
      contentType: 'application/vnd.apache.thrift.binary',
      expects: 'Jaeger collector',
      adviceOnGrpc: 'is this a gRPC port? Use protocol: grpc (14250) or otlp (4317) for it',
    },
  );
  await client.start(host);
  const slabs = new Slabs(settings.clock, settings.memory);
  const encoder = new Encoder(new ThriftSink(slabs));
  return {
    cut: (batch) => new JaegerCutter(batch, encoder, slabs),
    post: ({ chunks }, abort) =>
      client.post(chunks, abort, ({ status, header, body }) => {
        const outcome = fromHttp(status, { header, body, now: settings.clock.now() });
        // Jaeger says 500 for whatever its pipeline did not take, a full queue among them; what is malformed is 400.
        return status === 500 && outcome.status === 'permanent' ? retryable(outcome.reason) : outcome;
      }),
    close() {
      client.close();
      slabs.close();
    },
  };
}
