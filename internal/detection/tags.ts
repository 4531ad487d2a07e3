import { z } from 'zod';
import { pattern } from '../attributes/pattern.ts';
import { type Regex, regexOf } from '../ottl/index.ts';

/** Patterns of the keys of tags or labels that become attributes. */
export const tagPatterns = (what: string) =>
  z.array(pattern()).default([]).describe(`RE2 patterns: ${what} whose key one of them finds become attributes.`);

/** @returns whether a key is found by one of the patterns */
export function tagMatcher(patterns: readonly string[]): (key: string) => boolean {
  const all: Regex[] = patterns.map(regexOf);
  return (key) => all.some((one) => one.test(key));
}
