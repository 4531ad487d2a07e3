/** Where to listen: a TCP address, or the path of a Unix domain socket. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number; readonly ipv6Only?: boolean }
  | { readonly kind: 'unix'; readonly path: string };

export type Transport = 'tcp' | 'tcp4' | 'tcp6' | 'unix';

/**
 * Reads `host:port`, `:port`, `[::1]:port`, `unix:///path` and `unix:path`; with transport `unix` any text is a path.
 * @returns what is wrong with the text, as a sentence, where it is no address
 */
export function parseAddress(endpoint: string, transport: Transport = 'tcp'): Address | string {
  if (transport === 'unix') return unixAddress(endpoint.startsWith('unix:') ? endpoint : `unix:${endpoint}`);
  if (endpoint.startsWith('unix:')) return unixAddress(endpoint);
  if (endpoint.includes('://')) {
    return `expected an address to listen on such as localhost:4317, got the URL ${quote(endpoint)}: leave the scheme out`;
  }
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(endpoint);
  if (!match) return `expected host:port, :port or [ipv6]:port, got ${quote(endpoint)}`;
  const port = Number(match[3]);
  if (port > 65_535) return `expected a port from 0 to 65535, got ${match[3]} in ${quote(endpoint)}`;
  const host = match[1] ?? match[2];
  if (!host) return anyHost(transport, port);
  // As Go does: a name with both families is listened on in IPv4.
  if (host === 'localhost') return { kind: 'tcp', host: transport === 'tcp6' ? '::1' : '127.0.0.1', port };
  return { kind: 'tcp', host, port };
}

/** The address as a user would write it. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  const host = address.host ?? '::';
  return host.includes(':') ? `[${host}]:${address.port}` : `${host}:${address.port}`;
}

function unixAddress(endpoint: string): Address | string {
  const path = endpoint.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
  if (path === '' || path.startsWith('//')) {
    return `expected a path as in unix:///run/sluice/otlp.sock, got ${quote(endpoint)}`;
  }
  // sun_path holds 108 bytes on Linux and 104 on BSD and macOS, with the closing zero.
  if (Buffer.byteLength(path) > 103) return `expected a socket path of at most 103 bytes, got ${quote(path)}`;
  return { kind: 'unix', path };
}

function anyHost(transport: Transport, port: number): Address {
  if (transport === 'tcp4') return { kind: 'tcp', host: '0.0.0.0', port };
  // Without a host, node listens on both families where the machine has both.
  return transport === 'tcp6'
    ? { kind: 'tcp', host: '::', port, ipv6Only: true }
    : { kind: 'tcp', host: undefined, port };
}

function quote(text: string): string {
  return JSON.stringify(text);
}
