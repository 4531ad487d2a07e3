import { encodeValue, plainOf } from '../otlp/attributes/encode.ts';
import type { LogRecord } from '../otlp/view/log_record.ts';
import type { Metric } from '../otlp/view/metric.ts';
import type { ResourceGroup, ScopeGroup } from '../otlp/view/resource.ts';
import type { Span } from '../otlp/view/span.ts';
import type { AnyValue, Attributes } from '../otlp/view/value.ts';
import { valueText, withoutExponent } from '../otlp/view/value_text.ts';
import { regexOf } from '../ottl/index.ts';
import type { MatchConfig } from './match_config.ts';

type Text = (text: string) => boolean;
type OnGroup = (resource: ResourceGroup, scope: ScopeGroup) => boolean;

/** A matcher for one kind of record: what depends on resource and scope alone is asked apart, once for all their records. */
export interface Matcher<R> {
  readonly group: OnGroup;
  readonly record: (record: R) => boolean;
}

const kinds = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
  (kind) => `SPAN_KIND_${kind}`,
);

export function spanMatcher(config: MatchConfig): Matcher<Span> {
  const names = anyOf(config, config.span_names);
  const spanKinds = anyOf(config, config.span_kinds);
  const attributes = attributesMatch(config, config.attributes);
  return {
    group: groupMatch(config),
    record: (span) =>
      (!names || names(span.name)) &&
      (!spanKinds || spanKinds(kinds[span.kind] ?? '')) &&
      (!attributes || attributes(span.attributes)),
  };
}

export function logMatcher(config: MatchConfig): Matcher<LogRecord> {
  const bodies = anyOf(config, config.log_bodies);
  const severities = anyOf(config, config.log_severity_texts);
  const number = config.log_severity_number;
  const attributes = attributesMatch(config, config.attributes);
  return {
    group: groupMatch(config),
    record: (log) => {
      if (bodies && !bodies(valueText(log.body.plain()))) return false;
      if (severities && !severities(log.severityText)) return false;
      if (number) {
        const severity = log.severityNumber;
        if (severity === 0 ? !number.match_undefined : severity < number.min) return false;
      }
      return !attributes || attributes(log.attributes);
    },
  };
}

export function metricMatcher(config: MatchConfig): Matcher<Metric> {
  const names = anyOf(config, config.metric_names);
  return { group: groupMatch(config), record: (metric) => !names || names(metric.name) };
}

function groupMatch(config: MatchConfig): OnGroup {
  const services = anyOf(config, config.services);
  const resources = attributesMatch(config, config.resources);
  const libraries = config.libraries.map(({ name, version }) => ({
    name: anyOf(config, [name])!,
    version: version == null ? undefined : anyOf(config, [version]),
  }));
  return ({ resource }, group) => {
    if (services && !services(serviceName(resource.attributes))) return false;
    for (const { name, version } of libraries) {
      if (!name(group.scope.name) || (version && !version(group.scope.version))) return false;
    }
    return !resources || resources(resource.attributes);
  };
}

const serviceNameKey = Buffer.from('service.name');

function serviceName(attributes: Attributes): string {
  const found = attributes.find(serviceNameKey);
  return found ? valueText(found.value.plain()) : '<nil-service-name>';
}

/** Undefined where the list is empty: then everything matches. */
function anyOf({ match_type }: MatchConfig, list: readonly string[]): Text | undefined {
  if (list.length === 0) return undefined;
  if (match_type === 'strict') {
    const all = new Set(list);
    return (text) => all.has(text);
  }
  const regexes = list.map(regexOf);
  return (text) => regexes.some((regex) => regex.test(text));
}

type Pair = { readonly key: string; readonly value?: unknown };

function attributesMatch(
  config: MatchConfig,
  pairs: readonly Pair[],
): ((attributes: Attributes) => boolean) | undefined {
  if (pairs.length === 0) return undefined;
  const all = pairs.map(({ key, value }) => ({
    key: Buffer.from(key),
    test: value === undefined ? undefined : valueMatch(config, value),
  }));
  return (attributes) => {
    for (const { key, test } of all) {
      const found = attributes.find(key);
      if (!found || (test && !test(found.value))) return false;
    }
    return true;
  };
}

function valueMatch({ match_type }: MatchConfig, wanted: unknown): (value: AnyValue) => boolean {
  if (match_type === 'regexp') {
    const regex = regexOf(String(wanted));
    return (value) => {
      const plain = value.plain();
      if (typeof plain === 'number') return regex.test(withoutExponent(plain));
      return plain !== undefined && typeof plain !== 'object' && regex.test(valueText(plain));
    };
  }
  const plain = plainOf(wanted);
  if (typeof plain === 'string') {
    const bytes = Buffer.from(plain);
    return (value) => value.stringIs(bytes);
  }
  if (typeof plain !== 'object') return (value) => value.plain() === plain;
  const encoded = encodeValue(plain);
  return (value) => Buffer.compare(encodeValue(value.plain()), encoded) === 0;
}
