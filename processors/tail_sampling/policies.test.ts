import { expect, test } from 'vitest';
import {
  TEST_TIME,
  type TestAttributes,
  type TestSpan,
  type TestSpans,
  tracesOf,
} from '../../internal/testkit/traces.ts';
import { Trial } from './test/trial.ts';

/*
 * What each policy says of a trace, as the Go collector's tests and documentation have it. That it says the same as the
 * Go collector itself, of traces nobody thought of, is shown by otelcol.interop.test.ts.
 */

const ms = 1_000_000n;
const span = (more: Partial<TestSpan> = {}): TestSpan => ({ trace: 1, ...more });
const lasting = (from: number, to: number): TestSpan =>
  span({ start: TEST_TIME + BigInt(from) * ms, end: TEST_TIME + BigInt(to) * ms });
const withAttributes = (attributes: TestAttributes, resource: TestAttributes = {}): TestSpans => ({
  resource,
  spans: [span(), span({ attributes }), span()],
});

function check(policy: object, groups: readonly TestSpans[], want: boolean): void {
  const trial = new Trial([policy]);
  expect(trial.verdict(tracesOf(...groups)), JSON.stringify([policy, groups], bigintAsText)).toBe(
    want ? 'sampled' : 'not_sampled',
  );
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

test('always_sample samples', () => check({ type: 'always_sample' }, [{ spans: [span()] }], true));

test.each([
  [{ threshold_ms: 500 }, [[0, 499]], false],
  [{ threshold_ms: 500 }, [[0, 500]], true],
  [
    { threshold_ms: 500 },
    [
      [0, 100],
      [450, 600],
    ],
    true,
  ],
  [
    { threshold_ms: 500 },
    [
      [450, 600],
      [0, 100],
    ],
    true,
  ],
  [{ threshold_ms: 0 }, [[0, 0]], true],
  [{}, [[5, 0]], false],
  [{ threshold_ms: 100, upper_threshold_ms: 200 }, [[0, 100]], false],
  [{ threshold_ms: 100, upper_threshold_ms: 200 }, [[0, 101]], true],
  [{ threshold_ms: 100, upper_threshold_ms: 200 }, [[0, 200]], true],
  [{ threshold_ms: 100, upper_threshold_ms: 200 }, [[0, 201]], false],
  // The Go collector tests the bounds after each span: the first ones were within.
  [
    { threshold_ms: 100, upper_threshold_ms: 200 },
    [
      [0, 150],
      [0, 900],
    ],
    true,
  ],
  [
    { threshold_ms: 100, upper_threshold_ms: 200 },
    [
      [0, 900],
      [0, 150],
    ],
    false,
  ],
] as const)('latency %j over spans of %j ms: %s', (latency, spans, want) => {
  check({ type: 'latency', latency }, [{ spans: spans.map(([from, to]) => lasting(from, to)) }], want);
});

test('latency counts whole milliseconds', () => {
  const almost = span({ start: TEST_TIME, end: TEST_TIME + 500n * ms - 1n });
  check({ type: 'latency', latency: { threshold_ms: 500 } }, [{ spans: [almost] }], false);
  const over = span({ start: TEST_TIME, end: TEST_TIME + 201n * ms - 1n });
  check({ type: 'latency', latency: { threshold_ms: 100, upper_threshold_ms: 200 } }, [{ spans: [over] }], true);
});

test('latency: a span without times does not count, one without a start is as old as 1970', () => {
  const latency = { type: 'latency', latency: { threshold_ms: 500 } };
  const unset = span({ start: 0n, end: 0n });
  check(latency, [{ spans: [unset, lasting(0, 499)] }], false);
  check(latency, [{ spans: [unset, lasting(0, 500)] }], true);
  check(latency, [{ spans: [span({ start: 0n, end: TEST_TIME })] }], true);
});

test('latency: clocks that run backwards', () => {
  check({ type: 'latency', latency: { threshold_ms: 1 } }, [{ spans: [lasting(900, 100)] }], false);
  check({ type: 'latency', latency: { threshold_ms: 500 } }, [{ spans: [lasting(900, 100), lasting(300, 800)] }], true);
});

test.each([
  [{ min_value: 500, max_value: 599 }, { code: 500 }, true],
  [{ min_value: 500, max_value: 599 }, { code: 599 }, true],
  [{ min_value: 500, max_value: 599 }, { code: 499 }, false],
  [{ min_value: 500, max_value: 599 }, { code: 600 }, false],
  [{ min_value: 500, max_value: 599 }, { other: 500 }, false],
  [{ min_value: 500 }, { code: 2 ** 53 }, true],
  [{ max_value: 599 }, { code: -5 }, true],
  [{ min_value: -10, max_value: -1 }, { code: -5 }, true],
  // Another type counts as 0.
  [{ min_value: 500, max_value: 599 }, { code: '500' }, false],
  [{ max_value: 599 }, { code: 'x' }, true],
  [{ max_value: 599 }, { code: { double: 700.5 } }, true],
  [{ min_value: 1 }, { code: null }, false],
  [{ min_value: 500, max_value: 599, invert_match: true }, { code: 500 }, false],
  [{ min_value: 500, max_value: 599, invert_match: true }, { code: 200 }, true],
  [{ min_value: 500, max_value: 599, invert_match: true }, { other: 200 }, true],
] as const)('numeric_attribute %j, of a span or a resource with %j: %s', (bounds, attributes, want) => {
  const policy = { type: 'numeric_attribute', numeric_attribute: { key: 'code', ...bounds } };
  check(policy, [withAttributes(attributes)], want);
  check(policy, [withAttributes({}, attributes)], want);
});

test.each([
  [{ values: ['a', 'b'] }, { key: 'b' }, true],
  [{ values: ['a', 'b'] }, { key: 'c' }, false],
  [{ values: ['a', 'b'] }, { key: 'ab' }, false],
  [{ values: ['a'] }, {}, false],
  [{ values: [''] }, { key: '' }, false],
  [{ values: ['1'] }, { key: 1 }, false],
  [{ values: ['grün'] }, { key: 'grün' }, true],
  [{ values: ['a'], invert_match: true }, { key: 'a' }, false],
  [{ values: ['a'], invert_match: true }, { key: 'b' }, true],
  [{ values: ['a'], invert_match: true }, {}, true],
  [{ values: ['/v1/.+', 'x'], enabled_regex_matching: true }, { key: 'GET /v1/name' }, true],
  [{ values: ['^/v1/.+'], enabled_regex_matching: true }, { key: 'GET /v1/name' }, false],
  [{ values: ['(?i)HEALTH'], enabled_regex_matching: true }, { key: '/health' }, true],
  [{ values: ['(?P<n>a)\\z'], enabled_regex_matching: true }, { key: 'ba' }, true],
  [{ values: ['v*'], enabled_regex_matching: true, invert_match: true }, { key: 'w' }, false],
] as const)('string_attribute %j, of a span or a resource with %j: %s', (match, attributes, want) => {
  const policy = { type: 'string_attribute', string_attribute: { key: 'key', ...match } };
  check(policy, [withAttributes(attributes)], want);
  check(policy, [withAttributes({}, attributes)], want);
});

test('an expression may match an empty text of a resource, but none of a span; a value of another type is an empty text', () => {
  const policy = {
    type: 'string_attribute',
    string_attribute: { key: 'k', values: ['^$'], enabled_regex_matching: true },
  };
  check(policy, [withAttributes({ k: '' })], false);
  check(policy, [withAttributes({ k: 5 })], false);
  check(policy, [withAttributes({}, { k: '' })], true);
  check(policy, [withAttributes({}, { k: 5 })], true);
});

test('an expression that would explode answers on a long text', () => {
  const policy = {
    type: 'string_attribute',
    string_attribute: { key: 'k', values: ['(a+)+$', '(a|aa)*c'], enabled_regex_matching: true },
  };
  check(policy, [withAttributes({ k: `${'a'.repeat(20_000)}b` })], false);
  check(policy, [withAttributes({ k: `b${'a'.repeat(20_000)}` })], true);
});

test('a small cache of matches answers right for many values', () => {
  const trial = new Trial([
    {
      type: 'string_attribute',
      string_attribute: { key: 'k', values: ['7$'], enabled_regex_matching: true, cache_max_size: 3 },
    },
  ]);
  for (let i = 0; i < 200; i++) {
    const want = i % 10 === 7 ? 'sampled' : 'not_sampled';
    expect(trial.verdict(tracesOf({ spans: [span({ attributes: { k: `v${i}` } })] }))).toBe(want);
    expect(trial.verdict(tracesOf({ spans: [span({ attributes: { k: `v${i}` } })] }))).toBe(want);
  }
  const long = 'x'.repeat(5000);
  expect(trial.verdict(tracesOf({ spans: [span({ attributes: { k: `${long}7` } })] }))).toBe('sampled');
  expect(trial.verdict(tracesOf({ spans: [span({ attributes: { k: long } })] }))).toBe('not_sampled');
});

test.each([
  [{ value: true }, { key: true }, true],
  [{ value: true }, { key: false }, false],
  [{ value: true }, { key: 'true' }, false],
  [{ value: true }, {}, false],
  [{ value: false }, { key: false }, true],
  // Another type counts as false.
  [{ value: false }, { key: 'x' }, true],
  [{ value: true, invert_match: true }, { key: true }, false],
  [{ value: true, invert_match: true }, { key: false }, true],
  [{ value: true, invert_match: true }, {}, true],
] as const)('boolean_attribute %j, of a span or a resource with %j: %s', (match, attributes, want) => {
  const policy = { type: 'boolean_attribute', boolean_attribute: { key: 'key', ...match } };
  check(policy, [withAttributes(attributes)], want);
  check(policy, [withAttributes({}, attributes)], want);
});

test('the first of several attributes with one key counts', () => {
  const policy = { type: 'string_attribute', string_attribute: { key: 'k', values: ['b'] } };
  const twice = (first: string, second: string) => {
    const payload = tracesOf({ spans: [span({ attributes: { k: first, K: second } })] });
    const bytes = Buffer.from(payload.chunks[0]!);
    bytes[bytes.lastIndexOf('K')] = 'k'.charCodeAt(0);
    return { ...payload, chunks: [bytes] } as unknown as typeof payload;
  };
  expect(new Trial([policy]).verdict(twice('a', 'b'))).toBe('not_sampled');
  expect(new Trial([policy]).verdict(twice('b', 'a'))).toBe('sampled');
});

test.each([
  [['ERROR'], [0, 1, undefined], false],
  [['ERROR'], [0, 2, 1], true],
  [['OK'], [1], true],
  [['OK', 'ERROR'], [undefined, 2], true],
  [['UNSET'], [undefined], true],
  [['UNSET'], [0], true],
  [['UNSET'], [1, 2], false],
] as const)('status_code %j of spans with %j: %s', (status_codes, codes, want) => {
  const spans = codes.map((status) => span(status === undefined ? {} : { status }));
  check({ type: 'status_code', status_code: { status_codes } }, [{ spans }], want);
});

test.each([
  [0, false],
  [1, true],
  [0x301, true],
  [0x300, false],
])('trace_flags of a span with flags %d: %s', (flags, want) => {
  check({ type: 'trace_flags' }, [{ spans: [span(), span({ flags })] }], want);
});

test.each([
  ['key=value1', true],
  ['other=x,key=value2', true],
  ['key=value3', false],
  ['', false],
  ['key=value1,', true],
  [' key=value1 ', true],
  ['key=value1,key=value1', false],
  ['key=value1,bad member', false],
  ['KEY=value1', false],
  ['akey=value1', false],
  [`${Array.from({ length: 31 }, (_, i) => `a${i}=b`).join(',')},key=value1`, true],
  [`${Array.from({ length: 32 }, (_, i) => `a${i}=b`).join(',')},key=value1`, false],
])('trace_state of a span with %j: %s', (traceState, want) => {
  const policy = { type: 'trace_state', trace_state: { key: 'key', values: ['value1', 'value2', ''] } };
  check(policy, [{ spans: [span(), span({ traceState })] }], want);
});

test('a tracestate of a million commas is read to its end', () => {
  const policy = { type: 'trace_state', trace_state: { key: 'key', values: ['value1'] } };
  check(policy, [{ spans: [span({ traceState: `${','.repeat(1_000_000)}key=value1` })] }], true);
});

test.each([
  [{ min_spans: 3 }, 2, false],
  [{ min_spans: 3 }, 3, true],
  [{ min_spans: 3 }, 30, true],
  [{ min_spans: 3, max_spans: 5 }, 5, true],
  [{ min_spans: 3, max_spans: 5 }, 6, false],
  [{}, 1, true],
])('span_count %j of %d spans: %s', (span_count, spans, want) => {
  check({ type: 'span_count', span_count }, [{ spans: Array.from({ length: spans }, () => span()) }], want);
});

test('what is learnt of a trace is learnt over all its arrivals, and from each resource', () => {
  const trial = new Trial([
    { type: 'status_code', status_code: { status_codes: ['ERROR'] } },
    { type: 'string_attribute', string_attribute: { key: 'service.name', values: ['b'] } },
  ]);
  const quiet = tracesOf({ resource: { 'service.name': 'a' }, spans: [span()] });
  expect(trial.verdict(quiet, quiet)).toBe('not_sampled');
  expect(trial.verdict(quiet, tracesOf({ spans: [span({ status: 2 })] }), quiet)).toBe('sampled');
  const two = tracesOf(
    { resource: { 'service.name': 'a' }, spans: [span()] },
    { resource: { 'service.name': 'b' }, spans: [span()] },
  );
  expect(trial.verdict(two)).toBe('sampled');
  expect(trial.policy).toBe('p1');
});

test('forty policies about one attribute: each has its own bit', () => {
  const policies = Array.from({ length: 40 }, (_, i) => ({
    type: 'string_attribute',
    string_attribute: { key: 'k', values: [`v${i}`] },
  }));
  for (const i of [0, 31, 32, 39]) {
    const trial = new Trial(policies);
    expect(trial.verdict(tracesOf({ spans: [span({ attributes: { k: `v${i}` } })] }))).toBe('sampled');
    expect(trial.policy).toBe(`p${i}`);
  }
});

test('equal questions share a bit', () => {
  const string = { type: 'string_attribute', string_attribute: { key: 'k', values: ['v'] } };
  const status = { type: 'status_code', status_code: { status_codes: ['ERROR'] } };
  const all = (n: number) =>
    Array.from({ length: n }, () => [
      string,
      status,
      { type: 'and', and: { and_sub_policy: [string, status] } },
    ]).flat();
  expect(new Trial(all(40)).decider.bitWords).toBe(1);
});

test.each([
  [{ span: ['attributes["code"] >= 500'] }, true],
  [{ span: ['span.attributes["code"] == 1', 'resource.attributes["service.name"] == "shop"'] }, true],
  [{ span: ['span.attributes["code"] == 1'] }, false],
  [{ spanevent: ['spanevent.name == "exception"'] }, true],
  [{ spanevent: ['name == "other"', 'attributes["n"] == 2'] }, true],
  [{ spanevent: ['name == "other"'] }, false],
  [{ span: ['name == "x"'], spanevent: ['attributes["n"] > 1'] }, true],
])('ottl_condition %j: %s', (ottl_condition, want) => {
  const spans = [
    span(),
    span({ attributes: { code: 503 }, events: [{ name: 'a' }, { name: 'exception', attributes: { n: 2 } }] }),
  ];
  check({ type: 'ottl_condition', ottl_condition }, [{ resource: { 'service.name': 'shop' }, spans }], want);
});

test('a condition that cannot be worked out is false, or with propagate fails the policy up to the first that holds', () => {
  const failing = 'Substring(name, 5, 10) == "x"';
  const verdict = (error_mode: string | undefined, ...spans: TestSpan[]) => {
    const trial = new Trial([
      { type: 'ottl_condition', ottl_condition: { error_mode, span: ['name == "yes"', failing] } },
    ]);
    return [trial.verdict(tracesOf({ spans })), trial.failures];
  };
  const [yes, no] = [span({ name: 'yes' }), span({ name: 'no' })];
  expect(verdict(undefined, no, yes)).toEqual(['sampled', 0]);
  expect(verdict('ignore', no, no)).toEqual(['not_sampled', 0]);
  expect(verdict('propagate', no, yes)).toEqual(['not_sampled', 1]);
  expect(verdict('propagate', yes, no)).toEqual(['sampled', 0]);
});
