import { fillFairly } from './budget_fill.ts';
import { Meter } from './budget_meter.ts';
import { Cut, NEVER, thresholdOf } from './consistent.ts';

/** What an item counts as; the share is what is left by the others. */
export const ERROR = 0;
export const SLOW = 1;
export const RARE = 2;
export const SHARE = 3;
/** Kept for the sake of another item of its trace. */
export const SAME_TRACE = 4;
export type Class = typeof ERROR | typeof SLOW | typeof RARE | typeof SHARE | typeof SAME_TRACE;
export const classNames = ['error', 'slow', 'rare', 'share', 'same_trace'] as const;
/** In the order in which the budget is spent. */
const first = [ERROR, SLOW, RARE, SAME_TRACE] as const;
const CLASSES = classNames.length;

export interface BudgetOptions {
  /** Services, the one for all that found no place included. */
  readonly services: number;
  /** Items per second; undefined: a part of what comes. */
  readonly target: number | undefined;
  /** 0 to 1, where there is no target. */
  readonly fraction: number;
  /** What each class but the share may take of the budget, 1 for all of it; infinity: whatever it needs. */
  readonly caps: Readonly<Record<Exclude<(typeof classNames)[number], 'share'>, number>>;
  /** Items per second of a service: the share it has at least, and what it may have with everything else it keeps. */
  readonly floor: number;
  readonly ceiling: number;
  /** Probability of the share while nothing is known yet, 0 to 1. */
  readonly initial: number;
  /** Milliseconds from plan to plan. */
  readonly intervalMs: number;
  /** Seconds of the budget that may be spent at once: items that come in rows make it look overspent. */
  readonly burstSeconds: number;
}

/** After an emergency, rates are known well enough for a new plan. */
const soonMs = 1000;
/** What the newest count weighs beside what was believed before, as long as it can be chance that they differ. */
const newest = 0.3;
/** Seconds over which too much or too little is evened out. */
const horizonSeconds = 10;
const digits = 4;

/**
 * Spends a budget of items per second on services: errors, slow and rare ones first, the rest as fair shares. It counts
 * what comes, plans every few seconds, and in between only ever becomes stricter, when spending runs away.
 *
 *     rest_s = fair share of (B - errors - slow - rare), probability_s = rest_s / demand_s
 */
export class Budget {
  /** Plans made, and how often probabilities had to come down in between. */
  plans = 0;
  brakes = 0;
  /** Errors alone were too much for the last plan: they are not all kept. */
  thinsErrors = false;
  /** Items per second: what may be spent by the last plan, and what was spent until then. */
  allowed: number;
  used = 0;
  readonly #options: BudgetOptions;
  /** By class and service: arrivals since the last plan, and per second as believed. */
  readonly #seen: Float64Array;
  readonly #rates: Float64Array;
  /** How many one of those that come stands for: probabilities are of what there was before earlier samplers. */
  readonly #stoodFor: Float64Array;
  readonly #adjusted: Float64Array;
  /** By class: the probability while nothing is known; a class that may take nothing is off. */
  readonly #fresh: readonly number[];
  readonly #probabilities: Float64Array;
  readonly #cuts: (Cut | undefined)[] = [];
  readonly #ceilings: Float64Array;
  readonly #shares: Float64Array;
  /** By class; that of the shares watches over everything. */
  readonly #meters: readonly Meter[];
  /** Nothing has come yet: there is nothing to plan with. */
  #idle = true;
  #spent = 0;
  #debt = 0;
  #settledAt: number;
  #seenSince: number;
  #due: number;

  /** @param now monotonic milliseconds */
  constructor(options: BudgetOptions, now: number) {
    const { services, target, burstSeconds, intervalMs, initial, caps } = options;
    this.#options = options;
    this.#seen = new Float64Array(CLASSES * services);
    this.#rates = new Float64Array(CLASSES * services);
    this.#stoodFor = new Float64Array(CLASSES * services);
    this.#adjusted = new Float64Array(CLASSES * services).fill(1);
    this.#fresh = classNames.map((name) => (name === 'share' ? initial : caps[name] > 0 ? 1 : 0));
    this.#probabilities = new Float64Array(CLASSES * services).map((_, at) => this.#fresh[Math.floor(at / services)]!);
    this.#ceilings = new Float64Array(services);
    this.#shares = new Float64Array(services);
    this.#meters = classNames.map(() => new Meter(burstSeconds, now));
    this.allowed = target ?? 0;
    this.#allow(0, now);
    this.#settledAt = now;
    this.#seenSince = now;
    this.#due = now + Math.min(soonMs, intervalMs);
  }

