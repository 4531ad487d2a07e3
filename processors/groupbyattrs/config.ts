import { z } from 'zod';
import { object } from '../../internal/config/fields.ts';

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/groupbyattrsprocessor/README.md */
export const schema = object({
  keys: z
    .array(z.string())
    .nullable()
    .default([])
    .transform((keys) => [...new Set(keys ?? [])].filter((key) => key !== ''))
    .describe(
      'Attributes that move from spans, log records and data points to the resource. Empty: equal resources and scopes are only merged.',
    ),
});

export type GroupbyattrsConfig = z.output<typeof schema>;
