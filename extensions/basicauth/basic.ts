import { createHmac, randomBytes } from 'node:crypto';
import type { AuthResult, ClientAuthenticator, ServerAuthenticator } from '../../internal/core/auth.ts';
import type { Component, Settings } from '../../internal/core/component.ts';
import type { ClientMetadata } from '../../internal/core/consumer.ts';
import { type Kept, WatchedFiles } from '../../internal/net/watched_files.ts';
import { Bcrypt } from './bcrypt.ts';
import { parseHtpasswd, type Verify } from './htpasswd.ts';
import type { BasicAuthConfig } from './index.ts';

/** Milliseconds between looks at the files. */
const watchMs = 5000;
/** Logins whose slow check is not repeated for each request. */
const maxRemembered = 1000;
/** Slow checks that may wait for each other; beyond that strangers who guess passwords would hold up the rest. */
const maxChecks = 64;

type Users = ReadonlyMap<string, Verify>;

/** HTTP Basic, RFC 7617: a server checks a name and a password against htpasswd lines, a client sends them. */
export class BasicAuth implements Component, ServerAuthenticator, ClientAuthenticator {
  readonly challenge = 'Basic realm="otlp", charset="UTF-8"';
  readonly #settings: Settings;
  readonly #config: BasicAuthConfig;
  #users: { readonly value: Users } = { value: new Map() };
  #sent: { readonly value: Readonly<Record<string, string>> } = { value: {} };
  #watched: Kept<unknown> | undefined;
  #bcrypt: Bcrypt | undefined;

  /** Digest of a header value that was accepted, to its user. */
  readonly #remembered = new Map<string, string>();
  readonly #key = randomBytes(32);
  #checks = 0;
  #lastCheck: Promise<unknown> = Promise.resolve();

  constructor(settings: Settings, config: BasicAuthConfig) {
    this.#settings = settings;
    this.#config = config;
  }

  async start(): Promise<void> {
    const files = new WatchedFiles(this.#settings.clock, this.#settings.logger, watchMs);
    if (this.#config.htpasswd) {
      const users = await files.keep(() => this.#readUsers(files));
      users.onRenewed(() => this.#remembered.clear());
      this.#users = users;
      this.#watched = users;
    } else {
      const sent = await files.keep(() => this.#readClient(files));
      this.#sent = sent;
      this.#watched = sent;
    }
  }

  async shutdown(): Promise<void> {
    this.#watched?.close();
  }

  headers(): Readonly<Record<string, string>> {
    return this.#sent.value;
  }

  authenticate(headers: ClientMetadata): AuthResult | Promise<AuthResult> {
    const value = headers.get('authorization')?.[0];
    if (value === undefined) return { ok: false, reason: 'missing header Authorization' };
    const digest = createHmac('sha256', this.#key).update(value).digest('base64');
    const known = this.#remembered.get(digest);
    if (known !== undefined) return welcome(known);
    const login = parseLogin(value);
    if (!login) return { ok: false, reason: 'expected Authorization: Basic and the base64 of user:password' };
    if (this.#checks >= maxChecks) return { ok: false, reason: 'too many logins are being checked; try again later' };
    return this.#check(login, digest);
  }

  /** One at a time: a slow hash takes the same CPU time for all, and turns keep it from taking all of it. */
  #check({ user, password }: Login, digest: string): Promise<AuthResult> {
    this.#checks++;
    const verdict = this.#lastCheck.then(async (): Promise<AuthResult> => {
      const users = this.#users.value;
      const verify = users.get(user);
      // A name nobody has costs as much as one with a wrong password.
      const right = await (verify ?? firstOf(users))?.(password);
      if (!verify || !right) return { ok: false, reason: 'user name or password is wrong' };
      if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
      if (this.#users.value === users) this.#remembered.set(digest, user);
      return welcome(user);
    });
    this.#lastCheck = verdict.then(
      () => this.#checks--,
      () => this.#checks--,
    );
    return verdict;
  }

  async #readUsers(files: WatchedFiles): Promise<Users> {
    const { file, inline } = this.#config.htpasswd!;
    const bcrypt = () => (this.#bcrypt ??= new Bcrypt(() => new Promise((resolve) => setImmediate(resolve))));
    const parse = (where: string, text: string) => {
      try {
        return parseHtpasswd(text, bcrypt);
      } catch (error) {
        throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
      }
    };
    const fromFile = file === undefined ? [] : parse(`htpasswd.file ${file}`, await files.read('htpasswd.file', file));
    const users = new Map([...fromFile, ...(inline === undefined ? [] : parse('htpasswd.inline', inline))]);
    if (users.size === 0) throw new Error('htpasswd: there is no user in it; expected lines of user:hash');
    return users;
  }

  async #readClient(files: WatchedFiles): Promise<Readonly<Record<string, string>>> {
    const { username, password, username_file, password_file } = this.#config.client_auth!;
    const name = username ?? (await files.read('client_auth.username_file', username_file!)).trim();
    const secret = password ?? (await files.read('client_auth.password_file', password_file!)).trim();
    return { authorization: `Basic ${Buffer.from(`${name}:${secret}`, 'utf8').toString('base64')}` };
  }
}

interface Login {
  readonly user: string;
  readonly password: string;
}

function parseLogin(value: string): Login | undefined {
  const match = /^basic +([A-Za-z0-9+/_-]+=*) *$/i.exec(value);
  const text = match && Buffer.from(match[1]!, 'base64').toString('utf8');
  const colon = text?.indexOf(':') ?? -1;
  return text && colon >= 0 ? { user: text.slice(0, colon), password: text.slice(colon + 1) } : undefined;
}

function firstOf(users: Users): Verify | undefined {
  return users.values().next().value;
}

function welcome(user: string): AuthResult {
  return { ok: true, attributes: { username: user } };
}
