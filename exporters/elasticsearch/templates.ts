import { readError } from './answer.ts';
import type { ElasticsearchClient } from './client.ts';

/** What a template is written with. */
export type Api = Pick<ElasticsearchClient, 'api'>;

/** Above Elastic's own templates for OpenTelemetry, which are at 120. */
const PRIORITY = 150;
const COMPONENT = 'sluice-otel-mappings';

const keyword = { type: 'keyword', ignore_above: 8191 };
const nanos = { type: 'date_nanos' };
const long = { type: 'long' };
/** Dotted keys are fields of their own here, so that `a` and `a.b` can both have a value. */
const attributes = { type: 'object', subobjects: false, dynamic: true };

const properties = {
  '@timestamp': nanos,
  observed_timestamp: nanos,
  start_timestamp: nanos,
  data_stream: { properties: { type: keyword, dataset: keyword, namespace: keyword } },
  trace_id: keyword,
  span_id: keyword,
  parent_span_id: keyword,
  trace_state: keyword,
  name: keyword,
  kind: keyword,
  duration: long,
  status: { properties: { code: keyword, message: keyword } },
  severity_text: keyword,
  severity_number: { type: 'short' },
  event_name: keyword,
  unit: keyword,
  dropped_attributes_count: long,
  dropped_events_count: long,
  dropped_links_count: long,
  _metric_names_hash: keyword,
  attributes,
  resource: { properties: { schema_url: keyword, dropped_attributes_count: long, attributes } },
  scope: {
    properties: { name: keyword, version: keyword, schema_url: keyword, dropped_attributes_count: long, attributes },
  },
  links: {
    properties: {
      trace_id: keyword,
      span_id: keyword,
      trace_state: keyword,
      dropped_attributes_count: long,
      attributes,
    },
  },
  // Bodies of all shapes meet here: kept and searchable as keywords, but no field each.
  body: { properties: { text: { type: 'text' }, structured: { type: 'flattened' } } },
  metrics: attributes,
};

/** How histograms are mapped; a trimmed build of Elasticsearch lacks the type. */
const histogram = { type: 'histogram' };
/** In its place: counts and values as fields of their own. */
const plainHistogram = { type: 'object' };

function mappings(ofHistograms: object): object {
  const number = (type: 'double' | 'long') => ({ mapping: { type } });
  return {
    dynamic_templates: [
      // The exporter names these for each metric.
      { gauge_double: number('double') },
      { gauge_long: number('long') },
      { counter_double: number('double') },
      { counter_long: number('long') },
      { histogram: { mapping: ofHistograms } },
      { summary: { mapping: { type: 'object' } } },
      { strings: { match_mapping_type: 'string', mapping: keyword } },
    ],
    date_detection: false,
    properties,
  };
}

const settings = {
  mapping: { total_fields: { limit: 2000, ignore_dynamic_beyond_limit: true }, ignore_malformed: true },
};

/**
 * Writes the component template and the index templates of the mapping mode `otel`. Writing them again changes nothing.
 *
 * @returns why that failed
 */
export async function installTemplates(client: Api): Promise<string | undefined> {
  const probe = { index_patterns: ['sluice-probe-*'], template: { mappings: { properties: { probe: histogram } } } };
  const lacking = await write(client, 'POST', '/_index_template/_simulate', probe);
  if (lacking !== undefined && !/No handler for type|mapper type .* does not exist/.test(lacking)) return lacking;
  const mapped = mappings(lacking === undefined ? histogram : plainHistogram);
  const component = { template: { settings, mappings: mapped }, _meta: meta };
  const refused = await write(client, 'PUT', `/_component_template/${COMPONENT}`, component);
  if (refused !== undefined) return refused;
  for (const signal of ['logs', 'traces', 'metrics']) {
    const problem = await write(client, 'PUT', `/_index_template/sluice-${signal}-otel`, {
      index_patterns: [`${signal}-*.otel-*`],
      composed_of: [COMPONENT],
      priority: PRIORITY,
      data_stream: {},
      _meta: meta,
    });
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** What `installTemplates` writes. */
export const templateNames: readonly string[] = [
  COMPONENT,
  ...['logs', 'traces', 'metrics'].map((signal) => `sluice-${signal}-otel`),
];

const meta = { managed_by: 'sluice' };

/** @returns why it was refused, with the innermost cause */
async function write(client: Api, method: 'PUT' | 'POST', path: string, body: object): Promise<string | undefined> {
  const answer = await client.api({ method, path, body });
  if ('error' in answer) return answer.error.message;
  if (answer.status < 300) return undefined;
  const { type, reason } = readError(answer.text);
  const cause = /.*"reason":"((?:[^"\\]|\\.)*)"/s.exec(answer.text)?.[1];
  const why = cause && cause !== reason ? `${reason}: ${cause}` : reason;
  return `${answer.node} answered ${answer.status} to ${method} ${path}: ${type} ${why}`;
}
