import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeJson } from '../../../internal/otlp/json.ts';
import { isMalformed } from '../../../internal/otlp/wire.ts';
import type { Report } from '../replay/report.ts';
import { sluice } from './command.ts';
import { otlpReceiver, running, until } from './running.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** A trace: spans of services, the first one the root. `at` is milliseconds after a fixed moment. */
interface TraceSketch {
  readonly id: number;
  readonly at: number;
  readonly spans: readonly { readonly service: string; readonly error?: boolean; readonly ms?: number }[];
}
const epoch = 1_700_000_000_000;
const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

function request(traces: readonly TraceSketch[]): string {
  const resourceSpans = traces.flatMap(({ id, at, spans }) =>
    spans.map(({ service, error = false, ms = 10 }, n) => ({
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeSpans: [
        {
          spans: [
            {
              traceId: hex(id * 0x9e3779b1, 32),
              spanId: hex(id * 100 + n + 1, 16),
              parentSpanId: n === 0 ? '' : hex(id * 100 + 1, 16),
              name: 'work',
              startTimeUnixNano: `${epoch + at}000000`,
              endTimeUnixNano: `${epoch + at + ms}000000`,
              status: error ? { code: 2 } : {},
            },
          ],
        },
      ],
    })),
  );
  return JSON.stringify({ resourceSpans });
}

/** 200 traces over 20 s, a batch of ten every second: each tenth has an error in the second service. */
const traces = Array.from(
  { length: 200 },
  (_, n): TraceSketch => ({
    id: n + 1,
    at: 100 * n,
    spans: [{ service: n % 2 ? 'shop' : 'cart' }, { service: 'db', error: n % 10 === 0 }],
  }),
);
const batches = Array.from({ length: 20 }, (_, n) => request(traces.slice(10 * n, 10 * n + 10)));

const candidate = (processors: string, order: string, exporters = 'nop') => `
receivers: { otlp: { protocols: { grpc: { endpoint: "localhost:0" } } } }
processors: { ${processors} }
exporters: { nop: {}, otlp_grpc: { endpoint: "nowhere.invalid:4317", sending_queue: { queue_size: 1 } } }
service: { pipelines: { traces: { receivers: [otlp], processors: [${order}], exporters: [${exporters}] } } }
`;
const percent = (share: number) => `probabilistic_sampler: { sampling_percentage: ${share} }`;

let capture: string;
let fifth: string;
let tenth: string;
beforeAll(() => {
  capture = file('capture.jsonl', `${batches.join('\n')}\n`);
  fifth = file('fifth.yaml', candidate(`${percent(20)}, batch: {}`, 'probabilistic_sampler, batch', 'nop, otlp_grpc'));
  tenth = file('tenth.yaml', candidate(percent(10), 'probabilistic_sampler'));
});

