import type { Vote } from '../../internal/core/explain.ts';

/** What a policy says of a trace. */
export const NOT_ASKED = 0;
export const NOT_SAMPLED = 1;
export const SAMPLED = 2;
export const DROPPED = 3;
/** An inverted match, where `invert_decisions` is on: these two have a rank of their own. */
export const INVERTED_NOT_SAMPLED = 4;
export const INVERTED_SAMPLED = 5;
export const FAILED = 6;
export type Ballot =
  | typeof NOT_ASKED
  | typeof NOT_SAMPLED
  | typeof SAMPLED
  | typeof DROPPED
  | typeof INVERTED_NOT_SAMPLED
  | typeof INVERTED_SAMPLED
  | typeof FAILED;

const words: readonly Vote['vote'][] = [
  'not_asked',
  'not_sampled',
  'sampled',
  'dropped',
  'inverted_not_sampled',
  'inverted_sampled',
  'error',
];

export function ballotText(ballot: number): Vote['vote'] {
  return words[ballot] ?? 'not_asked';
}
