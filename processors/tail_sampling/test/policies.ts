import { cases } from './random_traces.ts';

const string = (key: string, values: readonly string[], more: object = {}) => ({
  type: 'string_attribute',
  string_attribute: { key, values, ...more },
});
const regex = (key: string, values: readonly string[], more: object = {}) =>
  string(key, values, { enabled_regex_matching: true, ...more });
const code = (more: object) => ({ type: 'numeric_attribute', numeric_attribute: { key: 'http.status_code', ...more } });
const flag = (more: object) => ({ type: 'boolean_attribute', boolean_attribute: { key: 'flag', ...more } });
const latency = (threshold_ms: number, upper_threshold_ms = 0) => ({
  type: 'latency',
  latency: { threshold_ms, upper_threshold_ms },
});
const percent = (sampling_percentage: number, hash_salt = '') => ({
  type: 'probabilistic',
  probabilistic: { sampling_percentage, hash_salt },
});
const status = (...status_codes: string[]) => ({ type: 'status_code', status_code: { status_codes } });
const spanCount = (min_spans: number, max_spans = 0) => ({ type: 'span_count', span_count: { min_spans, max_spans } });
const traceState = (values: readonly string[]) => ({ type: 'trace_state', trace_state: { key: 'key', values } });
const ottl = (more: object) => ({ type: 'ottl_condition', ottl_condition: { error_mode: 'ignore', ...more } });
const and = (...subs: readonly object[]) => ({ type: 'and', and: { and_sub_policy: named(subs) } });
const not = (sub: object) => ({ type: 'not', not: { not_sub_policy: { name: 'sub', ...sub } } });
const drop = (...subs: readonly object[]) => ({ type: 'drop', drop: { drop_sub_policy: named(subs) } });
const composite = (subs: readonly object[]) => ({
  type: 'composite',
  composite: {
    max_total_spans_per_second: 1_000_000_000,
    policy_order: subs.map((_, i) => `s${i}`),
    composite_sub_policy: named(subs),
    rate_allocation: subs.map((_, i) => ({ policy: `s${i}`, percent: i === 0 ? 50 : 0 })),
  },
});
const always = { type: 'always_sample' };
const noLimit = { type: 'rate_limiting', rate_limiting: { spans_per_second: 2_000_000_000 } };
const noBytesLimit = { type: 'bytes_limiting', bytes_limiting: { bytes_per_second: 2_000_000_000 } };
const noSpans = { type: 'rate_limiting', rate_limiting: { spans_per_second: 0 } };

function named(policies: readonly object[]): object[] {
  return policies.map((policy, i) => ({ name: `s${i}`, ...policy }));
}

/** Every kind of policy, in the forms it has. */
const kinds: readonly object[] = [
  latency(0),
  latency(500),
  latency(1500),
  latency(100, 500),
  latency(400, 2000),
  code({ min_value: 400, max_value: 599 }),
  code({ min_value: 500 }),
  code({ max_value: 200 }),
  code({ min_value: -600, max_value: -1 }),
  code({ min_value: 300, max_value: 599, invert_match: true }),
  string('url.path', ['/health', '/checkout', '']),
  string(
    'tenant',
    Array.from({ length: 300 }, (_, i) => `tenant-${i * 7}`),
  ),
  string('service.name', ['a', 'x']),
  string('url.path', ['/health', 'grün/ä'], { invert_match: true }),
  regex('url.path', ['^/v1/name/.+', '/me[a-z]+s$']),
  regex('url.path', ['(?i)^/V1/', '(?P<tail>ä)\\z'], { cache_max_size: 3 }),
  regex('url.path', ['^$', '\\pL{8}\\x74?']),
  regex('url.path', ['(?s)a.b', 'GET .*'], { invert_match: true }),
  regex('tenant', ['-1[0-9]{2}$', '99']),
  flag({ value: true }),
  flag({ value: false }),
  flag({ value: true, invert_match: true }),
  status('ERROR'),
  status('OK', 'ERROR'),
  status('UNSET'),
  spanCount(3),
  spanCount(2, 4),
  traceState(['value1', 'value2']),
  { type: 'trace_flags' },
  percent(10),
  percent(33.3, 'salt'),
  percent(99.9),
  ottl({ span: ['attributes["http.status_code"] >= 500', 'IsMatch(name, "^P")'] }),
  ottl({ span: ['resource.attributes["service.name"] == "a" and span.attributes["flag"] == true'] }),
  ottl({ spanevent: ['name == "exception" and attributes["http.status_code"] > 300'] }),
  ottl({ error_mode: 'propagate', span: ['Substring(name, 0, 4) == "POST"', 'attributes["tenant"] != nil'] }),
  ottl({ span: ['kind == SPAN_KIND_SERVER and status.code == STATUS_CODE_ERROR', 'IsRootSpan() and name == ""'] }),
];

/** Lists of policies, each to be tried by itself. */
export const alone: readonly (readonly object[])[] = [
  [always],
  ...kinds.map((policy) => [policy]),
  [noLimit],
  [noBytesLimit],
  [noSpans],
  [and(status('ERROR'), latency(300))],
  [and(flag({ value: true }), not(string('service.name', ['a'])), percent(50))],
  [and()],
  [not(latency(500))],
  [not(string('url.path', ['/health'], { invert_match: true }))],
  [not(percent(20))],
  [drop(string('url.path', ['/health']), not(status('ERROR'))), always],
  [always, drop(ottl({ error_mode: 'propagate', span: ['Substring(name, 0, 4) == "POST"'] }))],
  [composite([status('ERROR'), and(latency(500), percent(50)), percent(25)])],
  [status('ERROR'), drop(flag({ value: false })), percent(5), string('service.name', ['b'], { invert_match: true })],
];

/** Other fields of the processor that change what is kept. */
export const options: readonly { readonly policies: readonly object[]; readonly more: object }[] = [
  { policies: [percent(30), noSpans, status('ERROR')], more: { sample_on_first_match: true } },
  { policies: [always], more: { maximum_trace_size_bytes: 600 } },
  { policies: [always], more: { maximum_trace_size_bytes: 1000 } },
];

const ofCase = (n: number) => string('case', [`c${n % cases}`]);

/**
 * One file with every policy. Each is asked only about the traces of its own case, so that a wrong answer of one is not
 * covered by another.
 */
export const together: readonly object[] = [
  ...kinds.map((policy, i) => and(ofCase(i), policy)),
  drop(ofCase(cases - 1), percent(60, 'drop')),
  drop(ofCase(5), not(latency(200))),
  // Whatever is of the last cases.
  not(
    string(
      'case',
      Array.from({ length: cases - 3 }, (_, i) => `c${i}`),
    ),
  ),
  composite([and(ofCase(7), noLimit), and(ofCase(9), latency(600)), and(ofCase(cases - 3), always)]),
  and(ofCase(3), noBytesLimit, percent(30)),
].map((policy, i) => ({ ...policy, name: `policy-${i}` }));
