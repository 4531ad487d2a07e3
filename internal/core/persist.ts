import type { Payload } from '../otlp/payload.ts';
import { type Clock, sleep } from './clock.ts';
import type { BatchContext, Consumer } from './consumer.ts';
import type { Outcome, Retryable } from './outcome.ts';

const firstWaitMs = 100;
const longestWaitMs = 5000;

/** What waiting takes. */
export interface Patience {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * Offers a batch that was refused for now again and again, with growing pauses, until it is taken, refused for good, or `ctx.abort` fires.
 * @returns the last answer: retryable only after an abort
 */
export async function persist(
  first: Outcome,
  next: Consumer,
  batch: Payload,
  ctx: BatchContext,
  { clock, random }: Patience,
  onRefused: (refusal: Retryable) => void = () => {},
): Promise<Outcome> {
  let outcome = first;
  for (let wait = firstWaitMs; outcome.status === 'retryable'; wait = Math.min(wait * 2, longestWaitMs)) {
    onRefused(outcome);
    // The hint is meant for strangers; next door we may ask a little sooner than the longest wait.
    const pause = Math.min(outcome.retryAfterMs ?? wait, longestWaitMs) * (0.75 + random() / 2);
    if (!(await sleep(clock, pause, ctx.abort))) return outcome;
    outcome = await next.consume(batch, ctx);
  }
  return outcome;
}
