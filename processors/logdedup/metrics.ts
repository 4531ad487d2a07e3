import type { Settings } from '../../internal/core/component.ts';
import type { Counter } from '../../internal/core/telemetry.ts';

export interface Metrics {
  readonly duplicates: Counter;
  /** Intervals or windows that ended early, for lack of room. */
  readonly early: Counter;
  end(): void;
}

/** @param held distinct records that are kept or remembered */
export function dedupMetrics(settings: Settings, held: () => number): Metrics {
  const labels = { processor: settings.id, 'otel.signal': settings.signal ?? 'logs' };
  const { meter } = settings;
  const entries = {
    name: 'sluice_logdedup_entries',
    help: 'Different log records kept, or spans remembered.',
    labels,
  };
  return {
    duplicates: meter.counter({
      name: 'sluice_logdedup_duplicates_total',
      help: 'Log records merged into an earlier one, or spans left out because they came before.',
      labels,
    }),
    early: meter.counter({
      name: 'sluice_logdedup_early_flushes_total',
      help: 'Intervals or windows cut short because max_entries, max_bytes or max_spans was reached.',
      labels,
    }),
    end: meter.observe(entries, held),
  };
}
