import type { Clock, Timer } from '../core/clock.ts';
import { sleep } from '../core/clock.ts';
import type { Settings } from '../core/component.ts';
import type { Plain } from '../otlp/view/value.ts';
import { AskError } from './ask.ts';
import { type ConfiguredDetector, isWanted } from './config.ts';
import type { Attributes, Found } from './detector.ts';
import type { Surroundings } from './surroundings.ts';

/** What all detectors together say. */
export interface Place {
  readonly attributes: Attributes;
  readonly schemaUrl: string;
}

export interface DetectionOptions {
  readonly detectors: readonly ConfiguredDetector[];
  readonly timeoutMs: number;
  /** 0: once. */
  readonly refreshMs: number;
}

const firstPauseMs = 1000;
/** Where nothing else is asked for, a detector that could not answer is asked again after this time. */
const againMs = 60_000;

interface Round {
  readonly found?: Found;
  readonly failure?: Error;
}

/** What one detector has said so far. */
interface Memory {
  good: Found | undefined;
  /** The failure that was told last. */
  told: string | undefined;
}

/**
 * Asks detectors side by side, when it starts and then every so often. Of several that set an attribute the first in
 * their order counts. One that fails costs only its own attributes, and what it found before stays.
 */
export class Detection {
  readonly #settings: Settings;
  readonly #surroundings: Surroundings;
  readonly #options: DetectionOptions;
  readonly #memories: readonly Memory[];
  readonly #changed = new Set<() => void>();
  readonly #stop = new AbortController();
  #timer: Timer | undefined;
  #place: Place = { attributes: new Map(), schemaUrl: '' };

  constructor(settings: Settings, surroundings: Surroundings, options: DetectionOptions) {
    this.#settings = settings;
    this.#surroundings = surroundings;
    this.#options = options;
    this.#memories = options.detectors.map(() => ({ good: undefined, told: undefined }));
  }

  get place(): Place {
    return this.#place;
  }

  /** Calls back after each change of the place; returns a function that ends it. */
  onChange(changed: () => void): () => void {
    this.#changed.add(changed);
    return () => void this.#changed.delete(changed);
  }

  /** Takes the timeout at most. @throws Error where a detector has to find something (fail_on_missing_metadata) and does not */
  async start(): Promise<void> {
    const rounds = await this.#detect();
    for (const [i, { kind, config }] of this.#options.detectors.entries()) {
      const { found, failure } = rounds[i]!;
      if (!config.fail_on_missing_metadata || found?.attributes.size) continue;
      this.close();
      const reason = failure?.message ?? found?.reason;
      throw new Error(`the ${kind.name} detector found nothing, and fail_on_missing_metadata is set: ${reason}`);
    }
  }

  /** Ends what is under way, and all that is planned. */
  close(): void {
    this.#stop.abort(new Error('the collector stops'));
    this.#timer?.cancel();
    this.#changed.clear();
  }

