import { type Channel, type ChannelOptions, credentials, status as grpcStatus, Metadata } from '@grpc/grpc-js';
import type { ClientAuthenticator } from '../../core/auth.ts';
import type { Host, Settings } from '../../core/component.ts';
import { type Outcome, permanent, retryable } from '../../core/outcome.ts';
import { clientAuthenticator } from '../auth.ts';
import { compress, decompress } from '../compression.ts';
import { Slabs } from '../slabs.ts';
import { fromGrpc } from '../status.ts';
import { type ClientTls, loadClientTls } from '../tls.ts';
import { abortReason, type CallEnd, unaryCall } from './call.ts';
import { openFramedChannel } from './channel.ts';
import { TlsCredentials } from './credentials.ts';
import { type GrpcEndpoint, parseEndpoint } from './endpoint.ts';
import type { GrpcClientConfig } from './fields.ts';
import { type Framed, frame, unframe } from './frame.ts';
import { inWords } from './reasons.ts';

/** An answer is a few bytes and a message; what inflates to more than this is not one. */
const maxAnswerBytes = 4 * 1024 * 1024;

/** What a call sends: the bytes of one message, in order. They must stay as they are until the call has ended. */
export interface Message {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
}

/** Unary calls for an exporter. The channel connects by itself, and again after the backend was away. */
export class GrpcClient {
  readonly #settings: Settings;
  readonly #config: GrpcClientConfig;
  readonly #endpoint: GrpcEndpoint;
  readonly #headers: Metadata;
  readonly #slabs: Slabs;
  #channel: Channel | undefined;
  #tls: ClientTls | undefined;
  #authenticator: ClientAuthenticator | undefined;

  constructor(settings: Settings, config: GrpcClientConfig) {
    this.#settings = settings;
    this.#config = config;
    const endpoint = parseEndpoint(config.endpoint);
    if ('wrong' in endpoint) throw new Error(`${settings.id}: endpoint ${config.endpoint}: ${endpoint.wrong}`);
    this.#endpoint = endpoint;
    this.#headers = constantHeaders(config);
    this.#slabs = new Slabs(settings.clock, settings.memory);
  }

  async start(host: Host): Promise<void> {
    const { auth } = this.#config;
    if (auth) this.#authenticator = clientAuthenticator(host, auth.authenticator);
    const { clock, logger } = this.#settings;
    if (!this.#plaintext()) this.#tls = await loadClientTls(this.#config.tls, clock, logger);
    const own = this.#tls ? new TlsCredentials(this.#tls, this.#endpoint.host) : credentials.createInsecure();
    this.#channel = openFramedChannel(this.#endpoint.target, own, channelOptions(this.#config, this.#settings));
  }

  /**
   * One unary call.
   * @param path of the method, `/package.Service/Method`
   * @param read says what the message of an answer means; asked only when the server said OK
   * @param alsoRetryable codes after which this service, unlike OTLP, wants the same call again
   */
  async call(
    path: string,
    message: Message,
    abort: AbortSignal | undefined,
    read: (answer: Uint8Array) => Outcome,
    alsoRetryable?: ReadonlySet<number>,
  ): Promise<Outcome> {
    const { bytes, slab } = await this.#request(message);
    let end: CallEnd | undefined;
    try {
      end = await this.#send(path, bytes, abort);
    } finally {
      // Once the server has said OK it has read all of it. After a failure the connection may still hold a part.
      if (end?.code === 0) this.#slabs.give(slab);
      else this.#slabs.drop(slab);
    }
    if (!end) return permanent('shutdown', 'the exporter is not running');
    if (end.code === 0) return this.#answer(end, read);
    const refusal = this.#refusal(end, abort);
    return alsoRetryable?.has(end.code) && refusal.status === 'permanent' ? retryable(refusal.reason) : refusal;
  }

  close(): void {
    this.#tls?.close();
    this.#channel?.close();
    this.#channel = undefined;
    this.#slabs.close();
  }

  #send(path: string, request: Buffer, abort: AbortSignal | undefined): Promise<CallEnd> | undefined {
    const authority = this.#config.authority || undefined;
    return this.#channel && unaryCall(this.#channel, path, this.#headersNow(), authority, request, abort);
  }

