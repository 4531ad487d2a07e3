import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** What a document is answered with: 201, or a status with the type of its error. */
export type Verdict = 201 | 409 | { readonly status: number; readonly type: string; readonly reason?: string };

/** One bulk request as it came in. */
export interface BulkRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly documents: readonly { readonly action: any; readonly source: any }[];
  /** Bytes before compression. */
  readonly bytes: number;
}

/** The answer to a whole request. */
export interface Refusal {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** The connection is closed instead. */
  readonly hangUp?: boolean;
}

/** Answers as Elasticsearch does, and keeps what it took. */
export class FakeElasticsearch {
  readonly requests: BulkRequest[] = [];
  /** Sources of the documents that were taken, in order. */
  readonly taken: any[] = [];
  /** Other requests: `METHOD /path`. */
  readonly others: string[] = [];
  verdict: (source: any, request: number) => Verdict = () => 201;
  refuse: (request: BulkRequest, count: number) => Refusal | undefined = () => undefined;
  other: (line: string) => Refusal = () => ({ status: 200, body: '{"acknowledged":true}' });
  readonly #server: Server;
  readonly #scheme: string;

  constructor(tls?: { readonly cert: string; readonly key: string }) {
    this.#scheme = tls ? 'https' : 'http';
    const serve: Parameters<typeof createServer>[1] = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const url = request.url ?? '';
        const answer = url.startsWith('/_bulk')
          ? this.#bulk(url, request.headers, Buffer.concat(chunks))
          : this.#other(`${request.method} ${url}`);
        if (answer.hangUp) request.socket.destroy();
        else
          response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body);
      });
    };
    this.#server = tls ? createTlsServer(tls, serve) : createServer(serve);
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #other(line: string): Refusal {
    this.others.push(line);
    return this.other(line);
  }

  #bulk(path: string, headers: IncomingHttpHeaders, packed: Buffer): Refusal {
    const body = headers['content-encoding'] === 'gzip' ? gunzipSync(packed) : packed;
    const lines = body.toString().split('\n').slice(0, -1);
    const documents = lines
      .filter((_, i) => i % 2 === 0)
      .map((line, i) => ({
        action: JSON.parse(line).create,
        source: JSON.parse(lines[i * 2 + 1]!),
      }));
    const request = { path, headers, documents, bytes: body.length };
    const count = this.requests.push(request) - 1;
    const refusal = this.refuse(request, count);
    if (refusal) return refusal;
    const items = documents.map(({ source }) => {
      const verdict = this.verdict(source, count);
      if (verdict === 201) this.taken.push(source);
      if (typeof verdict === 'number') return { create: { status: verdict } };
      const { status, type, reason = 'because' } = verdict;
      return { create: { status, error: { type, reason } } };
    });
    const errors = items.some(({ create }) => 'error' in create || create.status === 409);
    return { status: 200, body: JSON.stringify({ errors, items }) };
  }
}
