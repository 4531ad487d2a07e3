import { z } from 'zod';
import { pattern } from '../../internal/attributes/pattern.ts';
import { duration, enumeration, integer, object, unsupported } from '../../internal/config/fields.ts';

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

export type Check = keyof typeof checks;
export const checkNames = Object.keys(checks) as readonly Check[];
/** What can be said of a resource. */
const resourceChecks: ReadonlySet<Check> = new Set(['required', 'forbidden', 'allowed', 'type', 'max_cardinality']);

export const ruleSchema = object({
  name: z.string().min(1).max(100),
  on: enumeration(['item', 'resource']).default('item').describe('item: spans, log records or data points.'),
  signals: z.array(enumeration(['traces', 'metrics', 'logs'])).default(['traces', 'metrics', 'logs']),
  action: z
    .enum(['count', 'tag', 'drop'], {
      error:
        'expected count, tag or drop; to route, tag and let filter processors of two pipelines part what is tagged',
    })
    .default('count')
    .describe('tag: tag_attribute names the rule. drop: the item, or all of the resource, is left out.'),
  impact: enumeration(['critical', 'important', 'normal', 'low'])
    .default('normal')
    .describe('The weight in the score: 40, 30, 20, 10.'),
  ...checks,
}).superRefine((rule, ctx) => {
  const found = checkNames.filter((name) => rule[name] !== undefined);
  if (found.length !== 1) {
    ctx.addIssue({ code: 'custom', message: `expected one check (${checkNames.join(', ')}), got ${found.length}` });
  } else if (rule.on === 'resource' && !resourceChecks.has(found[0]!)) {
    ctx.addIssue({ code: 'custom', path: ['on'], message: `${found[0]} is about items: leave on out` });
  } else if (rule.on === 'resource' && rule.max_cardinality && !rule.max_cardinality.attribute) {
    ctx.addIssue({ code: 'custom', path: ['max_cardinality'], message: 'a resource has no name: set attribute' });
  }
});

export const schema = object({
  presets: z
    .array(enumeration(['semantic_conventions', 'instrumentation_score']))
    .default([])
    .describe('Rules that are there already; all of them count only.'),
  rules: z
    .array(ruleSchema)
    .max(200)
    .default([])
    .superRefine((rules, ctx) => {
      for (const [i, { name }] of rules.entries()) {
        if (rules.findIndex((other) => other.name === name) === i) continue;
        ctx.addIssue({ code: 'custom', path: [i, 'name'], message: `there is another rule ${JSON.stringify(name)}` });
      }
    }),
  tag_attribute: z.string().min(1).default('data_quality.violations').describe('Gets the names of the rules, a list.'),
  max_services: integer().min(1).max(1000).default(100).describe('Services in the report; the others share one row.'),
  dead_letter: unsupported('tag, and let filter processors of two pipelines part what is tagged'),
}).refine(({ rules, presets }) => rules.length + presets.length > 0, {
  path: ['rules'],
  message: 'expected a rule or a preset',
});

export type QualityConfig = z.output<typeof schema>;
export type Rule = z.output<typeof ruleSchema>;
export type RuleInput = z.input<typeof ruleSchema>;
