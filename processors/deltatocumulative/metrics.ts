import type { Settings } from '../../internal/core/component.ts';
import type { Counter } from '../../internal/core/telemetry.ts';
import type { Limits } from '../../internal/temporality/rows.ts';

interface Sizes {
  streams(): number;
  bytes(): number;
}

/** Upstream's, and the bytes of the state. */
export class Metrics {
  readonly #settings: Settings;
  readonly #counters = new Map<string, Counter>();
  readonly #ends: readonly (() => void)[];

  constructor(settings: Settings, { maxStreams, maxStaleMs }: Limits, sizes: Sizes) {
    this.#settings = settings;
    const { meter, id } = settings;
    const labels = { processor: id };
    meter
      .gauge({
        name: 'otelcol_deltatocumulative_streams_limit',
        help: 'Series that may be known (`max_streams`).',
        labels,
      })
      .set(maxStreams);
    meter
      .gauge({ name: 'otelcol_deltatocumulative_streams_max_stale', help: 'Seconds (`max_stale`).', labels })
      .set(Math.floor(maxStaleMs / 1000));
    this.#ends = [
      meter.observe(
        { name: 'otelcol_deltatocumulative_streams_tracked', help: 'Series known.', labels },
        sizes.streams,
      ),
      meter.observe({ name: 'sluice_deltatocumulative_state_bytes', help: 'Bytes they take.', labels }, sizes.bytes),
    ];
  }

  /** @param error why they were dropped; undefined: they passed */
  points(count: number, error: string | undefined): void {
    if (error !== undefined) this.#settings.account.dropped(count, ledgerReason(error), false);
    this.#counter(error ?? '').add(count);
  }

  end(): void {
    for (const end of this.#ends) end();
  }

  #counter(error: string): Counter {
    let counter = this.#counters.get(error);
    if (!counter) {
      counter = this.#settings.meter.counter({
        name: 'otelcol_deltatocumulative_datapoints',
        help: 'Data points of delta metrics; `error` says why those that were dropped were.',
        labels: { processor: this.#settings.id, error },
      });
      this.#counters.set(error, counter);
    }
    return counter;
  }
}

/** Upstream's label is the name of a Go type. */
function ledgerReason(error: string): string {
  if (error === 'delta.ErrOutOfOrder') return 'out_of_order';
  if (error === 'delta.ErrOlderStart') return 'older_start';
  return error;
}
