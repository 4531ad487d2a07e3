import type { LoadShape } from '../measure/rig.ts';
import { startSubject } from '../measure/subject.ts';
import { runThroughput } from '../measure/throughput.ts';
import { pipelineYaml } from './config.ts';
import { BOOK_GOALS, BOOKS, MIB, type Scenario } from './scenario.ts';

const WARMUP_SECONDS = 3;

/** Full speed through OTLP in, batch, OTLP out. */
function fullSpeed(name: string, summary: string, shape: LoadShape): Scenario {
  return {
    name,
    summary,
    defaultSeconds: 6,
    figures: [
      { key: 'itemsPerCpuSecond', label: 'items per CPU second' },
      { key: 'itemsPerSecond', label: 'items per second' },
      { key: 'subjectBusy', label: 'core of the subject busy', digits: 2 },
      { key: 'loadBusy', label: 'core of the load busy', digits: 2 },
      { key: 'peakRssMib', label: 'peak RSS, MiB' },
      { key: 'refused', label: 'refused' },
      ...BOOKS,
    ],
    goals: [{ figure: 'itemsPerCpuSecond', atLeastTimes: 3 }, ...BOOK_GOALS],
    measure: async (subject, settings) => {
      const run = await runThroughput({
        shape,
        warmupSeconds: WARMUP_SECONDS,
        seconds: settings.seconds,
        start: (sinkPort) => startSubject(subject, pipelineYaml(shape, sinkPort), settings),
      });
      for (const [error, count] of Object.entries(run.errors)) settings.log(`${count} requests answered ${error}`);
      return {
        itemsPerCpuSecond: run.itemsPerCpuSecond,
        itemsPerSecond: run.itemsPerSecond,
        subjectBusy: run.subjectBusy,
        loadBusy: run.loadBusy,
        peakRssMib: run.peakRssBytes / MIB,
        refused: run.account.refused,
        lost: run.account.lost,
        duplicates: run.account.duplicates,
        foreign: run.account.altered + run.account.unknown,
      };
    },
  };
}

const grpc = { protocol: 'grpc', connections: 4, streams: 4 } as const;

export const SHAPES = {
  'grpc-512': { ...grpc, signal: 'traces', items: 512 },
  'grpc-1': { protocol: 'grpc', connections: 8, streams: 32, signal: 'traces', items: 1 },
  'grpc-8192': { protocol: 'grpc', connections: 2, streams: 2, signal: 'traces', items: 8192 },
  'gzip-512': { ...grpc, signal: 'traces', items: 512, gzip: true },
  'logs-512': { ...grpc, signal: 'logs', items: 512 },
  'metrics-512': { ...grpc, signal: 'metrics', items: 512 },
  'http-512': { protocol: 'http', connections: 16, streams: 1, signal: 'traces', items: 512 },
} as const satisfies Record<string, LoadShape>;

export const throughputScenarios: readonly Scenario[] = [
  fullSpeed('grpc-512', 'OTLP/gRPC in and out, 512 spans (240 KB) per request', SHAPES['grpc-512']),
  fullSpeed('grpc-1', 'OTLP/gRPC in and out, 1 span per request', SHAPES['grpc-1']),
  fullSpeed('grpc-8192', 'OTLP/gRPC in and out, 8192 spans (3.9 MB) per request', SHAPES['grpc-8192']),
  fullSpeed('gzip-512', 'OTLP/gRPC with gzip in and out, 512 spans per request', SHAPES['gzip-512']),
  fullSpeed('logs-512', 'OTLP/gRPC in and out, 512 log records (99 KB) per request', SHAPES['logs-512']),
  fullSpeed('metrics-512', 'OTLP/gRPC in and out, 512 data points (113 KB) per request', SHAPES['metrics-512']),
  fullSpeed('http-512', 'OTLP/HTTP in and out, 512 spans (240 KB) per request', SHAPES['http-512']),
];
