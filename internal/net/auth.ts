import { componentId, object, unsupported } from '../config/fields.ts';
import {
  type AuthResult,
  type ClientAuthenticator,
  isClientAuthenticator,
  isServerAuthenticator,
  type ServerAuthenticator,
} from '../core/auth.ts';
import type { Host } from '../core/component.ts';
import type { ClientMetadata } from '../core/consumer.ts';
import { type Permanent, permanent } from '../core/outcome.ts';

const authenticator = () =>
  componentId('extension').describe('Id of the extension that authenticates, as in `service.extensions`.');

/** The `auth` part of a client. */
export function clientAuth() {
  return object({ authenticator: authenticator() });
}

/** The `auth` part of a server. */
export function serverAuth() {
  return object({
    authenticator: authenticator(),
    request_params: unsupported('credentials in the query string end up in logs; send them as a header'),
  });
}

/** @throws Error that says which extension is missing or of the wrong kind */
export function clientAuthenticator(host: Host, id: string): ClientAuthenticator {
  const extension = running(host, id);
  if (isClientAuthenticator(extension)) return extension;
  throw new Error(
    `auth.authenticator: extension ${id} does not authenticate clients; name one that does, such as bearertokenauth`,
  );
}

/** @throws Error that says which extension is missing or of the wrong kind */
export function serverAuthenticator(host: Host, id: string): ServerAuthenticator {
  const extension = running(host, id);
  if (isServerAuthenticator(extension)) return extension;
  throw new Error(
    `auth.authenticator: extension ${id} does not authenticate servers; name one that does, such as bearertokenauth`,
  );
}

function running(host: Host, id: string) {
  const extension = host.extension(id);
  if (extension) return extension;
  throw new Error(
    `auth.authenticator: extension ${id} is not running; declare it under extensions: and list it in service.extensions`,
  );
}

/** A request whose headers are in. */
export interface Caller {
  metadata(): ClientMetadata;
}

/** Asks a server authenticator before the body of a request is read, and keeps what it found out until it is needed. */
export class AuthGate {
  readonly #authenticator: ServerAuthenticator;
  readonly #found = new WeakMap<Caller, Readonly<Record<string, string>>>();

  constructor(authenticator: ServerAuthenticator) {
    this.#authenticator = authenticator;
  }

  /** For `www-authenticate`, RFC 9110 11.6.1. */
  get challenge(): string {
    return this.#authenticator.challenge ?? 'Bearer';
  }

  /** @returns the refusal, or undefined where the caller may go on */
  check(caller: Caller): Permanent | undefined | Promise<Permanent | undefined> {
    const result = this.#authenticator.authenticate(caller.metadata());
    return result instanceof Promise ? result.then((it) => this.#judge(caller, it)) : this.#judge(caller, result);
  }

  attributes(caller: Caller): Readonly<Record<string, string>> | undefined {
    return this.#found.get(caller);
  }

  #judge(caller: Caller, result: AuthResult): Permanent | undefined {
    if (!result.ok) return permanent('unauthenticated', result.reason);
    if (result.attributes) this.#found.set(caller, result.attributes);
    return undefined;
  }
}
