import { z } from 'zod';
import { duration, object } from '../../internal/config/fields.ts';

/** https://github.com/open-telemetry/opentelemetry-collector/blob/main/processor/batchprocessor/README.md */
export const schema = object({
  send_batch_size: z
    .number()
    .int()
    .min(0)
    .default(8192)
    .describe('Items that make a batch go at once, whatever the timeout.'),
  timeout: duration('200ms').describe(
    'A batch goes after this time, whatever its size; 0: send_batch_size is ignored.',
  ),
  send_batch_max_size: z.number().int().min(0).default(0).describe('Larger batches are split; 0: no limit.'),
  metadata_keys: z
    .array(z.string())
    .default([])
    .describe('Requests that differ in one of these headers go into different batches, which keep the headers.'),
  metadata_cardinality_limit: z
    .number()
    .int()
    .min(0)
    .default(1000)
    .describe('Combinations of header values that may wait at the same time; 0: no limit.'),
})
  .refine((config) => config.send_batch_max_size === 0 || config.send_batch_max_size >= config.send_batch_size, {
    path: ['send_batch_max_size'],
    message: 'must be 0 or at least send_batch_size',
  })
  .refine(
    (config) => new Set(config.metadata_keys.map((key) => key.toLowerCase())).size === config.metadata_keys.length,
    {
      path: ['metadata_keys'],
      message: 'names a header twice (header names are the same in any case)',
    },
  );

export type BatchConfig = z.output<typeof schema>;
