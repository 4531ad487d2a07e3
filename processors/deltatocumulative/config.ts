import { z } from 'zod';
import { byteSize, duration, object } from '../../internal/config/fields.ts';

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/deltatocumulativeprocessor/README.md */
export const schema = object({
  max_stale: duration('5m')
    .refine((ms) => ms > 0, { message: 'expected more than 0' })
    .describe('A series without a point for so long is forgotten, and begins anew with its next point.'),
  // Upstream's default is the largest int64, which no int of zod is.
  max_streams: z
    .number()
    .min(0)
    .refine(Number.isInteger, { message: 'expected a whole number' })
    .optional()
    .describe(
      'Series known at once: points of further ones are dropped and counted. Default: as many as max_bytes has room for.',
    ),
  max_bytes: byteSize()
    .min(1024)
    .default(134_217_728)
    .describe(
      'The same for the bytes that the series take: about 220 for a number, 520 for a histogram of 12 buckets.',
    ),
});

export type DeltatocumulativeConfig = z.output<typeof schema>;
