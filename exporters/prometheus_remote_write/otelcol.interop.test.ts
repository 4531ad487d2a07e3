import { expect, test, vi } from 'vitest';
import { startOtelcol } from '../../bench/peers/otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import {
  at,
  attributes,
  type Batch,
  exponential,
  gauge,
  histogram,
  metrics,
  sum,
  summary,
} from '../../internal/prometheus/test/metrics.ts';
import { Translator } from '../../internal/prometheus/translate.ts';
import { schema } from './config.ts';
import { FakeServer } from './test/fake_server.ts';
import { type ReadSeries, readMessage } from './test/oracle.ts';
import { translationOf } from './translation.ts';
import { V1Builder } from './v1.ts';
import { V2Builder } from './v2.ts';

/*
 * The same metrics through the Go collector's exporter and through this one: the same series, values and exemplars.
 * Left out is where this one means to differ: delta points, labels `le` of histograms, exemplars where upstream has
 * none (2.0 histograms), runs of underscores in labels of target_info. Skipped where the peer can neither be found nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);

const names = [
  'http.server.duration',
  'queue_length',
  'requests_total',
  'ratio',
  '9lives',
  'a..b--c',
  'größe',
  'seconds',
  'x:y',
];
const units = ['', '1', 's', 'ms', 'By', 'By/s', '{request}', '{a}/s', '%', 'm/h', 'custom unit', '1/min', 'KiBy'];
const attributeSets: Record<string, string | number | boolean | object>[] = [
  {},
  { 'http.method': 'GET', 'http.status_code': 200, ok: true, share: 0.25 },
  { a_b: '2', 'a.b': '1', 'a-b': '1' },
  { '0digit': 'x', _hidden: 'y', __reserved__: 'z', 'ünï.cödé': 'ö', empty: '' },
  { job: 'mine', instance: 'mine', otel_scope_name: 'mine', cluster: 'mine' },
  { list: { arrayValue: { values: [{ intValue: '1' }, { stringValue: 'x' }] } }, bytes: { bytesValue: 'AQID' } },
  {
    map: {
      kvlistValue: {
        values: [
          { key: 'b', value: { boolValue: true } },
          { key: 'a', value: { doubleValue: 1e21 } },
        ],
      },
    },
  },
  { big: '9'.repeat(400), 'tab\tand "quote"': 'line\nbreak' },
];

const exemplars = [
  { asDouble: 0.4, timeUnixNano: at(3), traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' },
  { asInt: '7', timeUnixNano: at(4), filteredAttributes: attributes({ user: 'u' }) },
];

function batches(): Batch[] {
  const list: Batch[] = [];
  let n = 0;
  const next = <T>(from: readonly T[]): T => from[n++ % from.length]!;
  for (const name of names) {
    const metricsOf: object[] = [];
    for (const unit of units) {
      const key = `${name}.${units.indexOf(unit)}`;
      const point = (more = {}) => ({ at: n, start: -1000, attributes: next(attributeSets), ...more });
      metricsOf.push(
        gauge(`${key}.g`, [point({ value: n / 3 }), point({ value: String(-n) })], unit),
        sum(`${key}.c`, [point({ value: String(2n ** 53n + BigInt(n)), exemplars })], { unit }),
        sum(`${key}.u`, [point({ value: -1.5 })], { unit, monotonic: false }),
        histogram(
          `${key}.h`,
          [point({ count: '9', sum: 4.25, bucketCounts: ['1', '3', '5'], explicitBounds: [0.5, 1e6], exemplars })],
          2,
          unit,
        ),
        histogram(`${key}.i`, [point({ count: '2' })], 2, unit),
        exponential(`${key}.e`, [point(native(n))], 2, unit),
        summary(
          `${key}.s`,
          [
            point({
              count: '2',
              sum: 3,
              quantileValues: [
                { quantile: 0.999, value: 2 },
                { quantile: 1, value: 3 },
              ],
            }),
          ],
          unit,
        ),
        gauge(`${key}.z`, [point({ flags: 1 })], unit),
      );
    }
    const resource = {
      'service.name': `svc-${name}`,
      ...(n % 2 ? { 'service.namespace': 'ns', 'service.instance.id': `i${n}` } : {}),
      'host.name': 'h',
      'process.pid': n,
    };
    const scope =
      n % 3 ? { name: 'lib', version: '1', attributes: attributes({ 'build.id': 'b', name: 'hidden' }) } : {};
    list.push({ resource, scope, metrics: metricsOf });
  }
  list.push({ resource: {}, metrics: [gauge('nobody')] });
  return list;
}

function native(n: number): object {
  const scale = (n % 14) - 4;
  // Merging down, upstream counts what follows an empty bucket into the wrong one: none is empty there.
  const counts = scale > 8 ? ['1', '5', '2', '7', '3', '4'] : ['1', '0', '2', '0', '0', '0', '0', '3', '4'];
  return {
    count: '100',
    sum: 5,
    scale,
    zeroCount: '3',
    positive: { offset: (n % 40) - 20, bucketCounts: counts },
    negative: { offset: -n, bucketCounts: counts },
  };
}

/** One series as text, whatever the order of its labels and the layout of its buckets. */
function normalized(series: ReadSeries): string {
  const { labels, samples, histograms, metadata } = series;
  // Upstream's 2.0 has none of classic histograms.
  const of = metadata?.type === 'histogram' && samples.length > 0 ? [] : series.exemplars;
  return JSON.stringify({
    labels: Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)),
    samples: samples.map(({ value, timestamp, stale }) => [stale ? 'stale' : value, timestamp]),
    histograms: histograms.map((each: any) => ({
      ...{
        count: each.count_int,
        sum: each.sum,
        schema: each.schema,
        zero: each.zero_count_int,
        threshold: each.zero_threshold,
      },
      positive: populated(each.positive_spans, each.positive_deltas),
      negative: populated(each.negative_spans, each.negative_deltas),
      timestamp: each.timestamp,
    })),
    exemplars: of.map((each) => ({ ...each, labels: Object.entries(each.labels).sort() })),
    metadata,
  });
}

