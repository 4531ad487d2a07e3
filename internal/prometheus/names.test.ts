import { expect, test } from 'vitest';
import { labelName, metricName, type NamedKind, type Strategy, unitName } from './names.ts';

const full = 'UnderscoreEscapingWithSuffixes';
const plain = 'UnderscoreEscapingWithoutSuffixes';
const utf8 = 'NoUTF8EscapingWithSuffixes';
const none = 'NoTranslation';

type Case = [
  strategy: Strategy,
  name: string,
  unit: string,
  kind: NamedKind,
  want: string | undefined,
  namespace?: string,
];

// Facts of https://github.com/prometheus/otlptranslator's tests and of the compatibility specification.
const cases: Case[] = [
  [plain, 'simple_metric', '', 'gauge', 'simple_metric'],
  [plain, 'metric@with#special$chars', '', 'gauge', 'metric_with_special_chars'],
  [plain, '123metric', '', 'gauge', '_123metric'],
  [plain, 'simple_metric', '', 'gauge', 'test_namespace_simple_metric', 'test_namespace'],
  [plain, 'metric', '', 'gauge', 'test_namespace_metric', 'test@namespace!!??'],
  [plain, 'metric@@##$$name', '', 'gauge', 'metric_name'],
  [plain, 'http.requests', 's', 'counter', 'http_requests'],
  [plain, '', '', 'gauge', undefined],
  [plain, '@#$%', '', 'gauge', undefined],
  [plain, '@_#_$_%', '', 'gauge', undefined],
  [plain, '___', '', 'gauge', '___'],
  [full, 'requests', '', 'counter', 'requests_total'],
  [full, 'http.server.duration', 's', 'histogram', 'http_server_duration_seconds'],
  [full, 'cpu_usage', '1', 'gauge', 'cpu_usage_ratio'],
  [full, 'items', '1', 'counter', 'items_total'],
  [full, 'response_time', 'ms', 'gauge', 'response_time_milliseconds'],
  [full, 'memory_usage', 'By', 'gauge', 'memory_usage_bytes'],
  [full, 'requests', '1/s', 'gauge', 'requests_per_second'],
  [full, 'throughput', 'By/s', 'gauge', 'throughput_bytes_per_second'],
  [full, 'speed', 'm/min', 'gauge', 'speed_meters_per_min'],
  [full, 'custom_metric', 'custom_unit', 'gauge', 'custom_metric_custom_unit'],
  [full, 'custom_metric', '{custom}', 'gauge', 'custom_metric'],
  [full, 'custom_metric', 'By/{custom}', 'gauge', 'custom_metric_bytes'],
  [full, 'requests_total', '', 'counter', 'requests_total'],
  [full, 'total_requests', '', 'counter', 'requests_total'],
  [full, 'cpu_usage_ratio', '1', 'gauge', 'cpu_usage_ratio'],
  [full, 'response_time_seconds', 's', 'gauge', 'response_time_seconds'],
  [full, 'seconds.of.work', 's', 'gauge', 'seconds_of_work'],
  [full, 'requests', '1/s', 'counter', 'app_requests_per_second_total', 'app'],
  [full, '123_requests', '', 'counter', 'app_123_requests_total', 'app'],
  [
    full,
    'metric__with__multiple__underscores',
    'unit__multiple__underscores',
    'gauge',
    'metric_with_multiple_underscores_unit_multiple_underscores',
  ],
  [full, 'custom_metric', 'unit@with#special/chars', 'gauge', 'custom_metric_unit_with_special_per_chars'],
  [full, 'active_connections', '', 'sum', 'active_connections'],
  [full, 'disk.utilisation', '%', 'gauge', 'disk_utilisation_percent'],
  [full, 'a:b', '', 'gauge', 'a:b'],
  [full, '@#$%', '', 'gauge', undefined],
  [utf8, 'requêsts', '', 'counter', 'requêsts_total'],
  [utf8, 'cpu_usagé', '1', 'gauge', 'cpu_usagé_ratio'],
  [utf8, 'respønse_time', 'ms', 'gauge', 'respønse_time_milliseconds'],
  [utf8, 'requêsts', '1/s', 'counter', 'ñamespace_requêsts_per_second_total', 'ñamespace'],
  [utf8, 'cpu_seconds_total', 's', 'counter', 'cpu_seconds_total'],
  [utf8, 'otelcol_process_cpu_seconds', 's', 'counter', 'otelcol_process_cpu_seconds_total'],
  [utf8, '@#$%', '', 'counter', '@#$%_total'],
  [none, 'métric.with.ñ', 's', 'counter', 'métric.with.ñ'],
  [none, '___', '', 'gauge', '___'],
  [none, 'a.b', '', 'gauge', 'ns_a.b', 'ns'],
  [none, '', '', 'gauge', undefined],
];

test.each(cases)('%s: metric "%s" in "%s" as a %s is %s', (strategy, name, unit, kind, want, namespace = '') => {
  expect(metricName(name, unit, kind, { strategy, namespace })).toBe(want);
});

test.each([
  [full, 'By/s', 'bytes_per_second'],
  [full, '1/s', 'per_second'],
  [full, '1', ''],
  [full, '{packet}', ''],
  [full, 'custom unit', 'custom_unit'],
  [none, 'custom unit', 'custom unit'],
  [full, 'unit@with#special/chars', 'unit_with_special_per_chars'],
] as const)('%s: unit "%s" is "%s"', (strategy, unit, want) => {
  expect(unitName(unit, strategy)).toBe(want);
});

test.each([
  ['label:with:colons', 'label_with_colons'],
  ['LabelWithCapitalLetters', 'LabelWithCapitalLetters'],
  ['label!with&special$chars)', 'label_with_special_chars_'],
  ['label_with_foreign_characters_字符', 'label_with_foreign_characters_'],
  ['http.request.method', 'http_request_method'],
  ['123label', 'key_123label'],
  ['_label_starting_with_underscore', 'key_label_starting_with_underscore'],
  ['label__with__double__underscores', 'label_with_double_underscores'],
  ['__reserved__label__name__', '__reserved_label_name__'],
  ['trailing_underscores___', 'trailing_underscores_'],
  ['', undefined],
])('label %s becomes %s', (key, want) => {
  expect(labelName(key, full)).toBe(want);
  expect(labelName(key, none)).toBe(key || undefined);
});

test('a label of nothing but underscores is none', () => {
  expect([labelName('____', full), labelName('____', none)]).toEqual([undefined, undefined]);
});
