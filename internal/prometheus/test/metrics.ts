import { decodeJson } from '../../otlp/json.ts';
import type { Payload } from '../../otlp/payload.ts';
import { isMalformed } from '../../otlp/wire.ts';

/** 2023-11-14T22:13:20Z in milliseconds, and how OTLP/JSON writes times after it. */
export const T0 = 1_700_000_000_000;
export const at = (ms: number) => String(BigInt(T0 + ms) * 1_000_000n);

type Value = string | number | boolean | object;

export function attributes(of: Readonly<Record<string, Value>>): object[] {
  return Object.entries(of).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: Value): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  return value;
}

export interface Batch {
  readonly resource?: Readonly<Record<string, Value>>;
  readonly scope?: { name?: string; version?: string; attributes?: object[] };
  readonly metrics: readonly object[];
}

/** A request of OTLP metrics from its JSON; each batch becomes a resource with one scope. */
export function metrics(...batches: readonly Batch[]): Payload {
  const resourceMetrics = batches.map(({ resource = { 'service.name': 'shop' }, scope = {}, metrics: list }) => ({
    resource: { attributes: attributes(resource) },
    scopeMetrics: [{ scope, metrics: list }],
  }));
  const payload = decodeJson('metrics', JSON.stringify({ resourceMetrics }));
  if (isMalformed(payload)) throw new Error(payload.malformed);
  return payload;
}

export interface PointJson {
  readonly attributes?: Readonly<Record<string, Value>>;
  readonly value?: number | string;
  /** Milliseconds after T0. */
  readonly at?: number;
  readonly start?: number;
  readonly [other: string]: unknown;
}

function point({ attributes: of = {}, at: ms = 0, start, ...rest }: PointJson): object {
  return {
    attributes: attributes(of),
    timeUnixNano: at(ms),
    ...(start === undefined ? {} : { startTimeUnixNano: at(start) }),
    ...rest,
  };
}

function number({ value = 1, ...rest }: PointJson): object {
  return point({ ...(typeof value === 'string' ? { asInt: value } : { asDouble: String(value) }), ...rest });
}

export function gauge(name: string, points: readonly PointJson[] = [{}], unit = ''): object {
  return { name, unit, gauge: { dataPoints: points.map(number) } };
}

export const DELTA = 1;
export const CUMULATIVE = 2;

export function sum(
  name: string,
  points: readonly PointJson[] = [{}],
  {
    unit = '',
    monotonic = true,
    temporality = CUMULATIVE,
  }: { unit?: string; monotonic?: boolean; temporality?: number } = {},
): object {
  const dataPoints = points.map(number);
  return { name, unit, sum: { dataPoints, aggregationTemporality: temporality, isMonotonic: monotonic } };
}

export function histogram(name: string, points: readonly PointJson[], temporality = CUMULATIVE, unit = ''): object {
  return { name, unit, histogram: { dataPoints: points.map(point), aggregationTemporality: temporality } };
}

export function exponential(name: string, points: readonly PointJson[], temporality = CUMULATIVE, unit = ''): object {
  return { name, unit, exponentialHistogram: { dataPoints: points.map(point), aggregationTemporality: temporality } };
}

export function summary(name: string, points: readonly PointJson[], unit = ''): object {
  return { name, unit, summary: { dataPoints: points.map(point) } };
}
