import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { whenAnswered } from '../../internal/core/hand_on.ts';
import { Notice } from '../../internal/core/notice.ts';
import { acceptedPromise, type Outcome, retryable } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { Allowance } from './bucket.ts';
import type { RateLimiterConfig } from './config.ts';
import { cut } from './cut.ts';
import { type Demand, Demands } from './demand.ts';
import { Metrics } from './metrics.ts';

/** Holds nothing: what may pass travels on within the call. What the next component refuses costs no tokens. */
export class RateLimiter implements Component, Consumer {
  readonly #settings: Settings;
  readonly #config: RateLimiterConfig;
  readonly #next: Consumer;
  #demands: Demands;
  readonly #metrics: Metrics;
  readonly #notice: Notice;
  readonly #endApart: () => void;

  constructor(settings: Settings, config: RateLimiterConfig, next: Consumer) {
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    this.#demands = new Demands(settings, config);
    this.#metrics = new Metrics(settings, config, this.#demands.allowances);
    this.#notice = new Notice(settings.clock);
    const { allowances } = this.#demands;
    this.#endApart = settings.memory.addApart(() => allowances.bytes);
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    if (batch.itemCount === 0) return this.#next.consume(batch, ctx);
    const demands = this.#demands.of(batch, ctx);
    const drops = this.#config.on_limit === 'drop';
    for (const { allowance, items, bytes } of demands.values()) {
      const passes = drops ? allowance.covers(items, bytes) : allowance.wait(items, bytes) === 0;
      if (!passes) return drops ? this.#drop(batch, ctx, demands) : this.#refuse(batch, demands);
    }
    for (const { allowance, items, bytes } of demands.values()) allowance.take(items, bytes);
    return this.#pass(batch, batch, ctx, [...demands.values()]);
  }

  async shutdown(): Promise<void> {
    this.#metrics.end();
    this.#endApart();
  }

  /** Nobody's bucket is filled by a reload, unless it is about other keys. */
  handOver(successor: Component): boolean {
    if (!(successor instanceof RateLimiter)) return false;
    if (JSON.stringify(successor.#config.key) !== JSON.stringify(this.#config.key)) return false;
    successor.#demands.allowances.adopt(this.#demands.allowances, this.#settings.clock.monotonic());
    this.#demands = successor.#demands;
    this.#endApart();
    return true;
  }

  /** Takes nothing from anybody: the keys that are not over their limit pay when the batch comes again. */
  #refuse(batch: Payload, demands: ReadonlyMap<Allowance, Demand>): Promise<Outcome> {
    let wait = 0;
    let worst: Demand | undefined;
    for (const demand of demands.values()) {
      const own = demand.allowance.wait(demand.items, demand.bytes);
      if (own > 0) this.#metrics.limited(demand, demand.items);
      if (own > wait) {
        wait = own;
        worst = demand;
      }
    }
    this.#metrics.refused(batch.itemCount);
    const reason = `${this.#settings.id}: ${this.#name(worst!)} is over its limit: send the batch again in ${wait} ms`;
    this.#tell('refused', reason, batch.itemCount);
    return Promise.resolve({ ...retryable(reason, wait), limited: true });
  }

  #drop(batch: Payload, ctx: BatchContext, demands: ReadonlyMap<Allowance, Demand>): Promise<Outcome> {
    const { kept, paid } = cut(batch, demands, (group) => this.#demands.demandOf(group, demands));
    const short = paid.find(({ allowance, items }) => items < demands.get(allowance)!.items);
    if (short) {
      const lost = batch.itemCount - kept.itemCount;
      this.#tell('dropped', `${this.#settings.id}: ${this.#name(short)} is over its limit`, lost);
    }
    return this.#pass(batch, kept, ctx, paid, demands);
  }

  /** @param paid what was taken from each allowance @param wanted what would have been, without a limit */
  #pass(
    batch: Payload,
    kept: Payload,
    ctx: BatchContext,
    paid: readonly Demand[],
    wanted?: ReadonlyMap<Allowance, Demand>,
  ): Promise<Outcome> {
    const answer = kept.itemCount === 0 ? acceptedPromise : this.#next.consume(kept, ctx);
    const refused = () => {
      for (const { allowance, items, bytes } of paid) allowance.giveBack(items, bytes);
    };
    return whenAnswered(answer, () => this.#taken(batch, kept, paid, wanted), refused);
  }

  /** Only now is anything lost: a refused batch may come again, and find tokens. */
  #taken(batch: Payload, kept: Payload, paid: readonly Demand[], wanted?: ReadonlyMap<Allowance, Demand>): void {
    this.#metrics.passed(kept.itemCount);
    const lost = batch.itemCount - kept.itemCount;
    if (lost === 0 || !wanted) return;
    this.#settings.account.dropped(lost, 'rate_limited', false);
    this.#metrics.dropped(lost);
    for (const { allowance, items } of paid) {
      const demand = wanted.get(allowance)!;
      if (demand.items > items) this.#metrics.limited(demand, demand.items - items);
    }
  }

  #name({ key, allowance }: Demand): string {
    const { key: by } = this.#config;
    if (!by) return 'the pipeline';
    const what = by.resource_attribute ?? `the header ${by.metadata}`;
    if (this.#demands.allowances.isOverflow(allowance)) return `what has no bucket of its own by ${what} (max_keys)`;
    return key === '' ? `what has no ${what}` : `${what} ${JSON.stringify(key)}`;
  }

  #tell(what: string, reason: string, items: number): void {
    this.#notice.event((leftOut) => {
      this.#settings.logger.warn(`over the limit: ${what}`, { reason, items, left_out_before: leftOut });
    });
  }
}
