import type { BatchContext, Consumer } from '../core/consumer.ts';
import { accepted, type Outcome, type Permanent, type Retryable, worst } from '../core/outcome.ts';
import { Payload } from '../otlp/payload.ts';
import { countItems } from '../otlp/shape.ts';
import { splitByItems } from '../otlp/split.ts';

/** A run of items of a batch that did not arrive. */
export interface Loss {
  /** Index of the first item in the batch. */
  readonly from: number;
  readonly items: number;
  /** What the far end said of them; absent: it accepted the batch but for these (partial success). */
  readonly outcome?: Retryable | Permanent;
}

/** An outcome that also says which items it speaks of. */
export type Located = Outcome & { readonly losses?: readonly Loss[] };

/** Sends on top of the first one that one refused batch may cost. */
const maxExtraSends = 32;

/**
 * A backend that refuses a batch as `invalid` may mean one request of the hundreds in it, and one that finds it
 * `too_large` may take it in halves. Such a batch is halved at the border between two requests, and each half that is
 * refused again likewise, until single requests are left or 32 more sends were spent. A single request that is too
 * large is halved by its items. What was refused alone is lost; all else has arrived.
 */
export function isolate(next: Consumer): Consumer {
  return {
    async consume(batch, ctx) {
      const outcome = await next.consume(batch, ctx);
      if (!divisible(outcome, batch)) return outcome;
      const search = new Search(next, ctx);
      await search.divide(batch, 0, outcome);
      return search.verdict(batch.itemCount);
    },
  };
}

class Search {
  readonly #next: Consumer;
  readonly #ctx: BatchContext;
  readonly #losses: Loss[] = [];
  #sendsLeft = maxExtraSends;

  constructor(next: Consumer, ctx: BatchContext) {
    this.#next = next;
    this.#ctx = ctx;
  }

  async divide(batch: Payload, from: number, refusal: Permanent): Promise<void> {
    const parts = this.#sendsLeft > 1 ? halves(batch) : [];
    if (parts.length < 2) {
      this.#losses.push({ from, items: batch.itemCount, outcome: refusal });
      return;
    }
    for (const part of parts) {
      const outcome = this.#sendsLeft-- > 0 ? await this.#next.consume(part, this.#ctx) : refusal;
      if (divisible(outcome, part)) await this.divide(part, from, outcome);
      else if (outcome.status !== 'accepted') this.#losses.push({ from, items: part.itemCount, outcome });
      else if (outcome.rejectedItems) this.#losses.push({ from, items: outcome.rejectedItems });
      from += part.itemCount;
    }
  }

  /** Retryable when any part is, so that a sender who waits for the answer sends all of it again. */
  verdict(items: number): Located {
    const losses = this.#losses;
    const lost = losses.reduce((sum, loss) => sum + loss.items, 0);
    let said: Outcome = accepted;
    for (const loss of losses) if (loss.outcome) said = worst(said, loss.outcome);
    if (said.status === 'retryable' || (said.status === 'permanent' && lost === items)) return { ...said, losses };
    if (lost === 0) return accepted;
    const reason = said.status === 'permanent' ? said.reason : 'the backend rejected part of the batch';
    return { status: 'accepted', rejectedItems: lost, reason, losses };
  }
}

function divisible(outcome: Outcome, batch: Payload): outcome is Permanent {
  if (outcome.status !== 'permanent') return false;
  if (outcome.code === 'too_large') return batch.itemCount > 1;
  return outcome.code === 'invalid' && batch.chunks.length > 1;
}

function halves(batch: Payload): readonly Payload[] {
  const { signal, chunks } = batch;
  if (chunks.length < 2) return splitByItems(batch, Math.ceil(batch.itemCount / 2));
  const middle = Math.ceil(chunks.length / 2);
  const left = counted(batch, chunks.slice(0, middle));
  const right = new Payload(
    signal,
    chunks.slice(middle),
    batch.itemCount - left.itemCount,
    batch.byteLength - left.byteLength,
  );
  return [left, right];
}

function counted({ signal }: Payload, chunks: readonly Uint8Array[]): Payload {
  let items = 0;
  let bytes = 0;
  for (const chunk of chunks) {
    items += countItems(signal, chunk);
    bytes += chunk.byteLength;
  }
  return new Payload(signal, chunks, items, bytes);
}
