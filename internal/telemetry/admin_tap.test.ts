import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { TapPlace } from '../core/tap.ts';
import { noLogger } from '../core/telemetry.ts';
import { VirtualClock } from '../core/virtual_clock.ts';
import type { Payload } from '../otlp/payload.ts';
import { Taps } from '../pipeline/taps.ts';
import { generatePayload } from '../testkit/generate.ts';
import type { Pick, TapLine, TapRefused } from './admin_tap.ts';
import { createMeter } from './meter.ts';
import { startTelemetryServer } from './server.ts';

const place: TapPlace = { kind: 'exporter', id: 'otlp', signal: 'logs', pipeline: 'logs' };
const one = generatePayload('logs', { seed: 1, items: 1 });
const all: Pick = (batch, most) => new Array<Payload>(Math.min(most, batch.itemCount)).fill(one);

async function serve(pick: Pick | TapRefused = all) {
  const clock = new VirtualClock(0);
  const taps = new Taps();
  const slot = taps.slot(place);
  const telemetry = { metrics: { level: 'normal' as const, prometheus: [], otlp: [] }, resource: {} };
  const meter = createMeter(telemetry, { name: 'sluice', version: '1' }, 'one');
  const server = await startTelemetryServer({
    addresses: [{ host: 'localhost', port: 0 }],
    scrape: meter.scrape,
    registry: meter.registry,
    ledger: () => ({ balanced: true, branches: [], connectors: [] }),
    topology: () => [],
    system: { statuses: () => [], onStatus: () => () => {} },
    components: () => [],
    tap: { clock, taps, picker: async () => ('error' in pick ? pick : { pick }) },
    logger: noLogger,
  });
  onTestFinished(() => server.close());
  const { port } = server.addresses[0]!;
  const get = (query: string, signal?: AbortSignal) =>
    fetch(`http://127.0.0.1:${port}/tap?${query}`, signal ? { signal } : {});
  const tapped = () => vi.waitFor(() => expect(slot.saw).toBeDefined(), 10_000);
  const untapped = () => vi.waitFor(() => expect(slot.saw).toBeUndefined(), 10_000);
  return { clock, slot, port, get, tapped, untapped };
}

async function linesOf(answer: Response): Promise<TapLine[]> {
  const text = await answer.text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Bytes of the buffers that something holds; what was written already is garbage. */
function heldBuffers(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  return process.memoryUsage().arrayBuffers;
}

test('records come as lines, no more than the limit, and the last line tells what passed', async () => {
  const { slot, get, tapped, untapped } = await serve();
  const answer = get('limit=3&rate=100');
  await tapped();
  slot.saw!(generatePayload('logs', { seed: 1, items: 2 }));
  slot.saw!(generatePayload('logs', { seed: 1, items: 2 }));
  const lines = await linesOf(await answer);
  await untapped();
  expect(lines[0]).toEqual({ tapping: [place] });
  expect(lines[1]).toMatchObject({ place, data: { resourceLogs: [expect.anything()] } });
  expect(lines.slice(4)).toEqual([{ end: { reason: 'limit', shown: 3, passed: 4, unseen: 0 } }]);
});

test('the rate holds: what comes faster is counted and not shown, and time brings more', async () => {
  const { clock, slot, get, tapped } = await serve();
  const answer = get('limit=100&rate=2&timeoutMs=10000');
  await tapped();
  for (let i = 0; i < 50; i++) slot.saw!(one);
  await clock.advance(1000);
  for (let i = 0; i < 50; i++) slot.saw!(one);
  await clock.advance(9000);
  const lines = await linesOf(await answer);
  expect(lines.at(-1)).toEqual({ end: { reason: 'timeout', shown: 4, passed: 100, unseen: 96 } });
  expect(lines.filter((line) => 'data' in line).length).toBe(4);
});

test('a client that goes ends its tap', async () => {
  const { get, tapped, untapped } = await serve();
  const gone = new AbortController();
  const answer = get('', gone.signal);
  await tapped();
  await answer;
  gone.abort();
  await untapped();
});

test('a client that does not read holds nothing: what it cannot take is passed over, and in the end it is cut off', async () => {
  const big = generatePayload('logs', { seed: 1, items: 100 });
  const { clock, slot, port, tapped, untapped } = await serve(() => [big]);
  const socket: Socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.pause();
  socket.write('GET /tap?limit=100000&rate=1000&timeoutMs=20000 HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await tapped();
  const before = heldBuffers();
  for (let i = 0; i < 20; i++) {
    await clock.advance(100);
    for (let n = 0; n < 100; n++) slot.saw!(big);
  }
  // 2000 batches of some 50 KiB as JSON would be 100 MB.
  expect(heldBuffers() - before).toBeLessThan(1e6);
  await clock.advance(20_000);
  await untapped();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await clock.advance(5000);
  socket.resume();
  await closed;
});

test('what makes no sense is refused with a sentence', async () => {
  const { get } = await serve();
  const refused = async (query: string) => {
    const answer = await get(query);
    return { status: answer.status, ...((await answer.json()) as TapRefused) };
  };
  expect(await refused('limit=0')).toMatchObject({ status: 400, error: expect.stringContaining('from 1 to 100000') });
  expect(await refused('rate=1e9')).toMatchObject({ status: 400 });
  expect(await refused('limit=1&limit=2')).toMatchObject({ status: 400 });
  expect(await refused('speed=3')).toMatchObject({ status: 400, error: expect.stringContaining('speed') });
  expect(await refused('component=batch')).toMatchObject({
    status: 404,
    error: expect.stringContaining('exporter:otlp'),
  });
});

test('a filter that is no condition is refused with its place; a fifth tap is one too many', async () => {
  const bad = await serve({ error: 'expected a value', at: 3, length: 1 });
  const answer = await bad.get('filter=x');
  expect([answer.status, await answer.json()]).toEqual([400, { error: 'expected a value', at: 3, length: 1 }]);

  const { get } = await serve();
  const end = new AbortController();
  onTestFinished(() => end.abort());
  for (let i = 0; i < 4; i++) expect((await get('', end.signal)).status).toBe(200);
  expect((await get('')).status).toBe(429);
});
