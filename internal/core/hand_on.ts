import type { Payload } from '../otlp/payload.ts';
import type { BatchContext, Consumer } from './consumer.ts';
import type { Account } from './ledger.ts';
import { acceptedPromise, type Outcome } from './outcome.ts';

/**
 * Passes on what is kept of a batch, within the caller's call, and counts the rest as filtered once the next component
 * has accepted: of a batch that is refused nothing is left out, since it may come again.
 * @param kept what is left of `batch`, maybe nothing
 */
export function handOnKept(
  next: Consumer,
  account: Account,
  batch: Payload,
  kept: Payload,
  ctx: BatchContext,
): Promise<Outcome> {
  const left = batch.itemCount - kept.itemCount;
  const answer = kept.itemCount === 0 ? acceptedPromise : next.consume(kept, ctx);
  return left === 0 ? answer : whenAnswered(answer, () => account.filtered(left));
}

/**
 * Has `taken` called where the batch is accepted, and `refused` where it is not: at once if the answer is there already.
 * @returns the answer
 */
export function whenAnswered(answer: Promise<Outcome>, taken: () => void, refused?: () => void): Promise<Outcome> {
  if (answer === acceptedPromise) {
    taken();
    return answer;
  }
  return answer.then((outcome) => {
    if (outcome.status === 'accepted') taken();
    else refused?.();
    return outcome;
  });
}
