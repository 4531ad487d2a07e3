import { noContext } from '../../../internal/core/consumer.ts';
import type { Payload } from '../../../internal/otlp/payload.ts';
import { loadOracle } from '../../../internal/testkit/oracle.ts';
import { metricOf, metricsPayload, pointsIn } from '../../../internal/testkit/points.ts';
import { type Answer, RecordingConsumer, TestAccount, testSettings } from '../../../internal/testkit/settings.ts';
import { schema } from '../config.ts';
import factory from '../index.ts';

export const oracle = await loadOracle();
export const DELTA = 1;

/** A processor with all that a test looks at. */
export function start(config: object = {}, answer?: Answer) {
  const next = new RecordingConsumer(answer);
  const account = new TestAccount();
  const settings = testSettings({ id: 'd', kind: 'processor', signal: 'metrics', account });
  const processor = factory.create(settings, schema.parse(config), next);
  const send = (payload: Payload) => processor.consume(payload, noContext);
  const value = (name: string, labels = {}) => settings.meter.value(name, { processor: 'd', ...labels });
  return {
    processor,
    next,
    settings,
    account,
    send,
    sum: (...points: object[]) => send(metricsPayload(oracle, [metricOf('m', 'sum', DELTA, points)])),
    histogram: (...points: object[]) => send(metricsPayload(oracle, [metricOf('h', 'histogram', DELTA, points)])),
    exponential: (...points: object[]) =>
      send(metricsPayload(oracle, [metricOf('e', 'exponentialHistogram', DELTA, points)])),
    points: () => pointsIn(oracle, next.taken),
    ints: () => pointsIn(oracle, next.taken).map((each) => each.asInt),
    dropped: (error: string) => value('otelcol_deltatocumulative_datapoints', { error }),
    streams: () => value('otelcol_deltatocumulative_streams_tracked'),
    bytes: () => value('sluice_deltatocumulative_state_bytes'),
  };
}
