import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ClientAuthenticator } from '../../core/auth.ts';
import type { Host, Settings } from '../../core/component.ts';
import { type Outcome, permanent, retryable } from '../../core/outcome.ts';
import { clientAuthenticator } from '../auth.ts';
import { compress } from '../compression.ts';
import { Slabs } from '../slabs.ts';
import { fromHttp } from '../status.ts';
import { type ClientTls, loadClientTls } from '../tls.ts';
import type { HttpClientConfig } from './client_fields.ts';
import { type HttpEnd, post } from './post.ts';
import { proxyFor } from './proxy.ts';

/** Chunks smaller than this on average are copied together: a write to the socket costs more than the copy. */
const minChunkBytes = 16 * 1024;

/** Where a client posts to, and in what form. */
export interface HttpTarget {
  readonly url: URL;
  readonly contentType: string;
  /** What should listen there, for error texts: `OTLP endpoint`. */
  readonly expects: string;
  /** What to do where gRPC listens there. */
  readonly adviceOnGrpc: string;
}

interface Body {
  readonly chunks: readonly Uint8Array[];
  /** What they lie in, when it can be used again. */
  readonly slab?: Buffer;
}

/** POST requests over kept connections, for an exporter. */
export class HttpClient {
  readonly #settings: Settings;
  readonly #config: HttpClientConfig;
  readonly #target: HttpTarget;
  /** The URL as it may be told: without credentials and query. */
  readonly #where: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #slabs: Slabs;
  #agent: HttpAgent | HttpsAgent | undefined;
  #tls: ClientTls | undefined;
  #authenticator: ClientAuthenticator | undefined;

  constructor(settings: Settings, config: HttpClientConfig, target: HttpTarget) {
    this.#settings = settings;
    this.#config = config;
    this.#target = target;
    this.#where = target.url.origin + target.url.pathname;
    this.#headers = constantHeaders(settings, config, target.contentType);
    this.#slabs = new Slabs(settings.clock, settings.memory);
  }

