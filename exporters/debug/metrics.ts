import type { Payload } from '../../internal/otlp/payload.ts';
import type { Metric } from '../../internal/otlp/view/metric.ts';
import { walkMetrics } from '../../internal/otlp/view/walk.ts';
import { resourceHeading, scopeHeading } from './headings.ts';
import { writePoints } from './points.ts';
import { brief, named, pairs, scopeTitle, Text, temporalities } from './text.ts';
import { pointValues } from './values.ts';

const kinds = {
  gauge: 'Gauge',
  sum: 'Sum',
  histogram: 'Histogram',
  exponentialHistogram: 'ExponentialHistogram',
  summary: 'Summary',
} as const;

/** One line for each data point. */
export function normalMetrics(batch: Payload): string {
  const text = new Text();
  const walk = walkMetrics(batch);
  for (let r = 0; walk.nextResource(); r++) {
    const { resource } = walk;
    text.line(
      `ResourceMetrics #${r}${resource.schemaUrl && ` [${resource.schemaUrl}]`}${brief(resource.resource.attributes)}`,
    );
    for (let s = 0; walk.nextScope(); s++) {
      const { scope } = walk;
      text.line(`ScopeMetrics #${s}${scopeTitle(scope.scope, scope.schemaUrl)}${brief(scope.scope.attributes)}`);
      while (walk.nextRecord() && text.record()) writeBrief(text, walk.record);
    }
  }
  return text.toString();
}

function writeBrief(text: Text, metric: Metric): void {
  const points = metric.data?.points;
  for (let point = points?.next(); point; point = points?.next()) {
    text.line(`${metric.name}{${pairs(point.attributes).join(',')}} ${pointValues(point)}`);
  }
}

/** Everything there is, on many lines. */
export function detailedMetrics(batch: Payload): string {
  const text = new Text();
  const walk = walkMetrics(batch);
  for (let r = 0; walk.nextResource(); r++) {
    resourceHeading(text, 'ResourceMetrics', r, walk.resource);
    for (let s = 0; walk.nextScope(); s++) {
      scopeHeading(text, 'ScopeMetrics', s, walk.scope);
      for (let i = 0; walk.nextRecord() && text.record(); i++) writeMetric(text, i, walk.record);
    }
  }
  return text.toString();
}

function writeMetric(text: Text, index: number, metric: Metric): void {
  const { kind } = metric;
  text.line(`Metric #${index}`);
  text.line('Descriptor:');
  text.line(`     -> Name: ${metric.name}`);
  text.line(`     -> Description: ${metric.description}`);
  text.line(`     -> Unit: ${metric.unit}`);
  text.line(`     -> DataType: ${kind ? kinds[kind] : 'Empty'}`);
  text.attributes('-> Metadata', metric.metadata, '     ');
  if (kind === 'sum') text.line(`     -> IsMonotonic: ${metric.sum.isMonotonic}`);
  if (kind && kind !== 'gauge' && kind !== 'summary') {
    text.line(`     -> AggregationTemporality: ${named(temporalities, metric[kind].aggregationTemporality)}`);
  }
  writePoints(text, metric);
}
