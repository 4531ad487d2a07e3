import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { ClientAuthenticator } from '../../internal/core/auth.ts';
import type { Host, Settings } from '../../internal/core/component.ts';
import { clientAuthenticator } from '../../internal/net/auth.ts';
import { type ClientTls, loadClientTls } from '../../internal/net/tls.ts';
import type { SourceConfig } from './config.ts';
import { type Answer, type Facts, factsOf, parseJson } from './facts.ts';
import { Lookups } from './lookups.ts';
import type { Source } from './source.ts';

/** JSON objects by key from an HTTP service. */
export class HttpSource implements Source {
  readonly #settings: Settings;
  readonly #config: SourceConfig;
  readonly #http: NonNullable<SourceConfig['http']>;
  readonly #lookups: Lookups;
  #agent: HttpAgent | HttpsAgent | undefined;
  #tls: ClientTls | undefined;
  #authenticator: ClientAuthenticator | undefined;

  constructor(settings: Settings, config: SourceConfig) {
    if (!config.http) throw new Error(`source ${config.name}: expected http`);
    this.#settings = settings;
    this.#config = config;
    this.#http = config.http;
    this.#lookups = new Lookups(settings, config.name, config.http, (key, abort) => this.#ask(key, abort));
  }

  async start(host: Host): Promise<void> {
    const { url, tls, auth, max_in_flight: maxSockets } = this.#http;
    if (auth) this.#authenticator = clientAuthenticator(host, auth.authenticator);
    const options = { keepAlive: true, maxSockets };
    if (url.startsWith('https:')) {
      this.#tls = await loadClientTls(tls, this.#settings.clock, this.#settings.logger);
      this.#agent = new HttpsAgent({ ...options, maxCachedSessions: 0 });
    } else this.#agent = new HttpAgent(options);
  }

  close(): void {
    this.#lookups.close();
    this.#tls?.close();
    this.#agent?.destroy();
  }

  find(key: string): Answer | Promise<Answer> {
    // `.` and `..` would lead to another path.
    return key === '.' || key === '..' ? 'miss' : this.#lookups.find(key);
  }

  /** @returns undefined where the service does not know the key @throws Error where it fails */
  async #ask(key: string, abort: AbortSignal): Promise<Facts | undefined> {
    const url = new URL(this.#http.url.replaceAll('{key}', encodeURIComponent(key.toWellFormed())));
    const { status, body } = await this.#get(url, abort);
    if (status === 404 || status === 410 || status === 204) return undefined;
    if (status !== 200) throw new Error(`${url.origin} answered ${status}`);
    const answer = parseJson(body);
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
      throw new Error(`${url.origin} answered with JSON that is no object`);
    }
    return factsOf(answer, this.#config.write);
  }

  #get(url: URL, signal: AbortSignal): Promise<{ readonly status: number; readonly body: string }> {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const most = this.#http.max_answer_bytes;
    const headers = { accept: 'application/json', ...this.#http.headers, ...this.#authenticator?.headers() };
    return new Promise((resolve, reject) => {
      const request = send(url, { agent: this.#agent, ...this.#tls?.options, headers, signal }, (response) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        response.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > most) request.destroy(new Error(`an answer of more than ${most} bytes (max_answer_bytes)`));
          else parts.push(part);
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }),
        );
      });
      request.on('error', reject);
      request.end();
    });
  }
}
