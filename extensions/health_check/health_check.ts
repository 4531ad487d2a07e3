import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import net from 'node:net';
import type { Component, Host, Settings } from '../../internal/core/component.ts';
import { type Address, formatAddress, parseAddress, type Transport } from '../../internal/net/address.ts';
import type { H2Server } from '../../internal/net/h2/server.ts';
import { listen } from '../../internal/net/listen.ts';
import type { ServerTls } from '../../internal/net/tls.ts';
import type { ServerTlsConfig } from '../../internal/net/tls_fields.ts';
import { type Answer, legacyAnswer, type Moment, statusAnswer } from './answers.ts';
import type { HealthCheckConfig } from './config.ts';
import { collectorHealth, httpCode, pipelineHealth, type Rules } from './health.ts';

const defaultRules: Rules = {
  include_permanent_errors: false,
  include_recoverable_errors: false,
  recovery_duration: 0,
};

/**
 * Answers from what the components report, the moment it is asked: it keeps no state of its own.
 * It starts before and stops after the pipelines, so a probe hears 503 while they start and drain.
 */
export class HealthCheck implements Component {
  readonly #settings: Settings;
  readonly #config: HealthCheckConfig;
  readonly #rules: Rules;
  readonly #startedAt: number;
  readonly #ends: ((abort: AbortSignal) => Promise<void>)[] = [];
  #stopped: Promise<void> | undefined;

  constructor(settings: Settings, config: HealthCheckConfig) {
    this.#settings = settings;
    this.#config = config;
    this.#rules = config.component_health ?? defaultRules;
    this.#startedAt = settings.clock.now();
  }

  /** Where it listens, in the order http, grpc. */
  readonly addresses: Address[] = [];

  async start(host: Host): Promise<void> {
    const config = this.#config;
    try {
      if (!config.use_v2) {
        await this.#serveHttp(config, (url) => legacyAnswer(config, url, this.#moment(host)));
        return;
      }
      if (config.http?.status.enabled) {
        const { path } = config.http.status;
        await this.#serveHttp(config.http, (url) => statusAnswer(path, this.#rules, url, this.#moment(host)));
      }
      if (config.grpc) await this.#serveGrpc(config.grpc, host);
    } catch (error) {
      await this.shutdown(AbortSignal.abort());
      throw error;
    }
  }

  shutdown(abort: AbortSignal): Promise<void> {
    this.#stopped ??= Promise.all(this.#ends.map((end) => end(abort))).then(() => {});
    return this.#stopped;
  }

  #moment(host: Host): Moment {
    const now = this.#settings.clock.now();
    return {
      health: collectorHealth(host.system.statuses(), this.#rules, this.#startedAt),
      startedAt: this.#startedAt,
      now,
    };
  }

  async #serveHttp(where: Where, answer: (url: URL) => Answer): Promise<void> {
    const handle: RequestListener = (request, response) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { allow: 'GET, HEAD' }).end();
        return;
      }
      const url = URL.parse(`http://localhost${request.url}`);
      const { code, type, body }: Answer = url
        ? answer(url)
        : { code: 400, type: 'text/plain; charset=utf-8', body: 'the path cannot be read\n' };
      const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' };
      response.writeHead(code, headers).end(body);
    };
    const limits = { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 };
    const tls = await this.#tls(where.tls);
    let server: Server;
    if (tls) {
      const { createServer } = await import('node:https');
      const secure = createServer({ ...limits, ...tls.options }, handle);
      tls.onRenewed((options) => secure.setSecureContext(options));
      server = secure;
    } else {
      server = createHttpServer(limits, handle);
    }
    await this.#listen(server, where, tls, () => {
      server.closeAllConnections();
      return Promise.resolve();
    });
  }

  async #serveGrpc(where: Where, host: Host): Promise<void> {
    const { clock, logger, memory, random } = this.#settings;
    const { createH2Server } = await import('../../internal/net/h2/server.ts');
    const calls: H2Server = createH2Server({
      methods: new Map(),
      memory,
      clock,
      logger,
      random,
      serving: (service) => {
        const { health, now } = this.#moment(host);
        const asked = service === '' ? health : pipelineHealth(health, service);
        return asked && httpCode(asked, this.#rules, now) === 200;
      },
    });
    const tls = await this.#tls(where.tls);
    let server: net.Server;
    if (tls) {
      const { createServer } = await import('node:tls');
      const secure = createServer({ ...tls.options, ALPNProtocols: ['h2'] }, (socket) => calls.accept(socket));
      tls.onRenewed((options) => secure.setSecureContext(options));
      server = secure;
    } else {
      server = net.createServer({ noDelay: true }, (socket) => calls.accept(socket));
    }
    await this.#listen(server, where, tls, (abort) => calls.shutdown(abort));
  }

  async #tls(config: ServerTlsConfig | undefined): Promise<ServerTls | undefined> {
    if (!config) return undefined;
    const { loadServerTls } = await import('../../internal/net/tls.ts');
    return loadServerTls(config, this.#settings.clock, this.#settings.logger);
  }

  async #listen(
    server: net.Server,
    where: Where,
    tls: ServerTls | undefined,
    endConnections: (abort: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { logger } = this.#settings;
    server.maxConnections = 200;
    this.#ends.push(async (abort) => {
      tls?.close();
      const closed = server.listening ? new Promise((resolve) => server.close(resolve)) : undefined;
      await endConnections(abort);
      await closed;
    });
    // The schema has let only addresses through.
    const address = await listen(server, parseAddress(where.endpoint, where.transport) as Address);
    server.on('error', (error) => logger.error(`accepting a connection failed: ${error.message}`));
    server.on('tlsClientError', (error: Error) => logger.debug(`a TLS handshake failed: ${error.message}`));
    this.addresses.push(address);
    logger.info(`listening on ${formatAddress(address)}`, { tls: tls !== undefined });
  }
}

interface Where {
  readonly endpoint: string;
  readonly transport?: Transport | undefined;
  readonly tls?: ServerTlsConfig | undefined;
}
