import { expect, test } from 'vitest';
import type { MetricLevel } from '../core/telemetry.ts';
import { createMeter } from './meter.ts';

function started(level: MetricLevel | 'none' = 'detailed', resource: Record<string, string | null> = {}) {
  const telemetry = { metrics: { level, prometheus: [], otlp: [] }, resource };
  return createMeter(telemetry, { name: 'sluice', version: '1.2.3' }, 'one');
}

const sent = { name: 'otelcol_exporter_sent_spans', help: 'Spans sent' };

/** Lines of the text that carry a value, as a map. */
async function values(handle: ReturnType<typeof started>): Promise<Record<string, number>> {
  const rows = (await handle.scrape()).split('\n').filter((line) => line && !line.startsWith('#'));
  return Object.fromEntries(
    rows.map((row) => [row.slice(0, row.lastIndexOf(' ')), Number(row.slice(row.lastIndexOf(' ')))]),
  );
}

test('a counter keeps its classic name, without _total, and says its type and help', async () => {
  const handle = started();
  handle.meter.counter({ ...sent, labels: { exporter: 'otlp' } }).add(41);
  const text = await handle.scrape();
  expect(text).toContain('# HELP otelcol_exporter_sent_spans Spans sent\n# TYPE otelcol_exporter_sent_spans counter\n');
  expect(text).toContain('otelcol_exporter_sent_spans{exporter="otlp"} 41\n');
});

test('asking again for a series gives the same one, so that totals survive a reload', async () => {
  const handle = started();
  handle.meter.counter({ ...sent, labels: { exporter: 'a', signal: 'x' } }).add(1);
  handle.meter.counter({ ...sent, labels: { signal: 'x', exporter: 'a' } }).add(2);
  expect((await values(handle))['otelcol_exporter_sent_spans{exporter="a",signal="x"}']).toBe(3);
});

test('series stand apart by their label values, whatever characters those have', async () => {
  const handle = started();
  const pairs = [
    ['a', 'b"'],
    ['a"', 'b'],
    ['a,b', ''],
    ['a', ',b'],
    ['\\', '\n'],
  ];
  for (const [x, y] of pairs) handle.meter.counter({ ...sent, labels: { x: x!, y: y! } }).add(1);
  expect(Object.values(await values(handle))).toEqual([1, 1, 1, 1, 1, 1]);
  expect(await handle.scrape()).toContain('{x="\\\\",y="\\n"} 1');
});

test.each([
  [
    'label names',
    { ...sent, labels: { receiver: 'otlp' } },
    /label names \{exporter\}, asked for now with \{receiver\}/,
  ],
  ['label names', { ...sent }, /label names \{exporter\}, asked for now with \{\}/],
])('other %s than before are an error that names both', (_, spec, message) => {
  const { meter } = started();
  meter.counter({ ...sent, labels: { exporter: 'otlp' } });
  expect(() => meter.counter(spec)).toThrow(message);
});

test('another type than before is an error', () => {
  const { meter } = started();
  meter.counter(sent);
  expect(() => meter.gauge(sent)).toThrow(/registered first with type \{counter\}, asked for now with \{gauge\}/);
});

test('other buckets than before, or buckets that do not ascend, are an error', () => {
  const { meter } = started();
  meter.histogram({ name: 'size', help: 'x', buckets: [1, 2] });
  expect(() => meter.histogram({ name: 'size', help: 'x', buckets: [1, 3] })).toThrow(/buckets \{1,2\}/);
  expect(() => meter.histogram({ name: 'other', help: 'x', buckets: [2, 1] })).toThrow(/must ascend/);
});

test('a name that Prometheus could not read is an error', () => {
  const { meter } = started();
  expect(() => meter.counter({ name: 'a-b', help: '' })).toThrow(/not a metric name/);
  expect(() => meter.counter({ name: 'a', help: '', labels: { 'b c': '' } })).toThrow(/not a label name/);
});

test('dotted names of OpenTelemetry are written with underscores', async () => {
  const handle = started();
  handle.meter.counter({ name: 'otelcol.exporter.items', help: '', labels: { 'otel.signal': 'traces' } }).add(1);
  expect(await values(handle)).toHaveProperty(['otelcol_exporter_items{otel_signal="traces"}'], 1);
});

test('a histogram counts cumulatively, bounds included', async () => {
  const handle = started();
  const histogram = handle.meter.histogram({ name: 'size', help: 'x', buckets: [1, 10], labels: { a: 'b' } });
  for (const value of [0, 1, 1.5, 10, 11]) histogram.record(value);
  expect(await values(handle)).toMatchObject({
    'size_bucket{a="b",le="1"}': 2,
    'size_bucket{a="b",le="10"}': 4,
    'size_bucket{a="b",le="+Inf"}': 5,
    'size_sum{a="b"}': 23.5,
    'size_count{a="b"}': 5,
  });
});

test('an observed series is read at each scrape and gone when ended', async () => {
  const handle = started();
  let held = 1;
  const end = handle.meter.observe({ name: 'held', help: 'x' }, () => held);
  held = 7;
  expect(await values(handle)).toHaveProperty('held', 7);
  end();
  expect(await handle.scrape()).not.toContain('held');
});

test('ending the observer of a replaced component leaves the new one alone', async () => {
  const handle = started();
  const endOld = handle.meter.observe({ name: 'held', help: 'x' }, () => 1);
  handle.meter.observe({ name: 'held', help: 'x' }, () => 2);
  endOld();
  expect(await values(handle)).toHaveProperty('held', 2);
});

test.each([
  ['none', []],
  ['basic', ['at_basic']],
  ['normal', ['at_basic', 'at_normal']],
  ['detailed', ['at_basic', 'at_normal', 'at_detailed']],
] as const)('level %s records what is at its level or coarser', async (level, want) => {
  const handle = started(level);
  for (const own of ['basic', 'normal', 'detailed'] as const) {
    handle.meter.counter({ name: `at_${own}`, help: '', level: own }).add(1);
  }
  expect(
    Object.keys(await values(handle))
      .filter((name) => name.startsWith('at_'))
      .sort(),
  ).toEqual([...want].sort());
});

test('the resource is on target_info alone, changed by the configuration', async () => {
  const handle = started('normal', { 'service.instance.id': null, 'k8s.pod.name': 'p-1', 'service.name': 'mine' });
  handle.meter.counter(sent).add(1);
  const rows = await values(handle);
  expect(rows).toEqual({
    otelcol_exporter_sent_spans: 1,
    'target_info{service_name="mine",service_version="1.2.3",k8s_pod_name="p-1"}': 1,
  });
});

test('label values without bound end in one overflow series, and no count is lost', async () => {
  const handle = started();
  for (let i = 0; i < 5000; i += 1) handle.meter.counter({ ...sent, labels: { exporter: String(i) } }).add(1);
  const rows = await values(handle);
  expect(rows['otelcol_exporter_sent_spans{otel_metric_overflow="true"}']).toBe(3000);
  expect(Object.keys(rows)).toHaveLength(2002);
});
