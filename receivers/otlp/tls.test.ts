import { readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../internal/core/clock.ts';
import { noLogger } from '../../internal/core/telemetry.ts';
import { loadClientTls } from '../../internal/net/tls.ts';
import { clientTls } from '../../internal/net/tls_fields.ts';
import { makeCertificates, type TestCertificates } from '../../internal/testkit/certs.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { RawClient, startReceiver } from './test/harness.ts';

const body = Buffer.from(stamped('traces', ['a']).chunks[0]!);
const exportTraces = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

let certs: TestCertificates;
const present = await makeCertificates();
beforeAll(() => {
  if (present) certs = present;
});
afterAll(() => present?.remove());

function request(port: number, options: https.RequestOptions): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/x-protobuf', 'content-length': body.length };
    const req = https.request({
      host: '127.0.0.1',
      port,
      path: '/v1/traces',
      method: 'POST',
      headers,
      agent: false,
      ...options,
    });
    req.on('response', (res) => {
      res.resume();
      res.on('end', () => resolve(res.statusCode!));
    });
    req.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    req.end(body);
  });
}

function grpcCall(port: number, channel: ReturnType<typeof credentials.createSsl>): Promise<number> {
  const client = new Client(`localhost:${port}`, channel);
  onTestFinished(() => client.close());
  const asItIs = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    const deadline = Date.now() + 5000;
    client.makeUnaryRequest(exportTraces, asItIs, asItIs, body, { deadline } as never, (error) =>
      resolve(error?.code ?? 0),
    );
  });
}

const file = (path: string) => readFileSync(path);

