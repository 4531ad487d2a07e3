import type { Settings } from '../../internal/core/component.ts';
import type { Logger } from '../../internal/core/telemetry.ts';
import type { ResourceGroup } from '../../internal/otlp/view/resource.ts';
import { Budget, type Class, ERROR, RARE, SHARE, SLOW } from '../../internal/sampling/budget.ts';
import { Sketches } from '../../internal/sampling/sketch.ts';
import { type ErrorBiasedConfig, type Manner, mannerOf } from './config.ts';
import { Keys } from './keys.ts';
import { Rarity } from './rarity.ts';

const serviceName = Buffer.from('service.name');
const nothing = new Uint8Array(0);
/** Expired keys are looked for this often. */
const sweepMs = 30_000;
const status = [0, 1, 2].map((code) => Uint8Array.of(code));

/** The first that is so counts. */
export function classOf(error: boolean, slow: boolean, rare: boolean): Class {
  if (error) return ERROR;
  if (slow) return SLOW;
  return rare ? RARE : SHARE;
}

/** What was learnt of services and operations, and the budget that is spent on them. One for each running sampler. */
export class Model {
  readonly services: Keys;
  /** Under their service. */
  readonly operations: Keys;
  /** A status under its operation. */
  readonly outcomes: Keys;
  readonly sketches: Sketches;
  readonly rarity: Rarity;
  readonly budget: Budget;
  /** How often what `isRare` was asked about last comes. */
  perMinute = 0;
  readonly #config: ErrorBiasedConfig;
  readonly #logger: Logger;
  readonly #onGone: (service: number) => void;
  #sweepAt: number;
  #thinned = false;

  /** @param onGone a service's number is free for another */
  constructor(
    { clock, signal, logger }: Settings,
    config: ErrorBiasedConfig,
    onGone: (service: number) => void = () => {},
  ) {
    const now = clock.monotonic();
    const { max_keys: keys, slow, rare } = config;
    this.#config = config;
    this.#logger = logger;
    this.#onGone = onGone;
    this.services = new Keys(keys);
    this.operations = new Keys(keys);
    this.outcomes = new Keys(keys);
    this.sketches = new Sketches(keys, slow.quantile, slow.min_samples, slow.half_life, now);
    this.rarity = new Rarity(keys, rare.max_per_minute);
    this.budget = new Budget(budgetOptions(config, mannerOf(config, signal)), now);
    this.#sweepAt = now + sweepMs;
  }

  /** To be called now and then, with each batch or decision: lets time pass. @returns whether there is a new plan */
  tick(now: number): boolean {
    if (!this.budget.tick(now)) return false;
    this.sketches.refresh(now);
    if (now >= this.#sweepAt) this.#sweep(now);
    this.#tell();
    return true;
  }

  serviceOf({ resource }: ResourceGroup, now: number): number {
    const value = resource.attributes.find(serviceName)?.value;
    if (value?.kind !== 'string') return this.services.numberOf(0, nothing, 0, 0, now);
    const { raw } = value;
    return this.services.numberOf(0, raw.buf, raw.valueStart(1), raw.valueEnd(1), now);
  }

  /** @param from where the name lies in `buf`; below 0: it has none */
  operationOf(service: number, buf: Uint8Array, from: number, to: number, now: number): number {
    return this.operations.numberOf(service, buf, Math.max(0, from), Math.max(0, to), now);
  }

  /** Learns from a duration. @returns whether it is unusual for the operation */
  isSlow(operation: number, nanos: number): boolean {
    return this.sketches.add(operation, nanos) && nanos >= this.#config.slow.min_duration * 1e6;
  }

  /** Learns that the operation ended in this way. @param code 0 to 2. @returns whether it does so rarely */
  isRare(operation: number, code: number, now: number): boolean {
    const text = status[code] ?? status[0]!;
    const outcome = this.outcomes.numberOf(operation, text, 0, 1, now);
    const rare = this.rarity.add(outcome, now);
    this.perMinute = this.rarity.perMinute(outcome);
    return rare;
  }

  /** Errors that are not kept are nothing to be silent about. */
  #tell(): void {
    const { thinsErrors, allowed } = this.budget;
    if (thinsErrors === this.#thinned) return;
    this.#thinned = thinsErrors;
    const fields = { budget_per_second: allowed, over_budget_factor: this.#config.over_budget_factor };
    if (thinsErrors) this.#logger.warn('errors alone are far above the budget: they are thinned evenly', fields);
    else this.#logger.info('errors are all kept again', fields);
  }

  #sweep(now: number): void {
    this.#sweepAt = now + sweepMs;
    const idle = now - this.#config.key_ttl;
    this.services.removeIf((service, since) => {
      if (since > idle) return false;
      this.budget.forget(service);
      this.#onGone(service);
      return true;
    });
    // Whoever asks for an operation asks for its service too, so that these go no later than their parents.
    this.operations.removeIf((operation, since) => {
      if (since > idle) return false;
      this.sketches.forget(operation);
      return true;
    });
    this.outcomes.removeIf((outcome, since) => {
      if (since > idle) return false;
      this.rarity.forget(outcome);
      return true;
    });
  }
}

function budgetOptions(config: ErrorBiasedConfig, { countsTraces }: Manner) {
  const { slow, rare, same_batch: sameBatch, fair_share: share } = config;
  const errors = config.over_budget_errors === 'keep' ? Number.POSITIVE_INFINITY : config.over_budget_factor;
  return {
    services: config.max_keys,
    target: config.target_traces_per_second ?? config.target_spans_per_second,
    fraction: (config.sampling_percentage ?? 0) / 100,
    caps: {
      error: errors,
      slow: slow.max_budget_percentage / 100,
      rare: rare.max_budget_percentage / 100,
      same_trace: sameBatch.max_budget_percentage / 100,
    },
    floor: (countsTraces ? share.floor_traces_per_second : share.floor_spans_per_second) ?? 0.01,
    ceiling:
      (countsTraces ? share.ceiling_traces_per_second : share.ceiling_spans_per_second) ?? Number.POSITIVE_INFINITY,
    initial: config.initial_sampling_percentage / 100,
    intervalMs: config.adjustment_interval,
    burstSeconds: 0.3,
  };
}