  async start(host: Host): Promise<void> {
    const { auth, tls } = this.#config;
    const { url } = this.#target;
    if (auth) this.#authenticator = clientAuthenticator(host, auth.authenticator);
    const proxyEnv = proxyFor(url, this.#config.proxy_url, process.env);
    if (proxyEnv) this.#settings.logger.info('sends through a proxy', { endpoint: this.#where });
    const options = { ...agentOptions(this.#config), ...(proxyEnv && { proxyEnv }) };
    if (url.protocol === 'http:') {
      this.#agent = new HttpAgent(options);
      return;
    }
    this.#tls = await loadClientTls(tls, this.#settings.clock, this.#settings.logger);
    // A resumed session would go on with the certificate from before a renewal.
    this.#agent = new HttpsAgent({ ...options, maxCachedSessions: 0 });
  }

  /**
   * One POST. What it makes of `plain` (compressed, joined) is counted as a copy while it is under way.
   * @param plain the body before compression; must stay as it is until the call has ended
   * @param read says what an answer means. Default: as OTLP has it
   */
  async post(
    plain: readonly Uint8Array[],
    abort: AbortSignal | undefined,
    read: (end: HttpEnd) => Outcome = (end) => this.#judged(end),
  ): Promise<Outcome> {
    const { memory } = this.#settings;
    const { chunks, slab } = await this.#body(plain);
    // A slab counts by itself.
    const copied = slab || chunks === plain ? 0 : sizeOf(chunks);
    memory.addCopy(copied);
    let end: HttpEnd | Error | undefined;
    try {
      end = await this.#post(chunks, abort);
    } finally {
      memory.dropCopy(copied);
      const sent = end && !(end instanceof Error) && end.requestSent;
      if (slab && sent) this.#slabs.give(slab);
      else if (slab) this.#slabs.drop(slab);
    }
    if (!end) return permanent('shutdown', 'the exporter is not running');
    if (!(end instanceof Error)) return this.#misplaced(end) ?? read(end);
    return retryable(`cannot send to ${this.#where}: ${this.#trouble(end, abort)}`, undefined, end);
  }

  close(): void {
    this.#tls?.close();
    this.#agent?.destroy();
    this.#agent = undefined;
    this.#slabs.close();
  }

  #post(body: readonly Uint8Array[], abort: AbortSignal | undefined): Promise<HttpEnd | Error> | undefined {
    return (
      this.#agent &&
      post({
        url: this.#target.url,
        agent: this.#agent,
        // With each request and not in the agent: new connections take a renewed certificate, old ones stay.
        options: { ...this.#tls?.options },
        headers: { ...this.#headers, ...this.#authenticator?.headers(), 'content-length': sizeOf(body) },
        body,
        abort,
      })
    );
  }

  async #body(chunks: readonly Uint8Array[]): Promise<Body> {
    const { compression, compression_params } = this.#config;
    const byteLength = sizeOf(chunks);
    if (compression === 'none' || compression === '') {
      const small = chunks.length > 1 && byteLength / chunks.length < minChunkBytes;
      return small ? this.#joined(chunks, byteLength) : { chunks };
    }
    const level = levelOf(compression_params?.level);
    const only = chunks.length === 1 ? chunks[0] : undefined;
    if (only) return { chunks: [await compress(compression, only, level)] };
    const { chunks: whole, slab } = this.#joined(chunks, byteLength);
    try {
      return { chunks: [await compress(compression, whole[0]!, level)] };
    } finally {
      this.#slabs.give(slab);
    }
  }

  #joined(chunks: readonly Uint8Array[], byteLength: number): Required<Body> {
    const slab = this.#slabs.gather(chunks, byteLength);
    return { chunks: [slab.subarray(0, byteLength)], slab };
  }

  #judged(end: HttpEnd): Outcome {
    return fromHttp(end.status, { header: end.header, body: end.body, now: this.#settings.clock.now() });
  }

  /** An answer of something that is not what should listen there. */
  #misplaced(end: HttpEnd): Outcome | undefined {
    const where = this.#where;
    if (end.status >= 300 && end.status < 400) {
      const target = end.header('location') ?? 'nowhere';
      return permanent(
        'rejected',
        `${where} redirects (HTTP ${end.status}) to ${target}: set the endpoint to the final URL`,
      );
    }
    if (end.status < 300 && end.header('content-type')?.startsWith('text/html')) {
      // A login page or a dashboard: upstream would count this batch as sent.
      return permanent(
        'rejected',
        `${where} answered with a web page: it is no ${this.#target.expects}, check host, port and path`,
      );
    }
    return undefined;
  }

  /** The words of a failed connection, and what they usually mean. */
  #trouble(error: Error, abort: AbortSignal | undefined): string {
    if (abort?.aborted) return abort.reason instanceof Error ? abort.reason.message : String(abort.reason);
    const { code = '' } = error as NodeJS.ErrnoException;
    // A name with several addresses: Node tried each.
    const message =
      error instanceof AggregateError ? error.errors.map((one: Error) => one.message).join(', ') : error.message;
    if (code.startsWith('HPE_')) return `the answer is not HTTP/1.1 (${message}): ${this.#target.adviceOnGrpc}`;
    if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER')
      return `${message}: does the backend speak plain text? Then begin the endpoint with http://`;
    if (message === 'socket hang up') return 'the backend closed the connection before it answered';
    return message;
  }
}

function constantHeaders({ build }: Settings, config: HttpClientConfig, contentType: string): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': contentType,
    'user-agent': `${build.name}/${build.version} (${process.platform}/${process.arch})`,
  };
  if (config.compression !== 'none' && config.compression !== '') headers['content-encoding'] = config.compression;
  for (const [name, value] of Object.entries(config.headers)) headers[name.toLowerCase()] = value;
  return headers;
}

function agentOptions(config: HttpClientConfig): AgentOptions {
  const most = (...limits: number[]) => Math.min(...limits.map((limit) => limit || Number.POSITIVE_INFINITY));
  return {
    keepAlive: !config.disable_keep_alives,
    maxSockets: most(config.max_conns_per_host),
    maxFreeSockets: most(config.max_idle_conns, config.max_idle_conns_per_host),
    ...(config.idle_conn_timeout > 0 && { timeout: config.idle_conn_timeout }),
  };
}

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

/** 0 and -1 are upstream's ways to leave it to the program. */
function levelOf(level = 0): number | undefined {
  return level > 0 ? level : undefined;
}