/** The common name of the certificate a server shows. */
function shownName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(
      { host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

describe.skipIf(!present)('with certificates made by openssl', () => {
  test('both ports speak both protocols over TLS', async () => {
    const pair = { cert_file: certs.server.cert, key_file: certs.server.key };
    const it = await startReceiver({ grpc: { tls: pair }, http: { tls: pair } });
    for (const port of [it.grpc, it.http]) {
      expect(await request(port, { ca: file(certs.ca) })).toBe(200);
      expect(await grpcCall(port, credentials.createSsl(file(certs.ca)))).toBe(0);
    }
    expect(it.ids('traces')).toHaveLength(4);
    expect(await request(it.http, {})).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  test('a client without ALPN is served by what it sends', async () => {
    const it = await startReceiver({ http: { tls: { cert_file: certs.server.cert, key_file: certs.server.key } } });
    const socket = tls.connect({ host: '127.0.0.1', port: it.http, ca: file(certs.ca), servername: 'localhost' });
    const client = new RawClient(socket);
    client.send(`POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`);
    await expect.poll(() => client.text).toContain('200 OK');
  });

  test('with client_ca_file only clients with a certificate of that authority come in', async () => {
    const tlsFields = { cert_file: certs.server.cert, key_file: certs.server.key, client_ca_file: certs.ca };
    const it = await startReceiver({ grpc: { tls: tlsFields }, http: { tls: tlsFields } });
    const own = { cert: file(certs.client.cert), key: file(certs.client.key) };
    expect(await request(it.http, { ca: file(certs.ca), ...own })).toBe(200);
    expect(await grpcCall(it.grpc, credentials.createSsl(file(certs.ca), own.key, own.cert))).toBe(0);

    expect(await request(it.http, { ca: file(certs.ca) })).not.toBe(200);
    expect(await grpcCall(it.grpc, credentials.createSsl(file(certs.ca)))).not.toBe(0);
    const stranger = (await makeCertificates())!;
    onTestFinished(() => stranger.remove());
    const forged = { cert: file(stranger.client.cert), key: file(stranger.client.key) };
    expect(await request(it.http, { ca: file(certs.ca), ...forged })).not.toBe(200);
    expect(it.ids('traces')).toHaveLength(2);
    expect(it.settings.logger.warnings()).toContainEqual(
      expect.stringContaining('a client without a certificate was refused'),
    );
  });

  test('a renewed certificate is shown to new connections, a broken one is not and is told once', async () => {
    const cert = join(certs.folder, 'renewed.pem');
    const key = join(certs.folder, 'renewed.key');
    await copyFile(certs.server.cert, cert);
    await copyFile(certs.server.key, key);
    const it = await startReceiver({ http: { tls: { cert_file: cert, key_file: key, reload_interval: '20ms' } } });
    expect(await shownName(it.http)).toBe('server');

    const next = await certs.issue('renewal');
    await copyFile(next.key, key);
    await copyFile(next.cert, cert);
    await expect.poll(() => shownName(it.http)).toBe('renewal');

    await writeFile(cert, 'garbage');
    await expect
      .poll(() => it.settings.logger.warnings().filter((line) => line.includes('renewed.pem')).length)
      .toBe(1);
    expect(await shownName(it.http)).toBe('renewal');
    expect(it.settings.logger.warnings().at(-1)).toMatch(/cannot use .*renewed.pem.*openssl x509.*stays in use/);

    await copyFile(certs.server.cert, cert);
    await copyFile(certs.server.key, key);
    await expect.poll(() => shownName(it.http)).toBe('server');
  });

  test('plain text on a TLS port is told once, and so is TLS on a plain port', async () => {
    const it = await startReceiver({ http: { tls: { cert_file: certs.server.cert, key_file: certs.server.key } } });
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n']) {
      const raw = await RawClient.connect(it.http);
      raw.send(bytes);
      await expect.poll(() => raw.closed).toBe(true);
    }
    for (let i = 0; i < 2; i++) expect(await request(it.grpc, {})).not.toBe(200);
    const said = it.settings.logger.warnings();
    expect(said).toHaveLength(2);
    expect(said[0]).toContain('a client speaks plain text on a TLS port');
    expect(said[1]).toContain('a client speaks TLS on a port without TLS');
  });

  test('a handshake that does not go on is cut when the time for headers is up', async () => {
    const pair = { cert_file: certs.server.cert, key_file: certs.server.key };
    const it = await startReceiver({ http: { tls: pair, read_header_timeout: '100ms' } });
    const silent = await RawClient.connect(it.http);
    const half = await RawClient.connect(it.http);
    half.send(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    await expect.poll(() => [silent.closed, half.closed], { timeout: 5000 }).toEqual([true, true]);
    expect(await request(it.http, { ca: file(certs.ca) })).toBe(200);
  });

  test('a handshake that does not go on holds up neither others nor the stop', async () => {
    const it = await startReceiver({ http: { tls: { cert_file: certs.server.cert, key_file: certs.server.key } } });
    const silent = await RawClient.connect(it.http);
    expect(await request(it.http, { ca: file(certs.ca) })).toBe(200);
    await it.stop(AbortSignal.abort());
    await expect.poll(() => silent.closed).toBe(true);
  });

  test('versions, suites and curves are kept to', async () => {
    const pair = { cert_file: certs.server.cert, key_file: certs.server.key };
    const it = await startReceiver({
      grpc: { tls: { ...pair, min_version: '1.3' } },
      http: {
        tls: {
          ...pair,
          max_version: 1.2,
          cipher_suites: ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'],
          curve_preferences: ['P384'],
        },
      },
    });
    const negotiated = (port: number, options: tls.ConnectionOptions) =>
      new Promise<string>((resolve) => {
        const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
          const { name } = socket.getEphemeralKeyInfo() as { name?: string };
          resolve(`${socket.getProtocol()} ${socket.getCipher().name} ${name}`);
          socket.destroy();
        });
        socket.on('error', () => resolve('refused'));
      });
    expect(await negotiated(it.grpc, { maxVersion: 'TLSv1.2' })).toBe('refused');
    expect(await negotiated(it.grpc, {})).toMatch(/^TLSv1.3 /);
    expect(await negotiated(it.http, {})).toBe('TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 secp384r1');
    expect(await negotiated(it.http, { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).toBe('refused');
    expect(await negotiated(it.http, { ecdhCurve: 'P-256' })).toBe('refused');
  });

  test('certificates that cannot be used stop the start, and the ports are free again', async () => {
    const start = (fields: object) => startReceiver({ http: { tls: fields } });
    await expect(start({})).rejects.toThrow(/needs a certificate: set cert_file and key_file/);
    await expect(start({ cert_file: certs.server.cert })).rejects.toThrow(/cert_file is set without key_file/);
    await expect(start({ cert_file: '/nowhere.pem', key_file: certs.server.key })).rejects.toThrow(
      'tls.cert_file: cannot read /nowhere.pem: there is no such file. Check the path, and that the volume is mounted',
    );
    await expect(start({ cert_file: certs.server.cert, key_file: certs.client.key })).rejects.toThrow(
      /cannot use .*server.pem, .*client.key: .*key values mismatch.*openssl/,
    );
  });

  test('a client trusts the authority it is given, and can be told to trust anybody', async () => {
    const it = await startReceiver({ http: { tls: { cert_file: certs.server.cert, key_file: certs.server.key } } });
    const load = async (fields: object) => {
      const client = await loadClientTls(clientTls().parse(fields), systemClock, noLogger);
      onTestFinished(() => client.close());
      return client;
    };
    const ask = async (fields: object) => {
      const { options } = await load(fields);
      return request(it.http, options as https.RequestOptions);
    };
    expect(await ask({ ca_file: certs.ca })).toBe(200);
    expect(await ask({ ca_pem: file(certs.ca).toString() })).toBe(200);
    expect(await ask({ insecure_skip_verify: true })).toBe(200);
    expect(await ask({})).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(await ask({ ca_file: certs.ca, server_name_override: 'other.example' })).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
    expect((await load({ insecure: true })).plaintext).toBe(true);
    await expect(load({ ca_file: '/nowhere.pem' })).rejects.toThrow(/tls.ca_file: cannot read \/nowhere.pem/);
  });
});
