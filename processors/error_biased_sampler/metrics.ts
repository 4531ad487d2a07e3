import type { Settings } from '../../internal/core/component.ts';
import type { Counter, MetricLevel } from '../../internal/core/telemetry.ts';
import { type Class, classNames } from '../../internal/sampling/budget.ts';
import type { Keys } from './keys.ts';
import type { Model } from './model.ts';

/** Services with series of their own; the others share one. */
const mostServices = 100;

interface Pair {
  readonly kept: Counter;
  readonly left: Counter;
}

/** Decisions by reason and by service, and what the model is doing. */
export class Metrics {
  readonly #settings: Settings;
  readonly #byClass: readonly Pair[];
  readonly #byService = new Map<number, Pair>();
  readonly #names = new Set<string>();
  #services: Keys | undefined;
  #ends: (() => void)[] = [];

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#byClass = classNames.map((reason) =>
      this.#pair('items_total', 'Traces, spans or log records judged, by what they count as.', 'basic', { reason }),
    );
  }

  /** Begins to show the model. */
  watch(model: Model): void {
    const { meter } = this.#settings;
    const { budget } = model;
    this.#services = model.services;
    const gauge = (name: string, help: string, read: () => number, labels = {}) =>
      meter.observe(this.#spec(name, help, 'basic', labels), read);
    const counter = (name: string, help: string, read: () => number, labels = {}) =>
      meter.observe({ ...this.#spec(name, help, 'basic', labels), monotonic: true }, read);
    this.#ends = [
      gauge('budget_per_second', 'Traces, spans or log records that may be kept each second.', () => budget.allowed),
      gauge('used_per_second', 'What was kept each second, up to the last plan.', () => budget.used),
      counter('plans_total', 'Plans of the budget.', () => budget.plans),
      counter('brakes_total', 'Times that probabilities had to come down between plans.', () => budget.brakes),
    ];
    for (const table of ['services', 'operations', 'outcomes'] as const) {
      this.#ends.push(
        gauge('keys', 'Keys known, of max_keys.', () => model[table].size, { table }),
        counter('key_overflows_total', 'Lookups that found no room for a new key.', () => model[table].overflows, {
          table,
        }),
      );
    }
  }

  judged(kind: Class, kept: boolean, items: number): void {
    this.#byClass[kind]![kept ? 'kept' : 'left'].add(items);
  }

  judgedOf(service: number, kept: boolean, items: number): void {
    let pair = this.#byService.get(service);
    if (!pair) this.#byService.set(service, (pair = this.#ofService(this.#services?.textOf(service) ?? '')));
    pair[kept ? 'kept' : 'left'].add(items);
  }

  /** The number may be another service's from now on. */
  forget(service: number): void {
    this.#byService.delete(service);
  }

  end(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
  }

  #ofService(name: string): Pair {
    const known = this.#names.has(name) || this.#names.size < mostServices;
    if (known) this.#names.add(name);
    const labels = { service: known ? name : '(other)' };
    return this.#pair('service_items_total', 'The same by service.', 'detailed', labels);
  }

  #pair(name: string, help: string, level: MetricLevel, labels: Readonly<Record<string, string>>): Pair {
    const { meter } = this.#settings;
    return {
      kept: meter.counter(this.#spec(name, help, level, { ...labels, sampled: 'true' })),
      left: meter.counter(this.#spec(name, help, level, { ...labels, sampled: 'false' })),
    };
  }

  #spec(name: string, help: string, level: MetricLevel, labels: Readonly<Record<string, string>>) {
    const { id, signal } = this.#settings;
    const own = { processor: id, 'otel.signal': signal ?? '' };
    return { name: `sluice_error_biased_sampler_${name}`, help, level, labels: { ...own, ...labels } };
  }
}