  /** Makes a plan if it is time. @returns whether it was */
  tick(now: number): boolean {
    if (now < this.#due) return false;
    const planned = !this.#idle;
    if (planned) this.#plan(now);
    else this.#due = now + Math.min(soonMs, this.#options.intervalMs);
    this.#settledAt = now;
    this.#seenSince = now;
    return planned;
  }

  /**
   * An item has come.
   * @param standsFor what was there before earlier samplers thinned it, in the same unit
   */
  seen(service: number, kind: Class, cost: number, standsFor = cost): void {
    const at = kind * this.#options.services + service;
    this.#idle = false;
    this.#seen[at]! += cost;
    this.#stoodFor[at]! += standsFor;
  }

  /** Which randomness an item must have to be kept. */
  cutOf(service: number, kind: Class): Cut {
    const at = kind * this.#options.services + service;
    return (this.#cuts[at] ??= new Cut(thresholdOf(this.#probabilities[at]!, digits)));
  }

  probabilityOf(service: number, kind: Class): number {
    return this.#probabilities[kind * this.#options.services + service]!;
  }

  /** An item was kept. */
  spend(kind: Class, cost: number, now: number): void {
    this.#spent += cost;
    const own = kind === SHARE ? 1 : this.#meters[kind]!.spend(cost, false, now);
    if (own < 1) this.#brake(kind, own, now);
    const total = this.#meters[SHARE]!.spend(cost, kind !== SHARE, now);
    if (total < 1) this.#brake(SHARE, total, now);
  }

  /** A service is known no more: its place will be another's. */
  forget(service: number): void {
    const { services } = this.#options;
    for (let at = service; at < CLASSES * services; at += services) {
      this.#seen[at] = 0;
      this.#stoodFor[at] = 0;
      this.#rates[at] = 0;
      this.#adjusted[at] = 1;
      this.#probabilities[at] = this.#fresh[(at - service) / services]!;
      this.#cuts[at] = undefined;
    }
  }

  /** Arrivals per second by class, to be kept over a restart. */
  ratesOf(service: number): number[] {
    const { services } = this.#options;
    return classNames.map((_, kind) => this.#rates[kind * services + service]!);
  }

  /** Begins where another left off. */
  restore(service: number, rates: readonly number[]): void {
    const { services } = this.#options;
    for (let kind = 0; kind < CLASSES; kind++) this.#rates[kind * services + service] = Math.max(0, rates[kind] ?? 0);
  }

  /** To be called once all are restored: shares follow what is known. */
  restored(now: number): void {
    this.#share(now);
  }

  /** Spending runs away: one class must come down in all services, and a new plan is due soon. */
  #brake(kind: Class, factor: number, now: number): void {
    const { services, intervalMs } = this.#options;
    this.brakes++;
    for (let at = kind * services; at < (kind + 1) * services; at++) this.#set(at, this.#probabilities[at]! * factor);
    const due = Math.min(this.#due, now + Math.min(soonMs, intervalMs));
    // What came before is of another world: the plan is to know only what comes from now on, if that is long enough.
    if (due < this.#due && (kind === SHARE || kind === ERROR)) {
      this.#seen.fill(0);
      this.#stoodFor.fill(0);
      this.#seenSince = now;
      this.#settle(now);
      this.#debt = Math.max(0, this.#debt);
    }
    this.#due = due;
  }

  #plan(now: number): void {
    this.#due = now + this.#options.intervalMs;
    this.plans++;
    for (let kind = 0; kind < CLASSES; kind++) this.#learn(kind, (now - this.#seenSince) / 1000);
    this.#settle(now);
    this.#share(now);
  }

  /** Compares what was spent with what was allowed. */
  #settle(now: number): void {
    const seconds = (now - this.#settledAt) / 1000;
    if (seconds > 0) this.used = this.#spent / seconds;
    this.#debt += this.#spent - this.allowed * seconds;
    this.#spent = 0;
    this.#settledAt = now;
  }

  /** The whole first: what is true for all services shows there long before it shows for a small one. */
  #learn(kind: number, seconds: number): void {
    const { services } = this.#options;
    const seen = this.#seen.subarray(kind * services, (kind + 1) * services);
    const rates = this.#rates.subarray(kind * services, (kind + 1) * services);
    const before = sumOf(rates);
    const change = before > 0 ? believed(before, sumOf(seen), seconds) / before : 1;
    for (let i = 0; i < services; i++) {
      const at = kind * services + i;
      if (seen[i]! > 0) this.#adjusted[at] = Math.max(1, this.#stoodFor[at]! / seen[i]!);
      this.#stoodFor[at] = 0;
      rates[i] = believed(rates[i]! * change, seen[i]!, seconds);
    }
    seen.fill(0);
  }

  #share(now: number): void {
    const { target, fraction, services, caps } = this.#options;
    const budget = target ?? fraction * sumOf(this.#rates);
    this.allowed = budget;
    this.#debt = Math.min(Math.max(this.#debt, -budget), horizonSeconds * budget);
    const left = Math.max(budget / 2, budget - this.#debt / horizonSeconds);
    this.#ceilings.fill(Number.POSITIVE_INFINITY);
    const kept = new Float64Array(services);
    let taken = 0;
    for (const kind of first) {
      const cap = budget > 0 ? caps[classNames[kind]] * budget : 0;
      const amount = this.#fill(kind, cap, 0);
      if (kind === ERROR) this.thinsErrors = budget > 0 && amount > 0.999 * cap;
      taken += amount;
      for (let service = 0; service < services; service++) kept[service]! += this.#shares[service]!;
    }
    for (let i = 0; i < services; i++) this.#ceilings[i] = Math.max(0, this.#options.ceiling - kept[i]!);
    const planned = taken + this.#fill(SHARE, Math.max(0, left - taken), this.#options.floor);
    this.#allow(planned, now);
  }

  /** @returns what the class will take, in items per second */
  #fill(kind: Class, budget: number, floor: number): number {
    const { services, fraction } = this.#options;
    const demand = this.#rates.subarray(kind * services, (kind + 1) * services);
    const level = fillFairly(demand, budget, floor, this.#ceilings, this.#shares);
    // The meters watch over what a silent service may bring, unless all were silent and there is no budget.
    const silent = kind !== SHARE ? this.#fresh[kind]! : this.allowed === 0 ? fraction : 1;
    let sum = 0;
    for (let i = 0; i < services; i++) {
      const open = Math.max(floor, Math.min(level, this.#ceilings[i]!)) > 0;
      const at = kind * services + i;
      if (demand[i] === 0) this.#set(at, open ? silent : 0);
      else if (this.#shares[i] === demand[i]) this.#set(at, 1);
      else this.#set(at, this.#shares[i]! / demand[i]! / this.#adjusted[at]!);
      sum += this.#shares[i]!;
    }
    return sum;
  }

  /** @param planned items per second that the plan will keep: floors may be above the budget */
  #allow(planned: number, now: number): void {
    const { caps } = this.#options;
    const budget = this.allowed;
    // A percentage of nothing known yet is no budget to hold.
    if (budget === 0) return;
    for (const kind of first) this.#meters[kind]!.allow(caps[classNames[kind]] * budget, now);
    this.#meters[SHARE]!.allow(Math.max(budget, planned), now);
  }

  #set(at: number, probability: number): void {
    if (this.#probabilities[at] === probability) return;
    this.#probabilities[at] = probability;
    const cut = this.#cuts[at];
    if (cut) cut.threshold = probability > 0 ? thresholdOf(probability, digits) : NEVER;
  }
}

/** Arrivals per second after `seen` in `seconds`. What differs by more than three standard deviations is no chance. */
function believed(before: number, seen: number, seconds: number): number {
  const expected = before * seconds;
  const chance = Math.abs(seen - expected) <= 3 * Math.sqrt(Math.max(1, expected)) && before > 0;
  const rate = before + (chance ? newest : 1) * (seen / seconds - before);
  // Rates fade for ever: below this they are nothing.
  return rate < 1e-6 ? 0 : rate;
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