function populated(spans: { offset: number; length: number }[], deltas: number[]): [number, number][] {
  const counts: [number, number][] = [];
  let index = 0;
  let count = 0;
  let next = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let i = 0; i < length; i++) {
      count += deltas[next++]!;
      if (count !== 0) counts.push([index, count]);
      index++;
    }
  }
  return counts;
}

function ours(payload: Payload, config: Record<string, unknown>): string[] {
  const parsed = schema.parse({ endpoint: 'http://127.0.0.1:1/', ...config });
  const version = parsed.protobuf_message === 'prometheus.WriteRequest' ? 1 : 2;
  const builder = version === 1 ? new V1Builder<never>(false) : new V2Builder<never>();
  const translator = new Translator(translationOf(parsed), builder);
  translator.begin(payload, (reason, points) => {
    throw new Error(`${points} points skipped: ${reason}`);
  });
  translator.step();
  return readMessage(version, builder.build().message).series.map(normalized).sort();
}

const v2 = { protobuf_message: 'io.prometheus.write.v2.Request' };
const configs: Record<string, unknown>[] = [
  {},
  { add_metric_suffixes: false, namespace: 'ns' },
  {
    translation_strategy: 'UnderscoreEscapingWithSuffixes',
    external_labels: { cluster: 'c', 'data.center': 'd' },
    disable_scope_info: true,
  },
  { resource_to_telemetry_conversion: { enabled: true }, target_info: { enabled: false } },
  { resource_to_telemetry_conversion: { enabled: true, exclude_service_attributes: true } },
  { ...v2, translation_strategy: 'NoTranslation' },
  { ...v2, translation_strategy: 'NoUTF8EscapingWithSuffixes', namespace: 'ns' },
];

test.skipIf('missing' in found)('the Go collector makes the same series of the same metrics', async () => {
  const servers = await Promise.all(configs.map(() => new FakeServer().listen()));
  const exporters = configs.map(
    (config, i) => `  prometheusremotewrite/${i}: ${JSON.stringify({ endpoint: servers[i]!.url, ...config })}`,
  );
  const gate = '--feature-gates=exporter.prometheusremotewritexporter.enableSendingRW2';
  const otelcol = await startOtelcol({
    command: ['missing' in found ? '' : found.path, gate],
    yaml: `
receivers:
  otlp: { protocols: { http: { endpoint: '127.0.0.1:\${env:HTTP_PORT}' } } }
exporters:
${exporters.join('\n')}
service:
  telemetry: { logs: { level: error } }
  extensions: [health_check]
  pipelines:
${configs.map((_, i) => `    metrics/${i}: { receivers: [otlp], exporters: [prometheusremotewrite/${i}] }`).join('\n')}
extensions:
  health_check: { endpoint: '127.0.0.1:\${env:HEALTH_PORT}' }
`,
  });
  try {
    const payload = metrics(...batches());
    const answer = await fetch(`http://127.0.0.1:${otelcol.ports.http}/v1/metrics`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: Buffer.concat(payload.chunks) as never,
    });
    expect(answer.status).toBe(200);
    await vi.waitFor(() => expect(servers.every(({ seen }) => seen.length > 0)).toBe(true), 20_000);
    for (const [i, config] of configs.entries()) {
      const wanted = ours(payload, config);
      const series = () => servers[i]!.seen.flatMap(({ request }) => request.series.map(normalized)).sort();
      await vi.waitFor(() => expect(series().length).toBeGreaterThanOrEqual(wanted.length), 10_000);
      const theirs = new Set(series());
      const mine = new Set(wanted);
      const only = (of: ReadonlySet<string>, others: ReadonlySet<string>) =>
        [...of].filter((each) => !others.has(each)).slice(0, 4);
      expect({ config, mine: only(mine, theirs), theirs: only(theirs, mine) }).toEqual({
        config,
        mine: [],
        theirs: [],
      });
    }
  } finally {
    await otelcol.stop();
    for (const server of servers) server.close();
  }
});
