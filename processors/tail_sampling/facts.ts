import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import type { BufferedTrace, Facts } from '../../internal/sampling/decider.ts';

/** One bit of each trace. */
export interface Bit {
  readonly word: number;
  readonly mask: number;
}

/** Hands out the bits, words and numbers that a trace has. */
export class Layout {
  #bits = 0;
  #words = 0;
  numbers = 0;

  /** Words for bits and words of their own. */
  get bitWords(): number {
    return this.#words;
  }

  bit(): Bit {
    const at = this.#bits & 31;
    if (at === 0) this.#bits = this.words(1) * 32;
    const bit = { word: this.#bits >>> 5, mask: (1 << at) >>> 0 };
    this.#bits++;
    return bit;
  }

  /** @returns the first of this many words, which nothing else uses */
  words(count: number): number {
    const first = this.#words;
    this.#words += count;
    return first;
  }

  /** @returns the first of this many numbers */
  number(count: number): number {
    const first = this.numbers;
    this.numbers += count;
    return first;
  }
}

export function isSet({ facts }: Pick<BufferedTrace, 'facts'>, { word, mask }: Bit): boolean {
  return (facts.bits[facts.bitsAt + word]! & mask) !== 0;
}

/** Learns something of a trace from each span that arrives. */
export interface Gatherer {
  /**
   * Spans of this resource and scope follow.
   * @param hits words of `Facts.bits`: what is set here is set in the trace of each of these spans
   */
  enter?(resource: ResourceGroup, scope: ScopeGroup, hits: Uint32Array): void;
  gather(span: Span, facts: Facts): void;
}
