/**
 * What buffering and deciding costs, with a decider that hardly does anything. Run by hand, on a quiet machine:
 *
 *   node_modules/.bin/node internal/sampling/engine.bench.ts [spans per request] [buffer MiB] [num_traces]
 *   node_modules/.bin/node internal/sampling/engine.bench.ts lag [seconds]
 */
import { setImmediate } from 'node:timers/promises';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Settings } from '../core/component.ts';
import type { Consumer } from '../core/consumer.ts';
import { noAccount } from '../core/ledger.ts';
import { MemoryBudget } from '../core/memory.ts';
import { acceptedPromise } from '../core/outcome.ts';
import { noLogger, noMeter } from '../core/telemetry.ts';
import { VirtualClock } from '../core/virtual_clock.ts';
import { Payload } from '../otlp/payload.ts';
import { Sample } from '../otlp/sample.ts';
import type { Decider } from './decider.ts';
import { TailEngine } from './engine.ts';
import { noTailObserver, type TailObserver, type TailOptions } from './engine_types.ts';

const NOW = 1_700_000_000_000_000_000n;

/** Keeps errors and half of the rest. */
const decider: Decider = {
  bitWords: 1,
  numbers: 0,
  policies: [{ name: 'half', type: 'bench' }],
  maxNotes: 8,
  enter() {},
  gather: () => false,
  decide(trace, _trigger, into) {
    const kept = trace.hasError || (trace.traceIds[trace.traceIdAt + 15]! & 1) === 0;
    into.verdict = kept ? 'sampled' : 'not_sampled';
    into.policy = kept ? 0 : -1;
  },
  precious: ({ hasError }) => (hasError ? 1 : 0),
  takeNotes: () => 4,
  readNotes: () => [],
};

function engineOn(clock: Clock, next: Consumer, over: Partial<TailOptions>, observer: TailObserver = noTailObserver) {
  const settings: Settings = {
    id: 'tail_sampling',
    kind: 'processor',
    logger: noLogger,
    meter: noMeter,
    clock,
    random: Math.random,
    memory: new MemoryBudget(128 << 20),
    account: noAccount,
    build: { name: 'bench', version: '' },
    report() {},
  };
  const options: TailOptions = {
    decisionWaitMs: 10_000,
    decisionWaitAfterRootMs: 0,
    numTraces: 200_000,
    maxBufferBytes: 512 << 20,
    maxTraceBytes: 0,
    maxTraceSpans: 0,
    dropTraceBytes: 0,
    blockOnOverflow: false,
    dropPendingOnShutdown: false,
    sampledCacheSize: 500_000,
    nonSampledCacheSize: 500_000,
    explainBytes: 16 << 20,
    stampExplanation: false,
    spanIngest: false,
    ...over,
  };
  return new TailEngine(settings, options, decider, next, observer);
}

/** 64,000 traces of 8 spans and 240 MB held, then decided; five times. */
async function throughput(perRequest: number, mib: number, numTraces: number): Promise<void> {
  const clock = new VirtualClock(1.7e12);
  let kept = 0;
  const next: Consumer = {
    consume(batch) {
      kept += batch.itemCount;
      return acceptedPromise;
    },
  };
  const engine = engineOn(clock, next, { maxBufferBytes: mib << 20, numTraces });
  const sample = new Sample('traces', { items: perRequest });
  const requests = Math.round(524_288 / perRequest);
  for (let round = 0; round < 5; round++) {
    let intake = 0;
    let bytes = 0;
    for (let i = 0; i < requests; i++) {
      const chunk = sample.next(NOW);
      bytes += chunk.length;
      const batch = new Payload('traces', [chunk], perRequest, chunk.length);
      intake += await cpu(() => engine.consume(batch, {}));
      if (i % 4 === 0) await setImmediate();
    }
    const { heldSpans, heldTraces, bufferBytes } = engine;
    const deciding = await cpu(() => clock.advance(11_000));
    const spans = requests * perRequest;
    const each = (us: number) => `${(us / spans).toFixed(2)} us`;
    const overhead = ((bufferBytes - bytes * (heldSpans / spans)) / heldSpans).toFixed(0);
    console.log(
      `a span: intake ${each(intake)}, decision and output ${each(deciding)}; held ${heldTraces} traces, ${heldSpans} spans, ` +
        `${mb(bufferBytes)} (${overhead} bytes a span besides the span); kept ${kept}; RSS ${mb(process.memoryUsage().rss)}`,
    );
  }
}

/** 100,000 traces held in real time: how late decisions are, and how long the event loop is held up. */
async function lag(seconds: number): Promise<void> {
  const lags: number[] = [];
  let longest = 0;
  const observer: TailObserver = {
    ...noTailObserver,
    decided: (_decision, _spans, _bytes, _trigger, lagMs) => void lags.push(lagMs),
    ticked: (ms) => void (longest = Math.max(longest, ms)),
  };
  const engine = engineOn(systemClock, { consume: () => acceptedPromise }, { numTraces: 150_000 }, observer);
  const sample = new Sample('traces', { items: 80 });
  const began = performance.now();
  let held = 0;
  let sent = 0;
  const cpuBegan = process.cpuUsage();
  while (performance.now() - began < seconds * 1000) {
    // 10,000 traces of 8 spans a second, for a wait of ten.
    while (sent < (performance.now() - began) * 80) {
      const chunk = sample.next(NOW);
      void engine.consume(new Payload('traces', [chunk], 80, chunk.length), {});
      sent += 80;
    }
    held = Math.max(held, engine.heldTraces);
    await new Promise((resolve) => systemClock.after(2, () => resolve(undefined)));
  }
  const { user, system } = process.cpuUsage(cpuBegan);
  lags.sort((a, b) => a - b);
  const at = (share: number) => lags[Math.floor(lags.length * share)]?.toFixed(1);
  console.log(
    `${lags.length} decisions, up to ${held} traces held; late by ${at(0.5)} ms (median), ${at(0.99)} ms (p99), ${lags.at(-1)?.toFixed(1)} ms (most); ` +
      `longest slice ${longest.toFixed(1)} ms; ${(sent / ((user + system) / 1e6) / 1000).toFixed(0)} k spans per CPU second, making them included`,
  );
  await engine.shutdown(new AbortController().signal);
}

/** Microseconds of CPU. */
async function cpu(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

const [first, second, third] = process.argv.slice(2);
if (first === 'lag') await lag(Number(second ?? 20));
else await throughput(Number(first ?? 512), Number(second ?? 512), Number(third ?? 200_000));
