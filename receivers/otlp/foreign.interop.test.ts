import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { peer } from '../../bench/peers/peer.ts';
import { makeCertificates } from '../../internal/testkit/certs.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { startReceiver, type TestReceiver } from './test/harness.ts';

const run = promisify(execFile);

async function telemetrygen(context: TestContext): Promise<string> {
  const found = await peer('telemetrygen');
  return 'missing' in found ? context.skip(found.missing) : found.path;
}

const counts = { traces: ['--traces', '20'], metrics: ['--metrics', '20'], logs: ['--logs', '20'] };

/** Sends each signal over one protocol to one port, and expects it to have arrived. */
async function sendAll(tool: string, it: TestReceiver, port: number, more: readonly string[]) {
  for (const [signal, count] of Object.entries(counts) as [keyof typeof counts, string[]][]) {
    const before = it.sinks[signal].items;
    const overHttp = more.includes('--otlp-http') ? ['--otlp-http-url-path', `/v1/${signal}`] : [];
    await run(tool, [signal, '--otlp-endpoint', `localhost:${port}`, '--rate', '0', ...count, ...more, ...overHttp]);
    const arrived = it.sinks[signal].items - before;
    expect(arrived, `${signal} ${more.join(' ')}`).toBe(signal === 'traces' ? 40 : 20);
  }
}

describe('telemetrygen (the Go SDK: grpc-go and net/http)', () => {
  test('sends each signal over each protocol to each port', async (context) => {
    const tool = await telemetrygen(context);
    const it = await startReceiver();
    for (const port of [it.grpc, it.http]) {
      await sendAll(tool, it, port, ['--otlp-insecure']);
      await sendAll(tool, it, port, ['--otlp-insecure', '--otlp-http']);
    }
    expect(it.settings.logger.warnings()).toEqual([]);
  });

  test('sends over TLS with a certificate of its own', async (context) => {
    const tool = await telemetrygen(context);
    const certs = await makeCertificates();
    if (!certs) return context.skip('openssl is missing');
    onTestFinished(() => certs.remove());
    const tls = { cert_file: certs.server.cert, key_file: certs.server.key, client_ca_file: certs.ca };
    const it = await startReceiver({ grpc: { tls }, http: { tls } });
    const own = ['--ca-cert', certs.ca, '--mtls', '--client-cert', certs.client.cert, '--client-key', certs.client.key];
    await sendAll(tool, it, it.grpc, own);
    await sendAll(tool, it, it.http, [...own, '--otlp-http']);
    // net/http speaks HTTP/2 where ALPN offers it: this went through our own framing.
    expect(it.settings.logger.warnings()).toEqual([]);
  });
});

describe('curl', () => {
  const send = async (context: TestContext, it: TestReceiver, url: string, args: readonly string[]) => {
    const file = join((await import('node:os')).tmpdir(), `otlp-${process.pid}.bin`);
    await writeFile(file, stamped('traces', ['a', 'b']).chunks[0]!);
    const all = ['-sS', '-o', '/dev/null', '-w', '%{http_code} HTTP/%{http_version}', ...args];
    const headers = ['-H', 'content-type: application/x-protobuf', '--data-binary', `@${file}`];
    const sent = await run('curl', [...all, ...headers, url]).catch((error: NodeJS.ErrnoException) => error);
    if ('code' in sent && sent.code === 'ENOENT') return context.skip('curl is missing');
    expect(it.ids('traces').splice(-2)).toEqual(['a', 'b']);
    return (sent as { stdout: string }).stdout;
  };

  test('is served over HTTP/1.1, over HTTP/2 with prior knowledge, and over both by ALPN', async (context) => {
    const plain = await startReceiver();
    const url = `http://127.0.0.1:${plain.http}/v1/traces`;
    expect(await send(context, plain, url, ['--http1.1'])).toBe('200 HTTP/1.1');
    expect(await send(context, plain, url, ['--http2-prior-knowledge'])).toBe('200 HTTP/2');
    // An upgrade is asked for and not taken: RFC 9113 3.1 has no such thing any more.
    expect(await send(context, plain, url, ['--http2'])).toBe('200 HTTP/1.1');

    const certs = await makeCertificates();
    if (!certs) return context.skip('openssl is missing');
    onTestFinished(() => certs.remove());
    const secure = await startReceiver({ http: { tls: { cert_file: certs.server.cert, key_file: certs.server.key } } });
    const https = `https://localhost:${secure.http}/v1/traces`;
    expect(await send(context, secure, https, ['--cacert', certs.ca, '--http2'])).toBe('200 HTTP/2');
    expect(await send(context, secure, https, ['--cacert', certs.ca, '--http1.1'])).toBe('200 HTTP/1.1');
    expect(await send(context, secure, https, ['--cacert', certs.ca, '--no-alpn'])).toBe('200 HTTP/1.1');
  });
});
