import type { CharSet } from './re2_ast.ts';
import { setSource } from './re2_source.ts';

/** The ASCII characters one by one, all others as one. */
export const OTHERS = 128;

/** What becomes an ASCII letter without regard to case: the sign for Kelvin, and the long s. */
const foldedIntoAscii = ['\u212a', '\u017f'];

/** Which characters a set has: 1 at their index, and at OTHERS where there may be any beyond ASCII. */
export function membersOf(set: CharSet): Uint8Array {
  const members = new Uint8Array(OTHERS + 1);
  const { ranges, negated, fold } = set;
  const ofAscii = set.properties.length === 0 && ranges.every((point) => point < OTHERS);
  if (ofAscii && !fold) {
    for (let i = 0; i < ranges.length; i += 2) members.fill(1, ranges[i], ranges[i + 1]! + 1);
    return negated ? members.map((member) => 1 - member) : members;
  }
  const pattern = new RegExp(setSource(set), 'u');
  for (let i = 0; i < OTHERS; i++) members[i] = pattern.test(String.fromCharCode(i)) ? 1 : 0;
  const noOthers = ofAscii && !negated && !foldedIntoAscii.some((letter) => pattern.test(letter));
  members[OTHERS] = noOthers ? 0 : 1;
  return members;
}
