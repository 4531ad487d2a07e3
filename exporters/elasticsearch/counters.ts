import type { Settings } from '../../internal/core/component.ts';
import type { Histogram } from '../../internal/core/telemetry.ts';

const secondBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Upstream's words for how a request or a document ended. */
export type BulkOutcome = 'success' | 'failed_client' | 'failed_server' | 'timeout' | 'too_many' | 'failure_store';

export function outcomeOf(status: number): BulkOutcome {
  if (status === 429) return 'too_many';
  if (status >= 500) return 'failed_server';
  return status >= 400 ? 'failed_client' : 'success';
}

/** The exporter's own metrics, by upstream's names. */
export class Counters {
  readonly #settings: Settings;
  readonly #latencies = new Map<string, Histogram>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  received(documents: number): void {
    this.#add('docs_received', 'Documents made of the items that came in.', documents);
  }

  retried(documents: number): void {
    this.#add('docs_retried', 'Documents sent again by themselves, whole requests not counted.', documents);
  }

  flushed(bytes: number, uncompressed: number): void {
    this.#add('flushed_bytes', 'Bytes of bulk requests, as they travelled.', bytes);
    this.#add('flushed_uncompressed_bytes', 'Bytes of bulk requests before compression.', uncompressed);
  }

  processed(documents: number, outcome: BulkOutcome, status: number, errorType = ''): void {
    if (documents === 0) return;
    this.#add('docs_processed', 'Documents by what became of them in each request.', documents, {
      outcome,
      'http.response.status_code': String(status),
      'error.type': errorType,
    });
  }

  request(seconds: number, outcome: BulkOutcome, status: number): void {
    const labels = { outcome, 'http.response.status_code': String(status) };
    this.#add('bulk_requests_count', 'Bulk requests by their end.', 1, labels);
    const key = `${outcome} ${status}`;
    let histogram = this.#latencies.get(key);
    if (!histogram) {
      histogram = this.#settings.meter.histogram({
        name: 'otelcol_elasticsearch_bulk_requests_latency',
        help: 'Seconds of a bulk request.',
        labels: { exporter: this.#settings.id, ...labels },
        buckets: secondBuckets,
      });
      this.#latencies.set(key, histogram);
    }
    histogram.record(seconds);
  }

  withoutValue(): void {
    this.#settings.meter
      .counter({
        name: 'sluice_elasticsearch_points_without_value_total',
        help: 'Metric points that only end a series: there is nothing to store.',
        labels: { exporter: this.#settings.id },
      })
      .add(1);
  }

  #add(name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}): void {
    this.#settings.meter
      .counter({ name: `otelcol_elasticsearch_${name}`, help, labels: { exporter: this.#settings.id, ...labels } })
      .add(value);
  }
}
