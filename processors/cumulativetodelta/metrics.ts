import type { Settings } from '../../internal/core/component.ts';
import type { Counter } from '../../internal/core/telemetry.ts';

interface Sizes {
  streams(): number;
  bytes(): number;
}

/** Nothing is lost with these: the points that follow say it too. */
const harmless: ReadonlySet<string> = new Set(['initial', 'no_recorded_value', 'out_of_order']);

/** Upstream's, and the bytes of the state. */
export class Metrics {
  readonly #settings: Settings;
  readonly #counters = new Map<string, Counter>();
  readonly #ends: readonly (() => void)[];

  constructor(settings: Settings, sizes: Sizes) {
    this.#settings = settings;
    const { meter, id } = settings;
    const labels = { processor: id };
    this.#ends = [
      meter.observe(
        { name: 'otelcol_cumulativetodelta_streams_tracked', help: 'Series known.', labels },
        sizes.streams,
      ),
      meter.observe({ name: 'sluice_cumulativetodelta_state_bytes', help: 'Bytes they take.', labels }, sizes.bytes),
    ];
  }

  points(count: number, kind: string, reason: string | undefined): void {
    if (reason === undefined) {
      this.#converted(kind).add(count);
      return;
    }
    const { account } = this.#settings;
    if (harmless.has(reason)) account.filtered(count);
    else account.dropped(count, reason, false);
    this.#dropped(kind, reason).add(count);
  }

  end(): void {
    for (const end of this.#ends) end();
  }

  #converted(kind: string): Counter {
    return this.#counter(kind, () =>
      this.#settings.meter.counter({
        name: 'otelcol_cumulativetodelta_datapoints',
        help: 'Data points of cumulative metrics that were passed on.',
        labels: { processor: this.#settings.id, metric_type: kind },
      }),
    );
  }

  #dropped(kind: string, reason: string): Counter {
    return this.#counter(`${kind} ${reason}`, () =>
      this.#settings.meter.counter({
        name: 'otelcol_cumulativetodelta_datapoints_dropped',
        help: 'Data points that were not, by reason.',
        labels: { processor: this.#settings.id, metric_type: kind, reason },
      }),
    );
  }

  #counter(key: string, make: () => Counter): Counter {
    let counter = this.#counters.get(key);
    if (!counter) this.#counters.set(key, (counter = make()));
    return counter;
  }
}
