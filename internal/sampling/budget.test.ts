import { expect, test } from 'vitest';
import { seededRandom } from '../otlp/sample.ts';
import { Budget, type BudgetOptions, type Class, ERROR, RARE, SHARE, SLOW } from './budget.ts';

const options: BudgetOptions = {
  services: 1001,
  target: 1000,
  fraction: 0,
  caps: { error: 2, slow: 0.2, rare: 0.1, same_trace: 0.5 },
  floor: 0.01,
  ceiling: Number.POSITIVE_INFINITY,
  initial: 0.1,
  intervalMs: 5000,
  burstSeconds: 0.3,
};

interface Traffic {
  readonly seconds: number;
  readonly rate: (second: number) => number;
  readonly service?: (random: () => number) => number;
  readonly kind?: (random: () => number, second: number) => Class;
}

/** 1,000 services, of which 3 make 90% of the load. */
const skewed = (random: () => number) =>
  random() < 0.9 ? 1 + Math.floor(random() * 3) : 4 + Math.floor(random() * 997);
const errors = (share: number) => (random: () => number) => (random() < share ? ERROR : SHARE);

interface Run {
  readonly budget: Budget;
  /** Items kept in each second, and all of them by class and by service. */
  readonly kept: number[];
  readonly came: number[];
  readonly byClass: number[];
  readonly lost: number[];
  readonly byService: Map<number, number>;
  /** What the kept ones stand for by their adjusted counts. */
  readonly stoodFor: number;
}

function run(over: Partial<BudgetOptions>, traffic: Traffic): Run {
  const random = seededRandom(1);
  const { seconds, rate, service = skewed, kind = errors(0.05) } = traffic;
  const budget = new Budget({ ...options, ...over }, 0);
  const kept = new Array(seconds).fill(0);
  const came = new Array(seconds).fill(0);
  const byClass = [0, 0, 0, 0, 0];
  const lost = [0, 0, 0, 0, 0];
  const byService = new Map<number, number>();
  const id = Buffer.alloc(16);
  let stoodFor = 0;
  let owed = 0;
  for (let now = 0; now < seconds * 1000; now += 10) {
    const second = Math.floor(now / 1000);
    budget.tick(now);
    for (owed += rate(second) / 100; owed >= 1; owed--) {
      for (let byte = 9; byte < 16; byte++) id[byte] = random() * 256;
      const of = service(random);
      const as = kind(random, second);
      budget.seen(of, as, 1);
      came[second]++;
      if (budget.cutOf(of, as).keeps(id, 0)) {
        stoodFor += 1 / budget.probabilityOf(of, as);
        budget.spend(as, 1, now);
        kept[second]++;
        byClass[as]!++;
        byService.set(of, (byService.get(of) ?? 0) + 1);
      } else lost[as]!++;
    }
  }
  return { budget, kept, came, byClass, lost, byService, stoodFor };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test('holds the budget within 10% under a step from 100 to 10,000 a second, 5% errors, 3 of 1,000 services with 90%', () => {
  const { kept, lost, byClass } = run({}, { seconds: 120, rate: (second) => (second < 60 ? 100 : 10_000) });
  expect(mean(kept.slice(10, 60))).toBeGreaterThan(99);
  // The step itself is in the minute behind it.
  expect(mean(kept.slice(60, 120)) / 1000).toBeCloseTo(1, 1);
  for (let from = 62; from < 115; from += 5) {
    expect(mean(kept.slice(from, from + 5)), `from second ${from}`).toBeGreaterThan(900);
    expect(mean(kept.slice(from, from + 5)), `from second ${from}`).toBeLessThan(1100);
  }
  expect(Math.max(...kept)).toBeLessThan(2000);
  expect(lost[ERROR]).toBe(0);
  expect(byClass[ERROR]).toBeGreaterThan(29_000);
});

test('comes back to the budget after a step down', () => {
  const { kept } = run({}, { seconds: 90, rate: (second) => (second < 30 ? 10_000 : 1500) });
  expect(mean(kept.slice(50, 90)) / 1000).toBeCloseTo(1, 1);
});

test('every service has its share: the small ones everything, the large ones the same each', () => {
  const { byService } = run(
    { services: 11, target: 100 },
    {
      seconds: 200,
      rate: () => 1000,
      service: (random) => (random() < 0.97 ? Math.floor(random() * 2) : 2 + Math.floor(random() * 8)),
      kind: () => SHARE,
    },
  );
  const [a, b, ...small] = [...byService].sort(([, x], [, y]) => y - x).map(([, kept]) => kept / 200);
  expect(a! / b!).toBeLessThan(1.1);
  expect(a).toBeGreaterThan(30);
  expect(small).toHaveLength(8);
  for (const kept of small) expect(kept).toBeGreaterThan(3);
});

test('adjusted counts add up to what came', () => {
  const { came, stoodFor } = run(
    { services: 11 },
    {
      seconds: 100,
      rate: (second) => 2000 + 1000 * (second % 7),
      service: (random) => Math.floor(10 * random() ** 3),
    },
  );
  expect(stoodFor / came.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 1);
});

test('errors alone above twice the budget are thinned to it, evenly over services', () => {
  const { kept, byService, lost } = run(
    { services: 11, target: 100 },
    {
      seconds: 120,
      rate: () => 2000,
      service: (random) => Math.floor(10 * random()),
      kind: errors(0.5),
    },
  );
  expect(mean(kept.slice(20))).toBeGreaterThan(180);
  expect(mean(kept.slice(20))).toBeLessThan(220);
  expect(lost[ERROR]).toBeGreaterThan(0);
  const counts = [...byService.values()];
  expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.2);
});

