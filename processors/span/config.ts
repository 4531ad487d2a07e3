import { z } from 'zod';
import { matchSchema } from '../../internal/attributes/match_config.ts';
import { defaulted, enumeration, object, section } from '../../internal/config/fields.ts';
import { compileRegex, placed } from '../../internal/ottl/index.ts';

const toAttributes = object({
  rules: z
    .array(
      z.string().superRefine((rule, ctx) => {
        const regex = compileRegex(rule);
        if (!regex.ok) {
          ctx.addIssue({ code: 'custom', message: placed(regex.problem) });
        } else if (regex.groupNames.slice(1).some((name) => !name)) {
          ctx.addIssue({ code: 'custom', message: 'every group needs a name: it becomes the attribute’s key' });
        }
      }),
    )
    .min(1, 'expected at least one rule')
    .describe(
      'RE2 with named groups: what a group matches becomes an attribute, and its name stands in the span name.',
    ),
  break_after_match: z.boolean().default(false).describe('Stops after the first rule that matches.'),
  keep_original_name: z.boolean().default(false).describe('Leaves the span’s name as it is.'),
});

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/spanprocessor/README.md */
export const schema = object({
  include: matchSchema.describe('Only spans that match are changed. Tested before exclude.'),
  exclude: matchSchema.describe('Spans that match are left as they are.'),
  name: defaulted(
    object({
      from_attributes: z
        .array(z.string())
        .default([])
        .describe('The name is made of the values of these attributes; where one is missing it stays.'),
      separator: z.string().default('').describe('Stands between the values.'),
      to_attributes: section(toAttributes).describe('Takes attributes out of the name.'),
    }),
  ),
  status: section(
    object({
      code: enumeration(['Unset', 'Error', 'Ok']).describe('What the status is set to.'),
      description: z.string().default('').describe('For Error only.'),
    }).refine(({ code, description }) => description === '' || code === 'Error', {
      path: ['description'],
      message: 'is for code Error only',
    }),
  ).describe('Sets the status of the span.'),
}).refine(({ name, status }) => name.from_attributes.length > 0 || name.to_attributes || status, {
  message: 'expected name.from_attributes, name.to_attributes or status: without one nothing happens',
});

export type SpanConfig = z.output<typeof schema>;
