import { equal, type Fields, isFields, Matcher, type Value } from './values.ts';

/** One place where two values differ. */
export interface Difference {
  readonly path: readonly (string | number)[];
  readonly expected: Value | undefined;
  readonly came: Value | undefined;
}

/** @param exact maps have no key that is not expected; else they may have more */
export function compare(expected: Value | undefined, came: Value | undefined, exact: boolean): Difference[] {
  const found: Difference[] = [];
  walk([], expected, came, exact, found);
  return found;
}

function walk(
  path: readonly (string | number)[],
  expected: Value | undefined,
  came: Value | undefined,
  exact: boolean,
  found: Difference[],
): void {
  if (expected instanceof Matcher) {
    if (!expected.test(came)) found.push({ path, expected, came });
  } else if (isFields(expected) && isFields(came)) {
    for (const [key, value] of expected) walk([...path, key], value, came.get(key), exact, found);
    if (!exact) return;
    for (const [key, value] of came)
      if (!expected.has(key)) found.push({ path: [...path, key], expected: undefined, came: value });
  } else if (Array.isArray(expected) && Array.isArray(came)) {
    const length = Math.max(expected.length, came.length);
    for (let i = 0; i < length; i++) walk([...path, i], expected[i], came[i], exact, found);
  } else if (!equal(expected, came)) found.push({ path, expected, came });
}

/** An expected record and the one that came in its place; either may be missing. */
export interface Pair {
  readonly expected: Fields | undefined;
  readonly came: Fields | undefined;
  /** In the order in which they came, or were expected. */
  readonly index: number;
}

/** Above this many, records are told apart by their place alone. */
const maxAligned = 400;

/** Pairs records by place; where one list is longer, so that as many as possible fit. */
export function paired(expected: readonly Fields[], came: readonly Fields[], exact: boolean): Pair[] {
  if (expected.length === came.length || expected.length * came.length > maxAligned ** 2) {
    const length = Math.max(expected.length, came.length);
    return Array.from({ length }, (_, index) => ({ expected: expected[index], came: came[index], index }));
  }
  return aligned(expected, came, (a, b) => likeness(a, b, exact));
}

/** 0: another record. A record that is what was expected weighs more than one that has its name. */
function likeness(expected: Fields, came: Fields, exact: boolean): number {
  if (compare(expected, came, exact).length === 0) return 3;
  const same = (key: string) => expected.has(key) && equal(expected.get(key), came.get(key));
  return same('name') || same('body') ? 1 : 0;
}

function aligned(
  expected: readonly Fields[],
  came: readonly Fields[],
  weight: (a: Fields, b: Fields) => number,
): Pair[] {
  const best = Array.from({ length: expected.length + 1 }, () => new Array<number>(came.length + 1).fill(0));
  const weights = expected.map((a) => came.map((b) => weight(a, b)));
  for (let i = expected.length - 1; i >= 0; i--) {
    for (let j = came.length - 1; j >= 0; j--) {
      const both = weights[i]![j]! > 0 ? best[i + 1]![j + 1]! + weights[i]![j]! : 0;
      best[i]![j] = Math.max(both, best[i + 1]![j]!, best[i]![j + 1]!);
    }
  }
  const pairs: Pair[] = [];
  for (let i = 0, j = 0; i < expected.length || j < came.length; ) {
    const score = best[i]![j]!;
    const fit = weights[i]?.[j] ?? 0;
    if (fit > 0 && score === best[i + 1]![j + 1]! + fit) {
      pairs.push({ expected: expected[i++], came: came[j], index: j++ });
    } else if (i < expected.length && (j === came.length || score === best[i + 1]![j]!)) {
      pairs.push({ expected: expected[i], came: undefined, index: i++ });
    } else pairs.push({ expected: undefined, came: came[j], index: j++ });
  }
  return pairs;
}

/** `attributes["a b"]`, `events[0].name`. */
export function pathText(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_]\w*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}