  /** As upstream: `https://` wins over `insecure: true`, and an authority to check against makes TLS wanted. */
  #plaintext(): boolean {
    const { tls } = this.#config;
    if (this.#endpoint.scheme) return this.#endpoint.scheme === 'http';
    return tls.insecure && !tls.ca_file && !tls.ca_pem;
  }

  #headersNow(): Metadata {
    if (!this.#authenticator) return this.#headers;
    const headers = this.#headers.clone();
    for (const [name, value] of Object.entries(this.#authenticator.headers())) headers.set(name, value);
    return headers;
  }

  #request(message: Message): Framed | Promise<Framed> {
    const { compression } = this.#config;
    if (compression !== 'none' && compression !== '') return this.#compressed(compression, message);
    return frame(this.#slabs, message.chunks, message.byteLength, false);
  }

  async #compressed(encoding: 'gzip' | 'zstd' | 'deflate', { chunks, byteLength }: Message): Promise<Framed> {
    const only = chunks.length === 1 ? chunks[0] : undefined;
    const slab = only ? undefined : this.#slabs.gather(chunks, byteLength);
    try {
      const message = await compress(encoding, only ?? slab!.subarray(0, byteLength));
      return frame(this.#slabs, [message], message.length, true);
    } finally {
      if (slab) this.#slabs.give(slab);
    }
  }

  async #answer({ framed, encoding }: CallEnd, read: (answer: Uint8Array) => Outcome): Promise<Outcome> {
    // Go's server says OK with no message only where its handler is broken; the batch may not have arrived.
    if (!framed) return fromGrpc(grpcStatus.INTERNAL, 'the answer holds no message');
    const { compressed, message } = unframe(framed);
    if (!compressed) return read(message);
    const plain = await decompress(encoding, message, maxAnswerBytes);
    if (plain instanceof Uint8Array) return read(plain);
    return { status: 'accepted', reason: `the answer cannot be read: its ${encoding} is damaged` };
  }

  #refusal(end: CallEnd, abort: AbortSignal | undefined): Outcome {
    if (abort?.aborted) return retryable(`no answer from ${this.#config.endpoint}: ${abortReason(abort)}`);
    const details = end.metadata.get('grpc-status-details-bin')[0];
    const reason = inWords(end.details, this.#config.endpoint);
    return fromGrpc(end.code, reason, typeof details === 'string' ? undefined : details);
  }
}

function constantHeaders({ headers, compression, timeout, wait_for_ready }: GrpcClientConfig): Metadata {
  const metadata = new Metadata({ waitForReady: wait_for_ready });
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  if (compression !== 'none' && compression !== '') metadata.set('grpc-encoding', compression);
  metadata.set('grpc-accept-encoding', 'identity,gzip,deflate,zstd');
  // The server may stop work that nobody waits for; the call itself is ended by the timeout layer above.
  if (timeout > 0) metadata.set('grpc-timeout', `${Math.min(Math.ceil(timeout), 99_999_999)}m`);
  return metadata;
}

function channelOptions(config: GrpcClientConfig, { build }: Settings): ChannelOptions {
  const { keepalive } = config;
  return {
    'grpc.primary_user_agent':
      config.user_agent || `${build.name}/${build.version} (${process.platform}/${process.arch})`,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ [config.balancer_name]: {} }] }),
    'grpc.service_config_disable_resolution': 1,
    // Retrying is the layer's above, which knows OTLP's rules; the copies held for it here would be counted by no one.
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    // Connections belong to this exporter and end with it.
    'grpc.use_local_subchannel_pool': 1,
    // A backend that is back is found within this time, not within grpc's two minutes.
    'grpc.max_reconnect_backoff_ms': 10_000,
    ...(keepalive && {
      'grpc.keepalive_time_ms': keepalive.time,
      'grpc.keepalive_timeout_ms': keepalive.timeout,
      'grpc.keepalive_permit_without_calls': keepalive.permit_without_stream ? 1 : 0,
    }),
  };
}
