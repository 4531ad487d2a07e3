import type { QualityReport, ServiceQuality } from '../core/quality.ts';
import type { Rule } from './rules.ts';

export const weights = { critical: 40, important: 30, normal: 20, low: 10 } as const;
/** Characters of an example. */
const exampleLength = 200;
const others = '(other)';
/** Of a tally, and for each of its rules: more or less. */
const tallyBytes = 300;
const tallyRuleBytes = 32;

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
    this.examples[rule] ??= example.length <= exampleLength ? example : shortened(example);
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

  /** The same for other rules. @param from for each of them, where it stands here; less than 0: nowhere */
  under(from: readonly number[]): Tally {
    const tally = new Tally(from.length);
    tally.items = this.items;
    for (const [i, at] of from.entries()) {
      if (at < 0) continue;
      tally.checked[i] = this.checked[at]!;
      tally.violated[i] = this.violated[at]!;
      tally.examples[i] = this.examples[at];
    }
    return tally;
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

/** A copy: a slice would keep all of the text alive. */
function shortened(text: string): string {
  return Buffer.from(text.slice(0, exampleLength)).toString();
}

/** Tallies of a bounded number of services. */
export class Tallies {
  readonly #rules: readonly Rule[];
  readonly #max: number;
  #since: number;
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

  /** Goes on where others stopped, whose rules may be others. @param from as for `Tally.under` */
  adopt(other: Tallies, from: readonly number[]): void {
    this.#since = Math.min(this.#since, other.#since);
    for (const [service, tally] of other.#services) this.add(service, tally.under(from));
  }

  /** Services with a row of their own, and what is left of them. */
  get size(): number {
    return this.#services.size;
  }

  /** Of memory, more or less. */
  get bytes(): number {
    return this.size * (tallyBytes + tallyRuleBytes * this.#rules.length);
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
