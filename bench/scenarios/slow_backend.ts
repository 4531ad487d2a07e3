import { Rig } from '../measure/rig.ts';
import { scrape, seriesValue } from '../measure/scrape.ts';
import { startSubject } from '../measure/subject.ts';
import { pipelineYaml } from './config.ts';
import { BOOK_GOALS, BOOKS, type Figures, MIB, type RunSettings, type Scenario } from './scenario.ts';

const SHAPE = { protocol: 'grpc', connections: 4, streams: 4, signal: 'traces', items: 512 } as const;
const SINK_DELAY_MS = 3000;
const DRAIN_SECONDS = 60;
/** A subject above this much is measured no further: it would take the machine down with it. */
const RSS_LIMIT_BYTES = 12 * 1024 * MIB;

/** A backend that takes 3 s for every answer, and senders that do not care. */
export const slowBackend: Scenario = {
  name: 'slow-backend',
  summary: 'the backend answers after 3 s, senders at full speed, 512 spans per request over OTLP/gRPC',
  defaultSeconds: 30,
  runs: 1,
  figures: [
    { key: 'peakRssMib', label: 'peak RSS, MiB' },
    { key: 'accepted', label: 'accepted' },
    { key: 'refused', label: 'refused' },
    { key: 'delivered', label: 'delivered' },
    { key: 'drainSeconds', label: 'until drained, s', digits: 1 },
    { key: 'loopMaxMs', label: 'longest turn of the event loop, ms', digits: 1 },
    ...BOOKS.map((spec) => (spec.key === 'lost' ? { ...spec, label: 'accepted, not delivered by the end' } : spec)),
  ],
  goals: [{ figure: 'peakRssMib', atMost: 300e6 / MIB }, { figure: 'loopMaxMs', atMost: 100 }, ...BOOK_GOALS],
  measure: async (subject, settings) => {
    const start = (sinkPort: number) => startSubject(subject, pipelineYaml(SHAPE, sinkPort), settings);
    const rig = await Rig.open({ shape: SHAPE, sinkDelayMs: SINK_DELAY_MS, start });
    try {
      return await flood(rig, settings);
    } finally {
      await rig.close();
    }
  },
};

async function flood(rig: Rig, settings: RunSettings): Promise<Figures> {
  const subject = rig.subject!;
  // Stays so for a subject without an event loop.
  let loopMaxMs = Number.NaN;
  const watch = async () => {
    // The subject starts its maximum anew at each scrape.
    const seconds = seriesValue(await scrape(subject.ports.metrics), 'sluice_event_loop_delay_seconds', 'quantile="1"');
    if (seconds !== undefined) loopMaxMs = Math.max(Number.isNaN(loopMaxMs) ? 0 : loopMaxMs, seconds * 1000);
  };
  await watch();
  loopMaxMs = Number.NaN;
  const watcher = setInterval(watch, 1000);
  try {
    rig.load.start();
    const exploded = () => (subject.usage()?.rssBytes ?? 0) > RSS_LIMIT_BYTES;
    if (await rig.wait(settings.seconds, exploded)) settings.log('stopped: the subject holds more than 12 GiB');
    rig.load.stop();
    const stopped = performance.now();
    if (!(await rig.wait(DRAIN_SECONDS, () => rig.drained()))) {
      settings.log(`not drained ${DRAIN_SECONDS} s after the last request; the rest is stopped with it`);
    }
    const account = rig.tally.account();
    for (const [error, count] of rig.load.errors) settings.log(`${count} requests answered ${error}`);
    await watch();
    return {
      peakRssMib: (subject.usage()?.peakRssBytes ?? 0) / MIB,
      accepted: account.accepted,
      refused: account.refused,
      delivered: account.delivered,
      drainSeconds: (performance.now() - stopped) / 1000,
      loopMaxMs,
      lost: account.lost,
      duplicates: account.duplicates,
      foreign: account.altered + account.unknown,
    };
  } finally {
    clearInterval(watcher);
  }
}
