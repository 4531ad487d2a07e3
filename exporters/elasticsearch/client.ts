import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { errors, HttpConnection, Serializer, Transport, WeightedConnectionPool } from '@elastic/elasticsearch';
import type { ClientAuthenticator } from '../../internal/core/auth.ts';
import type { Timer } from '../../internal/core/clock.ts';
import type { Host, Settings } from '../../internal/core/component.ts';
import { clientAuthenticator } from '../../internal/net/auth.ts';
import { compress } from '../../internal/net/compression.ts';
import { proxyFor } from '../../internal/net/http/proxy.ts';
import { type ClientTls, loadClientTls } from '../../internal/net/tls.ts';
import { type ElasticsearchConfig, nodesOf } from './config.ts';

/** What of a bulk answer is needed: whether something failed, and then what. */
const FILTER = 'errors,items.*.status,items.*.failure_store,items.*.error.type,items.*.error.reason';

/** Version 9 of the server takes requests of version 8; the other way round it does not. */
const JSON_TYPE = 'application/vnd.elasticsearch+json; compatible-with=8';
const NDJSON_TYPE = 'application/vnd.elasticsearch+x-ndjson; compatible-with=8';

/** An answer of the server, or why there is none. */
export type Answer =
  | { readonly status: number; readonly text: string; readonly retryAfter: string | undefined; readonly node: string }
  | { readonly error: Error; readonly timedOut: boolean };

/** A request of a kind that is seldom made. */
export interface ApiRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'HEAD' | 'DELETE';
  readonly path: string;
  readonly body?: object;
}

export type ClientConfig = Pick<
  ElasticsearchConfig,
  | 'endpoint'
  | 'endpoints'
  | 'cloudid'
  | 'user'
  | 'password'
  | 'api_key'
  | 'auth'
  | 'tls'
  | 'headers'
  | 'proxy_url'
  | 'max_idle_conns'
  | 'max_idle_conns_per_host'
  | 'max_conns_per_host'
  | 'idle_conn_timeout'
  | 'disable_keep_alives'
  | 'discover'
  | 'pipeline'
  | 'include_source_on_error'
  | 'compression'
  | 'compression_params'
>;

/** Leaves the text of an answer to the caller: most of the time three words of it say everything. */
class TextSerializer extends Serializer {
  override deserialize<T>(text: string): T {
    return text as T;
  }
}

/** Talks to the nodes of a cluster through Elastic's transport: in turn, without those that do not answer. */
export class ElasticsearchClient {
  readonly #settings: Pick<Settings, 'clock' | 'logger' | 'build'>;
  readonly #config: ClientConfig;
  #transport: Transport | undefined;
  #pool: WeightedConnectionPool | undefined;
  #tls: ClientTls | undefined;
  #authenticator: ClientAuthenticator | undefined;
  #timer: Timer | undefined;

  constructor(settings: Pick<Settings, 'clock' | 'logger' | 'build'>, config: ClientConfig) {
    this.#settings = settings;
    this.#config = config;
  }

