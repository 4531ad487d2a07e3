import type { Settings } from '../core/component.ts';
import { Notice } from '../core/notice.ts';
import type { Counter, Fields } from '../core/telemetry.ts';
import type { Signal } from '../otlp/payload.ts';
import { itemNames } from './observe.ts';

/** Counts and tells what a queue had no room for: one line in ten seconds of each kind. */
export class Overflow {
  readonly #settings: Settings;
  readonly #failed: Counter;
  readonly #refusals: Notice;
  readonly #drops: Notice;
  #droppedUntold = 0;

  constructor(settings: Settings, signal: Signal) {
    this.#settings = settings;
    this.#failed = settings.meter.counter({
      name: `otelcol_exporter_enqueue_failed_${itemNames[signal]}`,
      help: 'Items for which the sending queue had no room: refused, or given up (on_overflow).',
      labels: { exporter: settings.id },
    });
    this.#refusals = new Notice(settings.clock);
    this.#drops = new Notice(settings.clock);
  }

  /** A batch was refused for good. */
  count(items: number): void {
    this.#failed.add(items);
  }

  refused(items: number, why: string, queue: Fields): void {
    this.#failed.add(items);
    this.#refusals.event((leftOut) => {
      const fields = { ...queue, refused_before: leftOut };
      this.#settings.logger.warn(`refusing batches, the sender is asked to retry: ${why}`, fields);
    });
  }

  dropped(items: number, why: string, queue: Fields): void {
    this.#failed.add(items);
    this.#droppedUntold += items;
    this.#drops.event(() => {
      const fields = { ...queue, items: this.#droppedUntold };
      this.#settings.logger.error(`giving items up for good, as on_overflow says: ${why}`, fields);
      this.#droppedUntold = 0;
    });
  }
}
