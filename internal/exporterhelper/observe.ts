import type { Settings } from '../core/component.ts';
import { Notice } from '../core/notice.ts';
import type { Outcome, Permanent, Retryable } from '../core/outcome.ts';
import type { Counter } from '../core/telemetry.ts';
import type { Signal } from '../otlp/payload.ts';
import type { Located } from './isolate.ts';
import type { Layer, Life } from './layer.ts';

/** What the classic metric names call the items of a signal. */
export const itemNames: Record<Signal, string> = { traces: 'spans', metrics: 'metric_points', logs: 'log_records' };

/** Upstream's boundaries for sizes of batches. */
export const sizeBuckets: readonly number[] = [
  10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 20_000, 30_000,
  50_000, 100_000,
];
/** The same for bytes, a thousand times as far. */
export const byteBuckets: readonly number[] = [
  1000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 750_000, 1e6, 2e6, 4e6, 8e6, 16e6, 32e6, 64e6,
];
const secondBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** @returns how many items of a batch of `items` did not arrive */
export function lostItems(outcome: Located, items: number): number {
  if (outcome.losses) return outcome.losses.reduce((sum, loss) => sum + loss.items, 0);
  return outcome.status === 'accepted' ? Math.min(outcome.rejectedItems ?? 0, items) : items;
}

/** Counts what became of each batch, all its tries taken together. */
export function observe(settings: Settings, signal: Signal, health: Health, life: Life): Layer {
  const labels = { exporter: settings.id };
  const of = (what: string, help: string): Counter =>
    settings.meter.counter({ name: `otelcol_exporter_${what}_${itemNames[signal]}`, help, labels });
  const sent = of('sent', 'Items that the destination took.');
  const failed = of('send_failed', 'Items that the destination did not take, after all tries.');
  let inFlight = 0;
  const end = settings.meter.observe(
    {
      name: 'otelcol_exporter_in_flight_requests',
      help: 'Batches being sent, waits between tries included.',
      labels: { exporter: settings.id, data_type: signal },
    },
    () => inFlight,
  );
  life.onEnd(end);
  return (next) => ({
    async consume(batch, ctx) {
      inFlight++;
      const outcome = await next.consume(batch, ctx);
      inFlight--;
      const lost = lostItems(outcome, batch.itemCount);
      if (batch.itemCount > lost) sent.add(batch.itemCount - lost);
      if (lost > 0) failed.add(lost);
      health.settled(outcome, batch.itemCount, lost);
      return outcome;
    },
  });
}

/** Measures single tries. */
export function latency(settings: Settings, signal: Signal): Layer {
  const { clock, meter } = settings;
  const histogram = meter.histogram({
    name: 'sluice_exporter_try_duration_seconds',
    help: 'Time of one try to send a batch, queueing and waits not included.',
    labels: { exporter: settings.id, data_type: signal },
    level: 'normal',
    buckets: secondBuckets,
  });
  return (next) => ({
    async consume(batch, ctx) {
      const started = clock.monotonic();
      const outcome = await next.consume(batch, ctx);
      histogram.record((clock.monotonic() - started) / 1000);
      return outcome;
    },
  });
}

/** Turns outcomes into the exporter's status and into log lines: one when something changes, not one per batch. */
export class Health {
  readonly #settings: Settings;
  readonly #heldItems: () => number;
  readonly #refusals: Notice;
  readonly #partials: Notice;
  readonly #warnings: Notice;
  readonly #losses: Notice;
  readonly #outages: Notice;
  #failingSince: number | undefined;
  #outageLogged = false;

  /** @param heldItems items that wait in the exporter, for the log */
  constructor(settings: Settings, heldItems: () => number) {
    this.#settings = settings;
    this.#heldItems = heldItems;
    this.#refusals = new Notice(settings.clock);
    this.#partials = new Notice(settings.clock);
    this.#warnings = new Notice(settings.clock);
    this.#losses = new Notice(settings.clock);
    this.#outages = new Notice(settings.clock);
  }

  /** A try failed and another will follow. */
  retrying(outcome: Retryable): void {
    this.#failing(outcome, 'backend unreachable or overloaded, retrying');
  }

  /** A batch is done with. */
  settled(outcome: Outcome, items: number, lost: number): void {
    if (outcome.status === 'retryable') {
      this.#failing(outcome, 'backend unreachable or overloaded, not retrying');
      this.#losses.event((leftOut) => {
        this.#settings.logger.error('gave a batch up after its last try', {
          items: lost,
          reason: outcome.reason,
          ...more(leftOut),
        });
      });
    } else if (outcome.status === 'permanent') this.#refused(outcome, items);
    else this.#accepted(outcome.reason, lost);
  }

  #failing(outcome: Retryable, message: string): void {
    if (this.#failingSince !== undefined) return;
    this.#failingSince = this.#settings.clock.monotonic();
    this.#outages.event((leftOut) => {
      this.#outageLogged = true;
      this.#settings.logger.warn(message, { reason: outcome.reason, held_items: this.#heldItems(), ...more(leftOut) });
    });
    this.#settings.report('recoverable_error', outcome.reason);
  }

  #refused(outcome: Permanent, items: number): void {
    if (!speaksOfTheBatch.has(outcome.code)) this.#settings.report('permanent_error', outcome.reason);
    this.#refusals.event((leftOut) => {
      this.#settings.logger.error('backend refuses for good, the batch is not kept', {
        code: outcome.code,
        reason: outcome.reason,
        items,
        ...more(leftOut),
      });
    });
  }

  #accepted(reason: string | undefined, lost: number): void {
    if (this.#failingSince !== undefined) {
      const seconds = Math.round((this.#settings.clock.monotonic() - this.#failingSince) / 1000);
      this.#failingSince = undefined;
      if (this.#outageLogged) {
        this.#settings.logger.info(`backend is back, after ${seconds}s`, { held_items: this.#heldItems() });
      }
      this.#outageLogged = false;
    }
    this.#settings.report('ok');
    if (lost > 0) {
      this.#partials.event((leftOut) => {
        this.#settings.logger.warn('backend rejected part of a batch', { items: lost, reason, ...more(leftOut) });
      });
    } else if (reason) {
      this.#warnings.event((leftOut) => {
        this.#settings.logger.warn('backend warns', { reason, ...more(leftOut) });
      });
    }
  }
}

/** Refusals that say nothing of the exporter's own health. */
const speaksOfTheBatch: ReadonlySet<Permanent['code']> = new Set(['invalid', 'too_large', 'rejected']);

function more(leftOut: number) {
  return leftOut > 0 ? { left_out_before: leftOut } : undefined;
}
