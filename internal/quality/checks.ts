import type { Clock } from '../core/clock.ts';
import type { LogRecord } from '../otlp/view/log_record.ts';
import type { Metric } from '../otlp/view/metric.ts';
import type { DataPoint } from '../otlp/view/point.ts';
import type { Span } from '../otlp/view/span.ts';
import type { Attributes } from '../otlp/view/value.ts';
import { valueText } from '../otlp/view/value_text.ts';
import { regexOf } from '../ottl/index.ts';
import type { Distinct } from './distinct.ts';
import type { Rule } from './rules.ts';

/** What is judged: a resource, which has attributes alone, or an item. */
export interface Subject {
  attributes: Attributes;
  span?: Span | undefined;
  log?: LogRecord | undefined;
  metric?: Metric | undefined;
  point?: DataPoint | undefined;
}

/** The spans of the batch at hand, by `spanKey`. */
export type Present = ReadonlySet<string>;

/** @returns what is wrong, with an example of it; undefined where nothing is */
export type Test = (subject: Subject, present: Present) => string | undefined;

/** @param distinct what a check of cardinality has seen; there for those alone */
export function compileCheck(rule: Rule, clock: Clock, distinct: Distinct | undefined): Test {
  const { required, forbidden, allowed, type, name_pattern, timestamp_within, max_cardinality } = rule;
  if (required) {
    return missing(required);
  }
  if (forbidden) {
    const keys = forbidden.map((key) => Buffer.from(key));
    return ({ attributes }) => {
      const found = keys.findIndex((key) => attributes.find(key));
      return found < 0 ? undefined : forbidden[found];
    };
  }
  if (allowed) {
    const key = Buffer.from(allowed.attribute);
    const values = new Set(allowed.values);
    return ({ attributes }) => {
      const value = attributes.find(key)?.value;
      if (!value) return undefined;
      const text = valueText(value.plain());
      return values.has(text) ? undefined : `${allowed.attribute}=${text}`;
    };
  }
  if (type) {
    const key = Buffer.from(type.attribute);
    return ({ attributes }) => {
      const kind = attributes.find(key)?.value.kind ?? type.is;
      return kind === type.is ? undefined : `${type.attribute} is ${kind}`;
    };
  }
  if (name_pattern !== undefined) return named(name_pattern);
  if (timestamp_within) {
    const { past, future } = timestamp_within;
    return (subject) => {
      const away = Number(timeOf(subject) / 1_000_000n) - clock.now();
      return away >= -past && away <= future ? undefined : `${Math.round(away / 1000)} s from now`;
    };
  }
  if (max_cardinality && distinct) {
    const { attribute } = max_cardinality;
    const key = Buffer.from(attribute ?? '');
    return (subject) => {
      const value = attribute === undefined ? undefined : subject.attributes.find(key)?.value;
      if (attribute !== undefined && !value) return undefined;
      const text = value ? valueText(value.plain()) : nameOf(subject);
      return distinct.admits(text, clock.monotonic()) ? undefined : `${attribute ?? 'name'}=${text}`;
    };
  }
  if (rule.parent_present) return orphan;
  if (rule.valid_ids) return badIds;
  return ({ metric }) => (metric && metric.unit === '' ? metric.name : undefined);
}

function missing(names: readonly string[]): Test {
  const keys = names.map((key) => Buffer.from(key));
  return ({ attributes }) => {
    const lacking = keys.findIndex((key) => {
      const value = attributes.find(key)?.value;
      return !value || value.kind === 'empty' || (value.kind === 'string' && value.stringValue === '');
    });
    return lacking < 0 ? undefined : names[lacking];
  };
}

function named(pattern: string): Test {
  const regex = regexOf(pattern);
  return (subject) => {
    const name = nameOf(subject);
    return regex.test(name) ? undefined : name;
  };
}

function nameOf({ span, log, metric }: Subject): string {
  return span?.name ?? log?.eventName ?? metric?.name ?? '';
}

/** Nanoseconds since 1970; a log record without a time has the one at which it was observed. */
function timeOf({ span, log, point }: Subject): bigint {
  if (span) return span.endTimeUnixNano;
  if (log) return log.timeUnixNano || log.observedTimeUnixNano;
  return point?.timeUnixNano ?? 0n;
}

const orphan: Test = ({ span }, present) => {
  if (!span || span.parentSpanId.length === 0) return undefined;
  const parent = spanKey(span.traceId, span.parentSpanId);
  return present.has(parent) ? undefined : `${span.name}: no parent ${hex(span.parentSpanId)} in the batch`;
};

const badIds: Test = ({ span, log }) => {
  const ids = span ?? log;
  if (!ids) return undefined;
  const { traceId, spanId } = ids;
  if (log && traceId.length + spanId.length === 0) return undefined;
  return isId(traceId, 16) && isId(spanId, 8) ? undefined : `trace id ${hex(traceId)}, span id ${hex(spanId)}`;
};

function isId(id: Uint8Array, size: number): boolean {
  return id.length === size && id.some((byte) => byte !== 0);
}

export function spanKey(traceId: Uint8Array, spanId: Uint8Array): string {
  return latin1(traceId) + latin1(spanId);
}

/** A character for each byte: a key. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
