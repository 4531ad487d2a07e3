import { expect, test } from 'vitest';
import { components } from '../../cmd/sluice/components.ts';
import { loadConfig } from '../../internal/config/load.ts';
import { schema } from './config.ts';
import { translationOf } from './translation.ts';

const endpoint = 'http://localhost:9090/api/v1/write';

async function issues(exporter: string): Promise<string[]> {
  const yaml = `
receivers: { otlp: { protocols: { grpc: { endpoint: 'localhost:0' } } } }
exporters: { prometheusremotewrite: ${exporter} }
service: { pipelines: { metrics: { receivers: [otlp], exporters: [prometheusremotewrite] } } }
`;
  const loaded = await loadConfig([`yaml:${yaml}`], components, { sets: [], env: {}, cwd: '.' });
  return loaded.ok ? [] : loaded.issues.map(({ message }) => message);
}

test('the defaults are those of upstream', () => {
  expect(schema.parse({ endpoint })).toMatchObject({
    protobuf_message: 'prometheus.WriteRequest',
    add_metric_suffixes: true,
    send_metadata: false,
    disable_scope_info: false,
    target_info: { enabled: true },
    resource_to_telemetry_conversion: { enabled: false, exclude_service_attributes: false },
    max_batch_size_bytes: 3_000_000,
    remote_write_queue: { enabled: true, queue_size: 10_000, num_consumers: 5 },
    retry_on_failure: { enabled: true, initial_interval: 50, max_interval: 30_000, max_elapsed_time: 300_000 },
    timeout: 5000,
  });
  expect(schema.parse({ endpoint, retry_on_failure: { max_interval: '1s' } }).retry_on_failure.initial_interval).toBe(
    50,
  );
});

test('the older way to switch suffixes off', () => {
  expect(translationOf(schema.parse({ endpoint, add_metric_suffixes: false })).strategy).toBe(
    'UnderscoreEscapingWithoutSuffixes',
  );
  expect(
    translationOf(
      schema.parse({ endpoint, add_metric_suffixes: false, translation_strategy: 'UnderscoreEscapingWithSuffixes' }),
    ).strategy,
  ).toBe('UnderscoreEscapingWithSuffixes');
});

test.each([
  ['{}', /endpoint|expected/i],
  ['{ endpoint: "localhost:9090" }', /expected a URL/],
  [`{ endpoint: "${endpoint}", wal: { directory: /tmp } }`, /no write-ahead log/],
  [`{ endpoint: "${endpoint}", max_batch_request_parallelism: 0 }`, /1/],
  [`{ endpoint: "${endpoint}", max_batch_size_bytes: -1 }`, /0/],
  [`{ endpoint: "${endpoint}", remote_write_queue: { queue_size: 0 } }`, /1/],
  [`{ endpoint: "${endpoint}", compression: gzip }`, /snappy/],
  [`{ endpoint: "${endpoint}", external_labels: { a: "" } }`, /must not be empty/],
  [`{ endpoint: "${endpoint}", translation_strategy: NoTranslation }`, /needs remote write 2.0/],
  [`{ endpoint: "${endpoint}", sending_queue: {} }`, /remote_write_queue/],
])('%s is refused', async (exporter, message) => {
  expect((await issues(exporter)).join('\n')).toMatch(message);
});

test('what the Go collector takes is taken', async () => {
  const exporter = `{ endpoint: "${endpoint}", namespace: n, external_labels: { cluster: c }, headers: { X-Scope-OrgID: t },
    resource_to_telemetry_conversion: { enabled: true }, tls: { insecure: true }, timeout: 10s, write_buffer_size: 1024,
    remote_write_queue: { enabled: true, queue_size: 100, num_consumers: 1 }, max_batch_request_parallelism: 1,
    protobuf_message: io.prometheus.write.v2.Request, translation_strategy: NoUTF8EscapingWithSuffixes }`;
  expect(await issues(exporter)).toEqual([]);
});
