import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const chunkBytes = 1024;

export interface SlowProxy {
  readonly port: number;
  /** Bytes passed on to the server. */
  readonly passed: number;
  close(): void;
}

/** Passes on so many bytes a second to a local port, and answers as fast as they come. */
export async function slowProxy(target: number, bytesPerSecond: number): Promise<SlowProxy> {
  const sockets = new Set<Socket>();
  let passed = 0;
  const server = createServer((client) => {
    const backend = connect(target, '127.0.0.1');
    for (const socket of [client, backend]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        sockets.delete(socket);
        client.destroy();
        backend.destroy();
      });
    }
    backend.pipe(client);
    void slowly(client, backend);
  });
  const slowly = async (client: Socket, backend: Socket) => {
    try {
      for await (const data of client as AsyncIterable<Buffer>) {
        for (let at = 0; at < data.length; at += chunkBytes) {
          const chunk = data.subarray(at, at + chunkBytes);
          backend.write(chunk);
          passed += chunk.length;
          await pause((chunk.length / bytesPerSecond) * 1000);
        }
      }
    } catch {
      // Either end was cut off.
    }
    backend.end();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get passed() {
      return passed;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
