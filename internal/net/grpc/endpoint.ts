/** Where a gRPC exporter connects to. */
export interface GrpcEndpoint {
  /** A target in grpc-js's syntax, https://github.com/grpc/grpc/blob/master/doc/naming.md */
  readonly target: string;
  /** The name or address, without brackets; `localhost` for a Unix socket. */
  readonly host: string;
  /** What the scheme says about TLS; undefined where the `tls` section alone decides. */
  readonly scheme: 'http' | 'https' | undefined;
}

/**
 * Accepts what the Go collector accepts: `host:port`, the same after `http://` or `https://`, `dns:///host:port`,
 * `passthrough:///host:port`, and `unix:path`.
 * @returns what is wrong, where the text is no such endpoint
 */
export function parseEndpoint(text: string): GrpcEndpoint | { readonly wrong: string } {
  if (text.startsWith('unix:')) return parseUnix(text);
  const match = /^(https?:\/\/|dns:(?:\/\/[^/]*\/)?|passthrough:(?:\/\/\/)?|ipv[46]:)?(.*)$/s.exec(text)!;
  const prefix = match[1] ?? '';
  const hostPort = match[2]!.replace(/\/$/, '');
  if (hostPort.includes('://')) return { wrong: `unknown scheme; use host:port, http://, https://, dns:/// or unix:` };
  if (hostPort.includes('/')) return { wrong: 'a gRPC endpoint has no path; use host:port' };
  const [, address, name, port = '0'] = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(hostPort) ?? [];
  const host = address ?? name;
  if (!host || Number(port) === 0 || Number(port) > 65_535) {
    return { wrong: 'expected host:port such as localhost:4317' };
  }
  if (prefix === 'http://' || prefix === 'https://') {
    return { target: `dns:///${hostPort}`, host, scheme: prefix === 'http://' ? 'http' : 'https' };
  }
  // grpc-js has no passthrough; its dns resolver hands addresses through and lets the system resolve names.
  if (prefix === '' || prefix.startsWith('passthrough:'))
    return { target: `dns:///${hostPort}`, host, scheme: undefined };
  return { target: prefix + hostPort, host, scheme: undefined };
}

function parseUnix(text: string): GrpcEndpoint | { readonly wrong: string } {
  const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
  if (path === '' || path === '//') return { wrong: 'expected the path of a socket, such as unix:///run/otlp.sock' };
  // grpc-js wants three slashes before an absolute path and none before a relative one.
  return { target: path.startsWith('/') ? `unix://${path}` : `unix:${path}`, host: 'localhost', scheme: undefined };
}
