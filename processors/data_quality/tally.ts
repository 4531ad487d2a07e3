import type { QualityReport, ServiceQuality } from '../../internal/core/quality.ts';
import type { Rule } from './config.ts';

export const weights = { critical: 40, important: 30, normal: 20, low: 10 } as const;
/** Characters of an example. */
const exampleLength = 200;
const others = '(other)';

/** Of one service. */
export class Tally {
  items = 0;
  readonly checked: Float64Array;
  readonly violated: Float64Array;
  readonly examples: (string | undefined)[];

  constructor(rules: number) {
    this.checked = new Float64Array(rules);
    this.violated = new Float64Array(rules);
    this.examples = new Array(rules).fill(undefined);
  }

  violation(rule: number, example: string): void {
    this.violated[rule]!++;
    this.examples[rule] ??= example.slice(0, exampleLength);
  }

  /** Takes over what another one counted; its examples are newer. */
  add(other: Tally): void {
    this.items += other.items;
    for (let i = 0; i < this.checked.length; i++) {
      this.checked[i]! += other.checked[i]!;
      this.violated[i]! += other.violated[i]!;
      this.examples[i] = other.examples[i] ?? this.examples[i];
    }
  }

  /** 100 where nothing was checked. */
  score(rules: readonly Rule[]): number {
    let weight = 0;
    let passed = 0;
    for (const [i, { impact }] of rules.entries()) {
      if (this.checked[i] === 0) continue;
      weight += weights[impact];
      passed += weights[impact] * (1 - this.violated[i]! / this.checked[i]!);
    }
    return weight === 0 ? 100 : Math.round((1000 * passed) / weight) / 10;
  }
}

/** Tallies of a bounded number of services. */
export class Tallies {
  readonly #rules: readonly Rule[];
  readonly #max: number;
  readonly #since: number;
  readonly #services = new Map<string, Tally>();
  readonly #onService: (service: string, score: () => number) => void;

  /** @param since wall time, milliseconds @param onService called once for each service of the report */
  constructor(
    rules: readonly Rule[],
    max: number,
    since: number,
    onService: (service: string, score: () => number) => void,
  ) {
    this.#rules = rules;
    this.#max = max;
    this.#since = since;
    this.#onService = onService;
  }

  add(service: string, batch: Tally): void {
    const name = this.#services.has(service) || this.#services.size < this.#max ? service : others;
    let tally = this.#services.get(name);
    if (!tally) {
      tally = new Tally(this.#rules.length);
      this.#services.set(name, tally);
      const made = tally;
      this.#onService(name, () => made.score(this.#rules));
    }
    tally.add(batch);
  }

  report(): QualityReport {
    const services = Array.from(this.#services, ([service, tally]) => this.#row(service, tally));
    return { since: this.#since, services: services.sort((a, b) => a.score - b.score) };
  }

  #row(service: string, tally: Tally): ServiceQuality {
    const violations = this.#rules.flatMap(({ name, action }, i) => {
      const count = tally.violated[i]!;
      const example = tally.examples[i] ?? '';
      return count === 0 ? [] : [{ rule: name, action, count, checked: tally.checked[i]!, example }];
    });
    violations.sort((a, b) => b.count - a.count);
    return { service, items: tally.items, score: tally.score(this.#rules), violations };
  }
}
