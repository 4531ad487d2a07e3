import { z } from 'zod';
import { enumeration, integer, object } from '../../internal/config/fields.ts';

const limits = {
  items_per_second: z.number().positive().optional().describe('Spans, log records or data points of each key.'),
  items_burst: integer()
    .min(1)
    .optional()
    .describe('Items a key may send at once after a pause. Left out: those of one second.'),
  bytes_per_second: z.number().positive().optional().describe('Bytes of each key, as OTLP without compression.'),
  bytes_burst: integer().min(1).optional().describe('Bytes a key may send at once. Left out: those of one second.'),
};

type Limits = Readonly<Partial<Record<keyof typeof limits, number | undefined>>>;

/** A burst of nothing is a slip. */
function checkBursts(config: Limits, ctx: z.RefinementCtx): void {
  for (const unit of ['items', 'bytes'] as const) {
    if (config[`${unit}_burst`] === undefined || config[`${unit}_per_second`] !== undefined) continue;
    ctx.addIssue({ code: 'custom', path: [`${unit}_burst`], message: `needs ${unit}_per_second beside it` });
  }
}

export const schema = object({
  key: object({
    resource_attribute: z.string().min(1).optional().describe('For instance service.name.'),
    metadata: z
      .string()
      .min(1)
      .transform((name) => name.toLowerCase())
      .optional()
      .describe('A header of the request, such as a tenant; needs include_metadata: true at the receiver.'),
  })
    .refine(({ resource_attribute, metadata }) => !resource_attribute !== !metadata, {
      message: 'expected one of resource_attribute and metadata',
    })
    .optional()
    .describe('Whose items are counted together. Left out: all of the pipeline.'),
  ...limits,
  on_limit: enumeration(['refuse', 'drop'])
    .default('refuse')
    .describe(
      'refuse: a batch in which any key is over its limit is refused whole, with a hint when to send it again. drop: what is over the limit is lost and counted, the rest passes.',
    ),
  overrides: z
    .record(z.string(), object(limits).superRefine(checkBursts))
    .default({})
    .describe('Limits by key, in place of the ones above; {} is no limit.'),
  max_keys: integer()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Keys that are limited each for itself at the same time; further ones share one bucket.'),
  reported_keys: integer()
    .min(0)
    .max(1000)
    .default(50)
    .describe('Keys with a metric of their own once they are over the limit; the others share one.'),
}).superRefine((config, ctx) => {
  checkBursts(config, ctx);
  const overrides = Object.keys(config.overrides);
  if (overrides.length > 0 && !config.key) {
    ctx.addIssue({ code: 'custom', path: ['overrides'], message: 'are by key, and there is no key' });
  }
  const limited = [config, ...Object.values(config.overrides)].some(
    ({ items_per_second, bytes_per_second }) => items_per_second ?? bytes_per_second,
  );
  if (!limited) {
    ctx.addIssue({ code: 'custom', path: ['items_per_second'], message: 'expected this or bytes_per_second' });
  }
});

export type RateLimiterConfig = z.output<typeof schema>;
export type LimitConfig = RateLimiterConfig['overrides'][string];
