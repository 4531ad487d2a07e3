import type { Timer } from '../../internal/core/clock.ts';
import type { Settings } from '../../internal/core/component.ts';
import { Notice } from '../../internal/core/notice.ts';
import { AnswerCache } from './answer_cache.ts';
import type { Answer, Facts } from './facts.ts';
import { observeCache } from './metrics.ts';

/** All times in milliseconds. */
export interface LookupLimits {
  readonly timeout: number;
  readonly ttl: number;
  readonly negative_ttl: number;
  readonly max_in_flight: number;
  readonly max_waiting: number;
  readonly cache_max_entries: number;
  readonly cache_max_bytes: number;
  readonly failures_to_open: number;
  readonly open_for: number;
}

type Ask = (key: string, abort: AbortSignal) => Promise<Facts | undefined>;

interface Waiting {
  readonly key: string;
  readonly done: (answer: Answer) => void;
}

/** Asks for each key once at a time, remembers what came, and leaves alone what keeps failing. */
export class Lookups {
  readonly #settings: Settings;
  readonly #source: string;
  readonly #limits: LookupLimits;
  readonly #ask: Ask;
  readonly #cache: AnswerCache;
  readonly #pending = new Map<string, Promise<Answer>>();
  #waiting: Waiting[] = [];
  readonly #running = new Map<AbortController, Timer>();
  #failures = 0;
  #openUntil = 0;
  #closed = false;
  readonly #troubles: Notice;
  readonly #endMetrics: () => void;

  constructor(settings: Settings, source: string, limits: LookupLimits, ask: Ask) {
    this.#settings = settings;
    this.#source = source;
    this.#limits = limits;
    this.#ask = ask;
    this.#troubles = new Notice(settings.clock);
    this.#cache = new AnswerCache(limits.cache_max_entries, limits.cache_max_bytes);
    this.#endMetrics = observeCache(settings, source, this.#cache);
  }

  /** The promise never rejects. */
  find(key: string): Answer | Promise<Answer> {
    const now = this.#settings.clock.monotonic();
    const known = this.#cache.find(key, now);
    if (known) return known;
    const pending = this.#pending.get(key);
    if (pending) return pending;
    if (this.#closed || now < this.#openUntil) return 'failed';
    // After the pause a single lookup tries whether it works again.
    const trial = this.#failures >= this.#limits.failures_to_open;
    const most = trial ? 1 : this.#limits.max_in_flight;
    const full = trial || this.#waiting.length >= this.#limits.max_waiting;
    if (this.#running.size >= most && full) return 'failed';
    const answer = new Promise<Answer>((done) => {
      if (this.#running.size < most) void this.#run({ key, done });
      else this.#waiting.push({ key, done });
    });
    this.#pending.set(key, answer);
    return answer;
  }

  close(): void {
    this.#closed = true;
    for (const [running, timer] of this.#running) {
      timer.cancel();
      running.abort(new Error('stopped'));
    }
    this.#failWaiting();
    this.#endMetrics();
  }

  async #run({ key, done }: Waiting): Promise<void> {
    const abort = new AbortController();
    const { timeout } = this.#limits;
    const late = () => abort.abort(new Error(`no answer within ${timeout} ms (timeout)`));
    const timer = this.#settings.clock.after(timeout, late);
    this.#running.set(abort, timer);
    let answer: Answer;
    try {
      answer = (await this.#ask(key, abort.signal)) ?? 'miss';
      this.#failures = 0;
    } catch (error) {
      answer = 'failed';
      this.#failed((abort.signal.reason ?? error) as Error);
    }
    timer.cancel();
    this.#running.delete(abort);
    this.#keep(key, answer);
    this.#pending.delete(key);
    done(answer);
    this.#startNext();
  }

  #startNext(): void {
    if (this.#settings.clock.monotonic() < this.#openUntil) this.#failWaiting();
    const next = this.#waiting.shift();
    if (next) void this.#run(next);
  }

  #failed({ message }: Error): void {
    if (this.#closed) return;
    this.#failures++;
    const open = this.#failures >= this.#limits.failures_to_open;
    if (open) this.#openUntil = this.#settings.clock.monotonic() + this.#limits.open_for;
    this.#troubles.event((leftOut) => {
      const fields = { source: this.#source, reason: message, left_out_before: leftOut };
      const text = open ? 'a source fails again and again: it is left alone for open_for' : 'a lookup failed';
      this.#settings.logger.warn(text, fields);
    });
  }

  #failWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { key, done } of waiting) {
      this.#pending.delete(key);
      done('failed');
    }
  }

  #keep(key: string, answer: Answer): void {
    const { ttl, negative_ttl } = this.#limits;
    const found = typeof answer !== 'string';
    this.#cache.keep(key, answer, this.#settings.clock.monotonic() + (found ? ttl : negative_ttl));
  }
}
