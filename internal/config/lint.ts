import { type Issue, warningAt } from './issues.ts';
import { batchBeforeSampler, memoryLimiterFirst } from './lint_order.ts';
import {
  identicalPolicies,
  nothingHealthyIsKept,
  policiesThatNeverMatch,
  unreachablePolicies,
} from './lint_policies.ts';
import type { Linted, Rule } from './lint_rule.ts';
import { countersBehindSamplers, nothingIsKept, severalSamplers } from './lint_samplers.ts';
import { buffersAboveMemory, cachesBelowTraces, tracesBelowRate } from './lint_sizes.ts';
import { type Node, placeOf } from './tree.ts';

const rules: readonly Rule[] = [
  memoryLimiterFirst,
  batchBeforeSampler,
  severalSamplers,
  countersBehindSamplers,
  nothingIsKept,
  cachesBelowTraces,
  tracesBelowRate,
  buffersAboveMemory,
  unreachablePolicies,
  identicalPolicies,
  policiesThatNeverMatch,
  nothingHealthyIsKept,
];

/** Warnings about a configuration that is valid. */
export function lint(linted: Linted, root: Node): Issue[] {
  const findings = rules.flatMap((rule) => rule(linted));
  return findings.map(({ path, message }) => warningAt(placeOf(root, path), path, message));
}
