import { sleep, systemClock } from '../../../internal/core/clock.ts';
import type { Outputs } from '../../../internal/core/component.ts';
import { noContext } from '../../../internal/core/consumer.ts';
import { MemoryBudget } from '../../../internal/core/memory.ts';
import type { Outcome } from '../../../internal/core/outcome.ts';
import type { ResolvedConfig } from '../../../internal/core/resolved.ts';
import type { Logger } from '../../../internal/core/telemetry.ts';
import { settled, VirtualClock } from '../../../internal/core/virtual_clock.ts';
import type { Payload } from '../../../internal/otlp/payload.ts';
import { seededRandom } from '../../../internal/otlp/sample.ts';
import { buildCollector, type Collector } from '../../../internal/pipeline/collector.ts';
import { createMeter } from '../../../internal/telemetry/meter.ts';
import { build } from '../version.ts';
import { Book } from './book.ts';
import { candidate } from './candidate.ts';
import { type Arrival, type Arriving, CaptureNotes, readCapture } from './capture.ts';
import { Peaks } from './peaks.ts';
import { type Report, reportOf } from './report.ts';
import { TraceTable } from './traces.ts';
import { Verdicts } from './verdicts.ts';

export interface ReplayOptions {
  readonly arrival: Arrival;
  /** Told as the replay goes on. */
  readonly progress: (spans: number, virtualMs: number) => void;
  /** What components have to say. */
  readonly logger: Logger;
}

export interface Replayed {
  readonly report: Report;
  readonly book: Book;
  readonly verdicts: Verdicts | undefined;
}

const telemetry = { metrics: { level: 'detailed', prometheus: [], otlp: [] }, resource: {} } as const;
/** Of any machine alike: a replay must not depend on the one it runs on. */
const defaultBudgetBytes = 128 * 2 ** 20;
const randomSeed = 1;
/** A silence longer than this is shortened to it: by then whatever waited has been decided. */
const longestSilenceMs = 3_600_000;
/** Real time that a component may take for its files before virtual time goes on without it. */
const ioPatienceMs = 500;
/** Batches that may be without an answer before the sender waits. */
const maxOpen = 256;
/** How often samplers are asked for what they decided. */
const collectEveryMs = 1000;
const collectEveryTraces = 10_000;

/** Runs a capture through the pipelines of a configuration, on virtual time. @throws Error of the file system, or of a component that does not start */
export async function replay(
  config: ResolvedConfig,
  paths: readonly string[],
  options: ReplayOptions,
): Promise<Replayed> {
  const notes = new CaptureNotes();
  const batches = readCapture(paths, options.arrival, notes);
  try {
    const first = await batches.next();
    const run = new Run(config, notes, first.done ? undefined : first.value.at, options);
    await run.start();
    for (let next = first; !next.done; next = await batches.next()) await run.offer(next.value);
    return await run.end();
  } finally {
    await batches.return(undefined);
  }
}

class Run {
  readonly #options: ReplayOptions;
  readonly #notes: CaptureNotes;
  readonly #clock: VirtualClock;
  readonly #memory: MemoryBudget;
  readonly #collector: Collector;
  readonly #book = new Book(new TraceTable(seededRandom(randomSeed)));
  readonly #from: number | undefined;
  readonly #peaks: Peaks;
  #verdicts: Verdicts | undefined;
  #outputs: Outputs = {};
  #arrived: number;
  #open = 0;
  #forNow = 0;
  #forGood = 0;
  #items = 0;
  #collectAt = 0;
  #collectAtTraces = collectEveryTraces;

