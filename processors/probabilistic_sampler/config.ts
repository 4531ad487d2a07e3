import { z } from 'zod';
import { enumeration, integer, object } from '../../internal/config/fields.ts';
import { MAX_DIGITS, MIN_PROBABILITY } from '../../internal/sampling/consistent.ts';

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/probabilisticsamplerprocessor/README.md */
export const schema = object({
  mode: enumeration(['', 'hash_seed', 'proportional', 'equalizing'])
    .default('hash_seed')
    .describe(
      'hash_seed: 14 bits of a hash of the trace id. proportional and equalizing: OpenTelemetry consistent probability; ' +
        'the one multiplies the probability that an item arrives with, the other lowers it to sampling_percentage.',
    ),
  sampling_percentage: z
    .number()
    .min(0)
    .refine((value) => value === 0 || Math.fround(value) / 100 >= MIN_PROBABILITY, {
      message: 'is too small to be told from 0: the least is 1.4e-15',
    })
    .default(0)
    .meta({ unit: '%' })
    .describe('Items to keep, of 100; 0 keeps none, 100 and more keeps all.'),
  hash_seed: integer()
    .min(0)
    .max(0xffff_ffff)
    .default(0)
    .describe('hash_seed mode: samplers of one tier need the same, those of different tiers different ones.'),
  fail_closed: z
    .boolean()
    .default(true)
    .describe('What cannot be judged (no randomness, a malformed or contradictory tracestate) is left out, else kept.'),
  sampling_precision: integer()
    .min(1)
    .max(MAX_DIGITS)
    .default(4)
    .describe('Hexadecimal digits of the sampling threshold.'),
  attribute_source: enumeration(['traceID', 'record'])
    .default('traceID')
    .describe('Logs in hash_seed mode: what is hashed, the trace id or the attribute from_attribute.'),
  from_attribute: z
    .string()
    .default('')
    .describe('Logs in hash_seed mode: hashed where there is no trace id, or by attribute_source: record.'),
  sampling_priority: z
    .string()
    .default('')
    .describe('Logs: an attribute whose number is the percentage to keep of records like this one.'),
});

export type ProbabilisticConfig = z.output<typeof schema>;
