import { decodeExportResponse } from '../../internal/otlp/response.ts';

/** Remembered answers: a subject gives the same one to nearly every request. */
const REMEMBERED = 16;

/** Tells a full success from a partial one; which bytes say so differs: none, or an empty partial_success. */
export class SuccessCheck {
  readonly #good = new Set<string>();

  /**
   * @param encoded the answer as it travelled; `decode` is called for one not seen before
   * @throws Error for a partial success or what is no answer: the load then knows no more what was accepted
   */
  check(encoded: Buffer, decode: (encoded: Buffer) => Uint8Array): void {
    if (encoded.length === 0) return;
    const key = encoded.toString('latin1');
    if (this.#good.has(key)) return;
    const answer = decodeExportResponse(decode(encoded));
    if ('malformed' in answer) throw new Error(`an answer that cannot be read: ${answer.malformed}`);
    if (answer.rejectedItems > 0) throw new Error(`a partial success: ${answer.rejectedItems} items rejected`);
    if (this.#good.size < REMEMBERED) this.#good.add(key);
  }
}
