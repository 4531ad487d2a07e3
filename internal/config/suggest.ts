import { nearest } from '../core/nearest.ts';

/** @returns `; did you mean "timeout"?`, or nothing to add. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates);
  return found === undefined ? '' : `; did you mean ${JSON.stringify(found)}?`;
}
