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
  if (left === 0) return answer;
  if (answer === acceptedPromise) {
    account.filtered(left);
    return answer;
  }
  return answer.then((outcome) => {
    if (outcome.status === 'accepted') account.filtered(left);
    return outcome;
  });
}
