import { z } from 'zod';
import { pattern } from '../attributes/pattern.ts';
import { duration, enumeration, integer, object } from '../config/fields.ts';

/** What happens to what breaks a rule. */
export type Action = 'count' | 'tag' | 'drop' | 'route';

const keys = (what: string) => z.array(z.string().min(1)).min(1).optional().describe(what);
const on = (what: string) => z.literal(true).optional().describe(what);

const checks = {
  required: keys('Attributes that must be there and not be empty.'),
  forbidden: keys('Attributes that must not be there.'),
  allowed: object({ attribute: z.string().min(1), values: z.array(z.string()).min(1) })
    .optional()
    .describe('The values an attribute may have, as text.'),
  type: object({
    attribute: z.string().min(1),
    is: enumeration(['string', 'bool', 'int', 'double', 'array', 'kvlist', 'bytes']),
  })
    .optional()
    .describe('The type an attribute must have where it is there.'),
  name_pattern: pattern()
    .optional()
    .describe('RE2: must be found in the name of the span or metric, or the event name of the log record.'),
  timestamp_within: object({ past: duration('24h'), future: duration('5m') })
    .optional()
    .describe('How far the end of a span, or the time of a log record or data point, may be from now.'),
  parent_present: on('The parent of a span is in the same batch.'),
  valid_ids: on('Spans have a trace id and a span id that are not zeros; log records have either both or none.'),
  unit_present: on('Metrics have a unit.'),
  max_cardinality: object({
    attribute: z.string().min(1).optional().describe('Left out: the name of the span or metric.'),
    limit: integer().min(1).max(100_000).describe('Different values; those that come after them are violations.'),
    interval: duration('1h').describe('Then counting begins anew.'),
  }).optional(),
};

type Check = keyof typeof checks;
const checkNames = Object.keys(checks) as readonly Check[];
/** What can be said of a resource. */
const resourceChecks: ReadonlySet<Check> = new Set(['required', 'forbidden', 'allowed', 'type', 'max_cardinality']);

const about = {
  name: z.string().min(1).max(100),
  on: enumeration(['item', 'resource']).default('item').describe('item: spans, log records or data points.'),
  signals: z.array(enumeration(['traces', 'metrics', 'logs'])).default(['traces', 'metrics', 'logs']),
};
const weighed = {
  impact: enumeration(['critical', 'important', 'normal', 'low'])
    .default('normal')
    .describe('The weight in the score: 40, 30, 20, 10.'),
};

type Checks = Readonly<Partial<z.output<z.ZodObject<typeof checks>>>>;
export type Rule = z.output<z.ZodObject<typeof about & typeof weighed & typeof checks>> & { readonly action: Action };
export type RuleInput = z.input<z.ZodObject<typeof about & typeof weighed & typeof checks>>;

function checkRule(rule: Checks & { readonly on: string }, ctx: z.RefinementCtx): void {
  const found = checkNames.filter((name) => rule[name] !== undefined);
  if (found.length !== 1) {
    ctx.addIssue({ code: 'custom', message: `expected one check (${checkNames.join(', ')}), got ${found.length}` });
  } else if (rule.on === 'resource' && !resourceChecks.has(found[0]!)) {
    ctx.addIssue({ code: 'custom', path: ['on'], message: `${found[0]} is about items: leave on out` });
  } else if (rule.on === 'resource' && rule.max_cardinality && !rule.max_cardinality.attribute) {
    ctx.addIssue({ code: 'custom', path: ['max_cardinality'], message: 'a resource has no name: set attribute' });
  }
}

function ruleSchema<S extends z.ZodType<Action>>(action: S) {
  return object({ ...about, action, ...weighed, ...checks }).superRefine((rule, ctx) =>
    checkRule(rule as Checks & { readonly on: string }, ctx),
  );
}

/** A rule of a preset: it counts. */
export const presetRule = ruleSchema(z.literal('count').default('count'));

export const presetNames = ['semantic_conventions', 'instrumentation_score'] as const;

/** The fields of everything that judges. @param action those of its actions that a rule may have */
export function qualityFields<S extends z.ZodType<Action>>(action: S) {
  return {
    presets: z
      .array(enumeration(presetNames))
      .default([])
      .describe('Rules that are there already; all of them count only.'),
    rules: z
      .array(ruleSchema(action))
      .max(200)
      .default([])
      .superRefine((rules, ctx) => {
        const names = (rules as readonly { readonly name: string }[]).map(({ name }) => name);
        for (const [i, name] of names.entries()) {
          if (names.indexOf(name) === i) continue;
          ctx.addIssue({ code: 'custom', path: [i, 'name'], message: `there is another rule ${JSON.stringify(name)}` });
        }
      }),
    tag_attribute: z
      .string()
      .min(1)
      .default('data_quality.violations')
      .describe('Gets the names of the rules, a list.'),
    max_services: integer().min(1).max(1000).default(100).describe('Services in the report; the others share one row.'),
  };
}

/** What the fields come to. */
export interface QualityConfig {
  readonly presets: readonly (typeof presetNames)[number][];
  readonly rules: readonly Rule[];
  readonly tag_attribute: string;
  readonly max_services: number;
}

/** For `superRefine` of a schema with these fields: without a rule there is nothing to judge by. */
export function checkRules({ rules, presets }: { rules: unknown[]; presets: unknown[] }, ctx: z.RefinementCtx): void {
  if (rules.length + presets.length > 0) return;
  ctx.addIssue({ code: 'custom', path: ['rules'], message: 'expected a rule or a preset' });
}