async function report(args: readonly string[]): Promise<any> {
  const { code, stdout, stderr } = await sluice(['replay', '--json', ...args]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

test('the report adds up: what entered, what each exporter got, which error traces are missing, by service and in the ledger', async () => {
  const { capture: read, exporters, services, ledger }: Report = await report(['--config', fifth, capture]);
  expect(read).toMatchObject({ records: 20, passedOver: 0, traces: 200, errorTraces: 20, items: { traces: 400 } });
  expect(read).toMatchObject({ from: epoch + 910, to: epoch + 19_910 });
  expect(exporters.map(({ exporter }) => exporter)).toEqual(['nop', 'otlp_grpc']);
  const [got] = exporters;
  expect(got!.traces).toBeGreaterThan(10);
  expect(got!.traces).toBeLessThan(80);
  expect(got!.items).toBe(2 * got!.traces!);
  expect(got).toEqual({ ...exporters[1], exporter: 'nop' });
  expect(services.map(({ service, traces, items }) => [service, traces, items.traces])).toEqual([
    ['cart', 100, 100],
    ['db', 0, 200],
    ['shop', 100, 100],
  ]);
  const sum = (field: 'items' | 'traces' | 'errorTracesMissed') =>
    services.reduce((all, { exporters: [first] }) => all + (first?.[field] ?? 0), 0);
  expect([sum('items'), sum('traces'), sum('errorTracesMissed')]).toEqual([
    got!.items,
    got!.traces,
    got!.errorTracesMissed,
  ]);
  expect(ledger.balanced).toBe(true);
  expect(ledger.branches).toEqual(
    ['nop', 'otlp_grpc'].map((exporter) =>
      expect.objectContaining({ exporter, received: 400, sent: got!.items, filtered: 400 - got!.items, held: 0 }),
    ),
  );
});

test('the same input gives the same output, byte by byte, in words and as JSON', async () => {
  for (const args of [
    ['--config', fifth, capture],
    ['--json', '--config', tenth, '--compare', fifth, capture],
  ]) {
    const [first, second] = await Promise.all([sluice(['replay', ...args]), sluice(['replay', ...args])]);
    expect(first!.code).toBe(0);
    expect(first!.stdout).not.toBe('');
    expect(second!.stdout).toBe(first!.stdout);
  }
});

test('--compare tells whose fate changes, with counts that match the two reports', async () => {
  const { before, after, difference } = await report(['--config', tenth, '--compare', fifth, capture]);
  const kept = (of: Report) => of.exporters[0]!.traces!;
  const [any, nop] = difference.fates;
  expect(nop.exporter).toBe('nop');
  expect(any.lost - any.gained).toBe(kept(before) - kept(after));
  // Both take the same hash of the trace id: the smaller share is part of the larger one.
  expect(any).toMatchObject({ gained: 0, gainedExamples: [] });
  expect(any.lostExamples.length).toBe(Math.min(5, any.lost));
  expect(any.lostExamples[0].traceId).toMatch(/^[0-9a-f]{32}$/);
  const text = (await sluice(['replay', '--config', tenth, '--compare', fifth, capture])).stdout;
  expect(text).toContain(`Traces whose fate changes at any exporter: ${any.lost} no longer kept`);
});

test('a capture in several files is one stream in the order of time', async () => {
  const whole = await report(['--config', fifth, capture]);
  const even = file('even.jsonl', batches.filter((_, n) => n % 2 === 0).join('\n'));
  const odd = file('odd.jsonl', batches.filter((_, n) => n % 2 === 1).join('\n'));
  const parts = await report(['--config', fifth, odd, even]);
  expect(parts).toEqual(whole);
});

const tail = (policies: string, more = '') =>
  candidate(`tail_sampling: { decision_wait: 5s, ${more} policies: [${policies}] }, batch: {}`, 'tail_sampling, batch');
const errorPolicy = '{ name: errors, type: status_code, status_code: { status_codes: [ERROR] } }';
const halfPolicy = '{ name: half, type: probabilistic, probabilistic: { sampling_percentage: 50 } }';

test('a tail sampler decides as it would have, on virtual time, and each decision is counted by its policy', async () => {
  const config = file('tail.yaml', tail(`${errorPolicy}, ${halfPolicy}`));
  const { samplers, exporters, memory }: Report = await report(['--config', config, capture]);
  expect(samplers).toHaveLength(1);
  const [errors, half, none] = samplers[0]!.policies;
  expect(errors).toMatchObject({ policy: 'errors', type: 'status_code', kept: 20, leftOut: 0, votesFor: 20 });
  expect(errors!.votesAgainst).toBe(180);
  expect(half!.kept).toBeGreaterThan(50);
  expect(half!.kept + none!.leftOut).toBe(180);
  expect(none).not.toHaveProperty('policy');
  // 20 s of recording: with a wait of 5 s most are decided while it goes on, and none has to wait for the end.
  expect(samplers[0]).toMatchObject({ triggers: { decision_wait: 200 }, unknown: 0 });
  expect(exporters).toEqual([expect.objectContaining({ traces: 20 + half!.kept, errorTracesMissed: 0 })]);
  expect(exporters[0]!.requests).toBeGreaterThan(5);
  expect(memory.buffers).toEqual([{ component: 'tail_sampling (traces)', peakBytes: expect.any(Number) }]);
});

test('--compare of two sets of policies names who decided what in either', async () => {
  const before = file('before.yaml', tail(`${errorPolicy}, ${halfPolicy}`));
  const after = file('after.yaml', tail(errorPolicy));
  const { difference } = await report(['--config', after, '--compare', before, capture]);
  const [any] = difference.fates;
  expect(any).toMatchObject({ gained: 0, lostWithError: 0 });
  expect(any.lostExamples).toHaveLength(5);
  expect(any.lostExamples[0]).toMatchObject({ error: false, before: 'half', after: '(not sampled)' });
});

test('a sampler that learns begins anew and leaves nothing in its storage folder', async () => {
  const storage = join(folder, 'learnt');
  const biased = `error_biased_sampler: { sampling_percentage: 20, decision_wait: 5s, storage_directory: "${storage}" }`;
  const config = file('biased.yaml', candidate(biased, 'error_biased_sampler'));
  const { samplers, exporters }: Report = await report(['--config', config, capture]);
  const decided = samplers[0]!.policies.reduce((sum, { kept, leftOut }) => sum + kept + leftOut, 0);
  expect(decided).toBe(200);
  expect(exporters[0]).toMatchObject({ errorTracesMissed: 0 });
  expect(existsSync(storage)).toBe(false);
});

test('too few num_traces shows as evictions', async () => {
  const config = file('evicting.yaml', tail(halfPolicy, 'num_traces: 10,'));
  const { samplers }: Report = await report(['--config', config, capture]);
  expect(samplers[0]!.triggers.eviction).toBeGreaterThan(100);
});

test.each(['json', 'proto'])('what the file exporter writes as %s is replayed', async (format) => {
  const path = join(folder, `written.${format}`);
  const yaml = `${otlpReceiver}
exporters: { file: { path: "${path}", format: ${format} } }
service: { pipelines: { traces: { receivers: [otlp], exporters: [file] } } }`;
  await running(yaml, {}, async (collector) => {
    for (const text of batches) {
      const batch = decodeJson('traces', text);
      if (isMalformed(batch)) throw new Error(batch.malformed);
      const answer = await fetch(`http://127.0.0.1:${collector.ports.http}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf' },
        body: Buffer.concat(batch.chunks),
      });
      expect(answer.status).toBe(200);
    }
    await until('all is written', () => readFileSync(path).length > 0);
  });
  const from = await report(['--config', fifth, path]);
  const want = await report(['--config', fifth, capture]);
  expect({ ...from, capture: { ...from.capture, bytes: 0 } }).toEqual({
    ...want,
    capture: { ...want.capture, bytes: 0 },
  });
});

test('records that are no OTLP are passed over and told; an empty capture is no failure', async () => {
  const broken = file('broken.jsonl', `hello\n${batches[0]}\n{"resourceSpans":7}\n`);
  const { capture: read } = await report(['--config', fifth, broken]);
  expect(read).toMatchObject({ records: 3, passedOver: 2, traces: 10 });
  expect(read.reasons[0]).toContain('broken.jsonl: ');
  const empty = await sluice(['replay', '--config', fifth, file('empty.jsonl', '')]);
  expect(empty).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing reached any exporter') });
});

test('a clock far ahead takes neither time nor the replay down, and is told', async () => {
  const wrong = request([
    { id: 900, at: 0, spans: [{ service: 'cart' }, { service: 'db' }] },
    { id: 901, at: 3e11, spans: [{ service: 'lost in time' }] },
  ]);
  const path = file('ahead.jsonl', [batches[0], wrong, batches[1]].join('\n'));
  const latest = await report(['--config', fifth, path]);
  expect(latest.capture).toMatchObject({ outliers: 1, behind: 1 });
  const median = await report(['--config', fifth, '--arrival', 'median', path]);
  expect(median.capture).toMatchObject({ behind: 0, to: epoch + 1510 });
});

test('what is wrong with the command line or the files is told with its name', async () => {
  const tell = async (args: readonly string[], code: number, text: string) => {
    const ended = await sluice(['replay', ...args]);
    expect(ended.stderr).toContain(text);
    expect(ended.code).toBe(code);
    expect(ended.stdout).toBe('');
  };
  await tell(['--config', fifth], 2, 'expected a capture');
  await tell([capture], 2, 'expected --config');
  await tell(['--config', fifth, '--arrival', 'never', capture], 2, 'expected latest or median');
  await tell(['--config', fifth, join(folder, 'nonesuch.jsonl')], 1, 'nonesuch.jsonl: there is no such file');
  await tell(['--config', fifth, folder], 1, 'EISDIR');
  await tell(['--config', fifth, '--compare', file('bad.yaml', 'receivers: 7'), capture], 1, 'bad.yaml:1:');
});
