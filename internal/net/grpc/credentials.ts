import { isIP, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { CallCredentials, ChannelCredentials, type experimental } from '@grpc/grpc-js';
import type { ClientTls } from '../tls.ts';

/**
 * TLS of a channel. grpc-js's own cannot connect to an address (it sends it as the server name, which RFC 6066 forbids
 * and Node refuses), and would need a new channel after each renewal of a certificate.
 */
export class TlsCredentials extends ChannelCredentials {
  readonly #tls: ClientTls;
  readonly #host: string;

  /** @param host of the endpoint: the name or address that the certificate is checked for */
  constructor(tls: ClientTls, host: string) {
    super();
    this.#tls = tls;
    this.#host = host;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    _target: unknown,
    _options: unknown,
    callCredentials = CallCredentials.createEmpty(),
  ): experimental.SecureConnector {
    return {
      connect: (socket) => this.#connect(socket),
      waitForReady: async () => {},
      getCallCredentials: () => callCredentials,
      destroy() {},
    };
  }

  #connect(socket: Socket): Promise<experimental.SecureConnectResult> {
    const { servername: override, ...options } = this.#tls.options;
    const name = override ?? this.#host;
    return new Promise((resolve, reject) => {
      const secured = connect(
        { ...options, socket, host: name, servername: isIP(name) ? '' : name, ALPNProtocols: ['h2'] },
        () => resolve({ socket: secured, secure: true }),
      );
      secured.on('error', reject);
    });
  }
}
