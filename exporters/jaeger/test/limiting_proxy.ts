import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Passes POSTs on to a local port, after it has answered some with 429 and a second to wait. */
export async function limitingProxy(target: number, refusals: number) {
  let refused = 0;
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    if (refused < refusals) {
      refused++;
      response.writeHead(429, { 'retry-after': '1' }).end('slow down');
      return;
    }
    const headers = { 'content-type': request.headers['content-type']! };
    const answer = await fetch(`http://127.0.0.1:${target}${request.url}`, {
      method: 'POST',
      headers,
      body: Buffer.concat(parts),
    });
    response.writeHead(answer.status).end(await answer.text());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get refused() {
      return refused;
    },
    close,
  };
}
