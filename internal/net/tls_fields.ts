import { z } from 'zod';
import { duration, object, secret, unsupported } from '../config/fields.ts';

/** Upstream's TLS fields, config/configtls of the OpenTelemetry Collector. */

/** TLS 1.0 and 1.1 are refused by the OpenSSL that Node carries (RFC 8996). */
function version(byDefault?: '1.2') {
  const field = z
    .union([z.literal(['1.2', '1.3']), z.literal([1.2, 1.3])])
    .transform((value) => String(value) as '1.2' | '1.3');
  return byDefault ? field.default(byDefault) : field.optional();
}

function shared() {
  return {
    ca_file: z.string().optional().describe('PEM file with the authorities that the other side is checked against.'),
    ca_pem: z.string().optional().describe('The same, in line.'),
    cert_file: z.string().optional().describe('PEM file with the certificate chain shown to the other side.'),
    cert_pem: z.string().optional().describe('The same, in line.'),
    key_file: z.string().optional().describe('PEM file with the private key of the certificate.'),
    key_pem: secret().optional().describe('The same, in line.'),
    include_system_ca_certs_pool: z
      .boolean()
      .default(false)
      .describe('Trust the system authorities besides `ca_file`.'),
    min_version: version('1.2').describe('Oldest TLS version: 1.2 or 1.3.'),
    max_version: version().describe('Newest TLS version: 1.2 or 1.3.'),
    cipher_suites: z.array(z.enum(goCipherSuites)).optional().describe('TLS 1.2 cipher suites, by their Go names.'),
    curve_preferences: z.array(z.enum(goCurves)).optional().describe('Key exchange groups, preferred first.'),
    reload_interval: duration('0s').describe('How often the files are looked at for a renewal; 0 means every 10s.'),
    tpm: unsupported('keys held in a TPM are not supported'),
  };
}

/** The `tls` part of a server. */
export function serverTls() {
  return object({
    ...shared(),
    client_ca_file: z
      .string()
      .optional()
      .describe('Authorities of client certificates; set, each client must show one.'),
    client_ca_file_reload: z.boolean().default(false).describe('Renewed `client_ca_file`s are always taken over.'),
  });
}

/** The `tls` part of a client. */
export function clientTls() {
  return object({
    ...shared(),
    insecure: z.boolean().default(false).describe('Speak plain text.'),
    insecure_skip_verify: z.boolean().default(false).describe('Do not check the server certificate.'),
    server_name_override: z.string().optional().describe('Name the server certificate is checked for.'),
  });
}

export type ServerTlsConfig = z.output<ReturnType<typeof serverTls>>;
export type ClientTlsConfig = z.output<ReturnType<typeof clientTls>>;

const goCipherSuites = [
  'TLS_RSA_WITH_AES_128_CBC_SHA',
  'TLS_RSA_WITH_AES_256_CBC_SHA',
  'TLS_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
] as const;

const goCurves = ['X25519', 'P256', 'P384', 'P521', 'X25519MLKEM768'] as const;

/** OpenSSL's spelling of one of Go's TLS 1.2 suites, for instance ECDHE-RSA-AES128-GCM-SHA256. */
export function opensslCipher(goName: string): string {
  const [exchange, cipher] = goName.slice('TLS_'.length).split('_WITH_') as [string, string];
  const spelled = cipher
    .replace(/^AES_(128|256)/, 'AES$1')
    .replace('_CBC', '')
    .replace('CHACHA20_POLY1305_SHA256', 'CHACHA20-POLY1305')
    .replaceAll('_', '-');
  return exchange === 'RSA' ? spelled : `${exchange.replace('_', '-')}-${spelled}`;
}

/** OpenSSL's name of one of Go's key exchange groups. */
export function opensslGroup(goName: string): string {
  return goName.replace(/^P(\d+)$/, 'P-$1');
}