  async start(host: Pick<Host, 'extension'>): Promise<void> {
    const { auth, discover } = this.#config;
    if (auth) this.#authenticator = clientAuthenticator(host as Host, auth.authenticator);
    const nodes = nodesOf(this.#config).map((node) => new URL(node));
    if (nodes.some(({ protocol }) => protocol === 'https:')) {
      this.#tls = await loadClientTls(this.#config.tls, this.#settings.clock, this.#settings.logger);
    }
    this.#pool = new WeightedConnectionPool({ Connection: HttpConnection });
    const headers = this.#constantHeaders(nodes);
    this.#pool.addConnection(nodes.map((url) => ({ url: withoutUser(url), agent: () => this.#agent(url) })));
    this.#transport = new Transport({
      connectionPool: this.#pool,
      serializer: new TextSerializer(),
      headers,
      retryBackoff: () => 0,
      vendoredHeaders: { jsonContentType: JSON_TYPE, ndjsonContentType: NDJSON_TYPE, accept: JSON_TYPE },
      enableMetaHeader: false,
      // Its errors are not logged, but read here.
      redaction: { type: 'off' },
      openTelemetry: { enabled: false },
    });
    const [{ protocol } = { protocol: 'http:' }] = nodes;
    if (discover.on_start) await this.#discover(protocol);
    if (discover.interval > 0) {
      this.#timer = this.#settings.clock.every(discover.interval, () => void this.#discover(protocol));
    }
  }

  /** Asks the cluster for its nodes, and from then on sends to all of them. */
  async #discover(protocol: string): Promise<void> {
    const answer = await this.api({ method: 'GET', path: '/_nodes/_all/http' });
    const nodes = 'error' in answer ? undefined : nodesIn(answer.text);
    const pool = this.#pool;
    if (!nodes || !pool) {
      const reason = 'error' in answer ? answer.error.message : `${answer.node} answered ${answer.status}`;
      this.#settings.logger.warn('the nodes of the cluster could not be discovered', { reason });
      return;
    }
    const found = pool.nodesToHost(nodes, protocol).map((node) => ({ ...node, agent: () => this.#agent(node.url) }));
    if (found.length > 0) pool.update(found);
  }

  /** @returns the body as it travels */
  async packed(body: Buffer): Promise<Buffer> {
    const { compression, compression_params } = this.#config;
    if (compression !== 'gzip') return body;
    const level = compression_params?.level ?? 0;
    return (await compress('gzip', body, level > 0 ? level : undefined)) as Buffer;
  }

  /** @param body what `packed` gave */
  bulk(body: Buffer, signal: AbortSignal | undefined): Promise<Answer> {
    const { compression, pipeline, include_source_on_error: source } = this.#config;
    const querystring = {
      filter_path: FILTER,
      ...(pipeline !== '' && { pipeline }),
      ...(source !== undefined && { include_source_on_error: source }),
    };
    const headers: Record<string, string> = compression === 'gzip' ? { 'content-encoding': 'gzip' } : {};
    return this.#request({ method: 'POST', path: '/_bulk', bulkBody: body, querystring }, headers, signal);
  }

  api({ method, path, body }: ApiRequest): Promise<Answer> {
    return this.#request({ method, path, ...(body && { body: body as Record<string, unknown> }) }, {}, undefined);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#tls?.close();
    this.#transport = undefined;
    await this.#pool?.empty();
    this.#pool = undefined;
  }

  async #request(
    params: Parameters<Transport['request']>[0],
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const transport = this.#transport;
    if (!transport) return { error: new Error('the exporter is not running'), timedOut: false };
    try {
      const result = await transport.request<string>(params, {
        meta: true,
        // A connection that was dying when it was taken, and every other node once. More is the retry's business.
        maxRetries: Math.max(1, (this.#pool?.size ?? 1) - 1),
        headers: { ...headers, ...this.#authenticator?.headers() },
        ...(signal && { signal }),
      });
      return answerOf(result);
    } catch (cause) {
      if (cause instanceof errors.ResponseError)
        return answerOf(cause.meta as unknown as Parameters<typeof answerOf>[0]);
      const error = cause instanceof Error ? cause : new Error(String(cause));
      if (!(cause instanceof errors.ElasticsearchClientError)) throw error;
      const node = (cause as errors.ConnectionError).meta?.meta.connection?.url.origin ?? '';
      const words = signal?.aborted && signal.reason instanceof Error ? signal.reason.message : error.message;
      return {
        error: new Error(`cannot send to ${node}: ${words}`, { cause }),
        timedOut: cause instanceof errors.TimeoutError,
      };
    }
  }

  #constantHeaders(nodes: readonly URL[]): Record<string, string> {
    const { build } = this.#settings;
    const headers: Record<string, string> = {
      'user-agent': `${build.name}/${build.version} (${process.platform}/${process.arch})`,
    };
    const { user, password, api_key } = this.#config;
    const known = nodes.find(({ username }) => username !== '');
    if (api_key !== undefined) headers.authorization = `ApiKey ${api_key}`;
    else if (user !== undefined) headers.authorization = basic(user, password ?? '');
    else if (known)
      headers.authorization = basic(decodeURIComponent(known.username), decodeURIComponent(known.password));
    for (const [name, value] of Object.entries(this.#config.headers)) headers[name.toLowerCase()] = value;
    return headers;
  }

  #agent(url: URL): HttpAgent | HttpsAgent {
    const config = this.#config;
    const most = (...limits: number[]) => Math.min(...limits.map((limit) => limit || Number.POSITIVE_INFINITY));
    const proxyEnv = proxyFor(url, config.proxy_url, process.env);
    if (proxyEnv) this.#settings.logger.info('sends through a proxy', { endpoint: url.origin });
    const options: AgentOptions = {
      keepAlive: !config.disable_keep_alives,
      maxSockets: most(config.max_conns_per_host),
      maxFreeSockets: most(config.max_idle_conns, config.max_idle_conns_per_host),
      ...(config.idle_conn_timeout > 0 && { timeout: config.idle_conn_timeout }),
      ...(proxyEnv && { proxyEnv }),
    };
    const tls = this.#tls;
    return url.protocol === 'https:' && tls ? new RenewingAgent(options, tls) : new HttpAgent(options);
  }
}

/** New connections take a renewed certificate, old ones stay. */
class RenewingAgent extends HttpsAgent {
  readonly #tls: ClientTls;

  constructor(options: AgentOptions, tls: ClientTls) {
    // A resumed session would go on with the certificate from before a renewal.
    super({ ...options, maxCachedSessions: 0 });
    this.#tls = tls;
  }

  override createConnection(...[options, ...rest]: Parameters<HttpsAgent['createConnection']>) {
    return super.createConnection({ ...options, ...this.#tls.options }, ...rest);
  }
}

function nodesIn(text: string): Record<string, unknown> | undefined {
  try {
    return (JSON.parse(text) as { nodes?: Record<string, unknown> }).nodes;
  } catch {
    return undefined;
  }
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function withoutUser(url: URL): URL {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare;
}

interface Result {
  readonly statusCode?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  readonly meta: { readonly connection: { readonly url: URL } | null };
}

function answerOf({ statusCode, body, headers, meta }: Result): Answer {
  const retryAfter = headers?.['retry-after'];
  return {
    status: statusCode ?? 0,
    text: typeof body === 'string' ? body : '',
    retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
    node: meta.connection?.url.origin ?? '',
  };
}
