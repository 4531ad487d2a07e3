import type { ClientMetadata } from './consumer.ts';

/** An extension that a server's `auth.authenticator` names. */
export interface ServerAuthenticator {
  /** What HTTP's `www-authenticate` asks for, for instance `Basic realm="otlp"`. */
  readonly challenge?: string;
  authenticate(headers: ClientMetadata): AuthResult | Promise<AuthResult>;
}

export type AuthResult =
  | { readonly ok: true; readonly attributes?: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly reason: string };

/** An extension that an exporter's `auth.authenticator` names. Asked before each request, so that a renewed token is used. */
export interface ClientAuthenticator {
  headers(): Readonly<Record<string, string>>;
}

export function isServerAuthenticator(value: unknown): value is ServerAuthenticator {
  return typeof (value as Partial<ServerAuthenticator> | undefined)?.authenticate === 'function';
}

export function isClientAuthenticator(value: unknown): value is ClientAuthenticator {
  return typeof (value as Partial<ClientAuthenticator> | undefined)?.headers === 'function';
}
