import type { Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { Notice } from '../../internal/core/notice.ts';
import { accepted, type Outcome, permanent } from '../../internal/core/outcome.ts';
import type { Counter, Meter } from '../../internal/core/telemetry.ts';
import type { Intake } from '../../internal/net/http/export.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';

const itemNames: Readonly<Record<Signal, string>> = {
  traces: 'spans',
  metrics: 'metric_points',
  logs: 'log_records',
};

/** Hands the batches of one signal and transport to the pipeline, and counts what became of them. */
export class CountingIntake implements Intake {
  readonly #settings: Settings;
  readonly #next: Consumer;
  readonly #accepted: Counter;
  readonly #refused: Counter;
  readonly #failed: Counter;
  readonly #requests: Record<'success' | 'refused' | 'failure', Counter>;

  readonly #where: Readonly<Record<string, string>>;
  readonly #malformed: Notice;
  readonly #turnedAway: Notice;

  constructor(settings: Settings, signal: Signal, transport: 'grpc' | 'http', next: Consumer) {
    this.#settings = settings;
    this.#next = next;
    this.#where = { signal, transport };
    this.#malformed = new Notice(settings.clock);
    this.#turnedAway = new Notice(settings.clock);
    const labels = { receiver: settings.id, transport };
    const items = itemNames[signal];
    const count = (what: string, help: string) =>
      settings.meter.counter({ name: `otelcol_receiver_${what}_${items}`, help, labels });
    this.#accepted = count('accepted', `Number of ${items} taken into the pipeline`);
    this.#refused = count('refused', `Number of ${items} the pipeline did not take`);
    this.#failed = count('failed', `Number of ${items} lost to an error inside`);
    this.#requests = requestCounters(settings.meter, labels);
  }

  async consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    // Nothing to deliver, and downstream nothing has to think of empty batches.
    if (batch.itemCount === 0) {
      this.#requests.success.add(1);
      return accepted;
    }
    let outcome: Outcome;
    try {
      outcome = await this.#next.consume(batch, ctx);
    } catch (error) {
      outcome = permanent('bug', 'an error inside the collector', error);
      this.#settings.logger.error('a bug: the pipeline threw', { error });
    }
    this.#count(outcome, batch.itemCount);
    return outcome;
  }

  malformed(reason: string): void {
    this.#requests.failure.add(1);
    this.#say(this.#malformed, 'a request was no OTLP and was refused', reason);
  }

  turnedAway(reason: string): void {
    this.#requests.refused.add(1);
    this.#say(this.#turnedAway, 'a request was turned away', reason);
  }

  #say(notice: Notice, what: string, reason: string): void {
    const { logger } = this.#settings;
    notice.event((leftOut) => logger.warn(`${what}: ${reason}`, { ...this.#where, not_logged_before: leftOut }));
  }

  #count(outcome: Outcome, items: number): void {
    if (outcome.status === 'accepted') {
      const rejected = outcome.rejectedItems ?? 0;
      this.#accepted.add(items - rejected);
      if (rejected > 0) this.#refused.add(rejected);
      this.#requests.success.add(1);
    } else if (outcome.status === 'permanent' && outcome.code === 'bug') {
      this.#failed.add(items);
      this.#requests.failure.add(1);
    } else {
      this.#refused.add(items);
      this.#requests.refused.add(1);
    }
  }
}

function requestCounters(meter: Meter, labels: Readonly<Record<string, string>>) {
  const counter = (outcome: string) =>
    meter.counter({
      name: 'otelcol_receiver_requests',
      help: 'Number of requests, by what became of them',
      labels: { ...labels, outcome },
    });
  return { success: counter('success'), refused: counter('refused'), failure: counter('failure') };
}
