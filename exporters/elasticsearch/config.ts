import { z } from 'zod';
import {
  byteSize,
  defaulted,
  duration,
  ignored,
  object,
  secret,
  section,
  unsupported,
  url,
} from '../../internal/config/fields.ts';
import { sendingQueue, timeout } from '../../internal/exporterhelper/index.ts';
import { httpConnectionFields, httpRequestFields } from '../../internal/net/http/client_fields.ts';
import { type MappingMode, mappingModes, modeNamed } from './modes.ts';
import { strftimeLetters } from './routing.ts';

const buffers = ignored('Node sizes its buffers by itself');
const dynamicIndex = ignored('documents are always routed by their attributes where no index is set');
const notLogged = unsupported('bodies are not logged; `sluice preview elasticsearch` shows what a batch becomes');

const switched = (what: string) => defaulted(object({ enabled: z.boolean().default(false).describe(what) }));

const index = (signal: string) =>
  z.string().default('').describe(`Index or data stream of all ${signal}; empty: by their attributes.`);

const mode = z
  .string()
  .transform((name, ctx): MappingMode => {
    const known = modeNamed(name);
    if (known) return known;
    const message = `expected one of ${mappingModes.join(', ')}, got ${JSON.stringify(name)}`;
    ctx.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .prefault('otel');

/** Retried for a request and for a document alike; 409 never is. */
const retryableStatuses = [429, 500, 502, 503, 504];

/**
 * Names and most defaults: exporter/elasticsearchexporter of the OpenTelemetry Collector's contrib repository. What
 * differs is said in docs/backends/elasticsearch.md.
 */
export const schema = object({
  endpoint: url().optional().describe('URL of Elasticsearch, such as https://localhost:9200.'),
  endpoints: z
    .array(url())
    .default([])
    .describe('URLs of several nodes, asked in turn; one that fails is left out for a while.'),
  cloudid: z.string().optional().describe('The Cloud ID of an Elastic Cloud deployment, in place of an endpoint.'),
  user: z.string().optional().describe('User name for basic authentication.'),
  password: secret().optional().describe('Its password.'),
  api_key: secret().optional().describe('API key in its encoded form.'),
  logs_index: index('logs'),
  metrics_index: index('metrics'),
  traces_index: index('traces'),
  logs_dynamic_index: dynamicIndex,
  metrics_dynamic_index: dynamicIndex,
  traces_dynamic_index: dynamicIndex,
  logs_dynamic_id: switched("The attribute `elasticsearch.document_id` is the document's id."),
  traces_dynamic_id: switched('The same for spans and their events.'),
  logs_dynamic_pipeline: switched('The attribute `elasticsearch.ingest_pipeline` names the ingest pipeline.'),
  pipeline: z.string().default('').describe('Ingest pipeline of all documents.'),
  document_ids: z
    .enum(['server', 'stable'])
    .default('server')
    .describe(
      '`stable`: the id is a hash of the document, so that a request repeated after a lost answer makes no duplicates.',
    ),
  logstash_format: defaulted(
    object({
      enabled: z.boolean().default(false).describe('The name of an index ends in a date.'),
      prefix_separator: z.string().default('-').describe('Between name and date.'),
      date_format: z
        .string()
        .default('%Y.%m.%d')
        .refine(
          (format) => [...format.matchAll(/%(.?)/g)].every(([, letter]) => letter && strftimeLetters.includes(letter)),
          {
            error: `expected strftime conversions of ${[...strftimeLetters].map((letter) => `%${letter}`).join(' ')}`,
          },
        )
        .describe('As in strftime(3), in UTC.'),
    }),
  ),
  mapping: defaulted(
    object({
      mode: mode.describe(
        'The form of documents: otel, ecs, none, raw or bodymap. A header X-Elastic-Mapping-Mode and the scope attribute elastic.mapping.mode count before it.',
      ),
      allowed_modes: z
        .array(mode)
        .default([...mappingModes])
        .describe('What the header may ask for.'),
      dedup: ignored('a key is always written once'),
      dedot: ignored('dotted keys become objects in ecs documents and stay in all others'),
    }),
  ),
  flush: defaulted(
    object({
      bytes: byteSize()
        .min(1)
        .default(5_000_000)
        .describe('A bulk request is at most so large, before compression, unless one document is.'),
      interval: unsupported('set sending_queue.batch.flush_timeout'),
    }),
  ),
  retry: defaulted(
    object({
      enabled: z.boolean().default(true).describe('Off: what Elasticsearch refuses for now is dropped.'),
      max_retries: z
        .int()
        .min(0)
        .optional()
        .describe('Tries after the first one; unset: as many as max_elapsed_time allows.'),
      max_requests: unsupported('set max_retries, which is one less'),
      initial_interval: duration('100ms').describe('The wait before the second try.'),
      max_interval: duration('1m').describe('The longest wait; each is 1.5 times as long as the one before.'),
      max_elapsed_time: duration('300s').describe('A batch is dropped after this time of tries; 0: never.'),
      retry_on_status: z
        .array(z.int())
        .default(retryableStatuses)
        .describe('Statuses of a request after which it is sent again.'),
      retry_on_document_status: z
        .array(z.int())
        .optional()
        .describe('Statuses of a document after which it, and it alone, is sent again; unset: as retry_on_status.'),
    }),
  ),
  rejected: section(
    object({
      path: z
        .string()
        .min(1)
        .describe('Gets what Elasticsearch refused for good, as OTLP/JSON with the reason, one line each.'),
      max_megabytes: z
        .int()
        .min(1)
        .default(100)
        .describe('The most that is kept, in two files; the oldest goes first.'),
    }),
  ),
  setup: defaulted(
    object({
      templates: z
        .boolean()
        .default(false)
        .describe(
          'At the start, write the index templates of the otel mapping, as `sluice backend elasticsearch install` does.',
        ),
    }),
  ),
  discover: defaulted(
    object({
      on_start: z.boolean().default(false).describe('Ask the cluster for its nodes at the first connection.'),
      interval: duration('0s').describe('Ask again after this time; 0: never.'),
    }),
  ),
  include_source_on_error: z
    .boolean()
    .optional()
    .describe('Whether the reasons of the server may quote the document (Elasticsearch 8.18 and newer).'),
  metadata_keys: unsupported('set sending_queue.batch.partition.metadata_keys'),
  telemetry: section(
    object({
      log_request_body: notLogged,
      log_response_body: notLogged,
      log_failed_docs_input: unsupported('set rejected.path, which keeps them'),
      log_failed_docs_input_rate_limit: unsupported('set rejected.path, which keeps them'),
    }),
  ),
  compression: z.enum(['gzip', 'none', '']).default('gzip').describe('How bodies are compressed: gzip or none.'),
  compression_params: section(
    object({ level: z.int().min(-1).max(9).optional().describe('1 to 9; 0 or -1: the fastest.') }),
  ),
  ...httpRequestFields(),
  timeout: timeout('90s'),
  sending_queue: z.preprocess(withQueueDefaults, sendingQueue()),
  ...httpConnectionFields(),
  num_workers: unsupported('set sending_queue.num_consumers'),
  batcher: unsupported('set sending_queue.batch'),
  read_buffer_size: buffers,
  write_buffer_size: buffers,
  bulk_response_filter_path: ignored('what is needed of an answer is asked for'),
}).superRefine((config, ctx) => {
  const given = [config.endpoint, config.endpoints.length > 0 || undefined, config.cloudid].filter(Boolean).length;
  const wrong = (path: string[], message: string) => ctx.addIssue({ code: 'custom', path, message });
  if (given > 1) wrong(['endpoint'], 'set one of endpoint, endpoints and cloudid');
  if (given === 0 && !process.env.ELASTICSEARCH_URL) {
    wrong(
      ['endpoint'],
      'expected a URL such as http://localhost:9200, in endpoint, endpoints, cloudid or ELASTICSEARCH_URL',
    );
  }
  if (config.cloudid !== undefined && !cloudUrl(config.cloudid)) {
    wrong(['cloudid'], 'expected a Cloud ID such as name:ZXhhbXBsZS5jb20kYWJj');
  }
  const ways = [config.user, config.api_key, config.auth].filter((way) => way !== undefined).length;
  if (ways > 1) wrong(['user'], 'set one of user with password, api_key and auth');
  if ((config.user === undefined) !== (config.password === undefined)) {
    wrong(['password'], 'user and password go together');
  }
});

export type ElasticsearchConfig = z.output<typeof schema>;

/**
 * Where the queue differs from other exporters': batches by bytes, such that the documents of one make a bulk request of
 * about 5 MB. What is set counts before these.
 */
const queueDefaults = {
  queue_size: 10_000,
  batch: { flush_timeout: '1s', min_size: 1_000_000, max_size: 2_000_000, sizer: 'bytes' },
};

function withQueueDefaults(value: unknown): unknown {
  if (value === undefined || value === null) return queueDefaults;
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  const { batch } = value as { batch?: unknown };
  // Its parts belong together: sizes in items go with the sizer `items`.
  if (batch !== undefined) return { queue_size: queueDefaults.queue_size, ...value };
  return { ...queueDefaults, ...value };
}

/** @returns the base URLs of the nodes */
export function nodesOf(config: Pick<ElasticsearchConfig, 'endpoint' | 'endpoints' | 'cloudid'>): string[] {
  if (config.endpoint !== undefined) return [config.endpoint];
  if (config.endpoints.length > 0) return config.endpoints;
  if (config.cloudid !== undefined) return [cloudUrl(config.cloudid)!];
  return (process.env.ELASTICSEARCH_URL ?? '').split(',').map((text) => text.trim());
}

/** `name:base64(host$id$…)`, see https://www.elastic.co/docs/deploy-manage/deploy/elastic-cloud/find-cloud-id */
function cloudUrl(id: string): string | undefined {
  const coded = id.slice(id.indexOf(':') + 1);
  const [host, cluster] = Buffer.from(coded, 'base64').toString('utf8').split('$');
  const address = `https://${cluster}.${host}`;
  return id.includes(':') && host && cluster && URL.canParse(address) ? address : undefined;
}