test('or all kept where that is asked for, at the cost of the budget', () => {
  const { lost, byClass } = run(
    { services: 11, target: 100, floor: 0, caps: { ...options.caps, error: Number.POSITIVE_INFINITY } },
    {
      seconds: 60,
      rate: () => 2000,
      service: (random) => Math.floor(10 * random()),
      kind: errors(0.5),
    },
  );
  expect(lost[ERROR]).toBe(0);
  expect(byClass[SHARE]! / 60).toBeLessThan(10);
});

test('slow and rare ones take their part of the budget and no more', () => {
  const { byClass } = run(
    { services: 11 },
    {
      seconds: 100,
      rate: () => 10_000,
      service: (random) => Math.floor(10 * random()),
      kind: (random) => (random() < 0.3 ? SLOW : random() < 0.3 ? RARE : SHARE),
    },
  );
  expect(byClass[SLOW]! / 100).toBeLessThan(240);
  expect(byClass[RARE]! / 100).toBeLessThan(130);
  expect((byClass[SLOW]! + byClass[RARE]! + byClass[SHARE]!) / 100 / 1000).toBeCloseTo(1, 1);
});

test('a floor is kept while errors take the whole budget', () => {
  const { byService, byClass } = run(
    { services: 101, target: 100, floor: 0.5 },
    {
      seconds: 100,
      rate: () => 1000,
      service: (random) => (random() < 0.5 ? 0 : 1 + Math.floor(random() * 99)),
      kind: errors(0.3),
    },
  );
  expect(byClass[ERROR]! / 100).toBeGreaterThan(150);
  expect(byClass[SHARE]! / 100).toBeGreaterThan(40);
  for (let service = 0; service < 100; service++) expect(byService.get(service)).toBeGreaterThan(25);
});

test('a ceiling counts everything that a service keeps', () => {
  const { byService } = run(
    { services: 4, ceiling: 40 },
    {
      seconds: 100,
      rate: () => 1000,
      service: (random) => Math.floor(random() * 3),
      kind: errors(0.05),
    },
  );
  for (const kept of byService.values()) expect(kept / 100 / 40).toBeCloseTo(1, 1);
});

