import { ExactTally } from '../items/tally.ts';
import { type LoadShape, Rig } from '../measure/rig.ts';
import { scrape, seriesValue } from '../measure/scrape.ts';
import { startSubject } from '../measure/subject.ts';
import { type Parts, pipelineYaml } from './config.ts';
import { type Figures, type Goal, MIB, type RunSettings, type Scenario } from './scenario.ts';

const SPANS = 512;
const SPANS_PER_TRACE = 8;
const TRACES = SPANS / SPANS_PER_TRACE;
const grpc = { protocol: 'grpc', signal: 'traces', items: SPANS, spansPerTrace: SPANS_PER_TRACE } as const;

interface Sampling {
  readonly name: string;
  readonly summary: string;
  readonly shape: LoadShape;
  readonly yaml: (subject: 'sluice' | 'otelcol', sinkPort: number) => string;
  readonly seconds: number;
  readonly runs?: number;
  /** Sent before the measurement, then waited for `restSeconds`. */
  readonly warmupSeconds?: number;
  readonly restSeconds: number;
  /** Traces may be kept in part. */
  readonly bySpan?: true;
  readonly goals: readonly Goal[];
}

/** What comes in is counted, since what goes out is a part of it; the parts that go out must be whole traces. */
function sampling({
  name,
  summary,
  shape,
  yaml,
  seconds,
  runs,
  warmupSeconds,
  restSeconds,
  bySpan,
  goals,
}: Sampling): Scenario {
  return {
    name,
    summary,
    defaultSeconds: seconds,
    ...(runs === undefined ? {} : { runs }),
    figures: [
      { key: 'itemsPerCpuSecond', label: 'spans taken per CPU second' },
      { key: 'itemsPerSecond', label: 'spans taken per second' },
      { key: 'keptPercent', label: 'kept, %', digits: 2 },
      { key: 'peakRssMib', label: 'peak RSS, MiB' },
      { key: 'rssHalfMib', label: 'RSS at half time, MiB' },
      { key: 'lagP99Ms', label: 'decision lag p99, ms' },
      { key: 'refused', label: 'refused' },
      { key: 'broken', label: 'traces kept in part' },
      { key: 'duplicates', label: 'duplicates' },
      { key: 'foreign', label: 'altered (a tracestate written) or unknown' },
    ],
    goals: [...goals, ...(bySpan ? ['duplicates'] : ['broken', 'duplicates']).map((figure) => ({ figure, atMost: 0 }))],
    measure: async (subject, settings) => {
      const start = (sinkPort: number) => startSubject(subject, yaml(subject, sinkPort), settings);
      const rig = await Rig.open({ shape, start });
      try {
        if (warmupSeconds) await rig.send(warmupSeconds, 0);
        if (warmupSeconds) await rig.wait(restSeconds, () => false);
        return await sample(rig, settings, restSeconds);
      } finally {
        await rig.close();
      }
    },
  };
}

async function sample(rig: Rig, settings: RunSettings, restSeconds: number): Promise<Figures> {
  const subject = rig.subject!;
  const before = rig.tally.account();
  const cpuBefore = subject.usage()!.cpuSeconds;
  const began = performance.now();
  rig.load.start();
  await rig.wait(settings.seconds / 2, () => false);
  const rssHalfMib = (subject.usage()?.rssBytes ?? 0) / MIB;
  await rig.wait(settings.seconds / 2, () => false);
  rig.load.stop();
  const seconds = (performance.now() - began) / 1000;
  await rig.wait(10, () => rig.load.inFlight === 0);
  // What is held must fall due, and be on its way out.
  await rig.wait(restSeconds, () => false);
  const usage = subject.usage()!;
  const account = rig.tally.account();
  const taken = account.accepted - before.accepted;
  for (const [error, count] of rig.load.errors) settings.log(`${count} requests answered ${error}`);
  return {
    itemsPerCpuSecond: taken / (usage.cpuSeconds - cpuBefore),
    itemsPerSecond: taken / seconds,
    keptPercent: (100 * (account.delivered - before.delivered)) / taken,
    peakRssMib: usage.peakRssBytes / MIB,
    rssHalfMib,
    lagP99Ms: lagP99(await scrape(subject.ports.metrics)),
    refused: account.refused - before.refused,
    broken: rig.tally instanceof ExactTally ? rig.tally.brokenTraces(TRACES) : Number.NaN,
    duplicates: account.duplicates,
    foreign: account.altered + account.unknown,
  };
}

