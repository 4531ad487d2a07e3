import type { Component, ConnectorOutputs, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { whenAnswered } from '../../internal/core/hand_on.ts';
import { accepted, acceptedPromise, type Outcome, partial, worst } from '../../internal/core/outcome.ts';
import { persist } from '../../internal/core/persist.ts';
import type { QualityReport } from '../../internal/core/quality.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { Judge } from '../../internal/quality/judge.ts';
import type { DataQualityConfig } from './config.ts';

/** A part of a batch, and who is to take it. */
interface Half {
  readonly to: Consumer;
  readonly batch: Payload;
}

/**
 * Parts each batch within the call, and answers with the worse of both halves' outcomes: so nothing is lost, and a half that was taken
 * comes twice where the other is refused for now. Nothing is counted of a batch that is refused.
 */
export class DataQualitySplit implements Component, Consumer {
  readonly #settings: Settings;
  readonly #judge: Judge;
  readonly #good: Consumer;
  readonly #bad: Consumer | undefined;

  /** @throws Error where a signal lacks a pipeline for one of its halves */
  constructor(settings: Settings, config: DataQualityConfig, { select }: ConnectorOutputs) {
    const { id, signal = 'traces' } = settings;
    const { dead_letter_pipelines: dead, default_pipelines: chosen } = config;
    this.#settings = settings;
    this.#judge = new Judge(settings, config);
    const isGood = (one: string) => (chosen.length > 0 ? chosen.includes(one) : !dead.includes(one));
    const good = select(isGood)[signal];
    if (!good) {
      throw new Error(`${id}: no pipeline of ${signal} takes what breaks no rule: give one ${id} among its receivers`);
    }
    this.#good = good;
    this.#bad = select((one) => dead.includes(one))[signal];
    const [rule] = this.#judge.routing;
    if (!this.#bad && rule !== undefined) {
      const advice = `add one to dead_letter_pipelines, or leave ${signal} out of the rule's signals`;
      throw new Error(
        `${id}: rule ${JSON.stringify(rule)} routes ${signal}, and no such pipeline takes them: ${advice}`,
      );
    }
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const judgement = this.#judge.judge(batch);
    const { kept, routed } = judgement;
    const left = batch.itemCount - kept.itemCount - (routed?.itemCount ?? 0);
    const answer = this.#send(kept, routed, ctx);
    return whenAnswered(answer, () => {
      this.#judge.count(judgement);
      if (left > 0) this.#settings.account.filtered(left);
    });
  }

  quality(): QualityReport {
    return this.#judge.report();
  }

  handOver(successor: Component): boolean {
    if (!(successor instanceof DataQualitySplit)) return false;
    this.#judge.handOver(successor.#judge);
    return true;
  }

  async shutdown(): Promise<void> {
    this.#judge.end();
  }

  #send(kept: Payload, routed: Payload | undefined, ctx: BatchContext): Promise<Outcome> {
    const halves: Half[] = [];
    if (kept.itemCount > 0) halves.push({ to: this.#good, batch: kept });
    if (routed) halves.push({ to: this.#bad!, batch: routed });
    const [first, second] = halves;
    if (!first) return acceptedPromise;
    if (!second) return first.to.consume(first.batch, ctx);
    const answers = halves.map((half) => this.#offer(half, ctx));
    return answers.every((answer) => answer === acceptedPromise) ? acceptedPromise : verdict(answers);
  }

  /** Who offers the batch until it is taken need not offer a half that was taken again. */
  #offer({ to, batch }: Half, ctx: BatchContext): Promise<Outcome> {
    const answer = to.consume(batch, ctx);
    if (answer === acceptedPromise || !ctx.persistent) return answer;
    return answer.then((outcome) => persist(outcome, to, batch, ctx, this.#settings));
  }
}

/** The worst; of two that were accepted, what both rejected. */
async function verdict(answers: readonly Promise<Outcome>[]): Promise<Outcome> {
  const outcomes = await Promise.all(answers);
  const worstOf = outcomes.reduce(worst, accepted);
  if (worstOf.status !== 'accepted') return worstOf;
  const rejected = outcomes.reduce((sum, one) => sum + (one.status === 'accepted' ? (one.rejectedItems ?? 0) : 0), 0);
  return rejected > 0 ? partial(rejected, worstOf.reason ?? '') : worstOf;
}
