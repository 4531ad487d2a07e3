import { expect } from 'vitest';
import { z } from 'zod';
import type { ComponentEntry, Factory, Kind } from '../core/component.ts';
import type { Signal } from '../otlp/payload.ts';
import * as fields from './fields.ts';
import { formatIssue } from './issues.ts';
import { type Loaded, type LoadOptions, loadConfig } from './load.ts';

/** Components for the tests of this folder: the forms that real ones have, nothing that runs. */

const {
  componentId,
  defaulted,
  duration,
  endpoint,
  enumeration,
  headers,
  ignored,
  integer,
  object,
  pipelineId,
  section,
  secret,
  unsupported,
} = fields;

const tls = object({
  insecure: z.boolean().default(false),
  ca_file: z.string().optional(),
  key_pem: secret().optional(),
  min_version: enumeration(['1.2', '1.3']).default('1.2'),
  tpm: unsupported('keep the key in a file', [{ enabled: false }]),
});

const server = (address: string) =>
  object({
    endpoint: endpoint().default(address).describe('Where to listen.'),
    max_recv_msg_size_mib: fields.mebibytes().default(4).describe('Largest message.'),
    include_metadata: z.boolean().default(false),
    tls: section(tls),
    auth: section(object({ authenticator: componentId('extension') })),
    read_buffer_size: ignored('it sizes buffers of the Go implementation'),
    cors: section(object({ allowed_origins: z.array(z.string()).default([]) })),
  });

const sendingQueue = () =>
  defaulted(
    object({
      enabled: z.boolean().default(true),
      num_consumers: integer().min(1).default(10),
      queue_size: integer().min(1).default(1000),
      sizer: enumeration(['requests', 'items', 'bytes']).default('requests'),
      storage: unsupported('the queue is held in memory only; remove it'),
      batch: section(object({ flush_timeout: duration('200ms'), min_size: integer().min(0).default(8192) })),
    }),
  );

const exporter = object({
  endpoint: z.string().min(1).describe('Where to send.'),
  compression: enumeration(['gzip', 'zstd', 'none']).default('gzip').describe('How requests are compressed.'),
  headers: headers(),
  tls: defaulted(tls),
  auth: section(object({ authenticator: componentId('extension') })),
  timeout: duration('5s').describe('Of one try.'),
  retry_on_failure: defaulted(
    object({
      enabled: z.boolean().default(true),
      initial_interval: duration('5s'),
      max_interval: duration('30s'),
      max_elapsed_time: duration('300s'),
      multiplier: z.number().min(1).default(1.5),
    }),
  ),
  sending_queue: sendingQueue(),
});

const all: readonly Signal[] = ['traces', 'metrics', 'logs'];

export const factories = [
  factory(
    'receiver',
    'otlp',
    object({ protocols: object({ grpc: section(server('localhost:4317')), http: section(server('localhost:4318')) }) }),
  ),
  factory('receiver', 'hostmetrics', object({ collection_interval: duration('1m') }), { signals: ['metrics'] }),
  factory(
    'processor',
    'batch',
    object({
      timeout: duration('200ms').describe('A batch waits at most so long.'),
      send_batch_size: integer().min(0).default(8192).describe('A batch is sent at this size.'),
      send_batch_max_size: integer().min(0).default(0),
      metadata_keys: z.array(z.string()).default([]),
    }),
  ),
  factory(
    'processor',
    'memory_limiter',
    object({
      check_interval: duration('1s'),
      limit_mib: fields.mebibytes().default(0),
      limit_percentage: fields.percentage().default(0),
      spike_limit_percentage: fields.percentage().default(0),
    }),
  ),
  factory('exporter', 'otlp_grpc', exporter, { aliases: ['otlp'] }),
  factory('exporter', 'otlp_http', exporter, { aliases: ['otlphttp'] }),
  factory(
    'exporter',
    'debug',
    object({
      verbosity: enumeration(['basic', 'normal', 'detailed']).default('basic'),
      sending_queue: section(sendingQueue()),
    }),
  ),
  factory('connector', 'forward', object({})),
  factory('connector', 'parting', object({ pipelines: z.array(pipelineId()).default([]) })),
  factory('connector', 'spanmetrics', object({}), { signals: ['traces'], outputs: { traces: ['metrics'] } }),
  factory('extension', 'health_check', object({ endpoint: endpoint().default('localhost:13133') }), { signals: [] }),
  factory(
    'extension',
    'bearertokenauth',
    object({ scheme: z.string().default('Bearer'), token: secret().optional(), tokens: z.array(secret()).default([]) }),
    { signals: [] },
  ),
];

export const components: readonly ComponentEntry[] = factories.map((one) => ({
  kind: one.kind,
  type: one.type,
  aliases: one.aliases ?? [],
  load: async () => one,
}));

function factory(kind: Kind, type: string, schema: z.ZodType, more: object = {}): Factory {
  const create = () => ({});
  return {
    kind,
    type,
    schema,
    signals: all,
    stability: 'beta',
    summary: `The ${type} ${kind}.`,
    create,
    ...more,
  } as unknown as Factory;
}

/** Loads files by their names; the first is given as --config unless `sources` says otherwise. */
export function load(
  files: Record<string, string>,
  options: Partial<LoadOptions> & { sources?: string[] } = {},
): Promise<Loaded> {
  const { sources = Object.keys(files).slice(0, 1), ...rest } = options;
  return loadConfig(sources, components, {
    env: {},
    cwd: '/work',
    readFile: async (path) => {
      const text = files[path.replace('/work/', '')];
      if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
      return text;
    },
    ...rest,
  });
}

export async function check(text: string, want: readonly string[], options: Partial<LoadOptions> = {}) {
  const loaded = await load({ 'collector.yaml': text }, options);
  expect(loaded.ok ? [] : loaded.issues.map(formatIssue)).toEqual(want.map((issue) => `collector.yaml:${issue}`));
}

export async function checkWarnings(text: string, want: readonly string[], options: Partial<LoadOptions> = {}) {
  const loaded = await load({ 'collector.yaml': text }, options);
  expect(loaded.ok ? [] : loaded.issues.map(formatIssue)).toEqual([]);
  expect(loaded.warnings.map(formatIssue)).toEqual(want.map((issue) => `collector.yaml:${issue}`));
}

/** `part`, and below it a service with these pipelines. */
export const around = (part: string, pipelines = '    traces: { receivers: [otlp], exporters: [debug] }') => `${part}
service:
  pipelines:
${pipelines}
`;
export const right = `receivers: { otlp: { protocols: { grpc: } } }
exporters: { debug: }`;
export const withBatch = (batch: string) =>
  around(
    `${right}
processors:
  batch:
${batch}`,
    '    traces: { receivers: [otlp], processors: [batch], exporters: [debug] }',
  );
