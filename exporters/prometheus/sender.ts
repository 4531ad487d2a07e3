import { setImmediate } from 'node:timers/promises';
import type { Settings } from '../../internal/core/component.ts';
import { accepted, type Outcome, partial, permanent } from '../../internal/core/outcome.ts';
import type { Sender } from '../../internal/exporterhelper/index.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { Accumulator } from '../../internal/prometheus/accumulator.ts';
import { Translator } from '../../internal/prometheus/translate.ts';
import { type ScrapeConfig, translationOf } from './config.ts';
import { ScrapeServer } from './server.ts';
import { Store } from './store.ts';

/** Data points of one turn of the event loop: about 10 ms. */
const pointsPerTurn = 4096;

/** Takes each batch's last values over, for whoever comes to scrape them. */
export class ScrapeSender implements Sender {
  readonly server: ScrapeServer;
  readonly #settings: Settings;
  readonly #store: Store;
  readonly #deltas: Accumulator;
  readonly #translator: Translator;
  #dropped = new Map<string, number>();
  #ends: (() => void)[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(settings: Settings, config: ScrapeConfig) {
    this.#settings = settings;
    this.#store = new Store(settings.clock, {
      maxSeries: config.max_series,
      expirationMs: config.metric_expiration,
      dropped: (reason, points) => this.#drop(reason, points),
    });
    const { max_streams, max_stale } = config.delta_to_cumulative;
    this.#deltas = new Accumulator(settings.clock, { maxStreams: max_streams, maxStaleMs: max_stale });
    this.#translator = new Translator(translationOf(config), this.#store, this.#deltas);
    this.server = new ScrapeServer(settings, config, this.#store);
  }

  async start(): Promise<void> {
    const { id: exporter, meter } = this.#settings;
    const labels = { exporter };
    const gauge = (name: string, help: string, read: () => number) =>
      this.#ends.push(meter.observe({ name, help, labels }, read));
    gauge('sluice_exporter_prometheus_series', 'Series held for the next scrape.', () => this.#store.series);
    gauge(
      'sluice_exporter_prometheus_delta_streams',
      'Delta series that are being added up.',
      () => this.#deltas.streams,
    );
    await this.server.start();
  }

  send(batch: Payload): Promise<Outcome> {
    // One batch after the other: the translator does one at a time.
    const done = this.#turn.then(() => this.#take(batch));
    this.#turn = done.catch(() => {});
    return done;
  }

  async shutdown(): Promise<void> {
    await this.server.close();
    this.#store.close();
    this.#deltas.close();
    for (const end of this.#ends.splice(0)) end();
  }

  async #take(batch: Payload): Promise<Outcome> {
    this.#dropped = new Map();
    this.#translator.begin(batch, (reason, points) => this.#drop(reason, points));
    while (!this.#translator.step(pointsPerTurn)) await setImmediate();
    this.#store.flush();
    return this.#outcome(batch);
  }

  #drop(reason: string, points: number): void {
    if (points > 0) this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + points);
  }

  #outcome(batch: Payload): Outcome {
    let lost = 0;
    const { id: exporter, meter } = this.#settings;
    for (const [reason, points] of this.#dropped) {
      lost += points;
      const help = 'Data points that became no sample in the backend.';
      meter
        .counter({ name: 'sluice_exporter_prometheus_lost_points_total', help, labels: { exporter, reason } })
        .add(points);
    }
    if (lost === 0) return accepted;
    const why = [...this.#dropped].map(([reason, points]) => `${points} points: ${reason}`).join('; ');
    return lost < batch.itemCount ? partial(lost, why) : permanent('rejected', why);
  }
}
