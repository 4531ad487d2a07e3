import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startOtelcol } from '../../bench/peers/otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import { noContext } from '../../internal/core/consumer.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';
import { tailEntries } from '../../internal/telemetry/catalogue_tail.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';
import { payloadsIn } from './test/otelcol_file.ts';
import { RandomTraces } from './test/random_traces.ts';

/*
 * Limits on rates beside the Go collector: 80 seconds of steady traffic, in real time through it and in virtual time
 * through Sluice. It also compares the metrics that the Go collector has after it.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-rates-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const seconds = 80;
const everyMs = 200;
const requests = [...new RandomTraces((seconds * 1000 * 250) / everyMs, 2).requests()].slice(
  0,
  (seconds * 1000) / everyMs,
);

const ofCase = (...cases: number[]) => ({
  name: 'case',
  type: 'string_attribute',
  string_attribute: { key: 'case', values: cases.map((n) => `c${n}`) },
});
const and = (name: string, ...and_sub_policy: object[]) => ({ name, type: 'and', and: { and_sub_policy } });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Each limit with a third of the traffic, of which it lets through a part. */
const config = {
  decision_wait: '1s',
  policies: [
    and('spans', ofCase(...range(0, 13)), {
      name: 'r',
      type: 'rate_limiting',
      rate_limiting: { spans_per_second: 300 },
    }),
    and('bytes', ofCase(...range(13, 26)), {
      name: 'b',
      type: 'bytes_limiting',
      bytes_limiting: { bytes_per_second: 60_000 },
    }),
    {
      name: 'composite',
      type: 'composite',
      composite: {
        max_total_spans_per_second: 800,
        composite_sub_policy: [
          and('first', ofCase(...range(26, 33)), { name: 'all', type: 'always_sample' }),
          and('second', ofCase(...range(33, 40)), { name: 'all', type: 'always_sample' }),
        ],
        rate_allocation: [
          { policy: 'first', percent: 50 },
          { policy: 'second', percent: 25 },
        ],
      },
    },
  ],
};

/** Spans kept by each policy. */
type Kept = Record<'spans' | 'bytes' | 'first' | 'second', number>;

interop(
  '80 seconds of traffic: limits on rates let through the same within 2 percent, and the metrics are called the same',
  async () => {
    const ours = await throughSluice();
    const { theirs, scrape } = await throughGo();
    process.stderr.write(`spans kept: Sluice ${JSON.stringify(ours)}, the Go collector ${JSON.stringify(theirs)}\n`);
    for (const policy of ['spans', 'bytes', 'first', 'second'] as const) {
      expect(theirs[policy]).toBeGreaterThan(1000);
      expect(Math.abs(ours[policy] / theirs[policy] - 1), policy).toBeLessThan(0.02);
    }
    const known = new Map(tailEntries.map(({ name, type, labels }) => [name, `${type} ${[...labels].sort()}`]));
    const shown = metricsIn(scrape);
    expect(shown.size).toBeGreaterThan(8);
    for (const [name, type] of shown) expect(known.get(name), name).toBe(type);
  },
);

async function throughSluice(): Promise<Kept> {
  const next = new RecordingConsumer();
  const settings = testSettings({ kind: 'processor', id: 'tail_sampling' });
  const sampler = factory.create(settings, schema.parse(config), next);
  for (const request of requests) {
    await sampler.consume(request, noContext);
    await settings.clock.advance(everyMs);
  }
  await settings.clock.advance(5000);
  await sampler.shutdown?.(new AbortController().signal);
  return count(next.taken);
}

async function throughGo(): Promise<{ theirs: Kept; scrape: string }> {
  const path = join(folder, 'kept.bin');
  const otelcol = await startOtelcol({
    yaml: `
receivers:
  otlp: { protocols: { http: { endpoint: '127.0.0.1:\${env:HTTP_PORT}' } } }
processors: { tail_sampling: ${JSON.stringify(config)} }
exporters: { file: { path: ${path}, format: proto } }
service: { pipelines: { traces: { receivers: [otlp], processors: [tail_sampling], exporters: [file] } } }
`,
  });
  let scrape = '';
  try {
    const begun = performance.now();
    for (const [i, { chunks }] of requests.entries()) {
      await setTimeout(Math.max(0, begun + i * everyMs - performance.now()));
      const body = chunks[0]! as Uint8Array<ArrayBuffer>;
      const headers = { 'content-type': 'application/x-protobuf' };
      const answer = await fetch(`http://127.0.0.1:${otelcol.ports.http}/v1/traces`, { method: 'POST', headers, body });
      await answer.arrayBuffer();
    }
    await expect
      .poll(async () => onMemory((scrape = await scraped(otelcol.ports.metrics))), { timeout: 20_000 })
      .toBe(true);
  } finally {
    await otelcol.stop();
  }
  const kept: Payload[] = [];
  for await (const payload of payloadsIn(path)) kept.push(payload);
  return { theirs: count(kept), scrape };
}

async function scraped(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

/** Whether all traces that came are decided. */
function onMemory(scrape: string): boolean {
  const sum = (name: string) =>
    [...scrape.matchAll(new RegExp(`^otelcol_processor_tail_sampling_${name}(?:_total)?(?:\\{.*\\})? (\\S+)$`, 'gm'))]
      .map(([, value]) => Number(value))
      .reduce((a, b) => a + b, 0);
  const came = sum('new_trace_id_received');
  return came > 0 && came === sum('global_count_traces_sampled');
}

/** Type and labels by name, as we write them. */
function metricsIn(scrape: string): Map<string, string> {
  const metrics = new Map<string, string>();
  for (const [, name, type] of scrape.matchAll(/^# TYPE (otelcol_processor_tail_sampling_\w+) (\w+)$/gm)) {
    const sample = new RegExp(`^${name}(?:_bucket)?\\{(.*)\\} `, 'm').exec(scrape)?.[1] ?? '';
    const labels = [...sample.matchAll(/(\w+)="/g)].map(([, label]) => label!);
    const own = labels.filter((label) => !/^(otel_scope_|service_|le$)/.test(label)).sort();
    metrics.set(
      name!.replace(/_(total|milliseconds_total|milliseconds|seconds|microseconds_total)$/, ''),
      `${type} ${own}`,
    );
  }
  return metrics;
}

function count(batches: readonly Payload[]): Kept {
  const kept: Kept = { spans: 0, bytes: 0, first: 0, second: 0 };
  const key = Buffer.from('case');
  for (const batch of batches) {
    const walk = walkSpans(batch);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const n = Number(walk.record.attributes.find(key)?.value.stringValue.slice(1));
          kept[n < 13 ? 'spans' : n < 26 ? 'bytes' : n < 33 ? 'first' : 'second']++;
        }
      }
    }
  }
  return kept;
}
