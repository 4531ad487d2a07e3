import type { z } from 'zod';
import { compileRegex, placed } from '../../internal/ottl/index.ts';
import { ottlProblem } from './ottl_facts.ts';

/** What of a policy its own fields show to be wrong, apart from their types. */
interface Checked {
  readonly type: string;
  readonly numeric_attribute?: { readonly min_value: number; readonly max_value: number } | undefined;
  readonly status_code?: { readonly status_codes: readonly string[] } | undefined;
  readonly string_attribute?:
    | { readonly values: readonly string[]; readonly enabled_regex_matching: boolean }
    | undefined;
  readonly not?: unknown;
  readonly ottl_condition?: { readonly span: readonly string[]; readonly spanevent: readonly string[] } | undefined;
}

/** The checks that upstream makes when it builds the policy: of the section of its type, not of the others. */
export function policyProblems(config: Checked, ctx: z.core.$RefinementCtx): void {
  const refuse = (path: (string | number)[], message: string) =>
    ctx.issues.push({ code: 'custom', path, message, input: config });
  if (config.type === 'numeric_attribute') {
    const { min_value = 0, max_value = 0 } = config.numeric_attribute ?? {};
    if (min_value === 0 && max_value === 0) {
      refuse(
        ['numeric_attribute'],
        'min_value or max_value must be set, and 0 counts as not set: use -1 or 1, or an ottl_condition',
      );
    }
  } else if (config.type === 'status_code') {
    if (!config.status_code?.status_codes.length) refuse(['status_code'], 'status_codes must name OK, ERROR or UNSET');
  } else if (config.type === 'string_attribute' && config.string_attribute?.enabled_regex_matching) {
    config.string_attribute.values.forEach((source, i) => {
      const problem = regexProblem(source);
      if (problem) refuse(['string_attribute', 'values', i], problem);
    });
  } else if (config.type === 'not' && config.not === undefined) {
    refuse(['not'], 'not_sub_policy must be set');
  } else if (config.type === 'ottl_condition') {
    const { span = [], spanevent = [] } = config.ottl_condition ?? {};
    if (span.length + spanevent.length === 0) refuse(['ottl_condition'], 'span or spanevent must have a condition');
    for (const [field, context] of [
      ['span', 'span'],
      ['spanevent', 'spanevent'],
    ] as const) {
      (field === 'span' ? span : spanevent).forEach((text, i) => {
        const problem = ottlProblem(text, context);
        if (problem) refuse(['ottl_condition', field, i], problem);
      });
    }
  }
}

function regexProblem(source: string): string | undefined {
  const compiled = compileRegex(source);
  if (compiled.ok) return undefined;
  return `${JSON.stringify(source)} is no regular expression of Go's: ${placed(compiled.problem)}`;
}
