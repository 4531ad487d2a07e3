import type { Signal } from '../../../internal/otlp/payload.ts';
import {
  any,
  attributes,
  boolean,
  double,
  duration,
  id,
  integer,
  listOf,
  matching,
  optional,
  text,
  time,
  word,
} from './codecs.ts';
import { own } from './frame.ts';
import { type Codec, said } from './reading.ts';
import { field, nested, type Spec } from './record.ts';
import { type Fields, Matcher, type Value } from './values.ts';

const nothing: Fields = new Map();
const none: readonly Value[] = [];

/** Text in the place of a record that says but one thing. */
function orText(codec: Codec, key: string): Codec {
  return {
    ...codec,
    read(node, at) {
      if (node.kind !== 'scalar') return codec.read(node, at);
      const value = { at: node.at, value: node };
      return codec.read({ kind: 'map', at: node.at, entries: new Map([[key, value]]) }, at);
    },
  };
}

const statusSpec: Spec = {
  code: field('code', word(['unset', 'ok', 'error']), 'unset'),
  message: field('message', text, ''),
};
const status = orText(nested(statusSpec), 'code');
const noStatus: Fields = new Map([
  ['code', 'unset'],
  ['message', ''],
]);

const scope = orText(
  nested({
    name: field('name', text, ''),
    version: field('version', text, ''),
    attributes: field('attributes', attributes, nothing),
  }),
  'name',
);
const noScope: Fields = new Map<string, Value>([
  ['name', ''],
  ['version', ''],
  ['attributes', nothing],
]);

/** What stands around each record. */
export const around: Spec = {
  resource: field('resource', attributes, nothing),
  schema_url: field('schemaUrl', text, ''),
  scope: field('scope', scope, noScope),
};

const event = nested({
  name: field('name', text, ''),
  time: field('timeUnixNano', time, '0s'),
  attributes: field('attributes', attributes, nothing),
});

const link = nested({
  trace: field('traceId', id('trace'), 'unset'),
  span: field('spanId', id('span'), 'unset'),
  trace_state: field('traceState', text, ''),
  attributes: field('attributes', attributes, nothing),
});

const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];

const spanSpec: Spec = {
  ...around,
  name: field('name', text, ''),
  kind: field('kind', word(kinds), 'unspecified'),
  trace: field('traceId', id('trace'), own),
  span: field('spanId', id('span'), own),
  parent: field('parentSpanId', id('span'), 'unset'),
  trace_state: field('traceState', text, ''),
  flags: field('flags', integer, 0n),
  start: field('startTimeUnixNano', time, '0s'),
  duration: field('duration', duration, '0s'),
  status: field('status', status, noStatus),
  attributes: field('attributes', attributes, nothing),
  events: field('events', listOf(event), none),
  links: field('links', listOf(link), none),
};

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
const severities = ['unspecified', ...levels.flatMap((name) => ['', '2', '3', '4'].map((step) => name + step))];

const logSpec: Spec = {
  ...around,
  time: field('timeUnixNano', time, '0s'),
  observed: field('observedTimeUnixNano', time, 'unset'),
  severity: field('severityNumber', word(severities), 'unspecified'),
  severity_text: field('severityText', text, ''),
  event: field('eventName', text, ''),
  body: field('body', any, null),
  trace: field('traceId', id('trace'), 'unset'),
  span: field('spanId', id('span'), 'unset'),
  flags: field('flags', integer, 0n),
  attributes: field('attributes', attributes, nothing),
};

const buckets = nested({ offset: field('offset', integer, 0n), buckets: field('bucketCounts', listOf(integer), none) });

/** An integer is written without a point, a double with one. */
const number: Codec = {
  ...any,
  read(node, at) {
    const value = any.read(node, at);
    if (value === undefined || typeof value === 'bigint' || typeof value === 'number' || value instanceof Matcher)
      return value;
    return at.wrong(node, `expected a number, got ${said(node)}`);
  },
};

