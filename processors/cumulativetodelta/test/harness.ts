import { noContext } from '../../../internal/core/consumer.ts';
import type { Payload } from '../../../internal/otlp/payload.ts';
import { FakeClock } from '../../../internal/testkit/clock.ts';
import { loadOracle } from '../../../internal/testkit/oracle.ts';
import { metricOf, metricsPayload, type PointKind, pointsIn } from '../../../internal/testkit/points.ts';
import { type Answer, RecordingConsumer, TestAccount, testSettings } from '../../../internal/testkit/settings.ts';
import { schema } from '../config.ts';
import factory from '../index.ts';

export const oracle = await loadOracle();
const CUMULATIVE = 2;

/** A processor with all that a test looks at. */
export function start(config: object = { initial_value: 'keep' }, answer?: Answer, clock = new FakeClock()) {
  const next = new RecordingConsumer(answer);
  const account = new TestAccount();
  const settings = { ...testSettings({ id: 'c', kind: 'processor', signal: 'metrics', account }), clock };
  const processor = factory.create(settings, schema.parse(config), next);
  const send = (payload: Payload) => processor.consume(payload, noContext);
  const value = (name: string, labels = {}) => settings.meter.value(name, { processor: 'c', ...labels });
  const of =
    (name: string, kind: PointKind) =>
    (...points: object[]) =>
      send(metricsPayload(oracle, [metricOf(name, kind, CUMULATIVE, points)]));
  return {
    processor,
    next,
    settings,
    account,
    send,
    sum: of('m', 'sum'),
    histogram: of('h', 'histogram'),
    exponential: of('e', 'exponentialHistogram'),
    points: () => pointsIn(oracle, next.taken),
    ints: () => pointsIn(oracle, next.taken).map((each) => each.asInt),
    dropped: (reason: string, metric_type = 'sum') =>
      value('otelcol_cumulativetodelta_datapoints_dropped', { reason, metric_type }),
    converted: (metric_type = 'sum') => value('otelcol_cumulativetodelta_datapoints', { metric_type }),
    streams: () => value('otelcol_cumulativetodelta_streams_tracked'),
    bytes: () => value('sluice_cumulativetodelta_state_bytes'),
  };
}

/** A histogram of one bound. */
export const explicit = (time: number, bucketCounts: number[], more: object = {}) => ({
  startTimeUnixNano: 10,
  timeUnixNano: time,
  count: bucketCounts.reduce((sum, each) => sum + each, 0),
  sum: time,
  bucketCounts,
  explicitBounds: [5],
  min: 1,
  max: 9,
  ...more,
});

/** An exponential histogram with one value in its zero bucket. */
export const spread = (time: number, scale: number, offset: number, bucketCounts: number[], more: object = {}) => ({
  startTimeUnixNano: 10,
  timeUnixNano: time,
  count: bucketCounts.reduce((sum, each) => sum + each, 1),
  sum: time,
  scale,
  zeroCount: 1,
  positive: { offset, bucketCounts },
  min: 1,
  max: 9,
  ...more,
});
