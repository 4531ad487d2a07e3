import type { SecureContext, SecureContextOptions, SecureVersion } from 'node:tls';
import tls from 'node:tls';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/telemetry.ts';
import { type ClientTlsConfig, opensslCipher, opensslGroup, type ServerTlsConfig } from './tls_fields.ts';
import { WatchedFiles } from './watched_files.ts';

/** What a TLS server is made of, kept up to date while files are renewed. */
export interface ServerTls {
  /** For `https.createServer`, and for `server.setSecureContext` after a renewal. */
  readonly options: tls.TlsOptions;
  /** Calls back after each renewal with the new options. */
  onRenewed(renewed: (options: tls.TlsOptions) => void): void;
  /** Ends the watch. */
  close(): void;
}

/** What a TLS client is made of, kept up to date while files are renewed. */
export interface ClientTls {
  /** `insecure: true`: connect without TLS where the URL does not say otherwise. */
  readonly plaintext: boolean;
  /** For grpc-js `createFromSecureContext`, `https.Agent` and `tls.connect`. A new object after each renewal. */
  readonly options: ClientTlsOptions;
  onRenewed(renewed: (options: ClientTlsOptions) => void): void;
  close(): void;
}

export interface ClientTlsOptions {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
  /** `server_name_override`: the name sent as SNI and the certificate is checked for. */
  readonly servername?: string;
}

const watchMs = 10_000;

/** @throws Error that names the field and the file, what failed and what to do. */
export async function loadServerTls(config: ServerTlsConfig, clock: Clock, logger: Logger): Promise<ServerTls> {
  const files = new WatchedFiles(clock, logger, config.reload_interval || watchMs);
  const build = async (): Promise<tls.TlsOptions> => {
    const pair = await readPair(config, files);
    if (!pair.cert) {
      throw new Error('tls: a server needs a certificate: set cert_file and key_file (or cert_pem and key_pem)');
    }
    const clientCa = config.client_ca_file && (await files.read('tls.client_ca_file', config.client_ca_file));
    const options: tls.TlsOptions = {
      ...pair,
      ...limits(config),
      ...(clientCa ? { ca: clientCa, requestCert: true, rejectUnauthorized: true } : {}),
    };
    secureContext(config, options);
    return options;
  };
  const kept = await files.keep(build);
  return {
    get options() {
      return kept.value;
    },
    onRenewed: kept.onRenewed,
    close: kept.close,
  };
}

/** @throws Error that names the field and the file, what failed and what to do. */
export async function loadClientTls(config: ClientTlsConfig, clock: Clock, logger: Logger): Promise<ClientTls> {
  const files = new WatchedFiles(clock, logger, config.reload_interval || watchMs);
  const build = async (): Promise<ClientTlsOptions> => {
    const own = config.ca_pem ?? (config.ca_file && (await files.read('tls.ca_file', config.ca_file)));
    const ca = own && !config.include_system_ca_certs_pool ? [own] : [...(own ? [own] : []), ...systemAuthorities()];
    const options = { ...(await readPair(config, files)), ...limits(config), ca };
    return {
      secureContext: secureContext(config, options),
      rejectUnauthorized: !config.insecure_skip_verify,
      ...(config.server_name_override ? { servername: config.server_name_override } : {}),
    };
  };
  const kept = await files.keep(build);
  return {
    plaintext: config.insecure,
    get options() {
      return kept.value;
    },
    onRenewed: kept.onRenewed,
    close: kept.close,
  };
}

/** Go trusts what the machine trusts; Node alone would trust only the list it was built with. */
function systemAuthorities(): string[] {
  return [...tls.getCACertificates('default'), ...tls.getCACertificates('system')];
}

type Files = Pick<ServerTlsConfig, 'cert_file' | 'cert_pem' | 'key_file' | 'key_pem'>;

async function readPair(config: Files, files: WatchedFiles): Promise<{ cert?: string; key?: string }> {
  const cert = config.cert_pem ?? (config.cert_file && (await files.read('tls.cert_file', config.cert_file)));
  const key = config.key_pem ?? (config.key_file && (await files.read('tls.key_file', config.key_file)));
  if (!cert && !key) return {};
  if (!cert) throw new Error('tls: key_file is set without cert_file: set both, or neither');
  if (!key) throw new Error('tls: cert_file is set without key_file: set both, or neither');
  return { cert, key };
}

function limits(config: ServerTlsConfig | ClientTlsConfig): SecureContextOptions {
  const options: SecureContextOptions = { minVersion: tlsVersion(config.min_version ?? '1.2') };
  if (config.max_version) options.maxVersion = tlsVersion(config.max_version);
  // Go's list is about TLS 1.2 alone; Node's would switch TLS 1.3 off if it named none of its suites.
  if (config.cipher_suites?.length) {
    const tls13 = tls.DEFAULT_CIPHERS.split(':').filter((name) => name.startsWith('TLS_'));
    options.ciphers = [...tls13, ...config.cipher_suites.map(opensslCipher)].join(':');
  }
  if (config.curve_preferences?.length) options.ecdhCurve = config.curve_preferences.map(opensslGroup).join(':');
  return options;
}

function tlsVersion(version: '1.2' | '1.3'): SecureVersion {
  return `TLSv${version}`;
}

/** OpenSSL checks here that everything is PEM and that key and certificate belong together. */
function secureContext(config: ServerTlsConfig | ClientTlsConfig, options: SecureContextOptions): SecureContext {
  try {
    return tls.createSecureContext(options);
  } catch (error) {
    const files = [
      config.cert_file,
      config.key_file,
      config.ca_file,
      'client_ca_file' in config && config.client_ca_file,
    ];
    const named = files.filter(Boolean).join(', ') || 'the PEM text in the configuration';
    const reason = (error as Error).message;
    throw new Error(
      `tls: cannot use ${named}: ${reason}. Wanted PEM files whose key_file is the unencrypted private key of cert_file; ` +
        'check them with `openssl x509 -in CERT -noout -text` and `openssl pkey -in KEY -check -noout`',
      { cause: error },
    );
  }
}
