import { z } from 'zod';
import { object, pipelineId } from '../../internal/config/fields.ts';
import { checkRules, qualityFields } from '../../internal/quality/rules.ts';

const action = z
  .enum(['count', 'tag', 'drop', 'route'])
  .default('count')
  .describe(
    'tag: tag_attribute names the rule. drop: the item, or all of the resource, is left out. route: it goes to dead_letter_pipelines, tagged.',
  );

/** The names are those of upstream's routing connector, where it has them. */
export const schema = object({
  ...qualityFields(action),
  dead_letter_pipelines: z.array(pipelineId()).default([]).describe('Where goes what breaks a rule that routes.'),
  default_pipelines: z
    .array(pipelineId())
    .default([])
    .describe('Where everything else goes. Left out: all that it feeds besides dead_letter_pipelines.'),
})
  .superRefine(checkRules)
  .superRefine(({ rules, dead_letter_pipelines, default_pipelines }, ctx) => {
    const routing = rules.findIndex((rule) => rule.action === 'route');
    if (routing >= 0 && dead_letter_pipelines.length === 0) {
      const message = 'expected dead_letter_pipelines beside rules, to name where it goes';
      ctx.addIssue({ code: 'custom', path: ['rules', routing, 'action'], message });
    }
    if (routing < 0 && dead_letter_pipelines.length > 0) {
      const message = 'expected a rule with action: route, or nothing goes there';
      ctx.addIssue({ code: 'custom', path: ['dead_letter_pipelines'], message });
    }
    for (const [i, id] of default_pipelines.entries()) {
      if (!dead_letter_pipelines.includes(id)) continue;
      const message = `${id} is one of dead_letter_pipelines: the two halves would come together again`;
      ctx.addIssue({ code: 'custom', path: ['default_pipelines', i], message });
    }
  });

export type DataQualityConfig = z.output<typeof schema>;
