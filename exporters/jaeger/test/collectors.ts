import { createServer, type Server as HttpServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { type Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { readApiV2 } from './api_v2_oracle.ts';
import type { ReadBatch } from './read.ts';
import { readThrift } from './thrift_reader.ts';

/** What a collector was sent and took. */
export interface Taken {
  readonly batch: ReadBatch;
  readonly byteLength: number;
  header(name: string): string | undefined;
}

/** undefined: yes. A gRPC code or HTTP status, and the reason. */
export type Refusal = { readonly code: number; readonly reason: string } | undefined;

export interface Collector {
  readonly port: number;
  readonly taken: Taken[];
  /** Requests that were not answered yet, at the most; each is answered after a turn or two. */
  mostAtOnce: number;
  /** Asked for each message that is not too large. */
  answer: (batch: ReadBatch) => Refusal;
  close(): void;
}

/** `jaeger.api_v2.CollectorService` on grpc-js. @param maxBytes larger messages are refused as grpc-js does it */
export async function grpcCollector(maxBytes = -1): Promise<Collector> {
  const server = new Server({ 'grpc.max_receive_message_length': maxBytes });
  const raw = (bytes: Buffer) => bytes;
  const postSpans = {
    path: '/jaeger.api_v2.CollectorService/PostSpans',
    requestStream: false,
    responseStream: false,
    requestSerialize: raw,
    requestDeserialize: raw,
    responseSerialize: raw,
    responseDeserialize: raw,
  } as const;
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
  const collector: Collector = {
    port,
    taken: [],
    mostAtOnce: 0,
    answer: () => undefined,
    close: () => server.forceShutdown(),
  };
  server.addService(
    { postSpans },
    {
      async postSpans({ request, metadata }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
        await atOnce(collector);
        const batch = readApiV2(request);
        const refusal = collector.answer(batch);
        if (refusal) return done({ code: refusal.code, details: refusal.reason });
        collector.taken.push({ batch, byteLength: request.length, header: (name) => text(metadata, name) });
        done(null, Buffer.alloc(0));
      },
    },
  );
  return collector;
}

const waiting = new WeakMap<Collector, number>();

/** Waits a moment, so that requests that come together are there together. */
async function atOnce(collector: Collector): Promise<void> {
  const now = (waiting.get(collector) ?? 0) + 1;
  waiting.set(collector, now);
  collector.mostAtOnce = Math.max(collector.mostAtOnce, now);
  await pause(5);
  waiting.set(collector, waiting.get(collector)! - 1);
}

function text(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return value === undefined ? undefined : String(value);
}

/** Takes thrift at `/api/traces`. @param maxBytes larger bodies are answered with 413 */
export async function thriftCollector(maxBytes = Number.POSITIVE_INFINITY): Promise<Collector> {
  const server: HttpServer = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', async () => {
      await atOnce(collector);
      const body = Buffer.concat(parts);
      const refusal = refusalOf(request.url, body);
      if (refusal) return response.writeHead(refusal.code).end(refusal.reason);
      const batch = readThrift(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
      const own = collector.answer(batch);
      if (own) return response.writeHead(own.code).end(own.reason);
      collector.taken.push({ batch, byteLength: body.length, header: (name) => header(request.headers, name) });
      return response.writeHead(202).end();
    });
  });
  const refusalOf = (url: string | undefined, body: Buffer): Refusal => {
    if (url !== '/api/traces') return { code: 404, reason: 'not here' };
    return body.length > maxBytes ? { code: 413, reason: 'request entity too large' } : undefined;
  };
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  const collector: Collector = { port, taken: [], mostAtOnce: 0, answer: () => undefined, close };
  return collector;
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
