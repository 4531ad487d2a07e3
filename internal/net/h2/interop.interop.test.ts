import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, type TestContext, test } from 'vitest';
import { type PeerName, peer } from '../../../bench/peers/peer.ts';
import { pythonWith } from '../../../bench/peers/python.ts';
import { serve, type TestServer } from './testing/serve.ts';

const run = promisify(execFile);
const GRPCIO = '1.76.0';
let server: TestServer;
afterEach(() => server?.stop());

/** The peer's executable; skips the test, with the reason, where it cannot be had. */
async function need(context: TestContext, name: PeerName): Promise<string> {
  const found = await peer(name, { log: (line) => process.stderr.write(`${line}\n`) });
  return 'missing' in found ? context.skip(found.missing) : found.path;
}

test('h2spec: all cases, against plain requests that are answered with 200', async (context) => {
  const h2spec = await need(context, 'h2spec');
  server = await serve({
    limits: { maxConcurrentStreams: 100 },
    http: { handle: async () => ({ status: 200, headers: {}, body: Buffer.from('an answer of some length') }) },
  });
  const { stdout } = await run(h2spec, ['-h', '127.0.0.1', '-p', String(server.port), '-o', '5']);
  expect(stdout).toMatch(/\n146 tests, 146 passed, 0 skipped, 0 failed/);
});

test.for(['traces', 'metrics', 'logs'])('telemetrygen sends %s over gRPC', async (signal, context) => {
  const telemetrygen = await need(context, 'telemetrygen');
  const names = { traces: 'trace.v1.Trace', metrics: 'metrics.v1.Metrics', logs: 'logs.v1.Logs' };
  const path = `/opentelemetry.proto.collector.${names[signal as keyof typeof names]}Service/Export`;
  let bytes = 0;
  server = await serve({
    methods: {
      [path]: async (message) => {
        bytes += message.length;
        return { code: 0, message: new Uint8Array(0) };
      },
    },
  });
  const endpoint = ['--otlp-insecure', '--otlp-endpoint', `127.0.0.1:${server.port}`];
  await run(telemetrygen, [signal, ...endpoint, `--${signal}`, '500', '--workers', '4', '--rate', '0']);
  expect(bytes).toBeGreaterThan(4 * 500 * 20);
});

test('Python grpcio: sizes, compression, refusals, deadlines, health, many at once', async (context) => {
  const python = await pythonWith('grpcio', GRPCIO);
  if ('missing' in python) return context.skip(python.missing);
  server = await serve({
    serving: (service) => (service === '' ? true : undefined),
    methods: {
      '/test/No': async () => ({ code: 3, reason: 'naïve: 100%' }),
      '/test/Never': () => new Promise(() => {}),
    },
  });
  const script = join(import.meta.dirname, 'testing', 'client.py');
  const { stdout } = await run(python.path, [script, `127.0.0.1:${server.port}`]);
  expect(stdout.trim()).toBe('all good');
});
