import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { stamped } from '../../../internal/testkit/stamped.ts';
import { gzipBomb, head, mib, openScene, RawConnection, type Scene, spoiled, zstdBomb } from './hostile.ts';
import { metrics, otlpReceiver } from './running.ts';

/** What memory may grow by in the whole file, MiB. */
const mayGrow = 250;
/** At any time: the budget of 128 MiB, as much again in dead buffers that node has not collected yet, and some. */
const mayPeak = 400;

let scene: Scene;
beforeAll(async () => {
  scene = await openScene(otlpReceiver);
}, 30_000);
afterEach(() => scene.unharmed(), 20_000);
afterAll(() => scene?.stop(), 20_000);

const protobuf = { 'content-type': 'application/x-protobuf' };
const json = { 'content-type': 'application/json' };
const valid = Buffer.concat(stamped('traces', ['never-to-arrive']).chunks);

/** Posts to both ports, which must say the same. */
async function answers(
  status: number,
  body: Uint8Array | string,
  headers: Record<string, string> = protobuf,
  path = '/v1/traces',
  method = 'POST',
): Promise<string> {
  let text = '';
  for (const port of [scene.sluice.ports.http, scene.sluice.ports.grpc]) {
    const sent = method === 'GET' ? {} : { body: Buffer.from(body) };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, ...sent });
    text = Buffer.from(await answer.arrayBuffer()).toString();
    expect({ status: answer.status, text }).toMatchObject({ status });
  }
  return text;
}

test.for(spoiled)('%s is answered 400 with a reason', async ([, bytes]) => {
  expect(await answers(400, bytes)).toMatch(/no valid ExportTraceServiceRequest: .* \(at byte \d+\)/);
});

test('bytes of no protocol are answered 400 and the connection is closed', async () => {
  const noise = Buffer.from(Array.from({ length: 3000 }, (_, n) => (n * n * 131 + 17 * n + 1) & 255));
  for (const port of [scene.sluice.ports.http, scene.sluice.ports.grpc]) {
    for (const bytes of ['hello\r\n\r\n', noise, Buffer.alloc(100_000), 'GET / HTTP/9.9\r\n\r\n']) {
      const raw = await RawConnection.open(port);
      raw.send(bytes);
      await raw.ends();
      expect(raw.text).toMatch(/^HTTP\/1.1 400 /);
    }
  }
});

test('headers without end are cut off', async () => {
  const raw = await RawConnection.open(scene.sluice.ports.http);
  raw.send(head('/v1/traces', { 'x-long': 'x'.repeat(mib) }));
  await raw.says(/^HTTP\/1.1 431 /);
  await raw.ends();
});

test('a wrong content type, method, path and encoding are told apart', async () => {
  expect(await answers(415, valid, { 'content-type': 'text/plain' })).toContain('application/x-protobuf');
  expect(await answers(405, '', {}, '/v1/traces', 'GET')).toContain('POST');
  expect(await answers(404, valid, protobuf, '/v1/nonesuch')).toContain('/v1/traces');
  expect(await answers(415, valid, { ...protobuf, 'content-encoding': 'br' })).toContain('gzip');
});

test('a body that is not what its encoding says is answered 400', async () => {
  for (const encoding of ['gzip', 'zstd', 'deflate', 'zlib', 'snappy']) {
    await answers(400, valid, { ...protobuf, 'content-encoding': encoding });
  }
  await answers(400, gzipSync(valid).subarray(0, 30), { ...protobuf, 'content-encoding': 'gzip' });
  await answers(400, zstdCompressSync(valid).subarray(0, 12), { ...protobuf, 'content-encoding': 'zstd' });
});

test('a body over the limit is answered 413, whether its length is told or not', async () => {
  const raw = await RawConnection.open(scene.sluice.ports.http);
  raw.send(`${head('/v1/traces', { 'content-length': 21 * mib })}\r\n`);
  await raw.says(/^HTTP\/1.1 413 /);
  raw.socket.destroy();

  const chunked = await RawConnection.open(scene.sluice.ports.http);
  chunked.send(`${head('/v1/traces', { 'transfer-encoding': 'chunked' })}\r\n`);
  const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(mib), Buffer.from('\r\n')]);
  for (let n = 0; n < 21; n++) chunked.send(chunk);
  await chunked.says(/^HTTP\/1.1 413 /);
  chunked.socket.destroy();
});

