import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Host } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { inWords } from '../../internal/net/grpc/reasons.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function reasonFrom(server: Server, tls: object): Promise<string> {
  servers.push(server);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bare = { sending_queue: { enabled: false }, retry_on_failure: { enabled: false } };
  const exporter = factory.create(testSettings(), schema.parse({ ...bare, endpoint, tls }));
  await exporter.start?.({} as Host);
  const outcome = await exporter.consume(stamped('traces', ['a']), noContext);
  await exporter.shutdown?.(AbortSignal.abort());
  expect(outcome.status).toBe('retryable');
  const { reason } = outcome as { reason: string };
  expect(reason).toContain(`cannot reach ${endpoint}`);
  return reason;
}

test('an OTLP/HTTP port is recognised', async () => {
  expect(await reasonFrom(createHttpServer(), { insecure: true })).toContain('otlp_http');
});

test('TLS towards plain text is recognised', async () => {
  expect(await reasonFrom(createHttpServer(), {})).toContain('tls.insecure: true');
});

test('plain text towards TLS is recognised', async () => {
  const closes = createTcpServer((socket) => socket.once('data', () => socket.destroy()).on('error', () => {}));
  expect(await reasonFrom(closes, { insecure: true })).toContain('Does it want TLS?');
});

test('a refused connection is told in the words of the system', () => {
  const details =
    'round_robin: No connection established. Last error: No connection established. Last error: ' +
    'connect ECONNREFUSED 127.0.0.1:4317 (2020-01-01T00:00:00.000Z). Resolution note: ';
  expect(inWords(details, 'localhost:4317')).toBe('cannot reach localhost:4317: connect ECONNREFUSED 127.0.0.1:4317');
});

test("a server's own words stay as they are", () => {
  expect(inWords('quota of tenant blue is used up', 'localhost:4317')).toBe('quota of tenant blue is used up');
});
