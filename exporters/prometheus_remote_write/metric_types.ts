import type { MetricType } from '../../internal/prometheus/families.ts';

/** MetricMetadata.MetricType of version 1 and Metadata.MetricType of version 2: the same numbers. */
export const metricTypes: Readonly<Record<MetricType, number>> = {
  unknown: 0,
  counter: 1,
  gauge: 2,
  histogram: 3,
  gaugehistogram: 4,
  summary: 5,
  info: 6,
  stateset: 7,
};
