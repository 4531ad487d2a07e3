import http from 'node:http';
import { join } from 'node:path';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { BasicAuth } from '../../extensions/basicauth/basic.ts';
import { BearerTokenAuth } from '../../extensions/bearertokenauth/bearer.ts';
import { systemClock } from '../../internal/core/clock.ts';
import { testFolder } from '../../internal/testkit/folder.ts';
import { deferred, testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import factory from './index.ts';
import { parseConfig, post, protobuf, RawClient, startReceiver } from './test/harness.ts';

const body = Buffer.from(stamped('traces', ['a']).chunks[0]!);
const exportTraces = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

function grpcCode(target: string, authorization?: string): Promise<number> {
  const client = new Client(target, credentials.createInsecure());
  onTestFinished(() => client.close());
  const metadata = new Metadata();
  if (authorization) metadata.set('authorization', authorization);
  const asItIs = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(exportTraces, asItIs, asItIs, body, metadata, (error) => resolve(error?.code ?? 0));
  });
}

test('a port with an authenticator asks for it over both protocols, before the body is read', async () => {
  const bearer = new BearerTokenAuth(testSettings(), {
    header: 'Authorization',
    scheme: 'Bearer',
    token: 'secret',
    tokens: [],
  });
  const auth = { authenticator: 'bearertokenauth' };
  const it = await startReceiver({ grpc: { auth }, http: { auth } }, { extensions: { bearertokenauth: bearer } });
  for (const port of [it.grpc, it.http]) {
    expect(await grpcCode(`127.0.0.1:${port}`)).toBe(16);
    expect(await grpcCode(`127.0.0.1:${port}`, 'Bearer wrong')).toBe(16);
    expect(await grpcCode(`127.0.0.1:${port}`, 'Bearer secret')).toBe(0);
    const refused = await post(port, '/v1/traces', body);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect((await post(port, '/v1/traces', body, { ...protobuf, authorization: 'Bearer secret' })).status).toBe(200);
  }
  expect(it.sinks.traces.calls).toHaveLength(4);

  const raw = await RawClient.connect(it.http);
  raw.send('POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n');
  await expect.poll(() => raw.text).toContain('401 ');
  expect(it.settings.memory.used).toBe(0);
});

test('what the authenticator finds out travels with the batch, also when it takes its time', async () => {
  const basic = new BasicAuth(testSettings(), { htpasswd: { inline: 'me:secret' } });
  await basic.start();
  const auth = { authenticator: 'basicauth/users' };
  const it = await startReceiver({ grpc: { auth }, http: { auth } }, { extensions: { 'basicauth/users': basic } });
  const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
  expect(await grpcCode(`127.0.0.1:${it.grpc}`, authorization)).toBe(0);
  expect((await post(it.http, '/v1/traces', body, { ...protobuf, authorization })).status).toBe(200);
  for (const { ctx } of it.sinks.traces.calls) expect(ctx.auth).toEqual({ username: 'me' });
  expect(it.sinks.traces.calls).toHaveLength(2);
  const refused = await post(it.http, '/v1/traces', body);
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
    401,
    'Basic realm="otlp", charset="UTF-8"',
  ]);
});

test('a client that goes away while it is being authenticated leaves nothing behind', async () => {
  const asked = deferred<void>();
  const answer = deferred<{ ok: true }>();
  const slow = {
    authenticate() {
      asked.resolve();
      return answer.promise;
    },
  };
  const it = await startReceiver(
    { http: { auth: { authenticator: 'slow' } } },
    { extensions: { slow: slow as never } },
  );
  const raw = await RawClient.connect(it.http);
  raw.send('POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n');
  await asked.promise;
  raw.socket.destroy();
  await expect.poll(() => raw.closed).toBe(true);
  await new Promise(setImmediate);
  answer.resolve({ ok: true });
  await expect.poll(() => it.settings.memory.used).toBe(0);
  await it.stop();
  expect(it.settings.memory.used).toBe(0);
});

test('an authenticator that throws is a bug that is logged and answered, and harms nobody else', async () => {
  const broken = {
    authenticate() {
      throw new Error('boom');
    },
  };
  const late = { authenticate: () => Promise.reject(new Error('boom')) };
  for (const extension of [broken, late]) {
    const auth = { authenticator: 'broken' };
    const it = await startReceiver({ grpc: { auth }, http: { auth } }, { extensions: { broken: extension as never } });
    expect((await post(it.http, '/v1/traces', body)).status).toBe(500);
    expect(await grpcCode(`127.0.0.1:${it.grpc}`)).toBe(13);
    expect(it.settings.logger.lines.filter(({ level }) => level === 'error')).toHaveLength(2);
    expect(it.settings.memory.used).toBe(0);
  }
});

