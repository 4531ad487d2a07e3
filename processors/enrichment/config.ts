import { z } from 'zod';
import { byteSize, defaulted, duration, enumeration, integer, object, section } from '../../internal/config/fields.ts';
import { detectorName } from '../../internal/detection/config.ts';
import { httpRequestFields } from '../../internal/net/http/client_fields.ts';

const place = enumeration(['resource', 'scope', 'record']);
const conflict = () => enumeration(['keep', 'overwrite', 'prefix']);
const scalar = z.union([z.string(), z.number(), z.boolean()]);

function cacheFields() {
  return {
    cache_max_entries: integer().min(1).default(10_000).describe('Answers kept.'),
    cache_max_bytes: byteSize()
      .default(8 << 20)
      .describe('Bytes of the answers kept.'),
  };
}

/** How a source that has to be asked is asked. */
function lookupFields() {
  return {
    timeout: duration('2s').describe('Longest a lookup may take.'),
    ttl: duration('5m').describe('How long an answer is used.'),
    negative_ttl: duration('30s').describe('How long a miss or a failure is remembered.'),
    max_in_flight: integer().min(1).max(1000).default(8).describe('Lookups at the same time.'),
    max_waiting: integer().min(0).max(100_000).default(1000).describe('Lookups that may wait besides.'),
    ...cacheFields(),
    failures_to_open: integer().min(1).default(5).describe('Failures in a row after which nothing is asked.'),
    open_for: duration('10s').describe('How long nothing is asked then.'),
  };
}

const sourceSchema = object({
  name: z.string().min(1).describe('Names the source in metrics, logs and prefixes.'),
  type: enumeration(['static', 'env', 'detect', 'file', 'http', 'dns', 'geoip']).describe('Where the facts come from.'),
  key: z
    .string()
    .regex(/^(resource|scope|record)\../, 'expected resource., scope. or record. and an attribute')
    .optional()
    .describe('Attribute whose value is looked up, such as resource.service.name.'),
  target: place.optional().describe('Where facts are written. Default: where the key is, else the resource.'),
  write: z
    .record(z.string().min(1), z.string().min(1))
    .optional()
    .describe('Field to attribute name. Default: each field by its own name.'),
  conflict: conflict()
    .optional()
    .describe('What happens to an attribute that is there already. Default: the processor’s.'),
  detectors: z
    .array(detectorName())
    .min(1, 'expected at least one detector')
    .optional()
    .describe('detect: as in resourcedetection. Default: host, operating system, container and pod, asking nobody.'),
  values: z.record(z.string(), scalar).optional().describe('static: facts for every target.'),
  entries: z.record(z.string(), z.record(z.string(), scalar)).optional().describe('static: facts by key.'),
  path: z.string().min(1).optional().describe('file: YAML, JSON or CSV. geoip: a MaxMind DB file (.mmdb).'),
  format: enumeration(['yaml', 'json', 'csv']).optional().describe('file: default by the name’s ending.'),
  key_field: z.string().min(1).default('key').describe('file: the field that holds the key, in CSV and in lists.'),
  reload_interval: duration('5s').describe('file, geoip: how often it is looked at for a change.'),
  max_entries: integer().min(1).max(1_000_000).default(100_000).describe('file: entries beyond are skipped.'),
  max_file_bytes: byteSize().optional().describe('A larger file is refused. Default: 64 MiB, geoip 512 MiB.'),
  http: section(
    object({
      url: z
        .string()
        .regex(/^https?:\/\/[^/{}]+\/.*\{key\}/, 'expected http://host/path with {key} behind the host')
        .describe('{key} stands for the key, percent-encoded.'),
      ...lookupFields(),
      max_answer_bytes: byteSize()
        .default(64 << 10)
        .describe('A larger answer is a failure.'),
      ...httpRequestFields(),
    }),
  ),
  dns: defaulted(
    object({
      ...lookupFields(),
      servers: z
        .array(z.string())
        .default([])
        .describe('Addresses of name servers, with or without port. Default: the system’s.'),
    }),
  ),
  geoip: defaulted(object(cacheFields())),
}).superRefine((source, ctx) => {
  const issue = (message: string, path: string) => ctx.addIssue({ code: 'custom', message, path: [path] });
  if ((source.type === 'file' || source.type === 'geoip') && source.path === undefined)
    issue('expected the path of a file', 'path');
  if (source.type === 'http' && !source.http) issue('expected a section with a url', 'http');
  if (source.type === 'static' && (source.values === undefined) === (source.entries === undefined)) {
    issue('expected either values, or entries by key', 'values');
  }
  const keyed = ['file', 'http', 'dns', 'geoip'].includes(source.type) || source.entries !== undefined;
  if (keyed && source.key === undefined) issue('expected what to look up, such as resource.service.name', 'key');
  if (source.type === 'dns' && !source.write?.name) issue('expected { name: attribute }', 'write');
  if (source.type === 'env' && !source.write) issue('expected environment variable: attribute name', 'write');
  const from = places.indexOf(source.key?.split('.', 1)[0] ?? 'resource');
  if (source.target && places.indexOf(source.target) < from) {
    issue(`expected a target that is no wider than the key’s place, got ${source.target}`, 'target');
  }
});

const places = ['resource', 'scope', 'record'];

export const schema = defaulted(
  object({
    sources: z
      .array(sourceSchema)
      .max(32)
      .default([])
      .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'expected names that differ')
      .describe('All are looked up side by side; facts are merged in this order.'),
    conflict: conflict()
      .default('keep')
      .describe('Of an attribute that is there already. prefix: the new one is named source.attribute.'),
    timeout: duration('200ms').describe('Longest a batch waits for its lookups; then it goes on without.'),
    max_waiting_batches: integer().min(1).default(100).describe('Batches beyond go on without waiting.'),
    mark_incomplete: z
      .boolean()
      .default(false)
      .describe('Sets enrichment.incomplete where a source failed or was late.'),
    fill_service_name: z
      .boolean()
      .default(true)
      .describe('Fills an absent or unknown_service name from Kubernetes and process attributes.'),
    upgrade_semantic_conventions: z
      .union([enumeration(['off', 'by_schema_url', 'always']), z.boolean()])
      .transform((mode) => (typeof mode === 'string' ? mode : mode ? 'always' : 'off'))
      .prefault('by_schema_url')
      .describe(
        'Renames attributes of older semantic conventions where the new name is free. true is always, false is off.',
      ),
  }),
);

export type EnrichmentConfig = z.output<typeof schema>;
export type SourceConfig = z.output<typeof sourceSchema>;