test('a percentage is held whatever comes', () => {
  const { kept } = run(
    { target: undefined, fraction: 0.1 },
    {
      seconds: 120,
      rate: (second) => (second < 60 ? 500 : 5000),
      kind: errors(0.01),
    },
  );
  expect(mean(kept.slice(20, 60)) / 50).toBeGreaterThan(0.9);
  expect(mean(kept.slice(20, 60)) / 50).toBeLessThan(1.4);
  expect(mean(kept.slice(80, 120)) / 500).toBeCloseTo(1, 1);
});

test('of two instances, the stricter one keeps a part of what the other keeps', () => {
  const strict = run({ target: 100 }, { seconds: 30, rate: () => 3000 }).budget;
  const lenient = run({ target: 1000 }, { seconds: 30, rate: () => 3000 }).budget;
  const random = seededRandom(8);
  const id = Buffer.alloc(16);
  let both = 0;
  for (let i = 0; i < 20_000; i++) {
    for (let byte = 9; byte < 16; byte++) id[byte] = random() * 256;
    const service = skewed(random);
    if (!strict.cutOf(service, SHARE).keeps(id, 0)) continue;
    both++;
    expect(lenient.cutOf(service, SHARE).keeps(id, 0)).toBe(true);
  }
  expect(both).toBeGreaterThan(20);
});

test('begins with the initial probability, and where another left off if it knows', () => {
  const fresh = new Budget(options, 0);
  expect(fresh.probabilityOf(1, SHARE)).toBe(0.1);
  expect(fresh.probabilityOf(1, ERROR)).toBe(1);
  const before = run({}, { seconds: 40, rate: () => 10_000 }).budget;
  for (let service = 0; service < 1001; service++) fresh.restore(service, before.ratesOf(service));
  fresh.restored(0);
  expect(fresh.probabilityOf(1, SHARE)).toBeLessThan(0.01);
  expect(fresh.probabilityOf(1, SHARE) / before.probabilityOf(1, SHARE)).toBeCloseTo(1, 0);
});

test('a service forgotten is new again', () => {
  const { budget } = run({}, { seconds: 20, rate: () => 10_000 });
  expect(budget.probabilityOf(1, SHARE)).toBeLessThan(0.01);
  budget.forget(1);
  expect(budget.probabilityOf(1, SHARE)).toBe(0.1);
  expect(budget.ratesOf(1)).toEqual([0, 0, 0, 0, 0]);
});

test('what was sampled before is thinned against what there was: the budget holds all the same', () => {
  const random = seededRandom(2);
  const budget = new Budget({ ...options, services: 2, target: 100 }, 0);
  const id = Buffer.alloc(16);
  let kept = 0;
  for (let now = 0; now < 60_000; now++) {
    budget.tick(now);
    for (let byte = 9; byte < 16; byte++) id[byte] = random() * 256;
    // A head sampler has kept the upper tenth.
    id[9] = 230 + random() * 26;
    budget.seen(1, SHARE, 1, 10);
    if (!budget.cutOf(1, SHARE).keeps(id, 0)) continue;
    budget.spend(SHARE, 1, now);
    if (now >= 20_000) kept++;
  }
  expect(kept / 40 / 100).toBeCloseTo(1, 1);
});

test('one huge item does not shut out the others', () => {
  const budget = new Budget({ ...options, services: 2, target: 1000, initial: 1 }, 0);
  for (let now = 0; now < 10_000; now += 10) {
    budget.tick(now);
    for (let i = 0; i < 5; i++) {
      const cost = now === 5000 && i === 0 ? 100_000 : 1;
      budget.seen(1, SHARE, cost);
      budget.spend(SHARE, cost, now);
    }
    if (now >= 5000 && now < 5500) expect(budget.probabilityOf(1, SHARE)).toBe(1);
  }
  expect(budget.brakes).toBe(0);
});
