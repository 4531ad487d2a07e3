import type http from 'node:http';
import type net from 'node:net';
import type tls from 'node:tls';
import type { Logger } from '../core/telemetry.ts';

/** The protocol a port is meant for; both are served on either. */
export type PortProtocol = 'grpc' | 'http';

export interface ProtocolOptions {
  readonly port: PortProtocol;
  readonly secure: boolean;
  readonly logger: Logger;
  /** Takes over a connection that speaks HTTP/2, and what was read of it. */
  http2(socket: net.Socket, firstBytes?: Uint8Array): void;
  /** Milliseconds in which a new connection must show what it speaks. */
  readonly firstBytesMs: number;
}

type Spoken = 'http1' | 'http2' | 'tls' | 'unknown yet';

const tlsHandshake = 0x16;

/**
 * Serves HTTP/1 and HTTP/2 on one server, told apart by ALPN or by the first bytes, because gRPC sent to 4318 and
 * OTLP/HTTP sent to 4317 are the commonest first mistakes. A connection in the other port's protocol is logged once.
 * @returns a function that ends the connections whose protocol is not known yet
 */
export function splitProtocols(server: http.Server, options: ProtocolOptions): () => void {
  const event = options.secure ? 'secureConnection' : 'connection';
  const http1 = server.listeners(event)[0] as (socket: net.Socket) => void;
  const undecided = new Set<net.Socket>();
  const once = new LogOnce(options.logger);

  const hand = (socket: net.Socket, spoken: 'http1' | 'http2', firstBytes?: Buffer) => {
    if (spoken === 'http2') {
      if (options.port === 'http') once.info('http2', 'a client speaks gRPC or HTTP/2 on the HTTP port; it is served');
      // node:http keeps sockets half open for its own ends; a client that closes its side of HTTP/2 is gone.
      socket.allowHalfOpen = false;
      options.http2(socket, firstBytes);
    } else {
      if (options.port === 'grpc') once.info('http1', 'a client speaks OTLP/HTTP on the gRPC port; it is served');
      if (firstBytes) socket.unshift(firstBytes);
      http1.call(server, socket);
    }
    // Reading its first bytes has left the socket paused.
    if (firstBytes) process.nextTick(() => socket.resume());
  };

  server.removeAllListeners(event);
  server.on(event, (socket: net.Socket) => {
    const alpn = options.secure && (socket as tls.TLSSocket).alpnProtocol;
    if (alpn === 'h2') return hand(socket, 'http2');
    if (alpn === 'http/1.1') return hand(socket, 'http1');
    undecided.add(socket);
    readFirstBytes(socket, options.firstBytesMs, (spoken, firstBytes) => {
      undecided.delete(socket);
      if (spoken === 'http1' || spoken === 'http2') return hand(socket, spoken, firstBytes);
      if (spoken === 'tls') {
        once.warn(
          'tls',
          'a client speaks TLS on a port without TLS; connection closed. Set tls here, or insecure: true there',
          {
            peer: socket.remoteAddress,
          },
        );
      }
      socket.destroy();
    });
  });
  if (options.secure) logTlsErrors(server, once);
  return () => {
    for (const socket of undecided) socket.destroy();
  };
}

/** Tells what is spoken, or 'unknown yet' when the connection ends or stays silent. */
function readFirstBytes(
  socket: net.Socket,
  timeoutMs: number,
  done: (spoken: Spoken, firstBytes?: Buffer) => void,
): void {
  let head: Buffer | undefined;
  const onData = (chunk: Buffer) => {
    head = head ? Buffer.concat([head, chunk]) : chunk;
    const spoken = recognize(head);
    if (spoken !== 'unknown yet') finish(spoken);
  };
  const onEnd = () => finish('unknown yet');
  const finish = (spoken: Spoken) => {
    socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onEnd).off('timeout', onEnd);
    socket.setTimeout(0);
    socket.pause();
    done(spoken, head);
  };
  socket.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onEnd).on('timeout', onEnd);
  socket.setTimeout(timeoutMs);
}

/** The HTTP/2 preface starts `PRI * HTTP/2.0`; three bytes tell it from every HTTP/1 method. */
function recognize(head: Buffer): Spoken {
  if (head[0] === tlsHandshake) return 'tls';
  const start = head.toString('latin1', 0, 3);
  if (start === 'PRI') return 'http2';
  return 'PRI'.startsWith(start) ? 'unknown yet' : 'http1';
}

function logTlsErrors(server: http.Server, once: LogOnce): void {
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: net.Socket) => {
    const code = error.code ?? error.message;
    const peer = socket.remoteAddress;
    if (code === 'ECONNRESET') return;
    if (code === 'ERR_SSL_HTTP_REQUEST' || code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
      once.warn(
        code,
        'a client speaks plain text on a TLS port; connection closed. Let it use https, or insecure: false',
        { peer },
      );
    } else if (code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') {
      once.warn(
        code,
        'a client without a certificate was refused: client_ca_file is set, so each client must show one',
        { peer },
      );
    } else {
      once.warn(code, `a TLS handshake failed: ${error.message}`, { peer, code });
    }
  });
}

/** Each kind of event is logged once; there are few kinds, and a bound in case there are not. */
class LogOnce {
  readonly #logger: Logger;
  readonly #said = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  info(kind: string, message: string): void {
    if (this.#first(kind)) this.#logger.info(`${message} (logged once)`);
  }

  warn(kind: string, message: string, fields: Record<string, unknown>): void {
    if (this.#first(kind)) this.#logger.warn(`${message} (logged once)`, fields);
  }

  #first(kind: string): boolean {
    if (this.#said.has(kind) || this.#said.size >= 32) return false;
    this.#said.add(kind);
    return true;
  }
}
