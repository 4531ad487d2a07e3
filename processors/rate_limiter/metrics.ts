import type { Settings } from '../../internal/core/component.ts';
import type { Counter } from '../../internal/core/telemetry.ts';
import type { RateLimiterConfig } from './config.ts';
import type { Demand } from './demand.ts';
import { type Allowances, overflowKey } from './keys.ts';

/** The most of a key that becomes a label. */
const labelLength = 100;

/** Items by what became of them; for keys over their limit also by key, for a bounded number of keys. */
export class Metrics {
  readonly #settings: Settings;
  readonly #config: RateLimiterConfig;
  readonly #allowances: Allowances;
  readonly #passed: Counter;
  readonly #refused: Counter;
  readonly #dropped: Counter;
  readonly #byKey = new Map<string, Counter>();
  readonly #ends: readonly (() => void)[];

  constructor(settings: Settings, config: RateLimiterConfig, allowances: Allowances) {
    this.#settings = settings;
    this.#config = config;
    this.#allowances = allowances;
    this.#passed = this.#outcome('passed');
    this.#refused = this.#outcome('refused');
    this.#dropped = this.#outcome('dropped');
    const { meter } = settings;
    const labels = this.#labels();
    const keys = { name: 'sluice_rate_limiter_keys', help: 'Keys with a bucket of their own.', labels };
    const overflows = {
      name: 'sluice_rate_limiter_overflows_total',
      help: 'Times that a key shared the bucket of those that found no room (max_keys) or are too long.',
      labels,
      monotonic: true,
    };
    this.#ends = [meter.observe(keys, () => allowances.size), meter.observe(overflows, () => allowances.overflows)];
  }

  passed(items: number): void {
    this.#passed.add(items);
  }
  refused(items: number): void {
    this.#refused.add(items);
  }
  dropped(items: number): void {
    this.#dropped.add(items);
  }

  /** Items for which a key had no tokens. */
  limited({ key, allowance }: Demand, items: number): void {
    if (!this.#config.key) return;
    const name = this.#allowances.isOverflow(allowance) ? overflowKey : key || '(none)';
    this.#counterOf(name.slice(0, labelLength)).add(items);
  }

  end(): void {
    for (const end of this.#ends) end();
  }

  #counterOf(key: string): Counter {
    const known = this.#byKey.get(key);
    if (known) return known;
    // The overflow and the rest are not counted among the keys.
    const named = key === overflowKey || this.#byKey.size < this.#config.reported_keys;
    if (!named && key !== '(other)') return this.#counterOf('(other)');
    const counter = this.#settings.meter.counter({
      name: 'sluice_rate_limiter_limited_items_total',
      help: 'Items over the limit, refused or dropped, by key.',
      labels: { ...this.#labels(), key },
    });
    this.#byKey.set(key, counter);
    return counter;
  }

  #outcome(outcome: string): Counter {
    return this.#settings.meter.counter({
      name: 'sluice_rate_limiter_items_total',
      help: 'Items by outcome: passed, refused (the sender was told) or dropped.',
      labels: { ...this.#labels(), outcome },
    });
  }

  #labels(): Readonly<Record<string, string>> {
    return { processor: this.#settings.id, 'otel.signal': this.#settings.signal ?? 'traces' };
  }
}
