import { readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { makeCertificates, type Pair, type TestCertificates } from '../../internal/testkit/certs.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const certificates = await makeCertificates();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

describe.skipIf(!certificates)('TLS (needs the openssl program)', () => {
  let certs: TestCertificates;
  beforeAll(() => {
    certs = certificates!;
    return () => certs.remove();
  });

  /** @returns its port, and the common names that clients showed */
  async function backend(): Promise<{ port: number; clients: unknown[] }> {
    const clients: unknown[] = [];
    const { cert, key } = certs.server;
    const options = { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(certs.ca) };
    const server = createServer({ ...options, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      const socket = request.socket as unknown as { getPeerCertificate(): { subject?: { CN?: string } } };
      clients.push(socket.getPeerCertificate().subject?.CN);
      const headers = { 'content-type': 'application/json', connection: 'close' };
      request.resume().on('end', () => response.writeHead(200, headers).end('{"errors":false,"items":[]}'));
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    cleanups.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return { port: (server.address() as AddressInfo).port, clients };
  }

  async function started(endpoint: string, tls: Record<string, unknown>, settings = testSettings({ signal: 'logs' })) {
    const bare = { sending_queue: { enabled: false }, retry: { max_elapsed_time: '1ms' } };
    const exporter = factory.create(settings, schema.parse({ ...bare, endpoint, tls }));
    cleanups.push(() => exporter.shutdown?.(AbortSignal.abort()));
    await exporter.start?.({} as Host);
    return exporter;
  }

  test('a server whose authority is named is trusted, one of an unknown authority is not', async () => {
    const { port } = await backend();
    for (const host of ['localhost', '127.0.0.1']) {
      const known = await started(`https://${host}:${port}`, { ca_file: certs.ca });
      expect(await known.consume(stamped('logs', ['a']), noContext)).toEqual({ status: 'accepted' });
    }
    const unknown = await started(`https://localhost:${port}`, {});
    const outcome = await unknown.consume(stamped('logs', ['a']), noContext);
    expect(outcome).toMatchObject({ status: 'retryable', reason: expect.stringContaining('certificate') });
    const trusting = await started(`https://localhost:${port}`, { insecure_skip_verify: true });
    expect(await trusting.consume(stamped('logs', ['a']), noContext)).toEqual({ status: 'accepted' });
  });

  test('a client certificate is shown, and a renewed one after its renewal', async () => {
    const { port, clients } = await backend();
    const [cert, key] = [`${certs.folder}/own.pem`, `${certs.folder}/own.key`];
    const put = async (pair: Pair) => {
      await copyFile(pair.key, key);
      await copyFile(pair.cert, cert);
    };
    await put(certs.client);
    const settings = testSettings({ signal: 'logs' });
    const tls = { ca_file: certs.ca, cert_file: cert, key_file: key, reload_interval: '1s' };
    const exporter = await started(`https://localhost:${port}`, tls, settings);
    await exporter.consume(stamped('logs', ['a']), noContext);
    expect(clients).toEqual(['client']);
    await put(await certs.issue('renewed'));
    await expect
      .poll(
        async () => {
          await settings.clock.advance(1000);
          await exporter.consume(stamped('logs', ['b']), noContext);
          return clients.at(-1);
        },
        { timeout: 10_000 },
      )
      .toBe('renewed');
  });
});
