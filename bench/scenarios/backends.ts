import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadShape } from '../measure/rig.ts';
import { Rig } from '../measure/rig.ts';
import { startSubject } from '../measure/subject.ts';
import {
  type CountingOptions,
  startBulkSink,
  startPostSpansSink,
  startRemoteWriteSink,
} from '../sink/backend_sinks.ts';
import type { Sink } from '../sink/sink.ts';
import { document } from './config.ts';
import { type Figures, type Goal, MIB, type RunSettings, type Scenario } from './scenario.ts';

const grpc = { protocol: 'grpc', connections: 4, streams: 4, items: 512 } as const;

interface Backend {
  readonly name: string;
  readonly summary: string;
  readonly shape: LoadShape;
  /** What a sink counts for one item that was accepted, by the rules of the backend. */
  readonly perItem: number;
  readonly sinks: readonly ((options: CountingOptions) => Promise<Sink>)[];
  readonly yaml: (ports: readonly number[]) => string;
  readonly goals: readonly Goal[];
  readonly subjects?: Scenario['subjects'];
  readonly seconds?: number;
}

function backend({ name, summary, shape, perItem, sinks, yaml, goals, subjects, seconds = 6 }: Backend): Scenario {
  return {
    name,
    summary,
    defaultSeconds: seconds,
    ...(subjects && { subjects }),
    figures: [
      { key: 'itemsPerCpuSecond', label: 'items per CPU second' },
      { key: 'itemsPerSecond', label: 'items per second' },
      { key: 'subjectBusy', label: 'core of the subject busy', digits: 2 },
      { key: 'loadBusy', label: 'core of the load busy', digits: 2 },
      { key: 'peakRssMib', label: 'peak RSS, MiB' },
      { key: 'refused', label: 'refused' },
      { key: 'missing', label: 'accepted, not at the backend' },
    ],
    goals: [...goals, { figure: 'missing', atMost: 0 }],
    measure: async (subject, settings) => {
      let arrived = 0;
      const options: CountingOptions = {
        onItems: (count) => void (arrived += count),
        onFailure: (error) => settings.log(`the sink: ${error.message}`),
      };
      const opened: Sink[] = [];
      for (const start of sinks) opened.push(await start(options));
      const ports = opened.map(({ port }) => port);
      try {
        const rig = await Rig.open({ shape, start: () => startSubject(subject, yaml(ports), settings) });
        try {
          return await measure(rig, settings, () => arrived / perItem / sinks.length);
        } finally {
          await rig.close();
        }
      } finally {
        for (const sink of opened) await sink.close();
      }
    },
  };
}

async function measure(rig: Rig, settings: RunSettings, arrived: () => number): Promise<Figures> {
  const subject = rig.subject!;
  const drained = () => rig.load.inFlight === 0 && arrived() >= rig.tally.account().accepted;
  rig.load.start();
  await sleep(3000);
  rig.load.stop();
  await rig.wait(30, drained);
  const before = rig.tally.account().accepted;
  const cpuBefore = subject.usage()!.cpuSeconds;
  const ownBefore = process.cpuUsage();
  const began = performance.now();
  rig.load.start();
  await rig.wait(settings.seconds, () => false);
  rig.load.stop();
  const wall = (performance.now() - began) / 1000;
  await rig.wait(30, drained);
  const usage = subject.usage()!;
  const own = process.cpuUsage(ownBefore);
  const account = rig.tally.account();
  const items = account.accepted - before;
  for (const [error, count] of rig.load.errors) settings.log(`${count} requests answered ${error}`);
  return {
    itemsPerCpuSecond: items / (usage.cpuSeconds - cpuBefore),
    itemsPerSecond: items / wall,
    subjectBusy: (usage.cpuSeconds - cpuBefore) / wall,
    loadBusy: (own.user + own.system) / 1e6 / wall,
    peakRssMib: usage.peakRssBytes / MIB,
    refused: account.refused,
    missing: Math.round(account.accepted - arrived()),
  };
}

/** Of four metrics one is a histogram of five buckets, a sum and a count; each other point is one sample. */
const SAMPLES_PER_POINT = (3 + 7) / 4;

export const backendScenarios: readonly Scenario[] = [
  backend({
    name: 'remote-write',
    summary: 'metrics to Prometheus remote write 1.0, 512 data points per request',
    shape: { ...grpc, signal: 'metrics' },
    perItem: SAMPLES_PER_POINT,
    // The Go collector's memory grows for as long as more comes in than it can send.
    seconds: 15,
    sinks: [startRemoteWriteSink],
    yaml: ([port]) =>
      document(
        'metrics',
        {},
        {
          prometheusremotewrite: `{ endpoint: 'http://127.0.0.1:${port}/api/v1/write', target_info: { enabled: false } }`,
        },
      ),
    goals: [
      { figure: 'itemsPerCpuSecond', atLeastTimes: 2 },
      { figure: 'peakRssMib', atMostTimes: 0.5 },
    ],
  }),
  backend({
    name: 'elasticsearch-bulk',
    summary: 'spans to Elasticsearch bulk, uncompressed, 512 spans per request (the Go peer has no such exporter)',
    shape: { ...grpc, signal: 'traces' },
    subjects: ['sluice'],
    perItem: 1,
    sinks: [startBulkSink],
    yaml: ([port]) =>
      document('traces', {}, { elasticsearch: `{ endpoint: 'http://127.0.0.1:${port}', compression: none }` }),
    goals: [{ figure: 'itemsPerCpuSecond', atLeast: 150_000 }],
  }),
  backend({
    name: 'jaeger-grpc',
    summary: 'spans to Jaeger over gRPC (api_v2), 512 spans per request (the Go peer has no such exporter)',
    shape: { ...grpc, signal: 'traces' },
    subjects: ['sluice'],
    perItem: 1,
    sinks: [startPostSpansSink],
    yaml: ([port]) =>
      document(
        'traces',
        {},
        {
          jaeger: `{ protocol: grpc, endpoint: '127.0.0.1:${port}', compression: none, tls: { insecure: true } }`,
        },
      ),
    goals: [{ figure: 'itemsPerCpuSecond', atLeast: 150_000 }],
  }),
];
