import { type Clock, sleep } from '../core/clock.ts';
import type { BatchContext, Consumer } from '../core/consumer.ts';
import type { Outcome, Retryable } from '../core/outcome.ts';
import type { Payload } from '../otlp/payload.ts';
import type { Layer, Life } from './layer.ts';
import type { RetryConfig } from './schema.ts';

interface Tools {
  readonly clock: Clock;
  readonly random: () => number;
  readonly life: Life;
  /** Told before each wait. */
  readonly onWait: (outcome: Retryable) => void;
}

/**
 * Sends again what was refused retryably, with growing waits, never sooner than the far end asked.
 * Gives the last answer back once the next try would come after `max_elapsed_time`.
 * When the exporter stops, waits end at once and each batch has one last try.
 */
export function retry(config: RetryConfig, tools: Tools): Layer {
  if (!config.enabled) return (next) => next;
  return (next) => ({
    async consume(batch, ctx) {
      const started = tools.clock.monotonic();
      const outcome = await next.consume(batch, ctx);
      return outcome.status === 'retryable' ? again(next, batch, ctx, outcome, started) : outcome;
    },
  });

  async function again(next: Consumer, batch: Payload, ctx: BatchContext, refusal: Retryable, started: number) {
    const { clock, random, life } = tools;
    const stop = ctx.abort ? AbortSignal.any([life.stopping, ctx.abort]) : life.stopping;
    let outcome: Outcome = refusal;
    for (let interval = config.initial_interval; outcome.status === 'retryable'; interval *= config.multiplier) {
      if (stop.aborted) return outcome;
      const wait = Math.max(delay(config, interval, random()), outcome.retryAfterMs ?? 0);
      const elapsed = clock.monotonic() - started;
      if (config.max_elapsed_time > 0 && elapsed + wait > config.max_elapsed_time) return outcome;
      tools.onWait(outcome);
      await sleep(clock, wait, stop);
      if (ctx.abort?.aborted) return outcome;
      outcome = await next.consume(batch, ctx);
    }
    return outcome;
  }
}

/** @returns milliseconds: `interval`, at most the longest one, spread by the randomization factor. */
function delay(config: RetryConfig, interval: number, random: number): number {
  const base = Math.min(interval, config.max_interval);
  return base * (1 + config.randomization_factor * (2 * random - 1));
}
