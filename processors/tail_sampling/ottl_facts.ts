import type { Span } from '../../internal/otlp/view/span.ts';
import type { Facts } from '../../internal/sampling/decider.ts';
import type { Bit, Gatherer, Layout } from './facts.ts';

export interface OttlFacts extends Gatherer {
  readonly matched: Bit;
  readonly failed: Bit;
}

/** Why the condition cannot be used; undefined where it can. */
export function ottlProblem(_text: string, _context: 'span' | 'spanevent'): string | undefined {
  return undefined;
}

export function ottlFacts(
  layout: Layout,
  _span: readonly string[],
  _spanevent: readonly string[],
  _propagate: boolean,
): OttlFacts {
  return { matched: layout.bit(), failed: layout.bit(), gather(_s: Span, _f: Facts) {} };
}