/** The upper bound of the bucket that 99% of all decisions fall in; not a number for a subject that does not tell. */
function lagP99(text: string): number {
  const name = 'sluice_tail_sampling_decision_lag_milliseconds';
  const count = seriesValue(text, `${name}_count`);
  if (!count) return Number.NaN;
  for (const line of text.split('\n')) {
    const bound = line.startsWith(`${name}_bucket`) ? /le="([^"]+)"/.exec(line)?.[1] : undefined;
    if (bound && Number(line.slice(line.lastIndexOf(' ') + 1)) >= 0.99 * count) return Number(bound);
  }
  return Number.NaN;
}

const policies = `[ { name: errors, type: status_code, status_code: { status_codes: [ERROR] } }, { name: slow, type: latency, latency: { threshold_ms: 1000 } }, { name: rest, type: probabilistic, probabilistic: { sampling_percentage: 5 } } ]`;
const tail = (wait: string, numTraces: number, more = ''): Parts => ({
  tail_sampling: `{ decision_wait: ${wait}, num_traces: ${numTraces}, expected_new_traces_per_sec: 6400, ${more} policies: ${policies} }`,
});

/** All but the failed checkouts: one span in twenty stays. */
const dropped = 'attributes["http.route"] != "/api/checkout" or attributes["http.response.status_code"] != 404';

export const samplingScenarios: readonly Scenario[] = [
  sampling({
    name: 'tail-51k',
    summary: 'tail_sampling by errors, latency and 5%; 51,000 spans/s in traces of 8, held for 10 s',
    shape: { ...grpc, connections: 2, streams: 8, rate: 51_000 },
    yaml: (_subject, port) => pipelineYaml(grpc, port, tail('10s', 80_000)),
    seconds: 20,
    runs: 2,
    warmupSeconds: 3,
    restSeconds: 14,
    goals: [
      { figure: 'itemsPerCpuSecond', atLeastTimes: 3 },
      { figure: 'peakRssMib', atMostTimes: 0.25 },
      { figure: 'keptPercent', atMostTimes: 1.02 },
      { figure: 'keptPercent', atLeastTimes: 0.98 },
      { figure: 'lagP99Ms', atMost: 100 },
      { figure: 'refused', atMost: 0 },
    ],
  }),
  sampling({
    name: 'tail-100k-held',
    summary: 'tail_sampling, 80,000 spans/s: over 100,000 traces of 8 spans held at once for 10 s',
    shape: { ...grpc, connections: 2, streams: 8, rate: 84_000 },
    yaml: (_subject, port) => pipelineYaml(grpc, port, tail('10s', 150_000)),
    seconds: 16,
    runs: 1,
    restSeconds: 14,
    goals: [{ figure: 'lagP99Ms', atMost: 100 }],
  }),
  sampling({
    name: 'tail-overload',
    summary:
      'tail_sampling with a tenth of the memory it would need: 64 MiB of buffer, 60 s of 170,000 spans/s held for 8 s',
    shape: { ...grpc, connections: 4, streams: 4, rate: 170_000 },
    yaml: (subject, port) =>
      pipelineYaml(grpc, port, tail('8s', 200_000, subject === 'sluice' ? 'max_buffer_mib: 64,' : '')),
    seconds: 60,
    runs: 1,
    restSeconds: 12,
    goals: [{ figure: 'refused', atMost: 0 }],
  }),
  sampling({
    name: 'probabilistic-512',
    summary: 'probabilistic_sampler at 10%, 512 spans (240 KB) per request at full speed',
    shape: { ...grpc, connections: 4, streams: 4 },
    yaml: (_subject, port) => pipelineYaml(grpc, port, { probabilistic_sampler: '{ sampling_percentage: 10 }' }),
    seconds: 6,
    warmupSeconds: 3,
    restSeconds: 2,
    goals: [
      { figure: 'itemsPerCpuSecond', atLeastTimes: 4 },
      { figure: 'keptPercent', atMostTimes: 1.02 },
      { figure: 'keptPercent', atLeastTimes: 0.98 },
    ],
  }),
  sampling({
    name: 'filter-512',
    summary: 'filter that drops 95% of the spans by two attributes, 512 spans (240 KB) per request at full speed',
    shape: { ...grpc, connections: 4, streams: 4 },
    yaml: (_subject, port) => pipelineYaml(grpc, port, { filter: `{ traces: { span: ['${dropped}'] } }` }),
    seconds: 6,
    warmupSeconds: 3,
    restSeconds: 2,
    bySpan: true,
    goals: [
      { figure: 'itemsPerCpuSecond', atLeastTimes: 4 },
      { figure: 'keptPercent', atMostTimes: 1.05 },
      { figure: 'keptPercent', atLeastTimes: 0.95 },
    ],
  }),
];
