import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Host } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { proxyFor } from '../../internal/net/http/proxy.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return (server.address() as AddressInfo).port;
}

test('proxy_url carries plain requests, also to this machine', async () => {
  const asked: string[] = [];
  const proxy = await listening(
    createServer((request, response) => {
      asked.push(request.url!);
      request.resume().on('end', () => response.end());
    }),
  );
  const config = schema.parse({
    endpoint: 'http://127.0.0.1:4318',
    proxy_url: `http://127.0.0.1:${proxy}`,
    sending_queue: { enabled: false },
    retry_on_failure: { enabled: false },
  });
  const exporter = factory.create(testSettings(), config);
  await exporter.start?.({} as Host);
  expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  expect(asked).toEqual(['http://127.0.0.1:4318/v1/traces']);
  await exporter.shutdown?.(AbortSignal.abort());
});

test('proxy_url tunnels requests over TLS', async () => {
  const asked: string[] = [];
  const backend = await listening(createServer());
  const server = createServer().on('connect', (request, client) => {
    asked.push(request.url!);
    const upstream = connect(backend, '127.0.0.1');
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => {});
  });
  const proxy = await listening(server);
  const config = schema.parse({
    endpoint: 'https://otlp.example:4318',
    proxy_url: `http://127.0.0.1:${proxy}`,
    sending_queue: { enabled: false },
    retry_on_failure: { enabled: false },
  });
  const exporter = factory.create(testSettings(), config);
  await exporter.start?.({} as Host);
  // What is behind the tunnel speaks no TLS: enough to see that the proxy was asked, and for what.
  expect(await exporter.consume(stamped('traces', ['a']), noContext)).toMatchObject({ status: 'retryable' });
  expect(asked).toEqual(['otlp.example:4318']);
  await exporter.shutdown?.(AbortSignal.abort());
});

const env = { HTTPS_PROXY: 'http://secure:1', http_proxy: 'plain:2', NO_PROXY: 'internal.example' };

test.each([
  ['https://a.example/', 'http://secure:1'],
  ['http://a.example/', 'http://plain:2'],
  ['http://localhost:4318/', undefined],
  ['http://127.0.0.1:4318/', undefined],
  ['http://[::1]:4318/', undefined],
])('by the environment %s is asked through %s', (url, proxy) => {
  const found = proxyFor(new URL(url), undefined, env);
  expect(url.startsWith('https') ? found?.HTTPS_PROXY : found?.HTTP_PROXY).toBe(proxy);
  if (found) expect(found.NO_PROXY).toBe('internal.example');
});
