/** One character out of a set. Also a literal character: a set of one. */
export interface CharSet {
  readonly kind: 'set';
  /** Inclusive pairs of code points. */
  readonly ranges: readonly number[];
  /** Unicode properties as JavaScript writes them: `\p{Script=Greek}`. */
  readonly properties: readonly string[];
  readonly negated: boolean;
  readonly fold: boolean;
}

export type Assertion = 'textStart' | 'textEnd' | 'lineStart' | 'lineEnd' | 'word' | 'noWord';

export type Re2 =
  | CharSet
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'concat' | 'alternate'; readonly parts: readonly Re2[] }
  | { readonly kind: 'capture'; readonly index: number; readonly inner: Re2 }
  | {
      readonly kind: 'repeat';
      readonly inner: Re2;
      readonly min: number;
      readonly max: number;
      readonly greedy: boolean;
    };

export interface Re2Pattern {
  readonly root: Re2;
  /** By index; 0 is the whole match. */
  readonly names: readonly (string | undefined)[];
}

/** How many steps the pattern takes when its counted repetitions are written out. */
export function sizeOf(node: Re2): number {
  switch (node.kind) {
    case 'concat':
    case 'alternate':
      return node.parts.reduce((sum, part) => sum + sizeOf(part), 1);
    case 'capture':
      return sizeOf(node.inner) + 2;
    case 'repeat':
      return sizeOf(node.inner) * Math.max(1, node.max === Infinity ? node.min : node.max) + 2;
    default:
      return 1;
  }
}
