import type { LedgerSnapshot } from '../../internal/core/ledger.ts';
import { Rig } from '../measure/rig.ts';
import { scrape, seriesValue } from '../measure/scrape.ts';
import { startSubject } from '../measure/subject.ts';
import { startBulkSink, startPostSpansSink } from '../sink/backend_sinks.ts';
import type { Sink } from '../sink/sink.ts';
import { document } from './config.ts';
import { BOOK_GOALS, BOOKS, type Figures, MIB, type RunSettings, type Scenario } from './scenario.ts';

const SHAPE = { protocol: 'grpc', connections: 4, streams: 4, signal: 'traces', items: 512 } as const;
const WARM_UP_SECONDS = 3;
const DRAIN_SECONDS = 60;
const BUDGET_MIB = 128;

const fanOutYaml = (otlp: number, bulk: number, jaeger: number) =>
  document(
    'traces',
    {},
    {
      otlp: `{ endpoint: '127.0.0.1:${otlp}', compression: none, tls: { insecure: true } }`,
      elasticsearch: `{ endpoint: 'http://127.0.0.1:${bulk}' }`,
      jaeger: `{ protocol: grpc, endpoint: '127.0.0.1:${jaeger}', tls: { insecure: true }, sending_queue: { on_overflow: drop_oldest } }`,
    },
    `memory_budget_mib: ${BUDGET_MIB}`,
  );

/** Each span to an OTLP backend, to Elasticsearch and to Jaeger; then the same with Jaeger dead, on_overflow: drop_oldest. */
export const fanOut: Scenario = {
  name: 'fan-out',
  summary: 'spans to OTLP, Elasticsearch and Jaeger at once, then with Jaeger dead; 512 spans per request',
  defaultSeconds: 6,
  subjects: ['sluice'],
  figures: [
    { key: 'alive', label: 'spans per second, all alive' },
    { key: 'oneDead', label: 'spans per second, one dead' },
    { key: 'kept', label: 'one dead against all alive', digits: 2 },
    { key: 'aliveCpu', label: 'spans per CPU second, all alive' },
    { key: 'oneDeadCpu', label: 'spans per CPU second, one dead' },
    { key: 'heldMib', label: 'held at the end, MiB', digits: 1 },
    { key: 'heldPeakMib', label: 'most ever held, MiB', digits: 1 },
    { key: 'peakRssMib', label: 'peak RSS, MiB' },
    { key: 'givenUp', label: 'given up for the dead one' },
    { key: 'unbalanced', label: 'branches out of balance' },
    { key: 'missing', label: 'accepted, not in Elasticsearch' },
    ...BOOKS,
  ],
  goals: [
    { figure: 'kept', atLeast: 0.95 },
    // A quarter for the dead one.
    { figure: 'heldMib', atMost: BUDGET_MIB / 4 },
    { figure: 'heldPeakMib', atMost: BUDGET_MIB * 1.5 },
    { figure: 'unbalanced', atMost: 0 },
    { figure: 'missing', atMost: 0 },
    ...BOOK_GOALS,
  ],
  measure: async (subject, settings) => {
    let documents = 0;
    const onFailure = (error: Error) => settings.log(`a sink: ${error.message}`);
    const bulk = await startBulkSink({ onItems: (count) => void (documents += count), onFailure });
    const jaeger = await startPostSpansSink({ onItems: () => {}, onFailure });
    try {
      const start = (port: number) => startSubject(subject, fanOutYaml(port, bulk.port, jaeger.port), settings);
      const rig = await Rig.open({ shape: SHAPE, start });
      try {
        return await measure(rig, jaeger, settings, () => documents);
      } finally {
        await rig.close();
      }
    } finally {
      await jaeger.close();
      await bulk.close();
    }
  },
};

async function measure(rig: Rig, jaeger: Sink, settings: RunSettings, documents: () => number): Promise<Figures> {
  const subject = rig.subject!;
  const phase = async () => {
    const before = rig.tally.account().accepted;
    const cpu = subject.usage()!.cpuSeconds;
    const began = performance.now();
    rig.load.start();
    await rig.wait(settings.seconds, () => false);
    rig.load.stop();
    const drained = () => rig.drained() && documents() >= rig.tally.account().accepted;
    if (!(await rig.wait(DRAIN_SECONDS, drained))) settings.log(`not drained within ${DRAIN_SECONDS} s`);
    const spans = rig.tally.account().accepted - before;
    const seconds = (performance.now() - began) / 1000;
    return { perSecond: spans / seconds, perCpuSecond: spans / (subject.usage()!.cpuSeconds - cpu) };
  };
  await rig.send(WARM_UP_SECONDS, DRAIN_SECONDS);
  const alive = await phase();
  await jaeger.close();
  const oneDead = await phase();
  const text = await scrape(subject.ports.metrics);
  const { branches } = (await (
    await fetch(`http://127.0.0.1:${subject.ports.metrics}/ledger`)
  ).json()) as LedgerSnapshot;
  const account = rig.tally.account();
  const mib = (name: string) => (seriesValue(text, name) ?? Number.NaN) / MIB;
  return {
    alive: alive.perSecond,
    oneDead: oneDead.perSecond,
    kept: oneDead.perSecond / alive.perSecond,
    aliveCpu: alive.perCpuSecond,
    oneDeadCpu: oneDead.perCpuSecond,
    heldMib: mib('sluice_memory_held_bytes'),
    heldPeakMib: mib('sluice_memory_held_peak_bytes'),
    peakRssMib: subject.usage()!.peakRssBytes / MIB,
    givenUp: branches.find(({ exporter }) => exporter === 'jaeger')?.dropped.queue_full ?? 0,
    unbalanced: branches.filter(({ balanced }) => !balanced).length,
    missing: account.accepted - documents(),
    lost: account.lost,
    duplicates: account.duplicates,
    foreign: account.altered + account.unknown,
  };
}