const gigabyte = 1024 * mib;
const bombs: readonly (readonly [what: string, encoding: string, make: () => Buffer])[] = [
  ['gzip just over the limit', 'gzip', () => gzipSync(Buffer.alloc(20 * mib + 1))],
  ['zstd just over the limit', 'zstd', () => zstdBomb(20 * mib + 1)],
  ['a gigabyte as gzip', 'gzip', () => gzipBomb(gigabyte)],
  ['a gigabyte as gzip that claims to be 100 bytes', 'gzip', () => gzipBomb(gigabyte, 100)],
  ['a gigabyte as zstd', 'zstd', () => zstdBomb(gigabyte)],
  ['a gigabyte as zstd frames without a size', 'zstd', () => zstdBomb(gigabyte, 64)],
];

test.for(bombs)('%s is answered 413', async ([, encoding, make]) => {
  const bomb = make();
  expect(bomb.length).toBeLessThan(2 * mib);
  await answers(413, bomb, { ...protobuf, 'content-encoding': encoding });
});

test('bombs by the dozen are each refused, and none is held twice', async () => {
  const small = gzipBomb(48 * mib);
  const url = `http://127.0.0.1:${scene.sluice.ports.http}/v1/logs`;
  const thrown = Array.from({ length: 24 }, async () => {
    const headers = { ...protobuf, 'content-encoding': 'gzip' };
    return (await fetch(url, { method: 'POST', headers, body: small })).status;
  });
  // 503 where the memory budget has no room for one more body of 20 MiB: the others may not be squeezed out.
  for (const status of await Promise.all(thrown)) expect([413, 503]).toContain(status);
});

const wrongJson: readonly (readonly [what: string, text: string | Uint8Array])[] = [
  ['no JSON', '{"resourceSpans":'],
  ['JSON that is no object', '[1,2,3]'],
  ['a list that is text', '{"resourceSpans":"all of them"}'],
  ['a record that is a number', '{"resourceSpans":[{"scopeSpans":[{"spans":[7]}]}]}'],
  ['a name that is an object', '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":{}}]}]}]}'],
  ['a trace id of two bytes', '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102"}]}]}]}'],
  ['a trace id that is no hex', `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"${'zz'.repeat(16)}"}]}]}]}`],
  ['a time that is no number', '{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"now"}]}]}]}'],
  [
    'a number out of range',
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"99999999999999999999"}]}]}]}',
  ],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
  [
    'values nested 20,000 deep',
    `{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":${'{"arrayValue":{"values":['.repeat(20_000)}${']}}'.repeat(20_000)}}]}}]}`,
  ],
  ['brackets nested a million deep', '['.repeat(mib)],
];

test.for(wrongJson)('JSON: %s is answered 400', async ([, text]) => {
  await answers(400, text, json);
});

test('requests that could be read in two ways are refused', async () => {
  const readings = [
    'content-length: 5\r\ncontent-length: 6\r\n',
    'content-length: 5\r\ntransfer-encoding: chunked\r\n',
    'content-length: -1\r\n',
    'content-length: 18446744073709551617\r\n',
  ];
  for (const lines of readings) {
    const raw = await RawConnection.open(scene.sluice.ports.http);
    raw.send(`${head()}${lines}\r\nhello`);
    await raw.says(/^HTTP\/1.1 4(00|13) /);
    raw.socket.destroy();
  }
});

test('clients that go away in the middle of a body leave nothing behind', async () => {
  const all: RawConnection[] = [];
  for (let n = 0; n < 100; n++) {
    const raw = await RawConnection.open(n % 2 ? scene.sluice.ports.http : scene.sluice.ports.grpc);
    const length: Record<string, string> =
      n % 4 < 2 ? { 'content-length': String(mib) } : { 'transfer-encoding': 'chunked' };
    raw.send(`${head('/v1/logs', length)}\r\n${n % 4 < 2 ? 'x'.repeat(5000) : '5\r\nhello\r\n'}`);
    all.push(raw);
  }
  for (const [n, raw] of all.entries()) n % 3 ? raw.socket.resetAndDestroy() : raw.socket.end();
  for (const raw of all) await raw.ends();
});

test('after all that: what was accepted has arrived once, the ledger balances, and memory is given back', async () => {
  await scene.theEnd(mayGrow);
  const peak = scene.sluice.usage()?.peakRssBytes ?? 0;
  expect(Math.round((peak - scene.warm) / mib), 'MiB of resident memory at the worst').toBeLessThan(mayPeak);
  // Strangers' requests are told apart from ours, and told of in the log.
  expect(scene.sluice.stderr()).toMatch(/a request was no OTLP and was refused/);
  expect(await metrics(scene.sluice)).toMatch(/otelcol_receiver_requests\{[^}]*outcome="failure"[^}]*\} [1-9]/);
}, 30_000);
