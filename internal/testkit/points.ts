import type { Payload } from '../otlp/payload.ts';
import { asPayload } from './generate.ts';
import type { Oracle } from './oracle.ts';

/** Messages as protobufjs has them. */
type Loose = any;

export const attributesOf = (of: Readonly<Record<string, string | number>>) =>
  Object.entries(of).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { intValue: value },
  }));

const kinds = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;
export type PointKind = (typeof kinds)[number];

/** A metric of this kind; a point may say `attributes` as a plain object, times and counts as bigints or numbers. */
export function metricOf(name: string, kind: PointKind, temporality: number, points: readonly Loose[], more = {}) {
  const dataPoints = points.map((point) => ({ ...point, attributes: attributesOf(point.attributes ?? {}) }));
  const data: Loose = { dataPoints };
  if (kind !== 'gauge' && kind !== 'summary') data.aggregationTemporality = temporality;
  if (kind === 'sum') data.isMonotonic = true;
  return { name, unit: '1', [kind]: { ...data, ...more } };
}

/** A point of a sum that began at 10. */
export const at = (time: number | bigint, asInt: number | bigint, more: object = {}) => ({
  startTimeUnixNano: 10n,
  timeUnixNano: time,
  asInt,
  ...more,
});

/** One request; metrics of one resource and scope, or with `groups` all of it as protobufjs has it. */
export function metricsPayload(
  oracle: Oracle,
  metrics: readonly Loose[],
  resource: Readonly<Record<string, string>> = { 'service.name': 'shop' },
): Payload {
  return groupsPayload(oracle, [
    { resource: { attributes: attributesOf(resource) }, scopeMetrics: [{ scope: { name: 'lib' }, metrics }] },
  ]);
}

export function groupsPayload(oracle: Oracle, resourceMetrics: readonly Loose[]): Payload {
  const type = oracle.request('metrics');
  const exact = (value: Loose): Loose => {
    if (typeof value === 'bigint') return String(value);
    if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(exact);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, exact(each)]));
  };
  return asPayload('metrics', type.encode(type.fromObject(exact({ resourceMetrics }))).finish());
}

/** All points in order, 64-bit values as text; `temporality`, `name` and `kind` of their metric, attributes as a plain object. */
export function pointsIn(oracle: Oracle, batches: readonly Payload[]): Loose[] {
  const bytes = Buffer.concat(batches.flatMap(({ chunks }) => chunks));
  const read = oracle.read('metrics', bytes) as Loose;
  const found: Loose[] = [];
  for (const { scopeMetrics = [] } of read.resourceMetrics ?? []) {
    for (const { metrics = [] } of scopeMetrics) {
      for (const metric of metrics) {
        const kind = kinds.find((each) => metric[each]);
        if (!kind) continue;
        const { dataPoints = [], aggregationTemporality: temporality } = metric[kind];
        for (const { attributes = [], ...point } of dataPoints) {
          const pairs = attributes.map(({ key, value }: Loose) => [key, value.stringValue ?? value.intValue]);
          found.push({ name: metric.name, kind, temporality, ...point, attributes: Object.fromEntries(pairs) });
        }
      }
    }
  }
  return found;
}
