import { subPolicies, type TailSamplingConfig } from './config.ts';
import type { PolicyConfig } from './policy_schema.ts';

/** What the configuration says and does not mean, as upstream takes it too: one line each, for the log at start. */
export function remarks({ policies }: TailSamplingConfig): string[] {
  return policies.flatMap(remarksOn);
}

function remarksOn(policy: PolicyConfig): string[] {
  const { name, type } = policy;
  const found: string[] = [];
  const subs = subPolicies(policy);
  if ((type === 'and' || type === 'drop') && subs.length === 0) {
    const effect = type === 'and' ? 'samples' : 'drops';
    found.push(`policy ${name}: ${type} without sub-policies ${effect} every trace: add ${type}_sub_policy`);
  }
  if (type === 'composite' && 'composite' in policy) found.push(...remarksOnComposite(name, policy.composite));
  return [...found, ...subs.flatMap(remarksOn)];
}

function remarksOnComposite(name: string, composite: NonNullable<Composite['composite']> | undefined): string[] {
  const { composite_sub_policy: subs = [], rate_allocation: shares = [], policy_order: order = [] } = composite ?? {};
  const found: string[] = [];
  for (const { name: sub } of subs) {
    if (shares.some(({ policy }) => policy === sub)) continue;
    found.push(
      `policy ${name}: ${sub} has no rate_allocation, so it samples nothing: add one (percent: 0 is an equal share)`,
    );
  }
  const names = subs.map((sub) => sub.name);
  if (order.length > 0 && order.join('\n') !== names.join('\n')) {
    found.push(`policy ${name}: policy_order has no effect, as in the Go collector: order composite_sub_policy`);
  }
  return found;
}

type Composite = Extract<PolicyConfig, { composite?: unknown }>;