  async #detect(): Promise<Round[]> {
    const { detectors, timeoutMs, refreshMs } = this.#options;
    const time = new Deadline(this.#settings.clock, timeoutMs, this.#stop.signal);
    const rounds = await Promise.all(detectors.map((one) => this.#ask(one, time.signal)));
    time.end();
    if (this.#stop.signal.aborted) return rounds;
    for (const [i, round] of rounds.entries()) this.#remember(i, round);
    this.#merge();
    const isPassing = rounds.some(({ failure }) => failure instanceof AskError && failure.isPassing);
    const nextMs = refreshMs || (isPassing ? againMs : 0);
    if (nextMs > 0) this.#timer = this.#settings.clock.after(nextMs, () => void this.#detect());
    return rounds;
  }

  /** Never rejects. What may go better is tried again while there is time. */
  async #ask(one: ConfiguredDetector, abort: AbortSignal): Promise<Round> {
    const { clock, logger } = this.#settings;
    const question = {
      surroundings: this.#surroundings,
      clock,
      logger,
      abort,
      wants: (name: string) => isWanted(one, name),
    };
    for (let pauseMs = firstPauseMs; ; pauseMs *= 2) {
      const round = await unlessAborted(one.kind.detect(question, one.config as never), abort);
      const isWorthIt = round.failure instanceof AskError && round.failure.isPassing;
      if (!isWorthIt || !(await sleep(clock, pauseMs, abort))) return round;
    }
  }

  #remember(index: number, { found, failure }: Round): void {
    const { id, meter, logger } = this.#settings;
    const { kind } = this.#options.detectors[index]!;
    const memory = this.#memories[index]!;
    const isGone = found?.attributes.size === 0 && memory.good !== undefined && memory.good.attributes.size > 0;
    // Nobody moves to another cloud while running: its service does not answer for now.
    const trouble = failure?.message ?? (isGone ? found.reason : undefined);
    const outcome = trouble !== undefined ? 'failed' : found?.attributes.size ? 'found' : 'absent';
    meter
      .counter({
        name: 'sluice_resource_detections_total',
        help: 'Times that a detector was asked, by what came of it: found, absent (the process runs elsewhere) or failed.',
        labels: { processor: id, detector: kind.name, outcome },
      })
      .add(1);
    if (trouble === undefined) {
      if (memory.told !== undefined) logger.info(`the ${kind.name} detector answers again`);
      memory.told = undefined;
      if (memory.good === undefined && found?.reason)
        logger.info(`the ${kind.name} detector found nothing: ${found.reason}`);
      memory.good = found;
      return;
    }
    const effect = memory.good ? 'What it found before stays' : 'Telemetry goes on without its attributes';
    if (memory.told !== trouble) logger.warn(`the ${kind.name} detector failed: ${trouble}. ${effect}`);
    memory.told = trouble;
  }

  #merge(): void {
    const attributes = new Map<string, Plain>();
    let schemaUrl = '';
    for (const [i, { good }] of this.#memories.entries()) {
      if (!good) continue;
      schemaUrl ||= good.schemaUrl;
      for (const [name, value] of good.attributes) {
        if (!attributes.has(name) && isWanted(this.#options.detectors[i]!, name)) attributes.set(name, value);
      }
    }
    if (isSame(this.#place, { attributes, schemaUrl })) return;
    this.#place = { attributes, schemaUrl };
    this.#settings.logger.info('detected where this process runs', { attributes: [...attributes.keys()] });
    for (const changed of this.#changed) changed();
  }
}

function isSame(a: Place, b: Place): boolean {
  const text = ({ attributes, schemaUrl }: Place) =>
    JSON.stringify([schemaUrl, ...attributes], (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
  return text(a) === text(b);
}

/** A detector's answer as a value; one that does not heed the signal is not waited for, beyond the turn in which others do. */
function unlessAborted(work: Promise<Found>, abort: AbortSignal): Promise<Round> {
  return new Promise((resolve) => {
    const late = () => resolve({ failure: new AskError((abort.reason as Error).message, 0, false) });
    if (abort.aborted) late();
    abort.addEventListener('abort', () => setImmediate(late), { once: true });
    work.then(
      (found) => resolve({ found }),
      (failure: Error) => resolve({ failure }),
    );
  });
}

/** A signal that fires after a while, or with another one. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: Timer;
  readonly #outer: AbortSignal;
  readonly #stop: () => void;

  constructor(clock: Clock, ms: number, outer: AbortSignal) {
    this.#outer = outer;
    this.#stop = () => this.#controller.abort(outer.reason);
    this.#timer = clock.after(ms, () => this.#controller.abort(new Error(`no answer within ${ms} ms (timeout)`)));
    outer.addEventListener('abort', this.#stop, { once: true });
    if (outer.aborted) this.#stop();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    this.#timer.cancel();
    this.#outer.removeEventListener('abort', this.#stop);
  }
}