/** Of all kinds of points: a record has what its kind has. `value` stands in one of two fields. */
const pointSpec: Spec = {
  attributes: field('attributes', attributes, nothing),
  start: field('startTimeUnixNano', time, 'unset'),
  time: field('timeUnixNano', time, '0s'),
  value: field('value', number),
  count: field('count', optional(integer)),
  sum: field('sum', optional(double)),
  min: field('min', optional(double)),
  max: field('max', optional(double)),
  bounds: field('explicitBounds', optional(listOf(double))),
  buckets: field('bucketCounts', optional(listOf(integer))),
  scale: field('scale', optional(integer)),
  zero_count: field('zeroCount', optional(integer)),
  zero_threshold: field('zeroThreshold', optional(double)),
  positive: field('positive', optional(buckets)),
  negative: field('negative', optional(buckets)),
  quantiles: field(
    'quantileValues',
    optional(listOf(nested({ quantile: field('quantile', double, 0), value: field('value', double, 0) }))),
  ),
  flags: field('flags', integer, 0n),
};

const common = ['attributes', 'start', 'time', 'flags'];
const summed = [...common, 'count', 'sum', 'min', 'max'];
/** What a point of each type of metric may have. */
export const pointFields: Readonly<Record<string, readonly string[]>> = {
  gauge: [...common, 'value'],
  sum: [...common, 'value'],
  histogram: [...summed, 'bounds', 'buckets'],
  exponential_histogram: [...summed, 'scale', 'zero_count', 'zero_threshold', 'positive', 'negative'],
  summary: [...common, 'count', 'sum', 'quantiles'],
};

const plainPoint = nested(pointSpec);
const point: Codec = matching({
  read: plainPoint.read,
  toJson(value, frame) {
    const { value: number, ...json } = plainPoint.toJson(value, frame) as Record<string, any>;
    const of = number as { intValue?: string; doubleValue?: number } | undefined;
    if (of && 'intValue' in of) return { ...json, asInt: of.intValue };
    return of && 'doubleValue' in of ? { ...json, asDouble: of.doubleValue } : json;
  },
  fromJson(json, frame) {
    const { asInt, asDouble, ...rest } = json;
    const value = asInt !== undefined ? { intValue: asInt } : asDouble !== undefined && { doubleValue: asDouble };
    const fields = new Map(plainPoint.fromJson({ ...rest, ...(value && { value }) }, frame) as Fields);
    if (!value) fields.delete('value');
    return fields;
  },
  ...(plainPoint.lean && { lean: plainPoint.lean }),
});

const metricSpec: Spec = {
  ...around,
  name: field('name', text, ''),
  description: field('description', text, ''),
  unit: field('unit', text, ''),
  type: field('type', word(['none', 'gauge', 'sum', 'histogram', 'exponential_histogram', 'summary']), 'gauge'),
  temporality: field('aggregationTemporality', word(['unspecified', 'delta', 'cumulative']), 'unspecified'),
  monotonic: field('isMonotonic', boolean, false),
  points: field('dataPoints', listOf(point), none),
};

export interface Kind {
  /** The key of its list in the short form, and how one of it is called. */
  readonly list: 'spans' | 'logs' | 'metrics';
  readonly one: 'span' | 'log' | 'metric';
  readonly signal: Signal;
  readonly spec: Spec;
  readonly groups: string;
  readonly scopes: string;
  readonly records: string;
}

export const kindsBySignal: Readonly<Record<Signal, Kind>> = {
  traces: {
    list: 'spans',
    one: 'span',
    signal: 'traces',
    spec: spanSpec,
    groups: 'resourceSpans',
    scopes: 'scopeSpans',
    records: 'spans',
  },
  logs: {
    list: 'logs',
    one: 'log',
    signal: 'logs',
    spec: logSpec,
    groups: 'resourceLogs',
    scopes: 'scopeLogs',
    records: 'logRecords',
  },
  metrics: {
    list: 'metrics',
    one: 'metric',
    signal: 'metrics',
    spec: metricSpec,
    groups: 'resourceMetrics',
    scopes: 'scopeMetrics',
    records: 'metrics',
  },
};
export const allKinds: readonly Kind[] = Object.values(kindsBySignal);