  constructor(config: ResolvedConfig, notes: CaptureNotes, from: number | undefined, options: ReplayOptions) {
    this.#options = options;
    this.#notes = notes;
    this.#from = from;
    this.#arrived = from ?? 0;
    this.#clock = new VirtualClock(this.#arrived);
    this.#memory = new MemoryBudget(config.service.memoryBudgetBytes ?? defaultBudgetBytes);
    const { meter, registry } = createMeter(telemetry, build, 'replay');
    this.#peaks = new Peaks(registry);
    const edges = {
      inlet: (outputs: Outputs) => {
        this.#outputs = outputs;
      },
      arrived: this.#book.arrive.bind(this.#book),
    };
    this.#collector = buildCollector(candidate(config, edges), {
      clock: this.#clock,
      random: seededRandom(randomSeed),
      memory: this.#memory,
      logger: options.logger,
      meter,
      build,
    });
  }

  async start(): Promise<void> {
    await this.#whileTimePasses(this.#collector.start());
    this.#verdicts = new Verdicts(this.#collector.components(), this.#book.traces);
  }

  async offer({ batch, at }: Arriving): Promise<void> {
    await this.#clock.advance(Math.min(at - this.#arrived, longestSilenceMs));
    this.#arrived = at;
    const [from, to] = this.#book.enter(batch);
    this.#verdicts?.began(from, to);
    this.#items += batch.itemCount;
    this.#send(batch);
    this.#peaks.look();
    this.#options.progress(this.#items, this.#clock.monotonic());
    await settled();
    for (let tries = 0; this.#open >= maxOpen && tries < 600; tries++) await this.#clock.advance(100);
    if (this.#clock.monotonic() >= this.#collectAt || this.#book.traces.size >= this.#collectAtTraces) this.#collect();
  }

  #send(batch: Payload): void {
    const output = this.#outputs[batch.signal];
    if (!output) return;
    // A receiver reserves a body while it is under way.
    if (!this.#memory.tryReserve(batch.byteLength)) {
      this.#forNow += 1;
      return;
    }
    this.#open += 1;
    void output.consume(batch, noContext).then((outcome: Outcome) => {
      this.#open -= 1;
      this.#memory.release(batch.byteLength);
      if (outcome.status === 'retryable') this.#forNow += 1;
      else if (outcome.status === 'permanent') this.#forGood += 1;
    });
  }

  #collect(): void {
    this.#verdicts?.collect(false);
    this.#collectAt = this.#clock.monotonic() + collectEveryMs;
    this.#collectAtTraces = this.#book.traces.size + collectEveryTraces;
  }

  /** Time goes on until nothing is held any more, as it would behind the end of a recording; what is left is for the shutdown to settle. */
  async end(): Promise<Replayed> {
    for (let waited = 0; waited < longestSilenceMs && this.#holds(); waited += 1000) {
      await this.#clock.advance(1000);
      this.#collect();
    }
    const abort = new AbortController();
    const deadline = this.#clock.after(longestSilenceMs, () => abort.abort());
    await this.#whileTimePasses(this.#collector.shutdown(abort.signal));
    deadline.cancel();
    this.#verdicts?.collect(true);
    const { capacity: budgetBytes, peak: peakBytes } = this.#memory;
    const report = reportOf({
      book: this.#book,
      verdicts: this.#verdicts,
      notes: this.#notes,
      from: this.#from,
      to: this.#from === undefined ? undefined : this.#arrived,
      ledger: this.#collector.ledger(),
      refused: { forNow: this.#forNow, forGood: this.#forGood },
      memory: { budgetBytes, peakBytes, buffers: this.#peaks.all() },
    });
    return { report, book: this.#book, verdicts: this.#verdicts };
  }

  #holds(): boolean {
    const { branches, connectors } = this.#collector.ledger();
    return this.#open > 0 || [...branches, ...connectors].some(({ held }) => held > 0);
  }

  /**
   * What waits for a timer would wait for ever, so time goes on, in ever larger steps. What reads a file at its start is waited for first:
   * virtual time must not depend on how fast the disk is.
   */
  async #whileTimePasses(work: Promise<void>): Promise<void> {
    let isDone = false;
    const ended = new AbortController();
    const done = work.finally(() => {
      isDone = true;
      ended.abort();
    });
    // The caller sees its failure below, once time has passed.
    done.catch(() => {});
    await settled();
    for (let step = 100; !isDone && step <= 2 * longestSilenceMs; step *= 2) {
      await sleep(systemClock, ioPatienceMs, ended.signal);
      if (!isDone) await this.#clock.advance(step);
    }
    if (!isDone) {
      throw new Error('a component of the candidate does not end its work, although two hours of its time have passed');
    }
    await done;
  }
}
