import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { uncompressSync } from 'snappy';
import { inflate } from '../items/inflate.ts';
import { eachField } from '../items/walk.ts';
import { startGrpcSink } from './grpc_sink.ts';
import type { Sink } from './sink.ts';

/** Sinks that answer like a backend and count what came: documents, samples, spans. They share no code with Sluice. */
export interface CountingOptions {
  onItems(count: number): void;
  onFailure(error: Error): void;
}

type Answer = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

async function httpSink(
  { onFailure }: CountingOptions,
  answer: (request: IncomingMessage, body: Buffer) => Answer,
): Promise<Sink> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      try {
        const { status, headers, body } = answer(request, Buffer.concat(chunks));
        response.writeHead(status, headers).end(body);
      } catch (error) {
        onFailure(error as Error);
        response.writeHead(500).end();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return {
    port: address.port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const CREATED = '{"create":{"_index":"bench","_id":"1","_version":1,"result":"created","status":201}}';

/** Elasticsearch's `_bulk`: every document was created. */
export function startBulkSink(options: CountingOptions): Promise<Sink> {
  const headers = { 'x-elastic-product': 'Elasticsearch', 'content-type': 'application/json' };
  return httpSink(options, (request, raw) => {
    if (!request.url?.includes('_bulk')) {
      return {
        status: 200,
        headers,
        body: '{"version":{"number":"8.19.13","build_flavor":"default"},"tagline":"You Know, for Search"}',
      };
    }
    const body = request.headers['content-encoding'] ? inflate(raw) : raw;
    let lines = 0;
    for (let at = body.indexOf(10); at >= 0; at = body.indexOf(10, at + 1)) lines++;
    if (lines % 2 !== 0 || lines === 0) throw new Error(`${lines} lines in a bulk request: expected pairs`);
    const documents = lines / 2;
    options.onItems(documents);
    const items = `${`${CREATED},`.repeat(documents - 1)}${CREATED}`;
    return { status: 200, headers, body: `{"took":1,"errors":false,"items":[${items}]}` };
  });
}

/** Remote write 1.0: WriteRequest { repeated TimeSeries timeseries = 1 { repeated Sample samples = 2; } }. */
export function startRemoteWriteSink(options: CountingOptions): Promise<Sink> {
  return httpSink(options, (_request, raw) => {
    const message = uncompressSync(raw) as Buffer;
    let samples = 0;
    eachField(message, 0, message.length, 1, (start, end) => {
      eachField(message, start, end, 2, () => samples++);
    });
    options.onItems(samples);
    return { status: 204 };
  });
}

/** jaeger.api_v2.PostSpansRequest { Batch batch = 1 { repeated Span spans = 1; } }. */
export function startPostSpansSink({ onItems, onFailure }: CountingOptions): Promise<Sink> {
  const onMessage = (message: Uint8Array) => {
    let spans = 0;
    eachField(message, 0, message.length, 1, (start, end) => {
      eachField(message, start, end, 1, () => spans++);
    });
    onItems(spans);
  };
  return startGrpcSink({ onMessage, onFailure });
}
