/** A policy of `tail_sampling`, as far as rules look at it: the section named like its type counts. */
export interface Policy {
  readonly name?: string;
  readonly type: string;
  readonly latency?: { readonly threshold_ms?: number; readonly upper_threshold_ms?: number } | undefined;
  readonly numeric_attribute?:
    | { readonly min_value?: number; readonly max_value?: number; readonly invert_match?: boolean }
    | undefined;
  readonly probabilistic?: { readonly sampling_percentage?: number } | undefined;
  readonly status_code?: { readonly status_codes?: readonly string[] } | undefined;
  readonly string_attribute?: { readonly invert_match?: boolean } | undefined;
  readonly boolean_attribute?: { readonly invert_match?: boolean } | undefined;
  readonly span_count?: { readonly min_spans?: number; readonly max_spans?: number } | undefined;
  readonly and?: { readonly and_sub_policy?: readonly Policy[] } | undefined;
  readonly drop?: { readonly drop_sub_policy?: readonly Policy[] } | undefined;
  readonly composite?: { readonly composite_sub_policy?: readonly Policy[] } | undefined;
  readonly not?: { readonly not_sub_policy?: Policy } | undefined;
}

/** Matches every trace. */
export function isAlways(policy: Policy): boolean {
  switch (policy.type) {
    case 'always_sample':
      return true;
    case 'probabilistic':
      return (policy.probabilistic?.sampling_percentage ?? 0) >= 100;
    case 'latency':
      return !policy.latency?.threshold_ms && !policy.latency?.upper_threshold_ms;
    case 'span_count':
      return (policy.span_count?.min_spans ?? 0) <= 1 && !policy.span_count?.max_spans;
    case 'status_code':
      return new Set(policy.status_code?.status_codes).size === 3;
    // Without sub-policies there is none that objects.
    case 'and':
      return all(policy.and?.and_sub_policy, isAlways);
    case 'drop':
      return all(policy.drop?.drop_sub_policy, isAlways);
    case 'not':
      return policy.not?.not_sub_policy !== undefined && whyNever(policy.not.not_sub_policy) !== undefined;
    default:
      return false;
  }
}

/** @returns why it matches no trace; undefined where it may match one */
export function whyNever(policy: Policy): string | undefined {
  switch (policy.type) {
    case 'probabilistic':
      return policy.probabilistic?.sampling_percentage ? undefined : 'sampling_percentage is 0';
    case 'latency': {
      const { threshold_ms: from = 0, upper_threshold_ms: to = 0 } = policy.latency ?? {};
      return to > 0 && to <= from ? 'upper_threshold_ms is not above threshold_ms' : undefined;
    }
    case 'span_count': {
      const { min_spans: from = 0, max_spans: to = 0 } = policy.span_count ?? {};
      return to > 0 && to < from ? 'max_spans is less than min_spans' : undefined;
    }
    case 'numeric_attribute': {
      const { min_value: from = 0, max_value: to = 0, invert_match = false } = policy.numeric_attribute ?? {};
      return from !== 0 && to !== 0 && to < from && !invert_match ? 'max_value is less than min_value' : undefined;
    }
    case 'and':
      return firstReason(policy.and?.and_sub_policy);
    case 'drop':
      return firstReason(policy.drop?.drop_sub_policy);
    case 'not':
      return policy.not?.not_sub_policy && isAlways(policy.not.not_sub_policy)
        ? 'what it negates matches every trace'
        : undefined;
    default:
      return undefined;
  }
}

function firstReason(policies: readonly Policy[] = []): string | undefined {
  return policies.map(whyNever).find((why) => why !== undefined);
}

/** May keep an ordinary trace: a quick one without an error. */
export function keepsOrdinary(policy: Policy): boolean {
  switch (policy.type) {
    case 'rate_limiting':
    case 'bytes_limiting':
    case 'trace_flags':
    case 'not':
      return true;
    case 'probabilistic':
      return whyNever(policy) === undefined;
    case 'latency':
      return !policy.latency?.threshold_ms;
    case 'status_code':
      return policy.status_code?.status_codes?.some((code) => code !== 'ERROR') ?? false;
    case 'numeric_attribute':
      return policy.numeric_attribute?.invert_match ?? false;
    case 'string_attribute':
      return policy.string_attribute?.invert_match ?? false;
    case 'boolean_attribute':
      return policy.boolean_attribute?.invert_match ?? false;
    case 'and':
      return all(policy.and?.and_sub_policy, keepsOrdinary);
    case 'composite':
      return policy.composite?.composite_sub_policy?.some(keepsOrdinary) ?? false;
    default:
      return isAlways(policy);
  }
}

function all(policies: readonly Policy[] = [], holds: (policy: Policy) => boolean): boolean {
  return policies.every(holds);
}
