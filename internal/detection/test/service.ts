import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** What a metadata service answers: text, JSON, a status alone, or what it does to the connection. */
export type Answer =
  | string
  | object
  | number
  | ((request: IncomingMessage, response: ServerResponse) => void)
  | undefined;

export interface Service {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  /** `GET /path` of each request. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** A local server. @param answer undefined is 404 */
export async function serve(
  answer: (request: IncomingMessage, path: string) => Answer,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Service> {
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    const path = request.url ?? '';
    asked.push(`${request.method} ${path}`);
    send(answer(request, path), request, response);
  };
  const server: Server = tls ? createSecureServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    asked,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function send(answer: Answer, request: IncomingMessage, response: ServerResponse): void {
  if (typeof answer === 'function') answer(request, response);
  else if (typeof answer === 'string') response.end(answer);
  else if (typeof answer === 'object')
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  else response.writeHead(answer ?? 404).end();
}

/** Takes the request and says nothing. */
export const hang: Answer = () => {};

/** Ten gigabytes, were they read. */
export const flood: Answer = (_request, response) => {
  const part = Buffer.alloc(1 << 16, 'a');
  let left = 160_000;
  const more = () => {
    while (left-- > 0 && !response.destroyed) if (!response.write(part)) return void response.once('drain', more);
    response.end();
  };
  more();
};

/** Leads to a server that would answer. */
export const redirect =
  (url: string): Answer =>
  (_request, response) =>
    response.writeHead(302, { location: url }).end();

/** The middle of JSON. */
export const garbage = '{"instanceId": "i-0", ';
