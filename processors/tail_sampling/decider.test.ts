import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Scope } from '../../internal/otlp/view/resource.ts';
import { adjustedCount, decodeThreshold, encodeThreshold, thresholdOf } from '../../internal/sampling/consistent.ts';
import {
  TEST_TIME,
  type TestAttributes,
  type TestSpan,
  type TestSpans,
  tracesOf,
} from '../../internal/testkit/traces.ts';
import { Trial } from './test/trial.ts';
import { hashLimit, TraceHash } from './trace_hash.ts';

const span = (more: Partial<TestSpan> = {}): TestSpan => ({ trace: 1, ...more });
const plain = tracesOf({ spans: [span()] });
const tagged = (...tags: string[]) =>
  tracesOf({ spans: [span({ attributes: Object.fromEntries(tags.map((tag) => [tag, true])) })] });

const always = { type: 'always_sample' };
/** Samples what is tagged so. */
const tag = (key: string, more: object = {}) => ({
  type: 'boolean_attribute',
  boolean_attribute: { key, value: true, ...more },
});
const untagged = (key: string) => tag(key, { invert_match: true });
const percent = (sampling_percentage: number, hash_salt = '') => ({
  type: 'probabilistic',
  probabilistic: { sampling_percentage, hash_salt },
});
const and = (...and_sub_policy: object[]) => ({ type: 'and', and: { and_sub_policy } });
const not = (not_sub_policy: object) => ({ type: 'not', not: { not_sub_policy } });
const drop = (...drop_sub_policy: object[]) => ({ type: 'drop', drop: { drop_sub_policy } });
const rate = (spans_per_second: number, burst_capacity = 0) => ({
  type: 'rate_limiting',
  rate_limiting: { spans_per_second, burst_capacity },
});
const spans = (count: number) => tracesOf({ spans: Array.from({ length: count }, () => span()) });

// Worked out with hash/fnv and math/big of Go.
test.each([
  [0, '0000000000000000'],
  [0.001, '0000a7c5ac471b47'],
  [0.1, '004189374bc6a7ef'],
  [1, '028f5c28f5c28f5f'],
  [2.5, '066666666666667f'],
  [5, '0cccccccccccccff'],
  [10, '19999999999999ff'],
  [12.34, '1f972474538ef2ff'],
  [25, '3fffffffffffffff'],
  [33.333333, '55555547044b6bff'],
  [50, '7fffffffffffffff'],
  [66.6, 'aa7ef9db22d0dfff'],
  [75, 'bfffffffffffffff'],
  [99, 'fd70a3d70a3d6fff'],
  [99.9999999999, 'fffffffffee687ff'],
  [100, 'ffffffffffffffff'],
  [150, 'ffffffffffffffff'],
])('%d percent is the hash limit %s', (percentage, want) => {
  const { high, low } = hashLimit(percentage);
  expect(hex(high, low)).toBe(want);
});

test.each([
  ['default-hash-seed', '00000000000000000000000000000000', 'e19536eed1bbac3d'],
  ['default-hash-seed', 'ffffffffffffffffffffffffffffffff', '17bec3739634fe2d'],
  ['default-hash-seed', '5b8aa5a2d2c872e8321cf37308d69df2', 'a5bea68bf4217aba'],
  ['custom-salt', '0123456789abcdef0123456789abcdef', 'd9175230b931cf25'],
  ['custom-salt', '5b8aa5a2d2c872e8321cf37308d69df2', '1f91fd7bd66b4ab2'],
  ['grün', '5b8aa5a2d2c872e8321cf37308d69df2', 'fed7b3a2dc40f34c'],
])('with the salt %s the hash of %s is %s', (salt, id, want) => {
  const { high, low } = new TraceHash(salt).of(Buffer.from(`00${id}`, 'hex'), 1);
  expect(hex(high, low)).toBe(want);
});

