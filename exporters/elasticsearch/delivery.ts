import type { Outcome, Permanent, Retryable } from '../../internal/core/outcome.ts';
import type { Loss } from '../../internal/exporterhelper/isolate.ts';
import type { DocumentError } from './answer.ts';
import type { Documents } from './bulk.ts';

/** A document that will not arrive. */
export interface LostDocument extends DocumentError {
  /** The server asked to be tried again, and the tries are used up. */
  readonly retryable: boolean;
}

/**
 * How far the documents of one batch have got, over all tries to send it. The same batch makes the same documents in the
 * same order, so their numbers are enough to know which are left.
 */
export class Delivery {
  /** Numbers of the documents that are still to be sent. */
  waiting: number[];
  tries = 0;
  readonly lost = new Map<number, LostDocument>();
  /** Documents that the rejection log has. */
  readonly logged = new Set<number>();

  constructor(documents: number) {
    this.waiting = Array.from({ length: documents }, (_, number) => number);
  }
}

/**
 * The runs of items of a batch that did not arrive.
 *
 * @param quote the server's words may be told: they quote the document, and end up in logs
 */
export function lossesOf(
  { documentOf, refused }: Pick<Documents, 'documentOf' | 'refused'>,
  lost: ReadonlyMap<number, LostDocument>,
  quote: boolean,
): Loss[] {
  const reasons = new Map<number, Outcome>();
  for (const { item, reason } of refused) {
    reasons.set(item, { status: 'permanent', code: 'invalid', reason });
  }
  if (lost.size > 0) {
    for (const [item, number] of documentOf.entries()) {
      const document = lost.get(number);
      if (document) reasons.set(item, outcomeOf(document, quote));
    }
  }
  const losses: { from: number; items: number; outcome: Retryable | Permanent }[] = [];
  for (const [item, outcome] of [...reasons].sort(([a], [b]) => a - b)) {
    const before = losses.at(-1);
    const same = before && before.from + before.items === item && sameKind(before.outcome, outcome);
    if (same) before.items++;
    else if (outcome.status !== 'accepted') losses.push({ from: item, items: 1, outcome });
  }
  return losses;
}

function outcomeOf({ retryable, status, type, reason }: LostDocument, quote: boolean): Outcome {
  const words = (quote || status === 0) && reason !== '' ? `: ${reason}` : '';
  const text = status === 0 ? `${type}${words}` : `${type} (${status})${words}`;
  return retryable ? { status: 'retryable', reason: text } : { status: 'permanent', code: 'rejected', reason: text };
}

function sameKind(a: Outcome, b: Outcome): boolean {
  if (a.status !== b.status) return false;
  return a.status !== 'permanent' || a.code === (b as Permanent).code;
}
