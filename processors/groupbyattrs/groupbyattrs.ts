import type { Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { handOnKept } from '../../internal/core/hand_on.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { GroupbyattrsConfig } from './config.ts';
import { Grouping } from './grouping.ts';
import { Metrics } from './metrics.ts';
import { pointsGrouped } from './points.ts';
import { recordsGrouped } from './records.ts';

/** Holds nothing: a batch travels on within the call, and a batch that is refused is not counted. */
export class GroupByAttrs implements Consumer {
  readonly #account: Settings['account'];
  readonly #next: Consumer;
  readonly #keys: readonly Uint8Array[];
  readonly #metrics: Metrics;

  constructor(settings: Settings, { keys }: GroupbyattrsConfig, next: Consumer) {
    this.#account = settings.account;
    this.#next = next;
    this.#keys = keys.map((key) => Buffer.from(key));
    this.#metrics = new Metrics(settings);
  }

  async consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const grouping = new Grouping(this.#keys);
    const kept = batch.signal === 'metrics' ? pointsGrouped(batch, grouping) : recordsGrouped(batch, grouping);
    // Points that protobuf has overwritten are nobody's: they are left out as the Go collector does.
    const outcome = await handOnKept(this.#next, this.#account, batch, kept, ctx);
    if (outcome.status === 'accepted') this.#metrics.record(grouping.moved, grouping.stayed, grouping.groups.size);
    return outcome;
  }
}
