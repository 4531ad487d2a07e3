import type { Re2 } from './re2_ast.ts';
import { membersOf, OTHERS } from './re2_members.ts';

/**
 * How many ways a backtracking engine may take through a pattern, at most: `factor` times the length of the text to
 * the power of `degree`. Infinity where loops stand inside loops.
 */
interface Ways {
  readonly factor: number;
  readonly degree: number;
}

const once: Ways = { factor: 1, degree: 0 };
/** Steps that a match may take: some tens of milliseconds. */
const MAX_STEPS = 4e6;

/**
 * The longest text on which a backtracking engine is sure to end soon: 0 for a pattern that can explode, such as
 * `(a+)+`. Each start of an unanchored search counts, and each step of a way.
 */
export function safeLength(root: Re2): number {
  const ways = waysThrough(root);
  const searches = startsWithText(root) ? 0 : 1;
  const degree = ways.degree + searches + 1;
  if (ways.factor === Infinity) return 0;
  return Math.floor((MAX_STEPS / ways.factor) ** (1 / degree));
}

function waysThrough(node: Re2): Ways {
  switch (node.kind) {
    case 'set':
    case 'assert':
      return once;
    case 'capture':
      return waysThrough(node.inner);
    case 'concat':
      return node.parts.map(waysThrough).reduce(product, once);
    case 'alternate': {
      const parts = node.parts.map(waysThrough);
      return areDisjoint(node.parts) ? parts.reduce(larger, once) : parts.reduce(sum);
    }
    case 'repeat': {
      const inner = waysThrough(node.inner);
      const single = inner.factor === 1 && inner.degree === 0;
      if (node.max === Infinity) return single && !isNullable(node.inner) ? { factor: 1, degree: 1 } : never;
      const choices = node.max - node.min + 1;
      if (single) return { factor: choices, degree: 0 };
      return { factor: choices * inner.factor ** node.max, degree: inner.degree * node.max };
    }
  }
}

const never: Ways = { factor: Infinity, degree: 0 };

function product(a: Ways, b: Ways): Ways {
  return { factor: a.factor * b.factor, degree: a.degree + b.degree };
}
function larger(a: Ways, b: Ways): Ways {
  return { factor: Math.max(a.factor, b.factor), degree: Math.max(a.degree, b.degree) };
}
function sum(a: Ways, b: Ways): Ways {
  return { factor: a.factor + b.factor, degree: Math.max(a.degree, b.degree) };
}

export function isNullable(node: Re2): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'assert':
      return true;
    case 'capture':
      return isNullable(node.inner);
    case 'concat':
      return node.parts.every(isNullable);
    case 'alternate':
      return node.parts.some(isNullable);
    case 'repeat':
      return node.min === 0 || isNullable(node.inner);
  }
}

/** Whether a match can only begin where the text does. */
function startsWithText(node: Re2): boolean {
  switch (node.kind) {
    case 'assert':
      return node.what === 'textStart';
    case 'capture':
      return startsWithText(node.inner);
    case 'concat':
      return node.parts.length > 0 && startsWithText(node.parts[0]!);
    case 'alternate':
      return node.parts.every(startsWithText);
    case 'repeat':
      return node.min > 0 && startsWithText(node.inner);
    default:
      return false;
  }
}

/** Whether the first character decides which branch it is. */
function areDisjoint(branches: readonly Re2[]): boolean {
  const taken = new Uint8Array(OTHERS + 1);
  for (const branch of branches) {
    const first = firstOf(branch);
    if (!first) return false;
    for (let i = 0; i <= OTHERS; i++) if (first[i] === 1 && taken[i]++ > 0) return false;
  }
  return true;
}

/** What a match of `node` may begin with; undefined where it may be empty. */
function firstOf(node: Re2): Uint8Array | undefined {
  switch (node.kind) {
    case 'set':
      return membersOf(node);
    case 'assert':
      return undefined;
    case 'capture':
      return firstOf(node.inner);
    case 'repeat':
      return node.min > 0 ? firstOf(node.inner) : undefined;
    case 'concat': {
      // What asserts takes no character: the first that does decides.
      const part = node.parts.find(({ kind }) => kind !== 'assert');
      return part && firstOf(part);
    }
    case 'alternate': {
      const union = new Uint8Array(OTHERS + 1);
      for (const part of node.parts) {
        const first = firstOf(part);
        if (!first) return undefined;
        for (let i = 0; i <= OTHERS; i++) union[i] |= first[i]!;
      }
      return union;
    }
  }
}