test('an authenticator that is missing, or authenticates nobody, stops the start', async () => {
  const auth = { authenticator: 'bearertokenauth' };
  await expect(startReceiver({ http: { auth } })).rejects.toThrow(
    'auth.authenticator: extension bearertokenauth is not running; declare it under extensions: and list it in service.extensions',
  );
  await expect(startReceiver({ http: { auth } }, { extensions: { bearertokenauth: {} } })).rejects.toThrow(
    /does not authenticate servers/,
  );
});

const origin = 'https://shop.example.com';

function preflight(port: number, headers: Record<string, string>) {
  return fetch(`http://127.0.0.1:${port}/v1/traces`, { method: 'OPTIONS', headers });
}

test('web pages of allowed origins may send, and others may not', async () => {
  const it = await startReceiver({
    http: {
      cors: {
        allowed_origins: ['https://*.example.com'],
        allowed_headers: ['X-Tenant'],
        exposed_headers: ['X-Id'],
        max_age: 600,
      },
    },
  });
  const ask = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-tenant' };
  const granted = await preflight(it.http, { origin, ...ask });
  expect(granted.status).toBe(204);
  expect(granted.headers.get('content-length')).toBeNull();
  expect(Object.fromEntries(granted.headers)).toMatchObject({
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'content-type,x-tenant',
    'access-control-allow-credentials': 'true',
    'access-control-max-age': '600',
    vary: expect.stringContaining('Origin'),
  });
  for (const headers of [
    { ...ask, origin: 'https://example.com.evil.org' },
    { ...ask, origin: 'http://shop.example.com' },
    { ...ask, origin, 'access-control-request-method': 'DELETE' },
    { ...ask, origin, 'access-control-request-headers': 'x-other' },
  ]) {
    const refused = await preflight(it.http, headers);
    expect(refused.headers.get('access-control-allow-origin'), JSON.stringify(headers)).toBeNull();
  }

  const sent = await post(it.http, '/v1/traces', body, { ...protobuf, origin });
  expect([sent.status, sent.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
  expect(sent.headers.get('access-control-expose-headers')).toBe('X-Id');
  const refusal = await post(it.http, '/v1/traces', 'junk', { ...protobuf, origin });
  expect([refusal.status, refusal.headers.get('access-control-allow-origin')]).toEqual([400, origin]);
  const stranger = await post(it.http, '/v1/traces', body, { ...protobuf, origin: 'https://evil.org' });
  expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
});

test('a lone star allows every origin, but no credentials; without cors a preflight is just not POST', async () => {
  const it = await startReceiver({ http: { cors: { allowed_origins: ['*'], allowed_headers: ['*'] } } });
  const ask = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-anything' };
  const granted = await preflight(it.http, ask);
  expect(granted.headers.get('access-control-allow-origin')).toBe('*');
  expect(granted.headers.get('access-control-allow-headers')).toBe('x-anything');
  expect(granted.headers.get('access-control-allow-credentials')).toBeNull();
  expect((await preflight((await startReceiver()).http, ask)).status).toBe(405);
});

test('unix sockets serve both protocols', async () => {
  const dir = await testFolder();
  const path = join(dir, 'grpc.sock');
  const it = await startReceiver({
    grpc: { endpoint: path, transport: 'unix' },
    http: { endpoint: `unix://${join(dir, 'http.sock')}` },
  });
  expect(await grpcCode(`unix://${path}`)).toBe(0);
  const status = await new Promise((resolve, reject) => {
    const headers = { ...protobuf, 'content-length': body.length };
    http
      .request(
        { socketPath: join(dir, 'http.sock'), path: '/v1/traces', method: 'POST', headers, agent: false },
        (res) => resolve(res.resume().statusCode),
      )
      .on('error', reject)
      .end(body);
  });
  expect(status).toBe(200);
  expect(it.ids('traces')).toEqual(['a', 'a']);
});

test('a port in use stops the start in words, and frees what was already bound', async () => {
  const first = await startReceiver({ grpc: false });
  const settings = { ...testSettings({ id: 'otlp' }), clock: systemClock };
  const free = await startReceiver({ http: false });
  await free.stop();
  const config = parseConfig({
    protocols: { grpc: { endpoint: `127.0.0.1:${free.grpc}` }, http: { endpoint: `127.0.0.1:${first.http}` } },
  });
  const second = factory.create(settings, config, {});
  await expect(second.start!({ extension: () => undefined } as never)).rejects.toThrow(/another program holds port/);
  await startReceiver({ grpc: { endpoint: `127.0.0.1:${free.grpc}` }, http: false });
});
