import type { Settings } from '../../internal/core/component.ts';
import type { Counter } from '../../internal/core/telemetry.ts';
import type { Written } from './verdict.ts';

/** The exporter's own metrics: upstream's, and why data points were lost. */
export class Metrics {
  readonly sentBatches: Counter;
  readonly failedTranslations: Counter;
  readonly translatedSeries: Counter;
  readonly #settings: Settings;
  readonly #samples: Counter;
  readonly #histograms: Counter;
  readonly #exemplars: Counter;
  readonly #lost = new Map<string, Counter>();

  /** @param endpoint as it may be told */
  constructor(settings: Settings, endpoint: string, lanes: number) {
    this.#settings = settings;
    const labels = { exporter: settings.id, endpoint };
    const counter = (name: string, help: string) =>
      settings.meter.counter({ name: `otelcol_exporter_prometheusremotewrite_${name}`, help, labels });
    this.sentBatches = counter('sent_batches', 'Requests sent, whatever became of them.');
    this.failedTranslations = counter('failed_translations', 'Batches with points that could not become series.');
    this.translatedSeries = counter('translated_time_series', 'Series that data points became.');
    this.#samples = counter('written_samples', 'Samples that the server says it has written (2.0 only).');
    this.#histograms = counter(
      'written_histograms',
      'Native histograms that the server says it has written (2.0 only).',
    );
    this.#exemplars = counter('written_exemplars', 'Exemplars that the server says it has written (2.0 only).');
    settings.meter
      .gauge({
        name: 'otelcol_exporter_prometheusremotewrite_consumers',
        help: 'Requests that may be under way at the same time.',
        labels,
      })
      .set(lanes);
  }

  written({ samples, histograms, exemplars }: Written): void {
    this.#samples.add(samples);
    this.#histograms.add(histograms);
    this.#exemplars.add(exemplars);
  }

  /** Returns a function that ends it. */
  deltaStreams(read: () => number): () => void {
    const { id: exporter, meter } = this.#settings;
    const name = 'sluice_exporter_prometheus_delta_streams';
    return meter.observe({ name, help: 'Delta series that are being added up.', labels: { exporter } }, read);
  }

  /** @param reason of a small fixed set */
  lost(points: number, reason: string): void {
    let counter = this.#lost.get(reason);
    if (!counter) {
      counter = this.#settings.meter.counter({
        name: 'sluice_exporter_prometheus_lost_points_total',
        help: 'Data points that became no sample in the backend.',
        labels: { exporter: this.#settings.id, reason },
      });
      this.#lost.set(reason, counter);
    }
    counter.add(points);
  }
}
