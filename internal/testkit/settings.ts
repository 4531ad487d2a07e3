import type { Settings, Status } from '../core/component.ts';
import type { BatchContext, Consumer } from '../core/consumer.ts';
import { type Account, noAccount } from '../core/ledger.ts';
import { MemoryBudget } from '../core/memory.ts';
import { accepted, acceptedPromise, type Outcome } from '../core/outcome.ts';
import type { Fields, Labels, Logger, Meter, MetricSpec } from '../core/telemetry.ts';
import type { Payload } from '../otlp/payload.ts';
import { FakeClock } from './clock.ts';

export interface TestSettings extends Settings {
  readonly clock: FakeClock;
  readonly logger: TestLogger;
  readonly meter: TestMeter;
  /** What the component reported of its health, in order. */
  readonly reports: { readonly status: Status; readonly error: string | undefined }[];
}

/** Settings on virtual time with a recording logger, meter and status. */
export function testSettings(over: Partial<Omit<Settings, 'clock' | 'logger' | 'meter'>> = {}): TestSettings {
  const reports: { status: Status; error: string | undefined }[] = [];
  return {
    id: 'test',
    kind: 'exporter',
    signal: 'traces',
    logger: new TestLogger(),
    meter: new TestMeter(),
    clock: new FakeClock(),
    random: () => 0.5,
    memory: new MemoryBudget(64 << 20),
    account: noAccount,
    build: { name: 'sluice', version: '0.0.0' },
    reports,
    report: (status, error) => {
      reports.push({ status, error });
    },
    ...over,
  };
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Fields;
}

export class TestLogger implements Logger {
  readonly lines: LogLine[];
  readonly #fields: Fields;

  constructor(lines: LogLine[] = [], fields: Fields = {}) {
    this.lines = lines;
    this.#fields = fields;
  }
  debug(message: string, fields?: Fields): void {
    this.#add('debug', message, fields);
  }
  info(message: string, fields?: Fields): void {
    this.#add('info', message, fields);
  }
  warn(message: string, fields?: Fields): void {
    this.#add('warn', message, fields);
  }
  error(message: string, fields?: Fields): void {
    this.#add('error', message, fields);
  }
  with(fields: Fields): Logger {
    return new TestLogger(this.lines, { ...this.#fields, ...fields });
  }
  /** The lines at or above `warn`, as text. */
  warnings(): string[] {
    return this.lines.filter(({ level }) => level === 'warn' || level === 'error').map(({ message }) => message);
  }
  #add(level: LogLine['level'], message: string, fields?: Fields): void {
    this.lines.push({ level, message, fields: { ...this.#fields, ...fields } });
  }
}

export class TestMeter implements Meter {
  readonly #values = new Map<string, number>();
  readonly #observed = new Map<string, Set<() => number>>();
  readonly #recorded = new Map<string, number[]>();

  counter(spec: MetricSpec) {
    const key = seriesKey(spec.name, spec.labels);
    return { add: (value: number) => void this.#values.set(key, (this.#values.get(key) ?? 0) + value) };
  }
  gauge(spec: MetricSpec) {
    const key = seriesKey(spec.name, spec.labels);
    return { set: (value: number) => void this.#values.set(key, value) };
  }
  observe(spec: MetricSpec, read: () => number) {
    const key = seriesKey(spec.name, spec.labels);
    const readers = this.#observed.get(key) ?? new Set();
    this.#observed.set(key, readers.add(read));
    return () => void readers.delete(read);
  }
  histogram(spec: MetricSpec & { readonly buckets: readonly number[] }) {
    const key = seriesKey(spec.name, spec.labels);
    const values = this.#recorded.get(key) ?? [];
    this.#recorded.set(key, values);
    return { record: (value: number) => void values.push(value) };
  }

  /** The value of one series as a scrape would show it; 0 when nothing was recorded. */
  value(name: string, labels: Labels = {}): number {
    const key = seriesKey(name, labels);
    const readers = this.#observed.get(key);
    if (!readers) return this.#values.get(key) ?? 0;
    let sum = 0;
    for (const read of readers) sum += read();
    return sum;
  }
  /** What a histogram was given. */
  recorded(name: string, labels: Labels = {}): readonly number[] {
    return this.#recorded.get(seriesKey(name, labels)) ?? [];
  }
}

function seriesKey(name: string, labels: Labels = {}): string {
  return `${name}${JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
}

export type Answer = (batch: Payload, call: number) => Outcome | Promise<Outcome>;

/** A consumer that keeps what it accepted, and answers as it is told. */
export class RecordingConsumer implements Consumer {
  /** Each call, whatever the answer was. */
  readonly calls: { readonly batch: Payload; readonly ctx: BatchContext }[] = [];
  /** The batches that were answered `accepted`. */
  readonly taken: Payload[] = [];
  answer: Answer;

  constructor(answer: Answer = () => accepted) {
    this.answer = answer;
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const call = this.calls.push({ batch, ctx }) - 1;
    const answer = this.answer(batch, call);
    if (answer === accepted) {
      this.#take(batch, ctx, accepted);
      return acceptedPromise;
    }
    return Promise.resolve(answer).then((outcome) => {
      if (outcome.status === 'accepted') this.#take(batch, ctx, outcome);
      return outcome;
    });
  }

  /** Items of all batches taken. */
  get items(): number {
    return this.taken.reduce((sum, batch) => sum + batch.itemCount, 0);
  }

  #take(batch: Payload, ctx: BatchContext, outcome: Outcome): void {
    this.taken.push(batch);
    const rejected = (outcome.status === 'accepted' && outcome.rejectedItems) || 0;
    ctx.account?.sent(batch.itemCount - rejected, false);
  }
}

/** An account that adds up. */
export class TestAccount implements Account {
  held = 0;
  handedOn = 0;
  delivered = 0;
  left = 0;
  movedOn = 0;
  adopted = 0;
  readonly lost: Record<string, number> = {};

  hold(items: number): void {
    this.held += items;
  }
  passed(items: number): void {
    this.held -= items;
    this.handedOn += items;
  }
  sent(items: number, held: boolean): void {
    this.delivered += items;
    if (held) this.held -= items;
  }
  dropped(items: number, reason: string, held: boolean): void {
    this.lost[reason] = (this.lost[reason] ?? 0) + items;
    if (held) this.held -= items;
  }
  filtered(items: number, held = false): void {
    this.left += items;
    if (held) this.held -= items;
  }
  moved(items: number): void {
    this.movedOn += items;
    this.held -= items;
  }
  adopt(items: number): void {
    this.adopted += items;
    this.held += items;
  }
}

/** A promise whose end the test decides. */
export function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
