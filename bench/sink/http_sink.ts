import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { inflate } from '../items/inflate.ts';
import type { Sink, SinkOptions } from './sink.ts';

/** Takes OTLP/HTTP on any path: node:http costs the sink little where bodies are large. */
export async function startHttpSink(options: SinkOptions): Promise<Sink> {
  const timers = new Set<NodeJS.Timeout>();
  const server = createServer((request, response) => {
    receive(request, response, options, timers).catch((error) => options.onFailure(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return {
    port: address.port,
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  { onMessage, delayMs, refuse }: SinkOptions,
  timers: Set<NodeJS.Timeout>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  if (refuse === undefined) onMessage(request.headers['content-encoding'] ? inflate(body) : body);
  const answer = () => {
    response.writeHead(refuse ?? 200, { 'content-type': 'application/x-protobuf', 'content-length': 0 });
    response.end();
  };
  if (delayMs === undefined) return answer();
  const timer = setTimeout(() => {
    timers.delete(timer);
    answer();
  }, delayMs);
  timers.add(timer);
}
