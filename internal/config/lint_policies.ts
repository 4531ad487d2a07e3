import { isAlways, keepsOrdinary, type Policy, whyNever } from './lint_policy.ts';
import { type Finding, type Linted, processorsOf } from './lint_rule.ts';

/** Of `tail_sampling`, as far as policies go. */
interface TailSampling {
  readonly policies?: readonly Policy[];
  readonly sample_on_first_match?: boolean;
}

/** Each policy of a sampler with its index; a finding is about one of them. */
function inPolicies(
  linted: Linted,
  look: (policies: readonly Policy[], config: TailSampling) => readonly { at: number; message: string }[],
): Finding[] {
  return processorsOf<TailSampling>(linted, 'tail_sampling').flatMap(({ path, config }) =>
    look(config.policies ?? [], config).map(({ at, message }) => ({
      path: [...path, 'policies', at, 'name'],
      message,
    })),
  );
}

export function unreachablePolicies(linted: Linted): Finding[] {
  return inPolicies(linted, (policies, { sample_on_first_match: isFirst = false }) => {
    const dropsAll = policies.findIndex((policy) => policy.type === 'drop' && isAlways(policy));
    if (dropsAll >= 0) return [{ at: dropsAll, message: 'drops every trace: no other policy is ever asked' }];
    const keepsAll = policies.findIndex((policy) => policy.type !== 'drop' && isAlways(policy));
    if (keepsAll < 0) return [];
    const isOther = (policy: Policy, at: number) => policy.type !== 'drop' && at !== keepsAll;
    if (!isFirst) {
      const message = 'keeps every trace: of the other policies only a drop makes a difference';
      return policies.some(isOther) ? [{ at: keepsAll, message }] : [];
    }
    const message = `is never asked: ${policies[keepsAll]!.name} before it samples every trace, and sample_on_first_match ends there; move it up`;
    return policies.flatMap((policy, at) => (at > keepsAll && isOther(policy, at) ? [{ at, message }] : []));
  });
}

/** Limits count for themselves: two of them are twice the rate. */
const countForThemselves = ['rate_limiting', 'bytes_limiting', 'composite'];

export function identicalPolicies(linted: Linted): Finding[] {
  return inPolicies(linted, (policies) => {
    const texts = policies.map((policy) => JSON.stringify([policy.type, policy[policy.type as keyof Policy]]));
    return policies.flatMap((policy, at) => {
      const first = texts.indexOf(texts[at]!);
      if (first === at || countForThemselves.includes(policy.type)) return [];
      return [{ at, message: `decides exactly as ${policies[first]!.name} before it: remove one of them` }];
    });
  });
}

export function policiesThatNeverMatch(linted: Linted): Finding[] {
  return inPolicies(linted, (policies) =>
    policies.flatMap((policy, at) => {
      const why = whyNever(policy);
      return why === undefined ? [] : [{ at, message: `never matches a trace: ${why}` }];
    }),
  );
}

export function nothingHealthyIsKept(linted: Linted): Finding[] {
  return processorsOf<TailSampling>(linted, 'tail_sampling').flatMap(({ path, config }): Finding[] => {
    const sampling = (config.policies ?? []).filter((policy) => policy.type !== 'drop');
    if (sampling.some(keepsOrdinary)) return [];
    const message =
      sampling.length === 0
        ? 'only drop, so that nothing is ever kept: add a policy that samples'
        : 'are all selective, so that no ordinary trace is ever kept to compare with: add one of type probabilistic, if that is not meant';
    return [{ path: [...path, 'policies'], message }];
  });
}
