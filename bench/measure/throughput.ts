import type { Account } from '../items/tally.ts';
import type { Otelcol } from '../peers/otelcol.ts';
import { type LoadShape, Rig } from './rig.ts';

/** One run of a load through a subject. */
export interface Throughput {
  /** Items that arrived, and the subject's CPU seconds until the last of them had. */
  readonly items: number;
  readonly cpuSeconds: number;
  readonly itemsPerCpuSecond: number;
  /** From the first request to the last arrival. */
  readonly wallSeconds: number;
  readonly itemsPerSecond: number;
  /** Share of its core that the subject used, and that load and sink used of theirs: near 1, the subject idled. */
  readonly subjectBusy: number;
  readonly loadBusy: number;
  readonly peakRssBytes: number;
  readonly account: Account;
  /** How many requests ended with which error. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface RunOptions {
  readonly shape: LoadShape;
  readonly warmupSeconds: number;
  readonly seconds: number;
  start(sinkPort: number): Promise<Otelcol>;
}

const DRAIN_SECONDS = 30;

/** Warms the subject up, drains it, then measures from the first request until the last arrival. */
export async function runThroughput(options: RunOptions): Promise<Throughput> {
  const rig = await Rig.open({ shape: options.shape, start: options.start });
  try {
    const subject = rig.subject!;
    if (!(await rig.send(options.warmupSeconds, DRAIN_SECONDS))) throw notDrained(rig);
    const itemsBefore = rig.tally.account().delivered;
    const usageBefore = subject.usage()!;
    const ownBefore = process.cpuUsage();
    const began = performance.now();
    if (!(await rig.send(options.seconds, DRAIN_SECONDS))) throw notDrained(rig);
    const wallSeconds = (performance.now() - began) / 1000;
    const usage = subject.usage()!;
    const own = process.cpuUsage(ownBefore);
    const account = rig.tally.account();
    const items = account.delivered - itemsBefore;
    const cpuSeconds = usage.cpuSeconds - usageBefore.cpuSeconds;
    return {
      items,
      cpuSeconds,
      itemsPerCpuSecond: items / cpuSeconds,
      wallSeconds,
      itemsPerSecond: items / wallSeconds,
      subjectBusy: cpuSeconds / wallSeconds,
      loadBusy: (own.user + own.system) / 1e6 / wallSeconds,
      peakRssBytes: usage.peakRssBytes,
      account,
      errors: Object.fromEntries(rig.load.errors),
    };
  } finally {
    await rig.close();
  }
}

function notDrained(rig: Rig): Error {
  const { accepted, lost } = rig.tally.account();
  return new Error(`${lost} of ${accepted} accepted items had not arrived ${DRAIN_SECONDS} s after the last was sent`);
}
