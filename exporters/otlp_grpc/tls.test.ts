import { readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { makeCertificates, type Pair, type TestCertificates } from '../../internal/testkit/certs.ts';
import { GrpcBackend } from '../../internal/testkit/grpc_backend.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { idsOf, stamped } from '../../internal/testkit/stamped.ts';
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

  async function backend(pair: Pair = certs.server, clientCa = false, host = '127.0.0.1'): Promise<GrpcBackend> {
    const keys = [{ cert_chain: readFileSync(pair.cert), private_key: readFileSync(pair.key) }];
    const credentials = grpc.ServerCredentials.createSsl(readFileSync(certs.ca), keys, clientCa);
    const server = await GrpcBackend.start({ address: `${host}:0`, credentials });
    cleanups.push(() => server.down());
    return server;
  }

  async function started(endpoint: string, tls: Record<string, unknown>, settings = testSettings()) {
    const bare = { sending_queue: { enabled: false }, retry_on_failure: { enabled: false } };
    const exporter = factory.create(settings, schema.parse({ ...bare, endpoint, tls }));
    cleanups.push(() => exporter.shutdown?.(AbortSignal.abort()));
    await exporter.start?.({ extension: () => undefined } as Partial<Host> as Host);
    return exporter;
  }

  test('a server whose authority is named is trusted', async () => {
    const server = await backend();
    const exporter = await started(`localhost:${server.port}`, { ca_file: certs.ca });
    expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
    expect(server.payloads().flatMap(idsOf)).toEqual(['a']);
  });

  test('an address is checked as an address', async () => {
    const server = await backend();
    const exporter = await started(`127.0.0.1:${server.port}`, { ca_file: certs.ca });
    expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  });

  // Other systems have no 127.0.0.2.
  test.skipIf(process.platform !== 'linux')('an address that is not in the certificate is refused', async () => {
    const server = await backend(certs.server, false, '127.0.0.2');
    const exporter = await started(`127.0.0.2:${server.port}`, { ca_file: certs.ca });
    const outcome = await exporter.consume(stamped('traces', ['a']), noContext);
    expect(outcome).toMatchObject({ status: 'retryable', reason: expect.stringContaining('altnames') });
  });

  test('https:// means TLS even beside insecure: true', async () => {
    const server = await backend();
    const exporter = await started(`https://localhost:${server.port}`, { insecure: true, ca_file: certs.ca });
    expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  });

  test('a server of an unknown authority is not, and the reason says so', async () => {
    const server = await backend();
    const exporter = await started(`localhost:${server.port}`, {});
    const outcome = await exporter.consume(stamped('traces', ['a']), noContext);
    expect(outcome).toMatchObject({ status: 'retryable', reason: expect.stringMatching(/certificate/) });
    expect(server.batches).toEqual([]);
  });

  test('insecure_skip_verify trusts it all the same', async () => {
    const server = await backend();
    const exporter = await started(`localhost:${server.port}`, { insecure_skip_verify: true });
    expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  });

  test('server_name_override is the name that is checked', async () => {
    const server = await backend();
    const tls = { ca_file: certs.ca, server_name_override: 'elsewhere.example' };
    const wrong = await started(`localhost:${server.port}`, tls);
    expect(await wrong.consume(stamped('traces', ['a']), noContext)).toMatchObject({ status: 'retryable' });
    const right = await started(`127.0.0.1:${server.port}`, { ...tls, server_name_override: 'localhost' });
    expect(await right.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
  });

  test('a server that asks for a client certificate gets it', async () => {
    const server = await backend(certs.server, true);
    const tls = { ca_file: certs.ca, cert_file: certs.client.cert, key_file: certs.client.key };
    const exporter = await started(`localhost:${server.port}`, tls);
    expect(await exporter.consume(stamped('traces', ['a']), noContext)).toEqual({ status: 'accepted' });
    const nobody = await started(`localhost:${server.port}`, { ca_file: certs.ca });
    expect(await nobody.consume(stamped('traces', ['b']), noContext)).toMatchObject({ status: 'retryable' });
    expect(server.payloads().flatMap(idsOf)).toEqual(['a']);
  });

  test('a renewed authority file is used for the connections after it', async () => {
    const server = await backend();
    const other = await makeCertificates();
    cleanups.push(() => other!.remove());
    const ca = `${certs.folder}/renewed-ca.pem`;
    await copyFile(other!.ca, ca);
    const settings = testSettings();
    const exporter = await started(`localhost:${server.port}`, { ca_file: ca, reload_interval: '1s' }, settings);
    expect(await exporter.consume(stamped('traces', ['a']), noContext)).toMatchObject({ status: 'retryable' });
    await copyFile(certs.ca, ca);
    await expect
      .poll(
        async () => {
          await settings.clock.advance(1000);
          return (await exporter.consume(stamped('traces', ['b']), noContext)).status;
        },
        { timeout: 10_000 },
      )
      .toBe('accepted');
  });
});
