import type { AuthResult, ClientAuthenticator, ServerAuthenticator } from '../../internal/core/auth.ts';
import type { Component, Settings } from '../../internal/core/component.ts';
import type { ClientMetadata } from '../../internal/core/consumer.ts';
import { SecretSet } from '../../internal/net/secrets.ts';
import { type Kept, WatchedFiles } from '../../internal/net/watched_files.ts';
import type { BearerTokenAuthConfig } from './index.ts';

const yes: AuthResult = { ok: true };
/** Milliseconds between looks at the token file. */
const watchMs = 5000;

interface Tokens {
  readonly accepted: SecretSet;
  readonly sent: Readonly<Record<string, string>>;
}

/** One extension for both ends: a server checks a token, a client sends one. */
export class BearerTokenAuth implements Component, ServerAuthenticator, ClientAuthenticator {
  readonly challenge: string;
  readonly #settings: Settings;
  readonly #config: BearerTokenAuthConfig;
  readonly #header: string;
  #tokens: { readonly value: Tokens };
  #watched: Kept<Tokens> | undefined;

  constructor(settings: Settings, config: BearerTokenAuthConfig) {
    this.#settings = settings;
    this.#config = config;
    this.#header = config.header.toLowerCase();
    this.challenge = /^[\w-]+$/.test(config.scheme) ? config.scheme : 'Bearer';
    this.#tokens = { value: this.#use(config.token === undefined ? config.tokens : [config.token]) };
  }

  async start(): Promise<void> {
    const { filename } = this.#config;
    if (filename === undefined) return;
    const files = new WatchedFiles(this.#settings.clock, this.#settings.logger, watchMs);
    this.#watched = await files.keep(async () => this.#use(tokensIn(filename, await files.read('filename', filename))));
    this.#tokens = this.#watched;
  }

  async shutdown(): Promise<void> {
    this.#watched?.close();
  }

  authenticate(headers: ClientMetadata): AuthResult {
    const values = headers.get(this.#header);
    if (!values?.length) return { ok: false, reason: `missing header ${this.#config.header}` };
    for (const value of values) {
      const token = this.#tokenOf(value);
      if (token !== undefined && this.#tokens.value.accepted.has(token)) return yes;
    }
    return { ok: false, reason: `the token in header ${this.#config.header} is not accepted` };
  }

  headers(): Readonly<Record<string, string>> {
    return this.#tokens.value.sent;
  }

  #use(tokens: readonly string[]): Tokens {
    const { scheme } = this.#config;
    const first = tokens[0];
    return {
      accepted: new SecretSet(tokens),
      sent: first === undefined ? {} : { [this.#header]: scheme === '' ? first : `${scheme} ${first}` },
    };
  }

  /** The scheme is case-insensitive, RFC 9110 11.1. */
  #tokenOf(value: string): string | undefined {
    const text = value.trim();
    const { scheme } = this.#config;
    if (scheme === '') return text;
    if (text.slice(0, scheme.length + 1).toLowerCase() !== `${scheme.toLowerCase()} `) return undefined;
    return text.slice(scheme.length).trim();
  }
}

/** One token per line, so that a new one is accepted before the old one is gone. A client sends the first. */
function tokensIn(path: string, text: string): string[] {
  const tokens = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (tokens.length === 0) throw new Error(`filename: ${path} holds no token; expected one per line`);
  return tokens;
}
