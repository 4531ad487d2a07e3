import type { Clock } from '../../internal/core/clock.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { Accumulator } from '../../internal/prometheus/accumulator.ts';
import { type ListedSeries, Listing } from '../../internal/prometheus/listing.ts';
import { type Skipped, Translator } from '../../internal/prometheus/translate.ts';
import type { RemoteWriteConfig } from './config.ts';
import { translationOf } from './translation.ts';

export interface Preview {
  /** In the order of the batches; delta points are added up over all of them. */
  readonly series: readonly ListedSeries[];
  /** Data points that would become no series, by reason. */
  readonly skipped: ReadonlyMap<Skipped, number>;
}

/** The series that the exporter with this configuration would send for these batches of metrics. Sends nothing. */
export function preview(batches: readonly Payload[], config: RemoteWriteConfig, clock: Clock): Preview {
  const { max_streams, max_stale } = config.delta_to_cumulative;
  const deltas = new Accumulator(clock, { maxStreams: max_streams, maxStaleMs: max_stale });
  const listing = new Listing();
  const skipped = new Map<Skipped, number>();
  const translator = new Translator(translationOf(config), listing, deltas);
  for (const batch of batches) {
    translator.begin(batch, (reason, points) => skipped.set(reason, (skipped.get(reason) ?? 0) + points));
    translator.step();
  }
  deltas.close();
  return { series: listing.series, skipped };
}
