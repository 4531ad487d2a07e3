import { z } from 'zod';
import { object } from '../../internal/config/fields.ts';
import { checkRules, qualityFields } from '../../internal/quality/rules.ts';

const advice =
  'a processor knows one way only: move this section to connectors, as data_quality, and lead it to the pipelines of both halves';

const action = z
  .enum(['count', 'tag', 'drop'], {
    error: ({ input }) => (input === 'route' ? `expected count, tag or drop, got "route": ${advice}` : undefined),
  })
  .default('count')
  .describe('tag: tag_attribute names the rule. drop: the item, or all of the resource, is left out.');

export const schema = object(qualityFields(action)).superRefine(checkRules);

export type DataQualityConfig = z.output<typeof schema>;
