import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Otelcol, startOtelcol } from '../bench/peers/otelcol.ts';
import { peer } from '../bench/peers/peer.ts';
import type { ExporterFactory, Host } from '../internal/core/component.ts';
import { noContext } from '../internal/core/consumer.ts';
import { Payload, type Signal } from '../internal/otlp/payload.ts';
import { Sample } from '../internal/otlp/sample.ts';
import { testSettings } from '../internal/testkit/settings.ts';
import { idsOf, stamped } from '../internal/testkit/stamped.ts';
import debug from './debug/index.ts';
import file from './file/index.ts';
import otlpGrpc from './otlp_grpc/index.ts';
import otlpHttp from './otlp_http/index.ts';

/*
 * The exporters beside the OpenTelemetry Collector: it reads what they send, and writes what they write.
 * Skipped where it can neither be found nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

let folder: string;
let otelcol: Otelcol | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-exporters-'));
});
beforeEach(() => async () => {
  await otelcol?.stop();
  otelcol = undefined;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function collector(exporter: string, signal: Signal = 'traces'): Promise<Otelcol> {
  otelcol = await startOtelcol({
    yaml: `
receivers:
  otlp:
    protocols:
      grpc: { endpoint: '127.0.0.1:\${env:GRPC_PORT}', max_recv_msg_size_mib: 64 }
      http: { endpoint: '127.0.0.1:\${env:HTTP_PORT}' }
exporters:
  ${exporter}
service:
  pipelines:
    ${signal}: { receivers: [otlp], exporters: [${exporter.split(':')[0]}] }
`,
  });
  return otelcol;
}

async function send(factory: ExporterFactory, config: object, batch: Payload): Promise<void> {
  const bare =
    factory.type === 'otlp_grpc' || factory.type === 'otlp_http' ? { sending_queue: { enabled: false } } : {};
  const parsed = (factory.schema as unknown as { parse(it: object): unknown }).parse({ ...bare, ...config });
  const exporter = factory.create(testSettings({ signal: batch.signal }), parsed);
  await exporter.start?.({} as Host);
  expect(await exporter.consume(batch, noContext)).toEqual({ status: 'accepted' });
  await exporter.shutdown?.(AbortSignal.abort());
}

/** The ids in a file of protobuf messages, each with its length in front. */
async function idsIn(path: string): Promise<string[]> {
  const bytes = await readFile(path);
  const ids: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    ids.push(...idsOf(new Payload('traces', [bytes.subarray(at + 4, end)], 0, end - at - 4)));
    at = end;
  }
  return ids;
}

const ids = Array.from({ length: 1000 }, (_, i) => `span-${i}`);

interop('the Go collector reads each compression over gRPC', async () => {
  const path = join(folder, 'grpc.bin');
  const { ports } = await collector(`file: { path: ${path}, format: proto, flush_interval: 50ms }`);
  const sent: string[] = [];
  for (const compression of ['none', 'gzip', 'zstd']) {
    const own = ids.map((id) => `${compression}-${id}`);
    const config = { endpoint: `127.0.0.1:${ports.grpc}`, tls: { insecure: true }, compression };
    await send(otlpGrpc, config, stamped('traces', own));
    sent.push(...own);
  }
  await vi.waitFor(async () => expect(await idsIn(path)).toEqual(sent), 10_000);
});

interop('the Go collector reads each compression and encoding over HTTP', async () => {
  const path = join(folder, 'http.bin');
  const { ports } = await collector(`file: { path: ${path}, format: proto, flush_interval: 50ms }`);
  const sent: string[] = [];
  for (const encoding of ['proto', 'json']) {
    for (const compression of ['none', 'gzip', 'zstd', 'deflate', 'zlib', 'snappy']) {
      const own = ids.map((id) => `${encoding}-${compression}-${id}`);
      await send(
        otlpHttp,
        { endpoint: `http://127.0.0.1:${ports.http}`, compression, encoding },
        stamped('traces', own),
      );
      sent.push(...own);
    }
  }
  await vi.waitFor(async () => expect(await idsIn(path)).toEqual(sent), 10_000);
});

function sample(signal: Signal): Payload {
  const bytes = new Sample(signal, { items: 64, resources: 2 }).next(1_700_000_000_123_456_789n);
  return new Payload(signal, [bytes], 64, bytes.length);
}

/** Sends the batch to the Go collector, and returns what its exporter wrote to `path`. */
async function theirs(exporter: string, path: string, batch: Payload, complete: RegExp): Promise<string> {
  const { ports } = await collector(exporter, batch.signal);
  await send(otlpGrpc, { endpoint: `127.0.0.1:${ports.grpc}`, tls: { insecure: true } }, batch);
  await vi.waitFor(async () => expect(await readFile(path, 'utf8')).toMatch(complete), 10_000);
  await otelcol?.stop();
  return readFile(path, 'utf8');
}

interop.each<Signal>(['traces', 'metrics', 'logs'])("the file exporter's %s are the Go collector's", async (signal) => {
  const batch = sample(signal);
  const [go, ours] = [join(folder, `go-${signal}.json`), join(folder, `ours-${signal}.json`)];
  const wanted = await theirs(`file: { path: ${go}, flush_interval: 50ms }`, go, batch, /\n$/);
  await send(file, { path: ours }, batch);
  const written = await readFile(ours, 'utf8');
  expect(written.endsWith('\n')).toBe(true);
  expect(parsed(written)).toEqual(parsed(wanted));
});

/** Without what says nothing, which Go leaves out or puts in as its structs have it: an id of zeros, empty buckets. */
function parsed(json: string): unknown {
  return JSON.parse(json, (key, value) => {
    if (key.endsWith('Id') && /^0+$/.test(value)) return undefined;
    return (key === 'negative' || key === 'positive') && Object.keys(value).length === 0 ? undefined : value;
  });
}

interop.each<Signal>(['traces', 'metrics', 'logs'])(
  "the debug exporter's detailed %s are the Go collector's",
  async (signal) => {
    const batch = sample(signal);
    const [go, ours] = [join(folder, `go-${signal}.txt`), join(folder, `ours-${signal}.txt`)];
    const config = (path: string) => ({ verbosity: 'detailed', use_internal_logger: false, output_paths: [path] });
    const wanted = await theirs(
      `debug: ${JSON.stringify(config(go))}`,
      go,
      batch,
      /Flags:|DroppedLinksCount|Value|Count/,
    );
    await send(debug, config(ours), batch);
    expect(comparable(await readFile(ours, 'utf8'))).toEqual(comparable(wanted));
  },
);

/** Without the two colons after the attributes of events and links, which are a slip of the Go collector's. */
function comparable(text: string): string[] {
  return text
    .replaceAll('Attributes::', 'Attributes:')
    .split('\n')
    .map((line) => line.replace(/\s+$/, ''))
    .filter(Boolean);
}
