import type { Host, Outputs, Settings } from '../../internal/core/component.ts';
import { type Address, parseAddress } from '../../internal/net/address.ts';
import { AuthGate, serverAuthenticator } from '../../internal/net/auth.ts';
import type { H2Limits, Keepalive } from '../../internal/net/h2/limits.ts';
import { createH2Server } from '../../internal/net/h2/server.ts';
import { Cors } from '../../internal/net/http/cors.ts';
import { ExportHandler, type ExportTarget } from '../../internal/net/http/export.ts';
import { createHttp1Server } from '../../internal/net/http/http1.ts';
import { Port } from '../../internal/net/port.ts';
import type { PortProtocol } from '../../internal/net/protocol.ts';
import type { ServerTls } from '../../internal/net/tls.ts';
import type { ServerTlsConfig } from '../../internal/net/tls_fields.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { type GrpcConfig, type HttpConfig, type OtlpReceiverConfig, schema } from './config.ts';
import { exportMethods, exportServices } from './grpc.ts';
import { CountingIntake } from './intake.ts';

export interface PortContext {
  readonly settings: Settings;
  readonly outputs: Outputs;
  readonly host: Host;
  readonly protocols: OtlpReceiverConfig['protocols'];
}

export function grpcPort(context: PortContext): Promise<Port> {
  return makePort('grpc', context, context.protocols.grpc!);
}

export function httpPort(context: PortContext): Promise<Port> {
  return makePort('http', context, context.protocols.http!);
}

/**
 * A port has the access rules (address, TLS, auth) of its own section, and the limits of each protocol from that
 * protocol's section, or their defaults where it is not in the configuration.
 */
async function makePort(protocol: PortProtocol, context: PortContext, access: GrpcConfig | HttpConfig): Promise<Port> {
  const { settings, host, protocols } = context;
  const { logger, clock, memory } = settings;
  const grpc = protocols.grpc ?? defaults().grpc!;
  const http = protocols.http ?? defaults().http!;

  const auth = access.auth && new AuthGate(serverAuthenticator(host, access.auth.authenticator));
  // Last of what can fail: from here on somebody owns the watch over its files.
  const tls = access.tls && (await loadTls(access.tls, settings));
  const shared = { includeMetadata: access.include_metadata, auth };
  const maxBodyBytes = http.max_request_body_size || 20 * mib;
  const handler = new ExportHandler({
    ...shared,
    targets: httpTargets(context, http),
    maxBodyBytes,
    encodings: http.compression_algorithms.filter((name) => name !== ''),
    memory,
    cors: http.cors?.allowed_origins.length ? new Cors(http.cors) : undefined,
    responseHeaders: Object.keys(http.response_headers).length > 0 ? http.response_headers : undefined,
  });
  const headersTimeoutMs = http.read_header_timeout || 10_000;
  const http1 = await createHttp1Server({
    handler,
    maxBodyBytes,
    memory,
    logger,
    tls,
    headersTimeoutMs,
    requestTimeoutMs: http.read_timeout || 60_000,
    idleTimeoutMs: http.idle_timeout || 60_000,
    writeTimeoutMs: http.write_timeout,
    keepAlive: http.keep_alives_enabled,
  });
  const http2 = createH2Server({
    methods: exportServices(targets(context, 'grpc'), shared),
    http: handler,
    limits: h2Limits(grpc, maxBodyBytes, headersTimeoutMs),
    keepalive: h2Keepalive(grpc),
    memory,
    clock,
    logger,
    random: settings.random,
    serving: (service) => servesHealth(context.outputs, service),
  });
  return new Port({
    protocol,
    address: parseAddress(access.endpoint, access.transport) as Address,
    tls,
    http1,
    http2,
    logger,
    meter: settings.meter,
    labels: { receiver: settings.id, transport: protocol },
    firstBytesMs: headersTimeoutMs,
    maxConnections: access.max_connections,
  });
}

/** Loaded only where it is needed: node's TLS code takes memory. */
async function loadTls(config: ServerTlsConfig, { clock, logger }: Settings): Promise<ServerTls> {
  const { loadServerTls } = await import('../../internal/net/tls.ts');
  return loadServerTls(config, clock, logger);
}

function defaults(): OtlpReceiverConfig['protocols'] {
  return schema.parse({ protocols: { grpc: null, http: null } }).protocols;
}

const signals: readonly Signal[] = ['traces', 'metrics', 'logs'];

function targets({ settings, outputs }: PortContext, transport: PortProtocol): ExportTarget[] {
  return signals.map((signal) => {
    const next = outputs[signal];
    return {
      signal,
      intake: next && new CountingIntake(settings, signal, transport, next),
      missing: `no pipeline takes ${signal} from this receiver: add ${settings.id} to the receivers of a ${signal} pipeline in service.pipelines`,
    };
  });
}

const mib = 1024 * 1024;

/** For the health service: '' is the server as a whole. */
function servesHealth(outputs: Outputs, service: string): boolean | undefined {
  if (service === '') return true;
  const signal = signals.find((it) => exportMethods[it] === `/${service}/Export`);
  return signal && outputs[signal] !== undefined;
}

function h2Limits(grpc: GrpcConfig, maxHttpBodyBytes: number, headerTimeoutMs: number): Partial<H2Limits> {
  return {
    maxMessageBytes: (grpc.max_recv_msg_size_mib || 4) * mib,
    maxHttpBodyBytes,
    headerTimeoutMs,
    ...(grpc.max_concurrent_streams > 0 ? { maxConcurrentStreams: grpc.max_concurrent_streams } : {}),
  };
}

function h2Keepalive(grpc: GrpcConfig): Keepalive {
  const { server_parameters: server, enforcement_policy: client } = grpc.keepalive;
  const forever = (ms: number) => ms || Number.POSITIVE_INFINITY;
  return {
    maxConnectionIdleMs: forever(server.max_connection_idle),
    maxConnectionAgeMs: forever(server.max_connection_age),
    maxConnectionAgeGraceMs: forever(server.max_connection_age_grace),
    timeMs: forever(server.time),
    timeoutMs: forever(server.timeout),
    minTimeMs: client.min_time,
    permitWithoutStream: client.permit_without_stream,
  };
}

function httpTargets(context: PortContext, http: HttpConfig): ReadonlyMap<string, ExportTarget> {
  const paths = { traces: http.traces_url_path, metrics: http.metrics_url_path, logs: http.logs_url_path };
  return new Map(targets(context, 'http').map((target) => [paths[target.signal], target]));
}
