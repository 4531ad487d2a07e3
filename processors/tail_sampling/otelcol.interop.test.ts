import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startOtelcol } from '../../bench/peers/otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import { noContext } from '../../internal/core/consumer.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { traceIdsIn } from '../../internal/testkit/traces.ts';
import { isStateful, schema } from './config.ts';
import factory from './index.ts';
import { payloadsIn } from './test/otelcol_file.ts';
import { alone, options, together } from './test/policies.ts';
import { RandomTraces } from './test/random_traces.ts';

/*
 * Beside the Go collector: the same random traces, split over requests, once through each. Both decide at their end on
 * all they hold, so that no clock takes part. SLUICE_TRACES sets how many traces all policies together are asked about.
 * Skipped where that collector can neither be found nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);
const many = Number(process.env.SLUICE_TRACES ?? 200_000);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-tail-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Spans kept of each trace. */
type Kept = Map<string, number>;

const held = { decision_wait: '1h', num_traces: 1_000_000 };

interop('each policy alone: the Go collector keeps the same traces', async () => {
  const traces = 4000;
  const configs = alone.map((policies) => ({ ...held, policies: named(policies) }));
  const theirs = await throughGo(configs, traces);
  for (const [i, config] of configs.entries()) {
    const ours = await throughSluice(config, traces);
    expectSame(ours, theirs[i]!, JSON.stringify(alone[i]));
  }
});

interop('other fields: the Go collector keeps the same traces', async () => {
  const traces = 4000;
  const configs = options.map(({ policies, more }) => ({ ...held, ...more, policies: named(policies) }));
  const theirs = await throughGo(configs, traces);
  for (const [i, config] of configs.entries()) {
    const ours = await throughSluice(config, traces);
    expectSame(ours, theirs[i]!, JSON.stringify(options[i]));
  }
});

interop('span-ingest: the Go collector keeps the same traces, whatever came before and after', async () => {
  const traces = 4000;
  const lists = alone.filter((policies) => !schema.parse({ policies: named(policies) }).policies.some(isStateful));
  const configs = lists.map((policies) => ({ ...held, sampling_strategy: 'span-ingest', policies: named(policies) }));
  const theirs = await throughGo(configs, traces);
  for (const [i, config] of configs.entries()) {
    const ours = await throughSluice(config, traces);
    expectSame(ours, theirs[i]!, `span-ingest ${JSON.stringify(lists[i])}`);
  }
});

interop(`all policies in one file: the Go collector keeps the same of ${many} traces`, async () => {
  const config = { ...held, policies: together };
  const [theirs] = await throughGo([config], many);
  const ours = await throughSluice(config, many);
  expectSame(ours, theirs!, 'all policies');
  expect(ours.size).toBeGreaterThan(many / 20);
  expect(ours.size).toBeLessThan(many * 0.95);
});

function named(policies: readonly object[]): object[] {
  return policies.map((policy, i) => ({ name: `p${i}`, ...policy }));
}

function expectSame(ours: Kept, theirs: Kept, what: string): void {
  const differing = [...new Set([...ours.keys(), ...theirs.keys()])].filter((id) => ours.get(id) !== theirs.get(id));
  const first = differing.slice(0, 5).map((id) => ({ id, ours: ours.get(id), theirs: theirs.get(id) }));
  expect(first, `${what}: ${differing.length} differ`).toEqual([]);
  process.stderr.write(`both keep the same ${ours.size}: ${what.slice(0, 160)}\n`);
}

async function throughSluice(config: object, traces: number): Promise<Kept> {
  const next = new RecordingConsumer();
  const sampler = factory.create(testSettings({ kind: 'processor', id: 'tail_sampling' }), schema.parse(config), next);
  for (const request of new RandomTraces(traces, 1).requests()) {
    expect(await sampler.consume(request, noContext)).toEqual({ status: 'accepted' });
  }
  await sampler.shutdown?.(new AbortController().signal);
  const kept: Kept = new Map();
  for (const batch of next.taken) count(batch, kept);
  return kept;
}

async function throughGo(configs: readonly object[], traces: number): Promise<Kept[]> {
  const paths = configs.map((_, i) => join(folder, `${i}-${traces}.bin`));
  const section = (entries: [string, unknown][]) => JSON.stringify(Object.fromEntries(entries));
  const otelcol = await startOtelcol({
    yaml: `
receivers:
  otlp: { protocols: { http: { endpoint: '127.0.0.1:\${env:HTTP_PORT}', max_request_body_size: 100000000 } } }
processors: ${section(configs.map((config, i) => [`tail_sampling/${i}`, config]))}
exporters: ${section(paths.map((path, i) => [`file/${i}`, { path, format: 'proto' }]))}
service:
  pipelines: ${section(configs.map((_, i) => [`traces/${i}`, { receivers: ['otlp'], processors: [`tail_sampling/${i}`], exporters: [`file/${i}`] }]))}
`,
    timeoutMs: 240_000,
  });
  try {
    for (const { chunks } of new RandomTraces(traces, 1).requests()) {
      const answer = await fetch(`http://127.0.0.1:${otelcol.ports.http}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf' },
        body: chunks[0]! as Uint8Array<ArrayBuffer>,
      });
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
    }
  } finally {
    await otelcol.stop();
  }
  return Promise.all(paths.map(keptIn));
}

async function keptIn(path: string): Promise<Kept> {
  const kept: Kept = new Map();
  for await (const batch of payloadsIn(path)) count(batch, kept);
  return kept;
}

function count(batch: Payload, kept: Kept): void {
  for (const id of traceIdsIn(batch)) kept.set(id, (kept.get(id) ?? 0) + 1);
}
