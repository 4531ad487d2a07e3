import { Rig } from '../measure/rig.ts';
import { percentile } from '../measure/stats.ts';
import { startSubject } from '../measure/subject.ts';
import { pipelineYaml } from './config.ts';
import { BOOK_GOALS, BOOKS, type Figures, MIB, type RunSettings, type Scenario } from './scenario.ts';

const SHAPE = { protocol: 'grpc', connections: 2, streams: 8, signal: 'traces', items: 100, rate: 10_000 } as const;
const WARMUP_SECONDS = 5;
const DRAIN_SECONDS = 10;

/** A usual day: far below what either can do. */
export const steady: Scenario = {
  name: 'steady-10k',
  summary: 'OTLP/gRPC in and out at 10,000 spans/s, 100 per request; batches leave after 200 ms',
  defaultSeconds: 20,
  figures: [
    { key: 'cpuPercent', label: 'CPU, % of a core', digits: 1 },
    { key: 'rssMib', label: 'highest RSS while steady, MiB', digits: 1 },
    { key: 'p50Ms', label: 'latency p50, ms', digits: 1 },
    { key: 'p99Ms', label: 'latency p99, ms', digits: 1 },
    { key: 'late', label: 'requests sent late' },
    { key: 'refused', label: 'refused' },
    ...BOOKS,
  ],
  goals: [
    { figure: 'cpuPercent', atMostTimes: 1 },
    // MB as in "110 MB", not MiB.
    { figure: 'rssMib', atMost: 110e6 / MIB },
    { figure: 'p99Ms', atMostTimes: 1 },
    ...BOOK_GOALS,
  ],
  measure: async (subject, settings) => {
    const latencies: number[] = [];
    let rig: Rig | undefined;
    const onArrival = (request: number) => {
      const sent = rig?.load.sentAt(request);
      if (sent !== undefined) latencies.push(performance.now() - sent);
    };
    const start = (sinkPort: number) => startSubject(subject, pipelineYaml(SHAPE, sinkPort), settings);
    rig = await Rig.open({ shape: SHAPE, onArrival, start });
    try {
      await rig.send(WARMUP_SECONDS, DRAIN_SECONDS);
      latencies.length = 0;
      return await measureSteady(rig, latencies, settings);
    } finally {
      await rig.close();
    }
  },
};

async function measureSteady(rig: Rig, latencies: number[], settings: RunSettings): Promise<Figures> {
  const subject = rig.subject!;
  const cpuBefore = subject.usage()!.cpuSeconds;
  const began = performance.now();
  let rssBytes = 0;
  const sampler = setInterval(() => {
    rssBytes = Math.max(rssBytes, subject.usage()?.rssBytes ?? 0);
  }, 100);
  try {
    await rig.send(settings.seconds, DRAIN_SECONDS);
  } finally {
    clearInterval(sampler);
  }
  const elapsed = (performance.now() - began) / 1000;
  const account = rig.tally.account();
  return {
    cpuPercent: ((subject.usage()!.cpuSeconds - cpuBefore) / elapsed) * 100,
    rssMib: rssBytes / MIB,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    late: rig.load.late,
    refused: account.refused,
    lost: account.lost,
    duplicates: account.duplicates,
    foreign: account.altered + account.unknown,
  };
}
