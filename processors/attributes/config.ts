import { z } from 'zod';
import { actionSchema } from '../../internal/attributes/action_config.ts';
import { matchSchema } from '../../internal/attributes/match_config.ts';
import { object } from '../../internal/config/fields.ts';

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/attributesprocessor/README.md */
export const schema = object({
  actions: z.array(actionSchema).min(1, 'expected at least one action').describe('Carried out in this order.'),
  include: matchSchema.describe('Only records that match are changed. Tested before exclude.'),
  exclude: matchSchema.describe('Records that match are left as they are.'),
});

export type AttributesConfig = z.output<typeof schema>;
