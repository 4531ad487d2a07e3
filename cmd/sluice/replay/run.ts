import type { ResolvedConfig } from '../../../internal/core/resolved.ts';
import type { Logger } from '../../../internal/core/telemetry.ts';
import { settled } from '../../../internal/core/virtual_clock.ts';
import { seededRandom } from '../../../internal/otlp/sample.ts';
import { Book } from './book.ts';
import { type Arrival, type Arriving, CaptureNotes, readCapture } from './capture.ts';
import { Peaks } from './peaks.ts';
import { type Report, reportOf } from './report.ts';
import { longestSilenceMs, randomSeed, Stage } from './stage.ts';
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
  readonly #stage: Stage;
  readonly #book = new Book(new TraceTable(seededRandom(randomSeed)));
  readonly #from: number | undefined;
  readonly #peaks: Peaks;
  #verdicts: Verdicts | undefined;
  #arrived: number;
  #items = 0;
  #collectAt = 0;
  #collectAtTraces = collectEveryTraces;

  constructor(config: ResolvedConfig, notes: CaptureNotes, from: number | undefined, options: ReplayOptions) {
    this.#options = options;
    this.#notes = notes;
    this.#from = from;
    this.#arrived = from ?? 0;
    const { logger } = options;
    this.#stage = new Stage(config, { from: this.#arrived, logger, arrived: this.#book.arrive.bind(this.#book) });
    this.#peaks = new Peaks(this.#stage.registry);
  }

  async start(): Promise<void> {
    await this.#stage.start();
    this.#verdicts = new Verdicts(this.#stage.collector.components(), this.#book.traces);
  }

  async offer({ batch, at }: Arriving): Promise<void> {
    const { clock } = this.#stage;
    await clock.advance(Math.min(at - this.#arrived, longestSilenceMs));
    this.#arrived = at;
    const [from, to] = this.#book.enter(batch);
    this.#verdicts?.began(from, to);
    this.#items += batch.itemCount;
    this.#stage.send(batch);
    this.#peaks.look();
    this.#options.progress(this.#items, clock.monotonic());
    await settled();
    for (let tries = 0; this.#stage.open >= maxOpen && tries < 600; tries++) await clock.advance(100);
    if (clock.monotonic() >= this.#collectAt || this.#book.traces.size >= this.#collectAtTraces) this.#collect();
  }

  #collect(): void {
    this.#verdicts?.collect(false);
    this.#collectAt = this.#stage.clock.monotonic() + collectEveryMs;
    this.#collectAtTraces = this.#book.traces.size + collectEveryTraces;
  }

  async end(): Promise<Replayed> {
    await this.#stage.end(() => this.#collect());
    this.#verdicts?.collect(true);
    const { memory, collector, refusedForNow: forNow, refusedForGood: forGood } = this.#stage;
    const report = reportOf({
      book: this.#book,
      verdicts: this.#verdicts,
      notes: this.#notes,
      from: this.#from,
      to: this.#from === undefined ? undefined : this.#arrived,
      ledger: collector.ledger(),
      refused: { forNow, forGood },
      memory: { budgetBytes: memory.capacity, peakBytes: memory.peak, buffers: this.#peaks.all() },
    });
    return { report, book: this.#book, verdicts: this.#verdicts };
  }
}