function hex(high: number, low: number): string {
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

test('probabilistic samples by the hash: up to the limit, and by another salt others', () => {
  const id = '5b8aa5a2d2c872e8321cf37308d69df2';
  const trace = tracesOf({ spans: [span({ trace: id })] });
  // a5bea68b… of 2^64 is 64.74 %.
  expect(new Trial([percent(64.7)]).verdict(trace)).toBe('not_sampled');
  expect(new Trial([percent(64.8)]).verdict(trace)).toBe('sampled');
  expect(new Trial([percent(13, 'custom-salt')]).verdict(trace)).toBe('sampled');
  expect(new Trial([percent(100)]).verdict(trace)).toBe('sampled');
  expect(new Trial([percent(0)]).verdict(trace)).toBe('not_sampled');
});

test.each([
  [[drop(tag('a')), always], ['a'], 'dropped'],
  [[always, drop(tag('a'))], ['a'], 'dropped'],
  [[always, drop(tag('a'))], [], 'sampled'],
  [[drop(tag('a'), tag('b')), always], ['a'], 'sampled'],
  [[drop(tag('a'), not(tag('b'))), always], ['a'], 'dropped'],
  [[drop(tag('a'), not(tag('b'))), always], ['a', 'b'], 'sampled'],
  [[drop(tag('a'))], [], 'not_sampled'],
  [[tag('a'), tag('b')], ['b'], 'sampled'],
  [[and(tag('a'), tag('b'))], ['a', 'b'], 'sampled'],
  [[and(tag('a'), tag('b'))], ['b'], 'not_sampled'],
  [[and(tag('a'), not(tag('b')))], ['a'], 'sampled'],
  [[and()], [], 'sampled'],
  [[not(tag('a'))], [], 'sampled'],
  [[not(tag('a'))], ['a'], 'not_sampled'],
  [[not(untagged('a'))], ['a'], 'sampled'],
  // Inverted matches have no rank of their own.
  [[untagged('a'), tag('b')], ['a', 'b'], 'sampled'],
  [[untagged('a'), tag('b')], [], 'sampled'],
] as const)('%j on a trace tagged %j: %s', (policies, tags, want) => {
  expect(new Trial(policies).verdict(tagged(...tags))).toBe(want);
});

test.each([
  [[untagged('a'), tag('b')], ['a', 'b'], 'not_sampled'],
  [[untagged('a'), tag('b')], ['b'], 'sampled'],
  [[untagged('a')], [], 'sampled'],
  [[untagged('a'), tag('b')], [], 'not_sampled'],
  [[untagged('a'), drop(tag('b'))], ['a', 'b'], 'dropped'],
  [[and(untagged('a'), tag('b'))], ['b'], 'sampled'],
  [[and(untagged('a'), tag('b')), tag('b')], ['a', 'b'], 'sampled'],
  [[not(untagged('a'))], [], 'sampled'],
  [[not(untagged('a')), always], ['a'], 'not_sampled'],
] as const)('invert_decisions: %j on a trace tagged %j: %s', (policies, tags, want) => {
  expect(new Trial(policies, { invert_decisions: true }).verdict(tagged(...tags))).toBe(want);
});

test('the decision is the first policy’s that said so, and drop policies are asked first', () => {
  const trial = new Trial([tag('a'), tag('b'), drop(tag('c')), always]);
  expect(trial.decider.policies.map(({ name }) => name)).toEqual(['p2', 'p0', 'p1', 'p3']);
  trial.verdict(tagged('b'));
  expect(trial.policy).toBe('p1');
  trial.verdict(tagged('b', 'c'));
  expect(trial.policy).toBe('p2');
  expect(trial.votes.length).toBe(1);
  trial.verdict(plain);
  expect(trial.policy).toBe('p3');
});

test('sample_on_first_match asks no further policy, so that their rates are not used up', () => {
  for (const [sample_on_first_match, want] of [
    [true, 'sampled'],
    [false, 'not_sampled'],
  ] as const) {
    const trial = new Trial([tag('a'), rate(1, 1)], { sample_on_first_match });
    expect(trial.verdict(tagged('a'))).toBe('sampled');
    expect(trial.verdict(plain)).toBe(want);
  }
});

test('rate_limiting: a full bucket of twice the rate at first, then what flows in', async () => {
  const trial = new Trial([rate(10)]);
  const sampled = (count: number) => trial.verdict(spans(count)) === 'sampled';
  expect([sampled(15), sampled(6), sampled(5), sampled(1)]).toEqual([true, false, true, false]);
  await trial.clock.advance(300);
  expect([sampled(4), sampled(3), sampled(1)]).toEqual([false, true, false]);
  await trial.clock.advance(60_000);
  expect([sampled(21), sampled(20), sampled(1)]).toEqual([false, true, false]);
});

test('rate_limiting: burst_capacity bounds each trace; a rate of 0 gives its burst once', async () => {
  const trial = new Trial([rate(0, 5)]);
  expect(trial.verdict(spans(6))).toBe('not_sampled');
  expect(trial.verdict(spans(5))).toBe('sampled');
  await trial.clock.advance(3_600_000);
  expect(trial.verdict(plain)).toBe('not_sampled');
  expect(new Trial([rate(0)]).verdict(plain)).toBe('not_sampled');
});

test('bytes_limiting counts the spans with a copy of resource and scope for each arrival', () => {
  const long = { name: 'y'.repeat(500), parent: 1, status: 2 };
  const trace = tracesOf({
    resource: { 'service.name': 'x'.repeat(100) },
    scope: 'lib',
    spans: [span(long), span(long)],
  });
  const size = trace.byteLength;
  const verdict = (bytes: number, ...arrivals: (typeof trace)[]) => {
    const bytes_limiting = { bytes_per_second: bytes, burst_capacity: bytes };
    return new Trial([{ type: 'bytes_limiting', bytes_limiting }]).verdict(...arrivals);
  };
  expect(verdict(size, trace)).toBe('sampled');
  expect(verdict(size - 1, trace)).toBe('not_sampled');
  expect(verdict(2 * size, trace, trace)).toBe('sampled');
  expect(verdict(2 * size - 1, trace, trace)).toBe('not_sampled');
  // The Go collector writes parent and status also where they are empty.
  const bare = tracesOf({ scope: 'lib', spans: [span({ name: long.name })] });
  expect(verdict(bare.byteLength + 4, bare)).toBe('sampled');
  expect(verdict(bare.byteLength + 3, bare)).toBe('not_sampled');
});

const composite = (subs: object[], shares: Record<string, number>, total = 100) => ({
  type: 'composite',
  composite: {
    max_total_spans_per_second: total,
    policy_order: [],
    composite_sub_policy: subs.map((sub, i) => ({ name: `s${i}`, ...sub })),
    rate_allocation: Object.entries(shares).map(([policy, percent]) => ({ policy, percent })),
  },
});

test('composite: the first sub-policy that samples pays out of its share of each second', async () => {
  const trial = new Trial([composite([tag('a'), always], { s0: 50, s1: 20 })]);
  const a = (count: number) =>
    tracesOf({ spans: Array.from({ length: count }, () => span({ attributes: { a: true } })) });
  expect(trial.verdict(a(51))).toBe('not_sampled');
  expect(trial.verdict(a(50))).toBe('sampled');
  // Its share is used up, and the next one is not asked.
  expect(trial.verdict(a(1))).toBe('not_sampled');
  expect(trial.verdict(spans(15))).toBe('sampled');
  expect(trial.verdict(spans(6))).toBe('not_sampled');
  expect(trial.verdict(spans(5))).toBe('sampled');
  await trial.clock.advance(1000);
  expect(trial.verdict(a(50))).toBe('sampled');
});

test('composite: a share of 0 percent is an equal one, and without an allocation there is none', () => {
  const trial = new Trial([composite([tag('a'), always], { s0: 0 })]);
  expect(trial.verdict(tracesOf({ spans: Array.from({ length: 50 }, () => span({ attributes: { a: true } })) }))).toBe(
    'sampled',
  );
  expect(trial.verdict(plain)).toBe('not_sampled');
});

test('span-ingest: each part by itself, while a drop policy may yet match nothing is sampled', () => {
  const ingest = { sampling_strategy: 'span-ingest' };
  const trial = new Trial([tag('a'), tag('b')], ingest);
  expect(trial.decide('first_match', [plain])).toBe('not_sampled');
  expect(trial.decide('first_match', [tagged('b')])).toBe('sampled');
  expect(trial.policy).toBe('p1');
  const dropping = new Trial([always, drop(tag('a'))], ingest);
  expect(dropping.decide('first_match', [plain])).toBe('not_sampled');
  expect(dropping.decide('first_match', [tagged('a')])).toBe('dropped');
});

test('record_policy: the names of the policy and of the composite’s sub-policy, for the scope', () => {
  const record = { record_policy: true };
  const trial = new Trial([tag('a'), composite([tag('b'), always], { s0: 50, s1: 50 })], record);
  trial.verdict(tagged('a', 'b'));
  expect(readText(trial.decision.scopeAttributes!)).toEqual({
    'tailsampling.policy': 'p0',
    'tailsampling.composite_policy': 's0',
  });
  trial.verdict(plain);
  expect(readText(trial.decision.scopeAttributes!)).toEqual({
    'tailsampling.policy': 'p1',
    'tailsampling.composite_policy': 's1',
  });
  const dropping = new Trial([drop(tag('a')), always], record);
  dropping.verdict(tagged('a'));
  expect(dropping.decision.scopeAttributes).toBeUndefined();
  dropping.verdict(plain);
  expect(readText(dropping.decision.scopeAttributes!)).toEqual({ 'tailsampling.policy': 'p1' });
});

function readText(attributes: Uint8Array): Record<string, string> {
  const found: Record<string, string> = {};
  const list = new Scope().reset(attributes, 0, attributes.length).attributes;
  for (let pair = list.next(); pair; pair = list.next()) found[pair.key] = pair.value.stringValue;
  return found;
}

/** FNV mixes the last bytes of an id little into the upper half of the hash: ids that differ everywhere. */
function spread(trace: number): string {
  return createHash('md5').update(String(trace)).digest('hex');
}

/** A trace whose hash, with the default salt, is among the first thousandth: all percentages keep it. */
function lowHash() {
  const hash = new TraceHash('default-hash-seed');
  for (let trace = 1; ; trace++) {
    const id = spread(trace);
    if (hash.of(Buffer.from(id, 'hex'), 0).high < 2 ** 32 / 1000) return tracesOf({ spans: [span({ trace: id })] });
  }
}

test.each([
  ['always', [always], 1],
  ['probabilistic', [percent(25)], 0.25],
  ['the more lenient of two with one salt', [percent(25), percent(5)], 0.25],
  ['two with different salts, independent', [percent(50), percent(100 / 3, 'x')], 1 - 0.5 * (2 / 3)],
  ['certain anyway', [percent(5), tag('a')], 1],
  ['not certain: the tag is another one', [percent(5), tag('b')], 0.05],
  ['both of and', [and(tag('a'), percent(10))], 0.1],
  ['and of one salt is the stricter', [and(percent(10), percent(50))], 0.1],
  ['dropped by another salt', [always, drop(percent(75, 'x'))], 0.25],
  ['dropped for what it is not', [always, drop(tag('b'), percent(75))], 1],
  ['composite without a shortage', [composite([tag('a')], { s0: 100 })], 1],
  ['composite: the second one', [composite([tag('b'), percent(20)], { s0: 50, s1: 50 })], 0.2],
] as const)('stamp_threshold: %s', (_name, policies, probability) => {
  const trial = new Trial(policies, { stamp_threshold: true });
  let verdict: string = '';
  for (let trace = 1; trace < 5000 && verdict !== 'sampled'; trace++) {
    verdict = trial.verdict(tracesOf({ spans: [span({ trace: spread(trace), attributes: { a: true } })] }));
  }
  expect(verdict).toBe('sampled');
  expect(Number(thresholdOf(probability))).toBeCloseTo(Number(trial.decision.threshold), -6);
});

test.each([
  [[percent(10)]],
  [[percent(25), percent(40)]],
  [[percent(25), percent(20, 'x'), and(tag('a'), percent(50, 'y'))]],
  [[tag('a'), percent(5)]],
  [[percent(50), drop(percent(20))]],
  [[percent(60), drop(tag('a'), percent(30, 'x'))]],
  [[not(percent(70)), and(percent(50), percent(40))]],
  [[and(tag('a'), not(percent(30))), percent(10)]],
  [[composite([tag('a'), percent(30)], { s0: 50, s1: 50 }, 1e9)]],
] as const)('what is kept by %j stands for all there was', (policies) => {
  const trial = new Trial(policies, { stamp_threshold: true });
  const all = 8000;
  let counted = 0;
  for (let trace = 0; trace < all; trace++) {
    const attributes: TestAttributes = trace % 10 === 0 ? { a: true } : {};
    if (trial.verdict(tracesOf({ spans: [span({ trace: spread(trace), attributes })] })) !== 'sampled') continue;
    counted += adjustedCount(trial.decision.threshold);
  }
  expect(Math.abs(counted / all - 1)).toBeLessThan(0.06);
});

test('a trace that could have been dropped for its hash carries what is between the two limits', () => {
  // Sampled up to 50 %, dropped up to 20 %, of the same hash.
  const trial = new Trial([percent(50), drop(percent(20))], { stamp_threshold: true });
  expect(trial.verdict(lowHash())).toBe('dropped');
  for (let trace = 1; trial.decision.verdict !== 'sampled'; trace++)
    trial.verdict(tracesOf({ spans: [span({ trace: spread(trace) })] }));
  expect(trial.decision.threshold).toBe(thresholdOf(0.5 - 0.2));
});

test('behind a rate, the threshold is the share of spans that it let through lately', async () => {
  const trial = new Trial([rate(100, 100)], { stamp_threshold: true });
  trial.verdict(plain);
  expect(encodeThreshold(trial.decision.threshold)).toBe('0');
  for (let second = 0; second < 40; second++) {
    await trial.clock.advance(1000);
    for (let i = 0; i < 40; i++) trial.verdict(spans(10));
  }
  await trial.clock.advance(1000);
  expect(trial.verdict(spans(10))).toBe('sampled');
  // 400 spans a second asked, 100 let through.
  expect(Number(trial.decision.threshold) / Number(decodeThreshold('c'))).toBeCloseTo(1, 1);
});

test('a composite’s threshold is that of the sub-policy that pays', async () => {
  const trial = new Trial([composite([tag('a'), always], { s0: 50, s1: 50 })], { stamp_threshold: true });
  for (let second = 0; second < 20; second++) {
    await trial.clock.advance(1000);
    for (let i = 0; i < 200; i++) trial.verdict(plain);
  }
  await trial.clock.advance(1000);
  trial.verdict(plain);
  expect(Number(trial.decision.threshold) / 2 ** 56).toBeCloseTo(0.75, 1);
  trial.verdict(tagged('a'));
  expect(trial.decision.threshold).toBe(0n);
});

test('consistent_probability: by rv of any span, else by the end of the trace id, and the threshold says the same', () => {
  const trial = new Trial([percent(25)], { consistent_probability: true, stamp_threshold: true });
  const of = (trace: string, traceState?: string) =>
    trial.verdict(tracesOf({ spans: [span({ trace }), span({ trace, ...(traceState && { traceState }) })] }));
  expect(of(`${'f'.repeat(18)}bfffffffffffff`)).toBe('not_sampled');
  expect(of(`${'0'.repeat(18)}c0000000000000`)).toBe('sampled');
  expect(trial.decision.threshold).toBe(decodeThreshold('c'));
  expect(of('f'.repeat(32), 'ot=rv:bfffffffffffff')).toBe('not_sampled');
  expect(of('1', 'a=rv:1,ot=rv:c0000000000000;th:8')).toBe('sampled');
  expect(of('1', 'ot=rv:bad')).toBe('not_sampled');
});

test('by default only what chance decided carries a threshold, with false nothing does', () => {
  const threshold = (policies: ConstructorParameters<typeof Trial>[0], more: object = {}) => {
    const trial = new Trial(policies, more);
    expect(trial.verdict(lowHash())).toBe('sampled');
    return trial.decision.threshold;
  };
  expect(threshold([always, percent(50)])).toBe(-1n);
  expect(threshold([percent(50)])).toBe(thresholdOf(0.5));
  expect(threshold([percent(50)], { stamp_threshold: false })).toBe(-1n);
  expect(threshold([percent(50)], { invert_decisions: true })).toBe(-1n);
});

test('errors and what a policy picks out go last under pressure', () => {
  const trial = new Trial([
    { type: 'latency', latency: { threshold_ms: 500 } },
    { type: 'status_code', status_code: { status_codes: ['UNSET'] } },
    tag('a'),
    percent(100),
  ]);
  const precious = (...groups: TestSpans[]) => trial.decider.precious(trial.gather([tracesOf(...groups)]));
  expect(precious({ spans: [span()] })).toBe(0);
  expect(precious({ spans: [span({ status: 2 })] })).toBe(1);
  expect(precious({ spans: [span({ attributes: { a: true } })] })).toBe(1);
  expect(precious({ spans: [span({ end: TEST_TIME + 10n ** 9n })] })).toBe(1);
});

test('an explanation says what each policy compared', () => {
  const trial = new Trial([
    { type: 'latency', latency: { threshold_ms: 500 } },
    { type: 'latency', latency: { threshold_ms: 500, upper_threshold_ms: 900 } },
    { type: 'numeric_attribute', numeric_attribute: { key: 'http.status_code', min_value: 500, max_value: 599 } },
    { type: 'span_count', span_count: { min_spans: 2 } },
    rate(1, 1),
    percent(0),
    and(tag('a'), tag('b')),
    drop(tag('c')),
    composite([tag('b'), always], { s0: 50, s1: 1 }),
    {
      type: 'string_attribute',
      string_attribute: { key: 'k', values: ['1', '2', '3', '4', '5', '6', '7'], invert_match: true },
    },
  ]);
  trial.verdict(tracesOf({ spans: [span({ trace: 1, end: TEST_TIME + 812n * 10n ** 6n }), span()] }));
  const told = trial.explain().map(({ policy, type, vote, compared }) => `${policy} ${type} ${vote}: ${compared}`);
  expect(told).toEqual([
    'p7 drop not_sampled: boolean_attribute: no span or resource with c = true (not_sampled)',
    'p0 latency sampled: duration 812 ms, threshold 500 ms',
    'p1 latency sampled: duration 812 ms, above 500 ms and up to 900 ms wanted',
    'p2 numeric_attribute not_sampled: no span or resource with http.status_code between 500 and 599',
    'p3 span_count sampled: 2 spans, at least 2 wanted',
    'p4 rate_limiting not_sampled: 2 spans wanted, 1 of 1 spans/s left, used up',
    expect.stringMatching(/^p5 probabilistic not_sampled: hash of the trace id at \d+\.?\d* %, sampled up to 0 %$/),
    'p6 and not_sampled: boolean_attribute: no span or resource with a = true (not_sampled); boolean_attribute: not asked',
    'p8 composite not_sampled: s0: no span or resource with b = true (not_sampled); s1: samples every trace (sampled); 0 of 1 spans/s used by others, 2 wanted',
    'p9 string_attribute sampled: no span or resource with k in [1, 2, 3, 4, 5, and 2 more]',
  ]);
});

test('a policy that was not asked says so', () => {
  const trial = new Trial([drop(tag('a')), always]);
  trial.verdict(tagged('a'));
  expect(trial.explain().map(({ vote }) => vote)).toEqual(['dropped', 'not_asked']);
});
